/** Everything that a plan and the state know about one resource. Pure. */
import { compare } from "../model/compare.js";
import { byOrch, type Step } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { hasUnknown } from "../model/value.js";
import { type Cause, causeChain, type StepIndex, subjectOf } from "./why.js";

/** Another resource, and what the plan does to it; without a step the plan leaves it out. */
export interface Related {
  readonly urn: Urn;
  readonly step?: Step;
}

/** A property whose value the program took from other resources. */
export interface Origin {
  readonly property: string;
  readonly from: readonly Related[];
  /** Known only once those have been made or changed. */
  readonly unknown: boolean;
}

export interface Explanation {
  readonly resource: Resource | ResourceState;
  readonly step?: Step;
  /** From the step back to the first change. */
  readonly causes: readonly Cause[];
  readonly origins: readonly Origin[];
  /** What it was told to depend on without taking a value (`dependsOn`). */
  readonly dependsOn: readonly Related[];
  /** Resources that take a value of it, or were told to depend on it. */
  readonly neededBy: readonly Related[];
  /** Of a component: what is in it. Of a provider: what it serves. */
  readonly holds: readonly Related[];
  /** What the plan does because of what it does to this one, however far away. */
  readonly leadsTo: readonly Related[];
}

/** `rows`: the state, for what the plan leaves out. Undefined when neither knows the URN. */
export function explain(urn: Urn, index: StepIndex, rows: readonly ResourceState[]): Explanation | undefined {
  const subjects = new Map<Urn, Resource | ResourceState>();
  for (const row of rows) if (row.deposed === undefined) subjects.set(row.urn, row);
  for (const step of index.values()) subjects.set(step.urn, subjectOf(step));
  const resource = subjects.get(urn);
  if (resource === undefined) return undefined;
  const step = index.get(urn);
  const related = (other: Urn): Related => {
    const its = index.get(other);
    return { urn: other, ...(its === undefined ? {} : { step: its }) };
  };
  const inputs = step !== undefined && "inputs" in step ? step.inputs : resource.inputs;
  const origins = Object.entries(resource.propertyDependencies)
    .filter(([, from]) => from.length > 0)
    .map(([property, from]) => ({
      property,
      from: from.map(related),
      unknown: hasUnknown(inputs[property]),
    }));
  const taken = new Set(Object.values(resource.propertyDependencies).flat());
  const all = [...subjects.values()].filter((other) => other.urn !== urn);
  const uses = (other: Resource | ResourceState): boolean =>
    other.dependencies.includes(urn) ||
    Object.values(other.propertyDependencies).some((from) => from.includes(urn));
  const leadsTo = [...index.values()].filter(
    (other) =>
      other.urn !== urn &&
      other.op !== "same" &&
      causeChain(other, index)
        .slice(1)
        .some((cause) => cause.step.urn === urn),
  );
  return {
    resource,
    ...(step === undefined ? {} : { step }),
    causes: step === undefined ? [] : causeChain(step, index),
    origins,
    dependsOn: resource.dependencies.filter((other) => !taken.has(other) && !byOrch(other)).map(related),
    neededBy: all.filter(uses).map((other) => related(other.urn)),
    holds: all.filter((other) => other.parent === urn || other.provider === urn).map((o) => related(o.urn)),
    leadsTo: leadsTo.map((other) => related(other.urn)),
  };
}

/** One entry of a resource's past. */
export interface Episode {
  readonly runId: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly what: "created" | "changed" | "replaced" | "deleted" | "recorded";
  /** Names of the inputs that became others. */
  readonly properties: readonly string[];
}

/** `versions`: the rows that runs left, newest first; without a state it was gone after that run. The same order. */
export function episodes(
  versions: readonly { readonly runId: number; readonly at: number; readonly state?: ResourceState }[],
): readonly Episode[] {
  return versions.map(({ runId, at, state }, i): Episode => {
    const before = versions[i + 1]?.state;
    const properties =
      before === undefined || state === undefined
        ? []
        : [...new Set(compare(before.inputs, state.inputs).map(({ path }) => String(path[0])))];
    const what =
      state === undefined
        ? "deleted"
        : before === undefined
          ? "created"
          : before.id !== state.id
            ? "replaced"
            : properties.length > 0
              ? "changed"
              : "recorded";
    return { runId, at, what, properties };
  });
}
