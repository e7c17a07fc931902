/** Property changes as text: what a person reads under `~ resource` to decide whether the plan is right. */
import type { PropertyChange } from "@orch/core/model/diff";
import { covers, formatPath, type PropertyPath, parsePath } from "@orch/core/model/path";
import {
  equal,
  isArray,
  isMap,
  isSpecial,
  reveal,
  Secret,
  Unknown,
  type Value,
} from "@orch/core/model/value";
import { diffArrays, structuredPatch } from "diff";
import { count, visible } from "./text.js";
import { cut, inline, isScalar, labelled, linesOf, type ValueView } from "./value.js";

export interface ChangesView extends ValueView {
  /** The resource's option `hideDiffs`: what differs below these is told without its values, but in full views. */
  readonly hideDiffs?: readonly string[];
}

/** Lines for all changes of one resource, without indentation. Suppressed ones are listed only in full views. */
export function renderChanges(
  changes: readonly PropertyChange[],
  { hideDiffs = [], ...values }: ChangesView,
): string[] {
  const out: string[] = [];
  let suppressed = 0;
  const view = { ...values, hidden: values.full ? [] : hideDiffs.map(parsePath) };
  /** By hidden path: many differences below one are one line. */
  const hidden = new Map<PropertyPath, PropertyChange[]>();
  for (const change of changes) {
    if (change.effect === "suppressed" && !view.full) {
      suppressed++;
      continue;
    }
    const path = hiding(view, change.path);
    const together = path && hidden.get(path);
    if (together) together.push(change);
    else if (path) hidden.set(path, [change]);
    else for (const line of renderChange(change, view)) out.push(line);
  }
  for (const [path, below] of hidden) {
    const worst = below.find(({ effect }) => effect === "replace") ?? (below[0] as PropertyChange);
    out.push(`${hiddenLine(path, view)}${remark(worst, view)}`);
  }
  if (suppressed > 0)
    out.push(view.theme.dim(`  ${count(suppressed, "ignored difference")} (--diff shows them)`));
  return out;
}

/** Why this change is more, or less, than an update. */
function remark(change: PropertyChange, view: ValueView): string {
  const because = change.reason === undefined ? "" : `: ${visible(change.reason)}`;
  if (change.effect === "replace") return view.theme.replace(`  # forces replacement${because}`);
  if (change.effect === "suppressed") return view.theme.dim(`  # ignored${because}`);
  return "";
}

type Comparing = ValueView & { readonly hidden: readonly PropertyPath[] };
const hiding = ({ hidden }: Comparing, path: PropertyPath): PropertyPath | undefined =>
  hidden.find((pattern) => covers(pattern, path));
const hiddenLine = (path: PropertyPath, { theme }: ValueView): string =>
  `${theme.update("~")} ${pathText(path)}: ${theme.dim("differs (hideDiffs; --diff shows it)")}`;

function renderChange(change: PropertyChange, view: Comparing): string[] {
  const lines: string[] = [];
  compare(change.path, change.before, change.after, view, lines);
  if (lines.length === 0) {
    // The provider reports a change where both sides look alike, or gives no values at all.
    const label = change.path.length === 0 ? "(whole resource)" : visible(formatPath(change.path));
    const known = change.before !== undefined || change.after !== undefined;
    lines.push(`${view.theme.update("~")} ${label}${known ? " (no visible difference)" : " changes"}`);
  }
  lines[0] += remark(change, view);
  return lines;
}

const pathText = (path: PropertyPath): string => (path.length === 0 ? "(value)" : visible(formatPath(path)));

