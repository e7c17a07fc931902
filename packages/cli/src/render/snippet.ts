/** The lines of the user's own file that a failure is about, with the property or the call in them underlined. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Failure } from "@orch/core/model/failure";
import { type PropertyPath, parsePath } from "@orch/core/model/path";
import type { SourcePosition } from "@orch/core/model/resource";
import { openSource, type Place, type Source, type Span } from "@orch/core/program/source-place";
import { nameIn } from "./names.js";
import { visible, width } from "./text.js";
import type { Theme } from "./theme.js";
import { secretText } from "./value.js";

export interface Snippet {
  /** Of what is underlined: the property, where it is written out. */
  readonly source: SourcePosition;
  /** None where the file is gone or the line empty. */
  readonly lines: readonly string[];
}

interface Room {
  readonly theme: Theme;
  /** Columns that a line may take. */
  readonly columns: number;
  /** Told below anyway: a line that is in it is not shown twice. */
  readonly detail?: string;
  /** Characters to underline, where the failure knows them itself. */
  readonly length?: number | undefined;
  /** Only the line itself: what is around it has just been shown. */
  readonly alone?: boolean;
}

/** More lines than this between the call and its property are left out. */
const gap = 3;

export function snippet(
  failure: Pick<Failure, "urn" | "path">,
  source: SourcePosition,
  baseDir: string,
  { theme, columns, detail = "", length, alone = false }: Room,
): Snippet {
  const text = read(resolve(baseDir, source.file));
  if (text === undefined) return { source, lines: [] };
  const file = openSource(source.file, text);
  // What does not compile is no call.
  const place = length === undefined ? placeIn(file, failure, source) : undefined;
  const lines = text.split(/\r?\n/);
  const span: Span = place ?? { ...source, length: length ?? 1 };
  const wanted = (lines[span.line - 1] ?? "").trim();
  if (wanted === "" || detail.includes(visible(wanted))) return { source, lines: [] };
  const shown = alone || place === undefined ? [span.line] : linesAround(place);
  const digits = String(Math.max(...shown)).length;
  const gutter = (number: string): string => theme.dim(`${number.padStart(digits)} |`);
  const room = Math.max(20, columns - digits - 3);
  const secrets = file?.secrets(Math.min(...shown), Math.max(...shown)) ?? [];
  const out: string[] = [];
  let before: number | undefined;
  for (const number of shown) {
    // Numbers say it by themselves to who can't see the sign.
    if (before !== undefined && number > before + 1 && !theme.words)
      out.push(theme.dim(`${" ".repeat(digits)} …`));
    before = number;
    const marked = number === span.line && span.column > 0;
    const line = printed(lines[number - 1] ?? "", number, marked ? span : undefined, secrets, room);
    out.push(`${gutter(String(number))} ${line.text}`.trimEnd());
    // A mark below a line says nothing to who hears it; the column is told above.
    if (marked && !theme.words && line.length > 0)
      out.push(`${gutter("")} ${" ".repeat(line.column)}${theme.error("^".repeat(line.length))}`);
  }
  const { line, column } = span;
  return { source: { ...source, line, column }, lines: out };
}

/** The failure with its own place and its causes' moved from the constructor to the property, where it is written out. */
export function pinpoint(failure: Failure, baseDir: string, above?: Failure): Failure {
  const given = placeOf(failure, above);
  const causes = failure.causes?.map((cause) =>
    pinpoint(cause, baseDir, { ...failure, ...(given ? { source: given } : {}) }),
  );
  const text =
    given === undefined || failure.path === undefined ? undefined : read(resolve(baseDir, given.file));
  const place =
    given === undefined || text === undefined
      ? undefined
      : placeIn(openSource(given.file, text), failure, given);
  const source =
    given === undefined || place === undefined || place.depth === 0
      ? failure.source
      : { ...given, line: place.line, column: place.column };
  return {
    ...failure,
    ...(source === undefined ? {} : { source }),
    ...(causes === undefined ? {} : { causes }),
  };
}

/** A cause that concerns a property of the same resource is at the same place. */
export const placeOf = (failure: Failure, above: Failure | undefined): SourcePosition | undefined =>
  failure.source ??
  (failure.path !== undefined && failure.urn !== undefined && failure.urn === above?.urn
    ? above.source
    : undefined);

function placeIn(
  file: Source | undefined,
  { urn, path }: Pick<Failure, "urn" | "path">,
  at: SourcePosition,
): Place | undefined {
  if (file === undefined || at.column < 1) return undefined;
  // The path of what is no resource (a configuration key) is nothing in the program's text.
  const property = urn === undefined || path === undefined ? undefined : pathOf(path);
  const name = urn === undefined ? undefined : nameIn(urn);
  return file.find({
    at,
    ...(property === undefined ? {} : { path: property }),
    ...(name === undefined ? {} : { name }),
  });
}

/** Providers may give any text as the path. */
function pathOf(text: string): PropertyPath | undefined {
  try {
    // Kubernetes names items by their keys: `containers[name="web"]`, of several the first.
    return parsePath(text.replace(/\[(\w+)="?([^"\],]*)"?(?:,[^\]]*)?\]/g, '["$1=$2"]'));
  } catch {
    return undefined;
  }
}

function linesAround({ line, call }: Place): readonly number[] {
  const first = Math.min(line, call.line);
  const last = Math.max(line, call.line);
  if (last - first <= gap) return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return line > call.line ? [call.line, line - 1, line] : [line, call.line];
}

/** A line cut to the room, with tabs as two spaces and secrets hidden, and where the mark goes. */
function printed(
  line: string,
  number: number,
  mark: Span | undefined,
  secrets: readonly Span[],
  room: number,
): { readonly text: string; readonly column: number; readonly length: number } {
  const hidden = secrets.filter((secret) => secret.line === number).sort((a, b) => a.column - b.column);
  const show = (from: number, to: number): string => {
    let out = "";
    let at = from;
    for (const { column, length } of hidden) {
      if (column - 1 < at || column - 1 >= to) continue;
      out += line.slice(at, column - 1);
      out += secretText;
      at = column - 1 + length;
    }
    return visible((out + line.slice(at, Math.max(at, to))).replaceAll("\t", "  "));
  };
  const start = mark === undefined ? 0 : Math.min(mark.column - 1, line.length);
  const end = mark === undefined ? 0 : Math.min(start + mark.length, line.length);
  const head = show(0, start);
  const middle = show(start, end);
  const whole = head + middle + show(end, line.length);
  const column = width(head);
  const length = Math.max(mark === undefined ? 0 : 1, width(middle));
  if (whole.length <= room) return { text: whole, column, length };
  // As ASCII: the sign for it is wider where a terminal shows nothing else, and the mark would be beside.
  const dots = "...";
  const open = room - dots.length;
  if (column + Math.min(length, room / 2) <= open)
    return { text: `${whole.slice(0, open)}${dots}`, column, length: Math.min(length, open - column) };
  // What is marked is further to the right than the room: the line begins later.
  const cut = column - Math.floor(room / 4);
  const rest = whole.slice(cut);
  const at = column - cut + dots.length;
  return {
    text: `${dots}${rest.length > open ? `${rest.slice(0, open - dots.length)}${dots}` : rest}`,
    column: at,
    length: Math.min(length, open - at),
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // The position alone still says where.
  }
}
