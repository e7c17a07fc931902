/** What differs between two sets of inputs, down to the smallest part that has a path of its own. */
import type { ChangeEffect } from "@orch/core/model/diff";
import { covers, formatPath, getPath, type PropertyPath, parsePath } from "@orch/core/model/path";
import {
  equal,
  isArray,
  isMap,
  isUnknown,
  type PropertyMap,
  reveal,
  type Value,
} from "@orch/core/model/value";
import type { DetailedChange, DiffResponse } from "@orch/core/provider/contract";
import type { PropertyDifference } from "./define.js";

/** Secrets count by their content. An unknown differs from everything. */
export function differences(before: PropertyMap, after: PropertyMap): readonly PropertyDifference[] {
  const found: PropertyDifference[] = [];
  walk(reveal(before), reveal(after), [], found);
  return found;
}

function walk(
  before: Value | undefined,
  after: Value | undefined,
  path: PropertyPath,
  found: PropertyDifference[],
): void {
  if (before === undefined && after === undefined) return;
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      walk(own(before, key), own(after, key), [...path, key], found);
  } else if (isArray(before) && isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++)
      walk(before[i], after[i], [...path, i], found);
  } else if (!equal(before, after)) found.push({ path, before, after });
}
const own = (map: PropertyMap, key: string): Value | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;

export interface DiffRules {
  readonly replaceOn: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly stables: readonly string[];
  readonly deleteBeforeReplace: boolean;
  readonly effect?: (
    change: PropertyDifference,
  ) => { readonly effect: ChangeEffect; readonly reason?: string } | "unseen" | undefined;
  /** Changes seen in outputs only. */
  readonly outputChanges: readonly { readonly path: string; readonly reason: string }[];
}

/** Does the change alter what the pattern names? A whole object that comes or goes takes the property along. */
function touches(pattern: PropertyPath, { path, before, after }: PropertyDifference): boolean {
  if (covers(pattern, path)) return true;
  if (!covers(pattern.slice(0, path.length), path)) return false;
  const rest = pattern.slice(path.length);
  if (isUnknown(before) || isUnknown(after) || rest.includes("*")) return true;
  return !equal(getPath(before, rest) ?? null, getPath(after, rest) ?? null);
}

/** The differences as a provider's answer: the effect of each, and which top-level properties replace. */
export function diffResponse(found: readonly PropertyDifference[], rules: DiffRules): DiffResponse {
  const replaceOn = rules.replaceOn.map(parsePath);
  const ignored = rules.ignoreChanges.map(parsePath);
  const detailed: DetailedChange[] = found.flatMap((change): DetailedChange | [] => {
    const base = {
      path: formatPath(change.path),
      kind: change.before === undefined ? "add" : change.after === undefined ? "delete" : "update",
      inputDiff: true,
    } as const;
    if (ignored.some((pattern) => covers(pattern, change.path)))
      return { ...base, effect: "suppressed", reason: "ignoreChanges" };
    const special = rules.effect?.(change);
    if (special === "unseen") return [];
    if (special) return { ...base, ...special };
    const replaces = replaceOn.some((pattern) => touches(pattern, change));
    return { ...base, effect: replaces ? "replace" : "update" };
  });
  for (const { path, reason } of rules.outputChanges)
    detailed.push({ path, kind: "update", effect: "update", inputDiff: false, reason });

  const effective = detailed.filter((change) => change.effect !== "suppressed");
  const top = (changes: readonly DetailedChange[]): string[] => [
    ...new Set(changes.map((change) => String(parsePath(change.path)[0] ?? ""))),
  ];
  return {
    changes: effective.length > 0 ? "some" : "none",
    replaces: top(effective.filter((change) => change.effect === "replace")),
    stables: rules.stables,
    diffs: top(effective),
    deleteBeforeReplace: rules.deleteBeforeReplace,
    detailed,
  };
}