/** Appends one entry per differing leaf. */
function compare(
  path: PropertyPath,
  before: Value | undefined,
  after: Value | undefined,
  view: Comparing,
  out: string[],
): void {
  const { theme } = view;
  if (before === undefined && after === undefined) return;
  if (hiding(view, path)) {
    out.push(hiddenLine(path, view));
    return;
  }
  if (before === undefined) {
    push(out, theme.create("+"), labelled(pathText(path), after as Value, view));
    return;
  }
  if (after === undefined) {
    push(out, theme.remove("-"), labelled(pathText(path), before, view));
    return;
  }
  if (before instanceof Secret || after instanceof Secret) {
    out.push(`${theme.update("~")} ${pathText(path)}: ${secretChange(before, after, view)}`);
    return;
  }
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      if (!same(before[key], after[key])) compare([...path, key], before[key], after[key], view, out);
    return;
  }
  if (isArray(before) && isArray(after)) {
    if (before.every(isShortScalar) && after.every(isShortScalar)) {
      if (!same(before, after)) push(out, theme.update("~"), listDiff(path, before, after, view));
      return;
    }
    for (let i = 0; i < Math.max(before.length, after.length); i++)
      if (!same(before[i], after[i])) compare([...path, i], before[i], after[i], view, out);
    return;
  }
  if (same(before, after)) return;
  if (typeof before === "string" && typeof after === "string") {
    const texts = asTexts(before, after);
    if (texts !== undefined) {
      push(out, theme.update("~"), textDiff(path, texts, view));
      return;
    }
    const [a, b] = shortened(before, after, view.full);
    if (a.length + b.length > 100) {
      out.push(`${theme.update("~")} ${pathText(path)}:`);
      out.push(`    ${theme.remove(`- ${a}`)}`, `    ${theme.create(`+ ${b}`)}`);
    } else out.push(`${theme.update("~")} ${pathText(path)}: ${arrow(a, b, view)}`);
    return;
  }
  const a = inline(before, view);
  const b = inline(after, view);
  if (a !== undefined && b !== undefined) {
    out.push(`${theme.update("~")} ${pathText(path)}: ${arrow(a, b, view)}`);
    return;
  }
  if (after instanceof Unknown) {
    const size =
      typeof before === "string"
        ? count(linesOf(before).length, "line")
        : isArray(before)
          ? count(before.length, "item")
          : count(Object.keys(before as object).length, "property", "properties");
    out.push(`${theme.update("~")} ${pathText(path)}: ${arrow(`(${size})`, "(known after apply)", view)}`);
    return;
  }
  // One of them is long: a map becomes a list, or a text.
  const label = pathText(path);
  out.push(`${theme.update("~")} ${label}:`);
  indented(out, theme.remove("-"), labelled("before", before, view));
  indented(out, theme.create("+"), labelled("after", after, view));
}

const same = (a: Value | undefined, b: Value | undefined): boolean => a === b || equal(a, b);
const isShortScalar = (value: Value): boolean =>
  isScalar(value) && !(typeof value === "string" && value.includes("\n"));

const arrow = (a: string, b: string, { theme }: ValueView): string =>
  `${theme.remove(a)} → ${b.startsWith("(known after") ? theme.dim(b) : theme.create(b)}`;

function push(out: string[], symbol: string, lines: readonly string[]): void {
  lines.forEach((line, i) => {
    out.push(i === 0 ? `${symbol} ${line}` : `  ${line}`);
  });
}

function indented(out: string[], symbol: string, lines: readonly string[]): void {
  lines.forEach((line, i) => {
    out.push(i === 0 ? `    ${symbol} ${line}` : `      ${line}`);
  });
}

/** Tells whether the content changes, never what it is. */
function secretChange(before: Value, after: Value, view: ValueView): string {
  const b = before instanceof Secret ? before.value : before;
  const a = after instanceof Secret ? after.value : after;
  const from = before instanceof Secret ? "[secret]" : (inline(before, view) ?? "(value)");
  if (a instanceof Unknown) return arrow(from, "(known after apply, secret)", view);
  const equalContent = same(reveal(b), reveal(a));
  if (before instanceof Secret && after instanceof Secret)
    return equalContent ? "[secret] (unchanged)" : `${arrow("[secret]", "[secret]", view)} (changed)`;
  if (after instanceof Secret) {
    // The old value is no longer shown: it may well be the new one.
    return equalContent
      ? "becomes secret, content unchanged"
      : `${arrow("(not secret)", "[secret]", view)} (changed)`;
  }
  return equalContent
    ? "is no longer secret, content unchanged"
    : `${arrow("[secret]", isSpecial(after) ? (inline(after, view) ?? "(value)") : "(not secret)", view)} (changed)`;
}

