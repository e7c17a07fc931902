/** Reading everything back: what is there now, and how it differs from what orch last knew. */

import type { EventSink } from "../model/event.js";
import type { Failure } from "../model/failure.js";
import type { Drift } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import type { ProviderRegistry } from "../provider/registry.js";
import type { Snapshot } from "../state/contract.js";
import { driftOf, type Observation } from "./observation.js";
import { type ReadRowsOptions, readRows } from "./read-rows.js";

export interface Reading {
  /** In the state's order, as is what follows. */
  readonly observations: readonly Observation[];
  readonly drift: readonly Drift[];
  /** Rows that could not be read: unknown, neither clean nor drifted. */
  readonly failures: readonly Failure[];
}

export interface ReadOptions extends ReadRowsOptions {
  readonly events: EventSink;
}

/** Live, managed, custom rows: components and providers exist only in orch, external ones belong to somebody else. */
export const isReadable = (row: ResourceState): boolean =>
  row.custom &&
  !row.external &&
  row.id !== undefined &&
  !isProviderType(row.type) &&
  row.deposed === undefined;

/** Never rejects. After an abort it holds what was read until then. `only`: the rows to read of those that can be. */
export async function readAll(
  snapshot: Snapshot,
  registry: ProviderRegistry,
  options: ReadOptions,
  only: (row: ResourceState) => boolean = () => true,
): Promise<Reading> {
  const rows = snapshot.resources.filter((row) => isReadable(row) && only(row));
  options.events({ type: "read-started", resources: rows.length });
  const observed = new Map<ResourceState, Observation>();
  const failed = new Map<ResourceState, Failure>();
  await readRows(rows, providerRows(snapshot), registry, options, (row, answer) => {
    if ("failure" in answer) {
      failed.set(row, answer.failure);
      return;
    }
    observed.set(row, answer);
    options.events({ type: "resource-read", urn: row.urn, drift: kindOf(answer) });
  });
  const observations = inOrder(rows, observed);
  return {
    observations,
    drift: observations.map(driftOf).filter((d) => d !== undefined),
    failures: inOrder(rows, failed),
  };
}

/** The providers that the state's resources were made with. */
const providerRows = (snapshot: Snapshot): ReadonlyMap<Urn, ResourceState> =>
  new Map(
    snapshot.resources
      .filter((row) => isProviderType(row.type) && row.deposed === undefined)
      .map((row) => [row.urn, row]),
  );

const kindOf = ({ prior, observed }: Observation): "none" | "changed" | "gone" =>
  observed === undefined ? "gone" : observed === prior ? "none" : "changed";

const inOrder = <T>(rows: readonly ResourceState[], of: ReadonlyMap<ResourceState, T>): T[] =>
  rows.map((row) => of.get(row)).filter((one) => one !== undefined);
