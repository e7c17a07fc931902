/** Reading everything back: what is there now, and how it differs from what orch last knew. */

import { compare } from "../model/compare.js";
import type { Diff, PropertyChange } from "../model/diff.js";
import type { EventSink } from "../model/event.js";
import { type Failure, toFailure } from "../model/failure.js";
import { formatPath } from "../model/path.js";
import type { Drift } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import { equal, isArray, isMap, type PropertyMap, Secret, type Value } from "../model/value.js";
import { about } from "../provider/failures.js";
import type { ProviderRegistry } from "../provider/registry.js";
import { forProvider, fromProvider } from "../provider/secrets.js";
import { timeouts } from "../provider/timeouts.js";
import type { Snapshot } from "../state/contract.js";

export interface Observation {
  readonly prior: ResourceState;
  /** Absent when the object is gone. The prior row itself when nothing differs. */
  readonly observed?: ResourceState;
}

export interface Reading {
  readonly observations: readonly Observation[];
  readonly drift: readonly Drift[];
  /** Rows that could not be read: unknown, neither clean nor drifted. */
  readonly failures: readonly Failure[];
}

export interface ReadOptions {
  readonly parallel: number;
  readonly events: EventSink;
  readonly signal?: AbortSignal;
}

/** Live, managed, custom rows: components and providers exist only in orch, external ones belong to somebody else. */
export const isReadable = (row: ResourceState): boolean =>
  row.custom &&
  !row.external &&
  row.id !== undefined &&
  !isProviderType(row.type) &&
  row.deposed === undefined;

export async function readAll(
  snapshot: Snapshot,
  registry: ProviderRegistry,
  options: ReadOptions,
): Promise<Reading> {
  const rows = snapshot.resources.filter(isReadable);
  const providers = new Map<Urn, ResourceState>();
  for (const row of snapshot.resources) {
    if (isProviderType(row.type) && row.deposed === undefined) providers.set(row.urn, row);
  }
  const observations: (Observation | undefined)[] = new Array(rows.length);
  const failures: Failure[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < rows.length && options.signal?.aborted !== true) {
      const i = next++;
      const row = rows[i] as ResourceState;
      try {
        const observation = await readOne(row, providers, registry, options.signal);
        observations[i] = observation;
        const drift =
          observation.observed === undefined ? "gone" : observation.observed === row ? "none" : "changed";
        options.events({ type: "resource-read", urn: row.urn, drift });
      } catch (error) {
        failures.push(about(row, toFailure(error)));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.parallel, rows.length) }, worker));
  const found = observations.filter((o) => o !== undefined);
  return { observations: found, drift: found.map(driftOf).filter((d) => d !== undefined), failures };
}

async function readOne(
  prior: ResourceState,
  providers: ReadonlyMap<Urn, ResourceState>,
  registry: ProviderRegistry,
  signal: AbortSignal | undefined,
): Promise<Observation> {
  const providerRow = providers.get(prior.provider ?? "");
  if (providerRow === undefined)
    throw new TypeError(`the state holds no provider ${prior.provider ?? "(none)"}`);
  const { provider, traits } = await registry.fromState(providerRow);
  const { urn, type, name } = prior;
  const { object, partial } = await provider.read({
    urn,
    type,
    name,
    id: prior.id as string,
    inputs: forProvider(prior.inputs, traits),
    outputs: forProvider(prior.outputs, traits),
    ...timeouts(prior, "read"),
    ...(signal ? { signal } : {}),
  });
  if (object === undefined) return { prior };
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
  return { prior, observed };
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
export function driftOf({ prior, observed }: Observation): Drift | undefined {
  const { urn, type } = prior;
  const id = prior.id === undefined ? {} : { id: prior.id };
  if (observed === undefined) return { urn, type, ...id, kind: "gone", diff: diffOf([]) };
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
  return changes.length === 0 ? undefined : { urn, type, ...id, kind: "changed", diff: diffOf(changes) };
}

const diffOf = (changes: readonly PropertyChange[]): Diff => ({
  changes,
  stables: [],
  deleteBeforeReplace: false,
});
