/** Property changes as text: what a person reads under `~ resource` to decide whether the plan is right. */
import type { PropertyChange } from "@orch/core/model/diff";
import { matchItems } from "@orch/core/model/list-match";
import {
  covers,
  formatPath,
  getPath,
  type PathSegment,
  type PropertyPath,
  parsePath,
} from "@orch/core/model/path";
import {
  equal,
  isArray,
  isMap,
  isSpecial,
  type PropertyMap,
  reveal,
  Secret,
  Unknown,
  type Value,
} from "@orch/core/model/value";
import { diffArrays, structuredPatch } from "diff";
import { count, visible } from "./text.js";
import { sign } from "./theme.js";
import { cut, inline, isScalar, labelled, linesOf, unknownIn, type ValueView } from "./value.js";

export interface ChangesView extends ValueView {
  /** The resource's option `hideDiffs`: what differs below these is told without its values, but in full views. */
  readonly hideDiffs?: readonly string[];
  /** The inputs as they were and as they will be: what differs in a list is then told by item, not by index. */
  readonly inputs?: { readonly before: PropertyMap; readonly after: PropertyMap };
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
  const listed = new Map<string, PropertyChange[]>();
  /** Lists of which not all differences are to be shown: they can't be shown as a whole. */
  const partly = new Set<string | undefined>();
  const shown: (PropertyChange | PropertyChange[])[] = [];
  for (const change of changes) {
    if (change.effect === "suppressed" && !view.full) {
      suppressed++;
      partly.add(listOf(change));
      continue;
    }
    const path = hiding(view, change.path);
    const together = path && hidden.get(path);
    if (together) together.push(change);
    else if (path) hidden.set(path, [change]);
    else {
      const list = listOf(change);
      const others = list === undefined ? undefined : listed.get(list);
      if (others !== undefined) others.push(change);
      else if (list !== undefined) {
        const group = [change];
        listed.set(list, group);
        shown.push(group);
      } else shown.push(change);
    }
  }
  for (const one of shown) {
    const [first, ...more] = Array.isArray(one) ? one : [one];
    if (first === undefined) continue;
    const lines = Array.isArray(one) && !partly.has(listOf(first)) ? listChanges(one, view) : undefined;
    out.push(...(lines ?? [first, ...more].flatMap((change) => renderChange(change, view))));
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

type Comparing = ChangesView & { readonly hidden: readonly PropertyPath[] };
const hiding = ({ hidden }: Comparing, path: PropertyPath): PropertyPath | undefined =>
  hidden.find((pattern) => covers(pattern, path));
const hiddenLine = (path: PropertyPath, { theme }: ValueView): string =>
  `${theme.update(sign(theme, "~"))} ${pathText(path)}: ${theme.dim("differs (hideDiffs; --diff shows it)")}`;

function renderChange(change: PropertyChange, view: Comparing): string[] {
  const lines: string[] = [];
  compare(at(change.path), change.before, change.after, view, lines);
  if (lines.length === 0) {
    // The provider reports a change where both sides look alike, or gives no values at all.
    const label = change.path.length === 0 ? "(whole resource)" : visible(formatPath(change.path));
    const known = change.before !== undefined || change.after !== undefined;
    lines.push(
      `${view.theme.update(sign(view.theme, "~"))} ${label}${known ? " (no visible difference)" : " changes"}`,
    );
  }
  lines[0] += remark(change, view);
  return lines;
}

/** The list that a change of the inputs is in, as text; undefined when it is in none. */
function listOf({ path, side }: PropertyChange): string | undefined {
  const index = side === "input" ? path.findIndex((segment) => typeof segment === "number") : -1;
  return index < 0 ? undefined : formatPath(path.slice(0, index));
}

/** All changes in one list of the inputs, by item. Undefined where the two lists are not at hand or do not show what the changes say. */
function listChanges(changes: readonly PropertyChange[], view: Comparing): string[] | undefined {
  const [first] = changes;
  if (first === undefined || view.inputs === undefined) return undefined;
  const depth = first.path.findIndex((segment) => typeof segment === "number");
  const path = first.path.slice(0, depth);
  const before = getPath(view.inputs.before, path);
  const after = getPath(view.inputs.after, path);
  if (!isArray(before) || !isArray(after) || changes.some(({ effect }) => effect === "suppressed"))
    return undefined;
  const lines: string[] = [];
  compare(at(path), before, after, view, lines);
  if (lines.length === 0) return undefined;
  // One item may be what forces a replace; said once, where several differ at the list.
  const worst = changes.find(({ effect }) => effect === "replace");
  if (worst === undefined) return lines;
  const single = lines.filter((line) => !line.startsWith(" ")).length === 1;
  if (single) lines[0] += remark(worst, view);
  else
    lines.unshift(
      `${view.theme.update(sign(view.theme, "~"))} ${visible(formatPath(path))}${remark(worst, view)}`,
    );
  return lines;
}

/** A place in the values, and what it is called on screen: items of lists by their names. */
interface At {
  readonly path: PropertyPath;
  readonly label: string;
}
const at = (path: PropertyPath): At => ({ path, label: formatPath(path) });
function below({ path, label }: At, segment: PathSegment, name = formatPath([segment])): At {
  return {
    path: [...path, segment],
    label: label === "" || name.startsWith("[") ? `${label}${name}` : `${label}.${name}`,
  };
}
const labelOf = ({ label }: At): string => (label === "" ? "(value)" : visible(label));
const pathText = (path: PropertyPath): string => labelOf(at(path));

/** Appends one entry per differing leaf. */
function compare(
  place: At,
  before: Value | undefined,
  after: Value | undefined,
  outer: Comparing,
  out: string[],
): void {
  const view = { ...outer, path: place.path };
  const { theme } = view;
  const [added, removed, changed] = [
    theme.create(sign(theme, "+")),
    theme.remove(sign(theme, "-")),
    theme.update(sign(theme, "~")),
  ];
  const { path } = place;
  const label = labelOf(place);
  if (before === undefined && after === undefined) return;
  if (hiding(view, path)) {
    out.push(hiddenLine(path, view));
    return;
  }
  if (before === undefined) {
    push(out, added, labelled(label, after as Value, view));
    return;
  }
  if (after === undefined) {
    push(out, removed, labelled(label, before, view));
    return;
  }
  if (before instanceof Secret || after instanceof Secret) {
    out.push(`${changed} ${label}: ${secretChange(before, after, view)}`);
    return;
  }
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      if (!same(before[key], after[key])) compare(below(place, key), before[key], after[key], view, out);
    return;
  }
  if (isArray(before) && isArray(after)) {
    if (before.every(isShortScalar) && after.every(isShortScalar)) {
      if (same(before, after)) return;
      const [a, b] = [inline(before, view), inline(after, view)];
      const short = a !== undefined && b !== undefined && a.length + b.length <= 40;
      if (short) out.push(`${changed} ${label}: ${arrow(a, b, view)}`);
      else push(out, changed, listDiff(label, before, after, view));
    } else compareItems(place, before, after, view, out);
    return;
  }
  if (same(before, after)) return;
  if (typeof before === "string" && typeof after === "string") {
    const texts = asTexts(before, after);
    if (texts !== undefined) {
      push(out, changed, textDiff(label, texts, view));
      return;
    }
    const [a, b] = shortened(before, after, view.full);
    if (a.length + b.length > 100) {
      out.push(`${changed} ${label}:`);
      out.push(
        `    ${theme.remove(`${sign(theme, "-")} ${a}`)}`,
        `    ${theme.create(`${sign(theme, "+")} ${b}`)}`,
      );
    } else out.push(`${changed} ${label}: ${arrow(a, b, view)}`);
    return;
  }
  const a = inline(before, view);
  const b = inline(after, view);
  if (a !== undefined && b !== undefined) {
    out.push(`${changed} ${label}: ${arrow(a, b, view)}`);
    return;
  }
  if (after instanceof Unknown) {
    const size =
      typeof before === "string"
        ? count(linesOf(before).length, "line")
        : isArray(before)
          ? count(before.length, "item")
          : count(Object.keys(before as object).length, "property", "properties");
    out.push(`${changed} ${label}: ${arrow(`(${size})`, unknownIn(view), view)}`);
    return;
  }
  // One of them is long: a map becomes a list, or a text.
  out.push(`${changed} ${label}:`);
  indented(out, removed, labelled("before", before, view));
  indented(out, added, labelled("after", after, view));
}

/** Items are told by what names them, where something does; then only what differs in an item is shown, wherever it stands. */
function compareItems(
  place: At,
  before: readonly Value[],
  after: readonly Value[],
  view: Comparing,
  out: string[],
): void {
  const { key, pairs, reordered } = matchItems(before, after);
  const name = (item: Value | undefined, index: number): string =>
    key === undefined ? `[${index}]` : `[${formatPath([key])}=${JSON.stringify((item as PropertyMap)[key])}]`;
  const start = out.length;
  for (const pair of pairs) {
    const was = pair.before === undefined ? undefined : before[pair.before];
    const is = pair.after === undefined ? undefined : after[pair.after];
    const index = pair.after ?? (pair.before as number);
    if (!same(was, is)) compare(below(place, index, name(is ?? was, index)), was, is, view, out);
  }
  if (reordered)
    out.push(
      `${view.theme.update(sign(view.theme, "~"))} ${labelOf(place)}: ${view.theme.dim(out.length === start ? "the same items in another order" : "what stays is in another order")}`,
    );
}

const same = (a: Value | undefined, b: Value | undefined): boolean => a === b || equal(a, b);
const isShortScalar = (value: Value): boolean =>
  isScalar(value) && !(typeof value === "string" && value.includes("\n"));

const arrow = (a: string, b: string, { theme }: ValueView): string =>
  `${theme.remove(a)} ${sign(theme, "→")} ${b.startsWith("(known after") ? theme.dim(b) : theme.create(b)}`;

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
  if (a instanceof Unknown) return arrow(from, `${unknownIn(view).replace(/\)$/, "")}, secret)`, view);
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

/** Both as texts for a line diff: laid out when both are JSON documents of which one is on one line, as they are when one has several lines. */
function asTexts(
  before: string,
  after: string,
): { before: string; after: string; kind?: string } | undefined {
  const lines = before.includes("\n") && after.includes("\n");
  const a = lines ? undefined : asJson(before);
  const b = lines ? undefined : asJson(after);
  // Differences that laying out would hide (spaces, order) are shown as they are.
  if (a !== undefined && b !== undefined && a !== b) return { before: a, after: b, kind: "JSON" };
  return before.includes("\n") || after.includes("\n") ? { before, after } : undefined;
}

function asJson(text: string): string | undefined {
  if (text.length < 20 || !/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return undefined; // Not JSON after all: it is compared as a string.
  }
}

function textDiff(
  label: string,
  { before, after, kind }: { before: string; after: string; kind?: string },
  view: ValueView,
): string[] {
  const { theme, full } = view;
  const patch = structuredPatch("", "", before, after, "", "", { context: 2, maxEditLength: 5000 });
  if (patch === undefined)
    return [
      `${label}: ${theme.dim(`(text of ${before.length} ${sign(theme, "→")} ${after.length} characters, very different)`)}`,
    ];
  const [plus, minus] = [sign(theme, "+"), sign(theme, "-")];
  const lines: string[] = [];
  let added = 0;
  let removed = 0;
  for (const hunk of patch.hunks) {
    if (hunk.oldStart > 1 || lines.length > 0) lines.push(`  ${theme.dim(hunkPlace(hunk, before, after))}`);
    for (const line of hunk.lines) {
      const text = cut(line.slice(1), full);
      if (line[0] === "+") {
        added++;
        lines.push(`  ${theme.create(`${plus} ${text}`)}`);
      } else if (line[0] === "-") {
        removed++;
        lines.push(`  ${theme.remove(`${minus} ${text}`)}`);
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

/** `@@ line 14, in spec.template`: what a part of a YAML or JSON text is in, which the lines around it do not show. */
function hunkPlace(
  { oldStart, newStart, lines }: { oldStart: number; newStart: number; lines: readonly string[] },
  before: string,
  after: string,
): string {
  const first = lines.findIndex((line) => line[0] === "+" || line[0] === "-");
  const [text, start] = lines[first]?.[0] === "-" ? [before, oldStart] : [after, newStart];
  const inside = enclosingKeys(text.split("\n"), start - 1 + first);
  return `@@ line ${Math.max(oldStart, 1)}${inside === "" ? "" : `, in ${cut(inside, false)}`}`;
}

/** The keys that a line is below, going by indentation: `spec.containers[web]`. Empty where the lines have none. */
function enclosingKeys(lines: readonly string[], index: number): string {
  const indentOf = (line: string): number => line.length - line.trimStart().length;
  let indent = indentOf(lines[index] ?? "");
  const path: string[] = [];
  // An item of a list may stand as deep as its key.
  let item = /^\s*- /.test(lines[index] ?? "");
  for (let i = index - 1; i >= 0 && (indent > 0 || item); i--) {
    const line = lines[i] as string;
    if (line.trim() === "") continue;
    const depth = indentOf(line);
    const [, dash = "", key, value = ""] = /^\s*(- )?["']?([\w./-]+)["']?:(?:\s+(.*))?$/.exec(line) ?? [];
    if (depth > indent || (depth === indent && !(item && dash === ""))) continue;
    if (dash !== "") {
      const name = value.replace(/^["']|["'],?$/g, "");
      if ((key === "name" || key === "id") && name !== "") path.unshift(`[${name}]`);
    } else if (key !== undefined) path.unshift(path[0]?.startsWith("[") ? `${key}${path.shift()}` : key);
    indent = depth;
    item = dash !== "";
  }
  return path.join(".");
}

function listDiff(
  label: string,
  before: readonly Value[],
  after: readonly Value[],
  view: ValueView,
): string[] {
  const { theme } = view;
  const lines = [`${label}:`];
  const [plus, minus] = [sign(theme, "+"), sign(theme, "-")];
  for (const part of diffArrays([...before], [...after], { comparator: (a, b) => same(a, b) })) {
    const kept = !part.added && !part.removed;
    const items = part.value as Value[];
    if (kept && !view.full && items.length > 4) {
      lines.push(`    ${theme.dim(`(${items.length} unchanged)`)}`);
      continue;
    }
    for (const item of items) {
      const text = inline(item, view) as string;
      if (part.added) lines.push(`  ${theme.create(`${plus} ${text}`)}`);
      else if (part.removed) lines.push(`  ${theme.remove(`${minus} ${text}`)}`);
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
