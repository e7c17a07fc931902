/** Two states of a stack compared, resource by resource. */
import { compare } from "../model/compare.js";
import type { PropertyChange } from "../model/diff.js";
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { equal, type Value } from "../model/value.js";

/** Fields that are no property, and no time or place in a file either. */
const fields = ["parent", "provider", "dependencies", "propertyDependencies", "options", "external"] as const;

export interface RowChange {
  readonly urn: Urn;
  readonly kind: "created" | "deleted" | "replaced" | "changed";
  /** Absent when it was created, and the other way about. */
  readonly before?: ResourceState;
  readonly after?: ResourceState;
  /** Inputs, then outputs that do not repeat one of them. `effect` has no meaning here. */
  readonly changes: readonly PropertyChange[];
  /** What else differs, by name. */
  readonly fields: readonly (typeof fields)[number][];
}

const keyOf = ({ urn, deposed }: ResourceState): string =>
  deposed === undefined ? urn : `${urn}#${deposed}`;

/** In the order of the URNs. Resources that are the same are left out. */
export function diffRows(before: readonly ResourceState[], after: readonly ResourceState[]): RowChange[] {
  const [were, are] = [before, after].map((rows) => new Map(rows.map((row) => [keyOf(row), row]))) as [
    Map<string, ResourceState>,
    Map<string, ResourceState>,
  ];
  const found: RowChange[] = [];
  for (const key of [...new Set([...were.keys(), ...are.keys()])].sort()) {
    const change = diffRow(were.get(key), are.get(key));
    if (change !== undefined) found.push(change);
  }
  return found;
}

function diffRow(before: ResourceState | undefined, after: ResourceState | undefined): RowChange | undefined {
  if (before === undefined || after === undefined) {
    const row = (before ?? after) as ResourceState;
    return {
      urn: row.urn,
      kind: before === undefined ? "created" : "deleted",
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      changes: [],
      fields: [],
    };
  }
  const inputs = compare(before.inputs, after.inputs).map(onSide("input"));
  // A provider gives most inputs out again.
  const repeated = (change: PropertyChange): boolean =>
    inputs.some(
      (input) =>
        equal(input.path as Value, change.path as Value) &&
        same(input.before, change.before) &&
        same(input.after, change.after),
    );
  const outputs = compare(before.outputs, after.outputs)
    .map(onSide("output"))
    .filter((change) => !repeated(change));
  const others = fields.filter(
    (field) => !same(before[field] as Value | undefined, after[field] as Value | undefined),
  );
  // A replaced object may well have the id of the one before it: a path, a name.
  const replaced = after.custom && (before.id !== after.id || before.createdAt !== after.createdAt);
  if (!replaced && inputs.length + outputs.length + others.length === 0) return undefined;
  return {
    urn: after.urn,
    kind: replaced ? "replaced" : "changed",
    before,
    after,
    changes: [...inputs, ...outputs],
    fields: others,
  };
}

const onSide =
  (side: PropertyChange["side"]) =>
  (difference: Pick<PropertyChange, "path" | "before" | "after">): PropertyChange => ({
    ...difference,
    effect: "update",
    side,
  });

const same = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && equal(a, b));