/** Both as texts for a line diff: as they are when one has several lines, laid out when both are JSON documents. */
function asTexts(
  before: string,
  after: string,
): { before: string; after: string; kind?: string } | undefined {
  if (before.includes("\n") || after.includes("\n")) return { before, after };
  const a = asJson(before);
  const b = asJson(after);
  // Differences that laying out would hide (spaces, order) are shown as they are.
  if (a === undefined || b === undefined || a === b) return undefined;
  return { before: a, after: b, kind: "JSON" };
}

function asJson(text: string): string | undefined {
  if (text.length < 20 || (text[0] !== "{" && text[0] !== "[")) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return undefined; // Not JSON after all: it is compared as a string.
  }
}

function textDiff(
  path: PropertyPath,
  { before, after, kind }: { before: string; after: string; kind?: string },
  view: ValueView,
): string[] {
  const { theme, full } = view;
  const patch = structuredPatch("", "", before, after, "", "", { context: 2, maxEditLength: 5000 });
  const label = pathText(path);
  if (patch === undefined)
    return [
      `${label}: ${theme.dim(`(text of ${before.length} → ${after.length} characters, very different)`)}`,
    ];
  const lines: string[] = [];
  let added = 0;
  let removed = 0;
  for (const hunk of patch.hunks) {
    if (hunk.oldStart > 1 || lines.length > 0)
      lines.push(`  ${theme.dim(`@@ line ${Math.max(hunk.oldStart, 1)}`)}`);
    for (const line of hunk.lines) {
      const text = cut(line.slice(1), full);
      if (line[0] === "+") {
        added++;
        lines.push(`  ${theme.create(`+ ${text}`)}`);
      } else if (line[0] === "-") {
        removed++;
        lines.push(`  ${theme.remove(`- ${text}`)}`);
      } else if (line[0] === "\\") lines.push(`  ${theme.dim("  (no newline at the end)")}`);
      else lines.push(`    ${text}`);
    }
  }
  const max = 30;
  if (!full && lines.length > max) {
    const hidden = lines.length - (max - 1);
    lines.length = max - 1;
    lines.push(`  ${theme.dim(`… ${count(hidden, "more line")} (--diff shows them)`)}`);
  }
  const what = kind === undefined ? "" : `${kind}, `;
  return [`${label}: ${theme.dim(`(${what}${count(added, "line")} added, ${removed} removed)`)}`, ...lines];
}

function listDiff(
  path: PropertyPath,
  before: readonly Value[],
  after: readonly Value[],
  view: ValueView,
): string[] {
  const { theme } = view;
  const lines = [`${pathText(path)}:`];
  for (const part of diffArrays([...before], [...after], { comparator: (a, b) => same(a, b) })) {
    const kept = !part.added && !part.removed;
    const items = part.value as Value[];
    if (kept && !view.full && items.length > 4) {
      lines.push(`    ${theme.dim(`(${items.length} unchanged)`)}`);
      continue;
    }
    for (const item of items) {
      const text = inline(item, view) as string;
      if (part.added) lines.push(`  ${theme.create(`+ ${text}`)}`);
      else if (part.removed) lines.push(`  ${theme.remove(`- ${text}`)}`);
      else lines.push(`    ${text}`);
    }
  }
  return lines;
}

/**
 * Two long strings cut around the place where they differ, so that folding never hides the difference; quoted. Short ones,
 * and all in full views, are quoted whole.
 */
function shortened(before: string, after: string, full: boolean): [string, string] {
  const quote = (text: string): string => visible(JSON.stringify(text));
  const a = [...before];
  const b = [...after];
  if (full || Math.max(a.length, b.length) <= 60) return [quote(before), quote(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end])
    end++;
  const window = (chars: string[]): string => {
    const from = Math.max(0, start - 12);
    const to = Math.min(chars.length, Math.max(chars.length - end + 12, from + 24), from + 60);
    return `${from > 0 ? "…" : ""}${chars.slice(from, to).join("")}${to < chars.length ? "…" : ""}`;
  };
  return [quote(window(a)), quote(window(b))];
}
