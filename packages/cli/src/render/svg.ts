/** Elements of SVG pictures, https://www.w3.org/TR/SVG2/: everything from outside is escaped here. */

export type Svg = Readonly<Record<string, string | number>>;

/** For text and attributes of XML. Control characters, which XML has no word for, are to be made visible before. */
export const escapeXml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // Lone halves of surrogate pairs are no characters.
    .toWellFormed();

/** To a tenth of a pixel, so that a picture is short and the same everywhere. */
export const round = (n: number): number => Math.round(n * 10) / 10;

export function tag(name: string, attributes: Svg, text?: string): string {
  const open = `<${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join("")}`;
  return text === undefined ? `${open}/>` : `${open}>${escapeXml(text)}</${name}>`;
}
