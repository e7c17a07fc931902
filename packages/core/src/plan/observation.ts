/** What a provider's answer to a read says of a row. */

import { compare } from "../model/compare.js";
import type { Diff, PropertyChange } from "../model/diff.js";
import { changesBehind, type ObjectChange } from "../model/object-change.js";
import { formatPath, type PropertyPath } from "../model/path.js";
import type { Drift } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import { equal, isArray, isMap, type PropertyMap, Secret, type Value } from "../model/value.js";
import type { ProviderTraits, ReadManyRequest, ReadResponse } from "../provider/contract.js";
import { forProvider, fromProvider } from "../provider/secrets.js";

export interface Observation {
  readonly prior: ResourceState;
  /** Absent when the object is gone. The prior row itself when nothing differs. */
  readonly observed?: ResourceState;
  /** Who changed the object last, newest first, where its system keeps that. */
  readonly changes?: readonly ObjectChange[];
}

/** The request that reads a row's object; the caller adds time and cancellation. */
export function readOf(row: ResourceState, traits: ProviderTraits): ReadManyRequest["reads"][number] {
  return {
    urn: row.urn,
    type: row.type,
    name: row.name,
    id: row.id as string,
    inputs: forProvider(row.inputs, traits),
    outputs: forProvider(row.outputs, traits),
  };
}

export function observe(
  prior: ResourceState,
  { object, partial, changes }: ReadResponse,
  traits: Pick<ProviderTraits, "secrets">,
): Observation {
  const told = changes === undefined || changes.length === 0 ? {} : { changes };
  if (object === undefined) return { prior, ...told };
  const secretOutputs = prior.options.additionalSecretOutputs;
  // Providers that do not read inputs back give none: then what was sent last is still what is wanted.
  const inputs =
    Object.keys(object.inputs).length > 0 ? fromProvider(object.inputs, prior.inputs, traits) : prior.inputs;
  const outputs = fromProvider(object.outputs, prior.inputs, traits, secretOutputs);
  const kept = keepSecrets(outputs, prior.outputs) as PropertyMap;
  const keptInputs = keepSecrets(inputs, prior.inputs) as PropertyMap;
  if (object.id === prior.id && equal(keptInputs, prior.inputs) && equal(kept, prior.outputs) && !partial) {
    return { prior, observed: prior };
  }
  const { initErrors: _, ...rest } = prior;
  const observed: ResourceState = {
    ...rest,
    id: object.id,
    inputs: keptInputs,
    outputs: kept,
    ...(partial ? { initErrors: partial.reasons } : {}),
  };
  return { prior, observed, ...told };
}

/** What was kept as a secret is not shown because it was read back in clear. */
function keepSecrets(value: Value, like: Value | undefined): Value {
  if (like instanceof Secret) return value instanceof Secret ? value : new Secret(value);
  if (isMap(value) && isMap(like)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, keepSecrets(item, like[key])]),
    );
  }
  if (isArray(value) && isArray(like) && value.length === like.length) {
    return value.map((item, i) => keepSecrets(item, like[i]));
  }
  return value;
}

/** Undefined when nothing that a person would call drift differs. */
export function driftOf({ prior, observed, changes: told = [] }: Observation): Drift | undefined {
  const { urn, type } = prior;
  const head = { urn, type, ...(prior.id === undefined ? {} : { id: prior.id }) };
  const who = (at: readonly PropertyPath[]): Pick<Drift, "changes"> => {
    const changes = changesBehind(told, at);
    return changes.length === 0 ? {} : { changes };
  };
  if (observed === undefined) return { ...head, kind: "gone", diff: diffOf([]), ...who([]) };
  if (observed === prior) return undefined;
  const changes = [
    ...compare(prior.inputs, observed.inputs).map(
      (d): PropertyChange => ({ ...d, effect: "update", side: "input" }),
    ),
  ];
  const seen = new Set(changes.map((c) => formatPath(c.path)));
  for (const difference of compare(prior.outputs, observed.outputs)) {
    if (!seen.has(formatPath(difference.path)))
      changes.push({ ...difference, effect: "update", side: "output" });
  }
  if (changes.length === 0) return undefined;
  return { ...head, kind: "changed", diff: diffOf(changes), ...who(changes.map(({ path }) => path)) };
}

const diffOf = (changes: readonly PropertyChange[]): Diff => ({
  changes,
  stables: [],
  deleteBeforeReplace: false,
});
