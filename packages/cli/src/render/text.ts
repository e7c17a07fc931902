/** Small text helpers: widths as terminals count them, plurals, durations, tables. */
import stringWidth from "fast-string-width";

const ascii = /^[\x20-\x7e]*$/;

/** Columns that the text takes in a terminal; escape sequences take none. */
export const width = (text: string): number => (ascii.test(text) ? text.length : stringWidth(text));

/** Pads with spaces to `columns`; longer text stays as it is. */
export const padEnd = (text: string, columns: number): string =>
  text + " ".repeat(Math.max(0, columns - width(text)));

const sequence = /\x1b\[[0-9;?]*[A-Za-z]/y;

/** Cuts to at most `columns`, marking the cut with `…`; colours that were open are closed. */
export function truncate(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let out = "";
  let used = 0;
  let coloured = false;
  let i = 0;
  while (i < text.length) {
    sequence.lastIndex = i;
    const match = sequence.exec(text);
    if (match !== null) {
      out += match[0];
      coloured = true;
      i += match[0].length;
      continue;
    }
    const char = String.fromCodePoint(text.codePointAt(i) as number);
    const w = width(char);
    if (used + w > columns - 1) break;
    out += char;
    used += w;
    i += char.length;
  }
  return columns < 1 ? "" : `${out}…${coloured ? "\x1b[0m" : ""}`;
}

const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from outside (a provider, a program, a remote file) made safe for a terminal: characters with which it could move the
 * cursor, hide lines or turn the writing direction are shown as escapes. Newlines and tabs stay.
 */
export const visible = (text: string): string =>
  text.replace(control, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** `1 resource`, `2 resources`, `1,234 resources`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${grouped(n)} ${n === 1 ? one : many}`;

/** Thousands separated by commas, whatever the locale. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** Milliseconds for people: `40 ms`, `0.3 s`, `12 s`, `3 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 95) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
/** How long ago, in one unit: `12 min ago`, `3 h ago`, `5 days ago`. Undefined for what is yet to come: two clocks differ. */
export function ago(ms: number, now: number): string | undefined {
  const minutes = Math.floor((now - ms) / 60_000);
  if (minutes < 0) return undefined;
  if (minutes < 1) return "just now";
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${grouped(Math.floor(hours / 24))} days ago`;
}

/** UTC with minutes: `2026-01-31 09:05 UTC`. */
export const timestamp = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Left-aligned columns two spaces apart; no trailing spaces. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell));
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : padEnd(cell, widths[i] as number)))
      .join("  ")
      .trimEnd(),
  );
}

/** Wraps prose at spaces to `columns`, keeping its own line breaks. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && width(line) + 1 + width(word) > columns) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

/**
 * Lines that are wider than the terminal, broken at spaces and continued further in than they begin, so that what is below each other
 * stays so. A word that is too wide by itself is left to the terminal.
 */
export const hang = (text: string, columns: number): string =>
  text
    .split("\n")
    .map((line) => (width(line) <= columns ? line : hangLine(line, columns)))
    .join("\n");

function hangLine(line: string, columns: number): string {
  const lead = (/^ */.exec(line) as RegExpExecArray)[0];
  const [first = "", ...words] = line.slice(lead.length).split(" ");
  const next = " ".repeat(Math.min(lead.length + 4, columns >> 1));
  let out = lead + first;
  let used = width(out);
  for (const word of words) {
    const w = width(word);
    if (used + 1 + w > columns) {
      out += `\n${next}${word}`;
      used = next.length + w;
    } else {
      out += ` ${word}`;
      used += 1 + w;
    }
  }
  return out;
}
