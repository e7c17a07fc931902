/**
 * Colours by meaning, so that every view uses them alike. A theme is a handful of functions from text to text; with colours
 * off each returns its argument, and the text is then the stable form that pipes, logs and golden files hold.
 */
import pc from "picocolors";

type Style = (text: string) => string;

export interface Theme {
  readonly colour: boolean;
  readonly create: Style;
  readonly update: Style;
  readonly replace: Style;
  readonly remove: Style;
  readonly read: Style;
  readonly dim: Style;
  readonly bold: Style;
  readonly error: Style;
  readonly warning: Style;
  readonly success: Style;
  /** Names of resources, stacks and the like. */
  readonly name: Style;
  /** A heading that nobody may overlook: what will be destroyed. */
  readonly danger: Style;
  /** For screen readers: what others see as a sign is said in a word. */
  readonly words: boolean;
}

function make(colour: boolean, words = false): Theme {
  const c = pc.createColors(colour);
  return {
    colour,
    words,
    create: c.green,
    update: c.yellow,
    replace: c.magenta,
    remove: c.red,
    read: c.cyan,
    dim: c.dim,
    bold: c.bold,
    error: (text) => c.bold(c.red(text)),
    warning: c.yellow,
    success: c.green,
    name: c.bold,
    danger: (text) => (colour ? c.inverse(c.bold(c.red(` ${text} `))) : text),
  };
}

export const plainTheme: Theme = make(false);
export const wordsTheme: Theme = make(false, true);
export const colourTheme: Theme = make(true);

/**
 * Should a stream get colours? `--no-color` and NO_COLOR (https://no-color.org) win, then FORCE_COLOR, then whether it is a
 * terminal that knows colours.
 */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
  noColorFlag = false,
): boolean {
  if (noColorFlag || (env.NO_COLOR !== undefined && env.NO_COLOR !== "")) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return stream.isTTY === true && env.TERM !== "dumb";
}

export const themeFor = (colour: boolean): Theme => (colour ? colourTheme : plainTheme);

const words = { "+": "add", "-": "remove", "~": "change", "→": "becomes", "←": "because" } as const;

/** A sign, or its word where the theme has words. */
export const sign = (theme: Theme, mark: keyof typeof words): string => (theme.words ? words[mark] : mark);
