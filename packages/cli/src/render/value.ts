/** Values as text: one line where they are short, indented lines where they are not. Secrets are never in it. */

import { formatPath, type PathSegment, type PropertyPath } from "@orch/core/model/path";
import {
  Archive,
  Asset,
  hasSecret,
  isArray,
  isMap,
  OutputValue,
  ResourceRef,
  Secret,
  Unknown,
  type Value,
} from "@orch/core/model/value";
import { shortUrn } from "./names.js";
import { count, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";

export const secretText = "[secret]";
export const unknownText = "(known after apply)";

export interface ValueView {
  readonly theme: Theme;
  /** Everything in full length; otherwise long strings, texts and lists are folded and say how much is hidden. */
  readonly full: boolean;
  /** What stands for a value that is not known yet, by its place in the resource. Default: {@link unknownText}. */
  readonly unknown?: (path: PropertyPath) => string;
  /** Where the value to show stands in its resource. */
  readonly path?: PropertyPath;
}

const maxString = 100;
const maxLines = 6;
const maxItems = 10;
/** Of one property with everything in it. */
const maxTotal = 16;

/** A string in quotes on one line, folded beyond 100 characters. `full`: never folded. */
export function quoted(text: string, full: boolean): string {
  const chars = full || text.length <= maxString ? undefined : [...text];
  if (chars === undefined || chars.length <= maxString) return visible(JSON.stringify(text));
  const head = chars.slice(0, maxString - 20).join("");
  return `${visible(JSON.stringify(`${head}…`))} (${grouped(chars.length)} characters)`;
}

export const isScalar = (value: Value | undefined): value is null | boolean | number | string =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** Lines of a text without the empty one that a final newline leaves. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

/** Is it shown line by line? A short line with its newline is not. */
const isText = (value: string): boolean => {
  const i = value.indexOf("\n");
  return i >= 0 && (i < value.length - 1 || i > 72);
};

/** The value on one line, or undefined when it needs more. */
export function inline(value: Value, view: ValueView): string | undefined {
  if (value === null) return "null";
  if (typeof value === "string") return isText(value) ? undefined : quoted(value, view.full);
  if (typeof value !== "object") return String(value);
  if (value instanceof Secret)
    return value.value instanceof Unknown ? `${unknownIn(view)}, secret` : secretText;
  if (value instanceof Unknown) return unknownIn(view);
  if (value instanceof Asset) return assetText(value);
  if (value instanceof Archive) return archiveText(value);
  if (value instanceof ResourceRef) return `→ ${shortUrn(value.urn)}`;
  if (value instanceof OutputValue) {
    if (value.secret) return secretText;
    return value.value === undefined ? unknownIn(view) : inline(value.value, view);
  }
  if (isArray(value)) {
    if (value.length === 0) return "[]";
    if (!value.every((item) => isScalar(item) && !(typeof item === "string" && item.includes("\n"))))
      return undefined;
    const text = `[${value.map((item) => inline(item, view)).join(", ")}]`;
    return text.length <= 72 ? text : undefined;
  }
  return Object.keys(value).length === 0 ? "{}" : undefined;
}

/** What stands for the value, which is not known yet. */
export const unknownIn = ({ unknown, path = [] }: ValueView): string => unknown?.(path) ?? unknownText;

const inside = <View extends ValueView>(view: View, segment: PathSegment): View => ({
  ...view,
  path: [...(view.path ?? []), segment],
});

const hashText = (hash: string | undefined): string => (hash ? ` (sha256 ${hash.slice(0, 12)})` : "");

function assetText({ source, hash }: Asset): string {
  if (source.kind === "file") return `file ${visible(source.path)}${hashText(hash)}`;
  if (source.kind === "uri") return `file ${visible(source.uri)}${hashText(hash)}`;
  return `text of ${count(source.text.length, "character")}${hashText(hash)}`;
}

function archiveText({ source, hash }: Archive): string {
  if (source.kind === "file") return `archive ${visible(source.path)}${hashText(hash)}`;
  if (source.kind === "uri") return `archive ${visible(source.uri)}${hashText(hash)}`;
  return `archive of ${count(Object.keys(source.assets).length, "file")}${hashText(hash)}`;
}

const segmentText = (segment: PathSegment): string =>
  typeof segment === "number" ? `[${segment}]` : keyText(segment);

/** A property's name as it stands before a colon. */
export const keyText = (key: string): string => visible(formatPath([key]));

/**
 * `label: value` and, where the value is long, lines below it indented by two spaces; folded when they are many, however deep the
 * value is.
 */
export function labelled(label: string, value: Value, view: ValueView): string[] {
  const lines = labelledWhole(label, value, view);
  if (view.full || lines.length <= maxTotal) return lines;
  const shown = lines.slice(0, maxTotal - 1);
  const secrets = hasSecret(value) ? ", with secrets" : "";
  return [
    ...shown,
    `  ${view.theme.dim(`… ${count(lines.length - shown.length, "more line")}${secrets} (--diff shows them)`)}`,
  ];
}

function labelledWhole(label: string, value: Value, view: ValueView): string[] {
  const short = inline(value, view);
  if (short !== undefined) {
    const special = value instanceof Secret || value instanceof Unknown;
    return [`${label}: ${special ? view.theme.dim(short) : short}`];
  }
  const { theme, full } = view;
  if (value instanceof OutputValue) return labelledWhole(label, value.value as Value, view);
  if (typeof value === "string") {
    const lines = linesOf(value);
    const shown = full || lines.length <= maxLines ? lines : lines.slice(0, maxLines - 1);
    const out = [`${label}: ${theme.dim(`(${count(lines.length, "line")})`)}`];
    for (const line of shown) out.push(`  ${theme.dim("|")} ${cut(line, full)}`);
    if (shown.length < lines.length)
      out.push(`  ${theme.dim(`… ${count(lines.length - shown.length, "more line")}`)}`);
    return out;
  }
  const entries: [PathSegment, Value][] = isArray(value)
    ? value.map((item, i) => [i, item])
    : isMap(value)
      ? Object.entries(value)
      : [];
  const shown = full || entries.length <= maxItems ? entries : entries.slice(0, maxItems - 2);
  const out = [`${label}:`];
  for (const [segment, item] of shown)
    for (const line of labelledWhole(segmentText(segment), item, inside(view, segment)))
      out.push(`  ${line}`);
  if (shown.length < entries.length) {
    const hidden = entries.slice(shown.length);
    const secrets = hidden.some(([, item]) => hasSecret(item)) ? ", with secrets" : "";
    out.push(`  ${theme.dim(`… ${count(hidden.length, "more", "more")}${secrets}`)}`);
  }
  return out;
}

/** One line of a text, folded beyond 100 characters. */
export function cut(line: string, full: boolean): string {
  const chars = full || line.length <= maxString ? undefined : [...line];
  if (chars === undefined || chars.length <= maxString) return visible(line);
  return `${visible(chars.slice(0, maxString - 20).join(""))}… (${grouped(chars.length)} characters)`;
}
