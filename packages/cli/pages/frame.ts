/** What all pages begin with: a head, a panel on each side, a canvas that is drawn anew when something changed, keys. */
import { el, isDark } from "./dom.js";

export interface FrameParts {
  readonly title: string;
  /** What the picture shows, for those who don't see it. */
  readonly label: string;
  /** What can be searched for. */
  readonly placeholder: string;
  readonly buttons: readonly HTMLElement[];
  readonly hints: readonly (Node | string)[];
  readonly draw: (c: CanvasRenderingContext2D, width: number, height: number, dark: boolean) => void;
}

export interface Frame {
  readonly canvas: HTMLCanvasElement;
  readonly search: HTMLInputElement;
  readonly side: HTMLElement;
  readonly info: HTMLElement;
  /** Said aloud when it changes, as `say` is. */
  readonly status: HTMLElement;
  readonly say: (text: string) => void;
  /** With the next frame. */
  readonly paint: () => void;
  readonly size: () => DOMRect;
}

export const button = (text: string, title: string, act: () => void): HTMLButtonElement => {
  const made = el("button", { type: "button", title }, text);
  made.addEventListener("click", act);
  return made;
};

export const hints = (...pairs: readonly (readonly [key: string, what: string])[]): (Node | string)[] =>
  pairs.flatMap(([key, what]) => [el("kbd", {}, key), ` ${what}   `]);

export function frame(parts: FrameParts): Frame {
  const help = el("footer", { id: "keys" }, ...parts.hints);
  const canvas = el("canvas", {
    tabindex: 0,
    role: "application",
    "aria-label": parts.label,
    "aria-describedby": "keys",
  });
  const search = el("input", {
    type: "search",
    placeholder: parts.placeholder,
    "aria-label": "Search",
    "aria-keyshortcuts": "/",
    spellcheck: "false",
    autocomplete: "off",
  });
  const status = el("span", { class: "dim", role: "status" });
  const said = el("div", { class: "unseen", "aria-live": "polite" });
  const info = el("aside", { class: "info", hidden: true, "aria-label": "Details" });
  const side = el("aside", { class: "side", "aria-label": "Search and filters" });
  document.title = parts.title;
  document.body.append(
    el(
      "header",
      {},
      el("h1", {}, parts.title),
      status,
      el("span", { class: "space" }),
      ...parts.buttons,
      button("Print", "Print what is on the screen", () => print()),
    ),
    side,
    el("main", {}, canvas),
    info,
    help,
    said,
  );
  const size = (): DOMRect => canvas.getBoundingClientRect();
  const paintNow = (dark = isDark()): void => {
    const { width, height } = size();
    if (width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const c = canvas.getContext("2d") as CanvasRenderingContext2D;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const began = performance.now();
    parts.draw(c, width, height, dark);
    // For whoever measures.
    canvas.dataset.frameMs = (performance.now() - began).toFixed(1);
  };
  let waiting = false;
  const paint = (): void => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      paintNow();
    });
  };
  new ResizeObserver(paint).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  // Paper is white.
  addEventListener("beforeprint", () => paintNow(false));
  addEventListener("afterprint", () => paintNow());
  return {
    canvas,
    search,
    side,
    info,
    status,
    say: (text) => {
      said.textContent = text;
    },
    paint,
    size,
  };
}

export interface Keys {
  /** By `event.key`. */
  readonly acts: Readonly<Record<string, (event: KeyboardEvent) => void>>;
  /** Escape in an empty search field, or outside of it. */
  readonly back: () => void;
  /** The search field was emptied by Escape. */
  readonly cleared: () => void;
}

/** Keys work wherever the focus is, but letters in the search field are letters. */
export function listen({ canvas, search }: Frame, { acts, back, cleared }: Keys): void {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = document.activeElement === search;
    if (event.key === "Escape") {
      if (typing && search.value !== "") {
        search.value = "";
        cleared();
      } else back();
      canvas.focus();
      return;
    }
    if (typing) return;
    if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.select();
      return;
    }
    // A list or a filter that has the focus keeps the keys that move about in it.
    if (
      event.key.startsWith("Arrow") &&
      ![canvas, document.body].includes(document.activeElement as HTMLElement)
    )
      return;
    const act = acts[event.key];
    if (act === undefined) return;
    if (event.key.startsWith("Arrow") || event.key.startsWith("Page")) event.preventDefault();
    act(event);
  });
}

/** Copies it, and tells so on the button. Where the browser forbids it, the text is marked so that the person can copy it. */
export function copyButton(text: string, shown: HTMLElement): HTMLButtonElement {
  const made = button("Copy", "Copy it to the clipboard", () => {
    const told = (word: string): void => {
      made.textContent = word;
      setTimeout(() => {
        made.textContent = "Copy";
      }, 1500);
    };
    const mark = (): void => {
      getSelection()?.selectAllChildren(shown);
      told("Marked: copy it");
    };
    if (navigator.clipboard === undefined) mark();
    else navigator.clipboard.writeText(text).then(() => told("Copied"), mark);
  });
  return made;
}
