/**
 * Foreign text (names, values, messages of providers) in GitHub Flavored Markdown, https://github.github.com/gfm/. All of it stands in
 * code spans or fences: nothing in code becomes an element, a link, a mention, a reference to an issue or an emoji, on none of the
 * platforms. A backslash before `@` would not do: mentions are looked for after it has gone.
 */
import { grouped, visible } from "../text.js";

/** Characters that take no place, beyond those that `visible` shows. */
const unseen = /[\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** On one line, with everything that can't be seen shown as an escape. */
export const oneLine = (text: string): string =>
  visible(text.toWellFormed())
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replace(unseen, (c) => `\\u${(c.codePointAt(0) as number).toString(16).padStart(4, "0")}`);

/** Cut beyond `max` characters, with the number of those that there are; nothing that is longer is ever looked at as a whole. */
export function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).toWellFormed()}… (${grouped(text.length)} characters)`;
}

/** Of a name. Longer ones are seldom, and no less known by their beginning. */
const maxName = 300;
/** Of a line in a fence. Values are folded well before. */
const maxLine = 1_000;

const longestRun = (text: string): number =>
  (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);

/** A code span, on one line, never empty. */
export function code(text: string): string {
  const content = oneLine(shortened(text, maxName)) || " ";
  const ticks = "`".repeat(longestRun(content) + 1);
  // One space on both sides is taken away again, also where the content has its own.
  const padded = /^[ `]|[ `]$/.test(content) && content.trim() !== "" ? ` ${content} ` : content;
  return `${ticks}${padded}${ticks}`;
}

/**
 * A code span within a cell of a table. Tables are split at `|` before code spans are seen, unless a backslash stands before it; so a backslash of
 * the text's own that would stand there is shown as an escape.
 */
export const cell = (text: string): string =>
  code(shortened(text, maxName).replaceAll(/\\(?=\|)/g, "\\u005c")).replaceAll("|", "\\|");

/**
 * Lines as the content of a `diff` block: the symbols of the screen's renderer go to the front, where platforms colour by them. Every
 * line begins with `+`, `-`, `!` or a space, so that no content ever stands at the beginning of a line, where markers are looked for.
 */
export function diffLine(line: string): string {
  const text = oneLine(shortened(line, maxLine));
  // Of changes and of lines within them; deeper ones are content.
  const [, indent, symbol, rest] = /^( {2}| {6}| {10})(\+\/-|-\/\+|[-+~≠!]) (.*)$/.exec(text) ?? [];
  if (indent === undefined) return ` ${text}`;
  if (symbol === "+" || symbol === "-") return `${symbol}${indent}${rest}`;
  return `!${indent}${symbol === "~" ? "" : `${symbol} `}${rest}`;
}

/** A block that nothing in it can end: its fence is longer than any run of backticks inside. `lines` as `diffLine` gives them. */
export function fence(lines: readonly string[]): string {
  const ticks = "`".repeat(Math.max(3, lines.reduce((n, line) => Math.max(n, longestRun(line)), 0) + 1));
  return [`${ticks}diff`, ...lines, ticks].join("\n");
}
