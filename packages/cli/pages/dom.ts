/** Elements with text. Nothing here reads HTML: what comes from outside can only ever be text. */

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : String(value));
  made.append(...children);
  return made;
}

/** The data that the page was made with. */
export const readData = <T>(): T =>
  JSON.parse((document.getElementById("data") as HTMLElement).textContent ?? "") as T;

export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

export const isDark = (): boolean =>
  matchMedia("(prefers-color-scheme: dark)").matches && !matchMedia("print").matches;
