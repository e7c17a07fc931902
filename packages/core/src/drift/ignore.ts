/** Rules that say which differences are no drift, applied. */
import type { PropertyChange } from "../model/diff.js";
import { changesBehind } from "../model/object-change.js";
import { covers, type PropertyPath, parsePath } from "../model/path.js";
import { fits } from "../model/pattern.js";
import type { Drift } from "../model/plan.js";
import type { IgnoreRule } from "../project/drift-rules.js";

export interface Sorted {
  /** What no rule covers: whole, or the rest of it. */
  readonly drift: readonly Drift[];
  /** By resource and rule: a difference with nothing in it but what that rule covers. */
  readonly ignored: readonly { readonly drift: Drift; readonly rule: IgnoreRule }[];
  /** Rules past their day, with the number of resources that they would still have covered something of. */
  readonly expired: readonly { readonly rule: IgnoreRule; readonly resources: number }[];
  /** Rules that covered nothing this time. */
  readonly unused: readonly IgnoreRule[];
}

/** `now` in milliseconds since the epoch. What is gone is never covered: a path has nothing to say of it. */
export function applyIgnoreRules(drift: readonly Drift[], rules: readonly IgnoreRule[], now: number): Sorted {
  const compiled = rules.map((rule) => ({
    rule,
    paths: rule.paths.map(parsePath),
    old: isExpired(rule, now),
  }));
  const kept: Drift[] = [];
  const ignored: { drift: Drift; rule: IgnoreRule }[] = [];
  const hits = new Map<IgnoreRule, number>();
  for (const one of drift) {
    const own = compiled.filter(({ rule }) => isFor(rule, one));
    if (one.kind === "gone" || own.length === 0) {
      kept.push(one);
      continue;
    }
    const rest: PropertyChange[] = [];
    const covered = new Map<IgnoreRule, PropertyChange[]>();
    const missed = new Set<IgnoreRule>();
    for (const change of one.diff.changes) {
      const covering = own.filter(({ paths }) => coversAny(paths, change.path));
      const [first] = covering.filter(({ old }) => !old);
      if (first) covered.set(first.rule, [...(covered.get(first.rule) ?? []), change]);
      else {
        rest.push(change);
        for (const { rule } of covering) missed.add(rule);
      }
    }
    for (const rule of [...covered.keys(), ...missed]) hits.set(rule, (hits.get(rule) ?? 0) + 1);
    for (const [rule, changes] of covered) ignored.push({ rule, drift: only(one, changes) });
    if (rest.length > 0) kept.push(covered.size === 0 ? one : only(one, rest));
  }
  return {
    drift: kept,
    ignored,
    expired: compiled.filter(({ old }) => old).map(({ rule }) => ({ rule, resources: hits.get(rule) ?? 0 })),
    unused: compiled.filter(({ rule, old }) => !old && !hits.has(rule)).map(({ rule }) => rule),
  };
}

const isFor = ({ type, urn }: IgnoreRule, drift: Drift): boolean =>
  (type === undefined || fits(type, drift.type)) && (urn === undefined || fits(urn, drift.urn));

const coversAny = (patterns: readonly PropertyPath[], path: PropertyPath): boolean =>
  patterns.some((pattern) => covers(pattern, path));

/** A rule holds to the end of its last day, in UTC. */
function isExpired({ until }: IgnoreRule, now: number): boolean {
  return until !== undefined && new Date(now).toISOString().slice(0, 10) > until;
}

/** The drift with some of its differences alone, and who may have made those. */
function only({ changes: told = [], ...drift }: Drift, changes: readonly PropertyChange[]): Drift {
  const behind = changesBehind(
    told,
    changes.map(({ path }) => path),
  );
  return {
    ...drift,
    diff: { ...drift.diff, changes },
    ...(behind.length === 0 ? {} : { changes: behind }),
  };
}
