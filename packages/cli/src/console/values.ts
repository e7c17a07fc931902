/** The state as plain values for somebody who asks about it: what they look at is a copy, and secrets are masked until they are asked for. */
import { DependencyGraph } from "@orch/core/graph/graph";
import type { ResourceState } from "@orch/core/model/resource";
import type { Urn } from "@orch/core/model/urn";
import { map, type PropertyMap, reveal, Secret, type Value } from "@orch/core/model/value";
import type { StackConfig } from "@orch/core/project/contract";
import type { Snapshot } from "@orch/core/state/contract";
import { encode, type Json } from "@orch/core/wire/json";
import { secretText } from "../render/value.js";

/** A resource as the console shows it. */
export interface ConsoleResource {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly id?: string;
  readonly parent?: Urn;
  readonly inputs: Json;
  readonly outputs: Json;
  readonly dependencies: readonly Urn[];
}

export interface ConsoleValues {
  readonly project: string;
  readonly stack: string;
  readonly outputs: Json;
  readonly config: Readonly<Record<string, string>>;
  readonly state: readonly ConsoleResource[];
  /** By name where only one resource has it, and by URN. */
  readonly resources: Readonly<Record<string, ConsoleResource>>;
  readonly graph: {
    /** Everything that needs it, directly or through others. Takes a name, a URN or a resource. */
    dependents(of: string | ConsoleResource): readonly Urn[];
    /** Everything that it needs. */
    dependencies(of: string | ConsoleResource): readonly Urn[];
    readonly urns: readonly Urn[];
  };
}

export interface ConsoleSource {
  readonly project: string;
  readonly stack: string;
  readonly snapshot: Pick<Snapshot, "resources" | "outputs">;
  readonly config: StackConfig;
}

export function consoleValues(source: ConsoleSource, showSecrets: boolean): ConsoleValues {
  const shown = (value: Value): Value =>
    showSecrets ? reveal(value) : map(value, (v) => (v instanceof Secret ? secretText : v));
  const plain = (value: PropertyMap): Json =>
    encode(shown(value), { secrets: "reveal", resourceRefs: false });
  const rows = source.snapshot.resources.filter(({ deposed }) => deposed === undefined);
  const state = rows.map(
    (row): ConsoleResource => ({
      urn: row.urn,
      type: row.type,
      name: row.name,
      ...(row.id === undefined ? {} : { id: row.id }),
      ...(row.parent === undefined ? {} : { parent: row.parent }),
      inputs: plain(row.inputs),
      outputs: plain(row.outputs),
      dependencies: [...needs(row)],
    }),
  );
  const resources = byName(state);
  const { dependents, dependencies } = walks(rows);
  const urnOf = (of: string | ConsoleResource): Urn => {
    const found = typeof of === "string" ? resources[of] : of;
    if (found?.urn !== undefined) return found.urn;
    throw new RangeError(`there is no resource ${JSON.stringify(of)}, or several have that name`);
  };
  return {
    project: source.project,
    stack: source.stack,
    outputs: plain(source.snapshot.outputs),
    config: Object.fromEntries(
      Object.entries(source.config.values).map(([key, { value, secret }]) => [
        key,
        secret && !showSecrets ? secretText : value,
      ]),
    ),
    state,
    resources,
    graph: {
      dependents: (of) => dependents(urnOf(of)),
      dependencies: (of) => dependencies(urnOf(of)),
      urns: state.map(({ urn }) => urn),
    },
  };
}

const needs = (row: ResourceState): ReadonlySet<Urn> =>
  new Set([
    ...row.dependencies,
    ...Object.values(row.propertyDependencies).flat(),
    ...(row.parent === undefined ? [] : [row.parent]),
  ]);

function byName(state: readonly ConsoleResource[]): Record<string, ConsoleResource> {
  const count = new Map<string, number>();
  for (const { name } of state) count.set(name, (count.get(name) ?? 0) + 1);
  // Without a prototype: a resource may be called `constructor`.
  const found: Record<string, ConsoleResource> = Object.create(null);
  for (const one of state) {
    if (count.get(one.name) === 1) found[one.name] = one;
    found[one.urn] = one;
  }
  return found;
}

function walks(rows: readonly ResourceState[]) {
  const forward = new DependencyGraph<undefined>();
  const backward = new DependencyGraph<undefined>();
  for (const { urn } of rows) {
    forward.add(urn, undefined);
    backward.add(urn, undefined);
  }
  for (const row of rows)
    for (const urn of needs(row))
      if (forward.has(urn)) {
        forward.depend(row.urn, urn);
        backward.depend(urn, row.urn);
      }
  const inOrder = (found: ReadonlySet<string>): Urn[] =>
    rows.filter(({ urn }) => found.has(urn)).map(({ urn }) => urn);
  return {
    dependents: (urn: Urn) => inOrder(forward.transitiveDependentsOf(urn)),
    dependencies: (urn: Urn) => inOrder(backward.transitiveDependentsOf(urn)),
  };
}
