/** What an update would change: the provider's answer, the resource's options and orch's own comparison made into one {@link Diff}. */

import { compare } from "../model/compare.js";
import type { ChangeEffect, Diff, PropertyChange } from "../model/diff.js";
import { covers, getPath, type PropertyPath, parsePath } from "../model/path.js";
import type { Resource, ResourceState } from "../model/resource.js";
import type { PropertyMap } from "../model/value.js";
import type { DiffResponse } from "./contract.js";

export const noDiff: Diff = { changes: [], stables: [], deleteBeforeReplace: false };

export const needsReplace = (diff: Diff): boolean => diff.changes.some((c) => c.effect === "replace");
export const needsUpdate = (diff: Diff): boolean => diff.changes.some((c) => c.effect !== "suppressed");

/** Of inputs alone: components, providers without an opinion, and everything whose provider is not configured yet. */
export function diffInputs(before: PropertyMap, after: PropertyMap, replaces: readonly string[] = []): Diff {
  const changes = compare(before, after).map((difference): PropertyChange => {
    const replace = replaces.some((name) => covers(safeParse(name), difference.path));
    return {
      ...difference,
      effect: replace ? "replace" : "update",
      side: "input",
      ...(replace ? { reason: "the provider can't change it in place" } : {}),
    };
  });
  return { ...noDiff, changes };
}

/** `after` is checked; `response` is the provider's opinion of it. */
export function diffResource(
  prior: ResourceState,
  resource: Resource,
  after: PropertyMap,
  response: DiffResponse,
): Diff {
  const changes = response.changes === "none" ? [] : providerChanges(prior, after, response);
  return {
    changes: withReplaceOnChanges(changes, resource.options.replaceOnChanges ?? []),
    stables: response.stables,
    deleteBeforeReplace: response.deleteBeforeReplace,
  };
}

function providerChanges(prior: ResourceState, after: PropertyMap, response: DiffResponse): PropertyChange[] {
  if (response.detailed && response.detailed.length > 0) {
    return response.detailed.map((change): PropertyChange => {
      const path = safeParse(change.path);
      const before =
        change.kind === "add"
          ? undefined
          : (change.before ??
            (change.inputDiff ? undefined : getPath(prior.outputs, path)) ??
            getPath(prior.inputs, path));
      const now = change.kind === "delete" ? undefined : (change.after ?? getPath(after, path));
      return {
        path,
        ...(before === undefined ? {} : { before }),
        ...(now === undefined ? {} : { after: now }),
        effect: change.effect,
        side: change.inputDiff ? "input" : "output",
        ...(change.reason
          ? { reason: change.reason }
          : change.effect === "replace"
            ? { reason: "the provider can't change it in place" }
            : {}),
      };
    });
  }
  const compared = diffInputs(prior.inputs, after, response.replaces).changes.slice();
  // Told that something differs, but not in the inputs: name what the provider named, so that the plan shows why.
  for (const name of new Set([...response.replaces, ...response.diffs])) {
    const path = safeParse(name);
    if (compared.some((c) => covers(path, c.path))) continue;
    const replace = response.replaces.includes(name);
    const [before, now] = [getPath(prior.outputs, path) ?? getPath(prior.inputs, path), getPath(after, path)];
    compared.push({
      path,
      ...(before === undefined ? {} : { before }),
      ...(now === undefined ? {} : { after: now }),
      effect: replace ? "replace" : "update",
      side: "output",
      ...(replace ? { reason: "the provider can't change it in place" } : {}),
    });
  }
  // Changed, says the provider, and does not say what: the plan must show an update rather than nothing.
  if (compared.length === 0 && response.changes === "some") {
    compared.push({
      path: [],
      effect: "update",
      side: "output",
      reason: "the provider reports a change without naming it",
    });
  }
  return compared;
}

function withReplaceOnChanges(
  changes: readonly PropertyChange[],
  patterns: readonly string[],
): PropertyChange[] {
  if (patterns.length === 0) return changes.slice();
  const parsed = patterns.map(safeParse);
  return changes.map((change) =>
    change.effect === "update" && parsed.some((p) => covers(p, change.path) || covers(change.path, p))
      ? { ...change, effect: "replace" as ChangeEffect, reason: "replaceOnChanges" }
      : change,
  );
}

/** Paths in answers of providers may be anything; what does not parse is taken as one property's name. */
export function safeParse(text: string): PropertyPath {
  try {
    return parsePath(text);
  } catch {
    return [text];
  }
}
