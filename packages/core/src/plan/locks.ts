/** What a run must be alone with, and what beside its own rows must still be as its plan takes it to be. */
import type { LockSet } from "../model/lock.js";
import type { Plan, Step } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import { parseUrn, rootStackType, type Urn } from "../model/urn.js";
import type { Intent, Snapshot, UnfinishedStep } from "../state/contract.js";
import { neededBy } from "../state/order.js";
import { touchedUrns } from "./touched.js";

/** Written: what a step changes the row of; outputs of the stack are its root's. Read: what those are built on, and the components that they are in. */
export function locksOf(plan: Pick<Plan, "steps">): LockSet {
  const write = new Set<Urn>();
  const read = touchedUrns(plan.steps);
  for (const step of plan.steps) {
    if (step.op === "same" && !step.write) continue;
    write.add(step.urn);
    for (const urn of formerUrns(step)) write.add(urn);
    const parent = parentOf(step);
    if (parent !== undefined) read.add(parent);
  }
  return { write, read };
}

function formerUrns(step: Step): readonly Urn[] {
  if (step.op === "create") return step.replaces ? [step.replaces.prior.urn] : [];
  return "prior" in step && step.prior ? [step.prior.urn] : [];
}

/** The stack itself is everybody's: whoever writes it changes the stack's outputs, which is nothing to those below it. */
function parentOf(step: Step): Urn | undefined {
  const { parent } = "resource" in step ? step.resource : step.prior;
  return parent === undefined || parseUrn(parent).type === rootStackType ? undefined : parent;
}

/** What looking after steps of a run that was cut off changes and reads. */
export function locksOfUnfinished(steps: readonly UnfinishedStep[]): LockSet {
  return {
    write: new Set(steps.flatMap(({ intent }) => urnsOf(intent))),
    read: new Set(steps.flatMap(({ intent }) => intent.provider ?? [])),
  };
}

/** Every name that the step's object has or gets. */
function urnsOf(intent: Intent): readonly Urn[] {
  const written = (intent.expected?.writes ?? []).flatMap((write) => {
    if ("rename" in write) return [write.rename, write.to];
    if ("depose" in write) return [write.depose];
    return "remove" in write ? [write.remove.urn] : [];
  });
  return [intent.urn, ...written];
}

export const overlaps = (locks: LockSet, { intent }: UnfinishedStep): boolean =>
  locks === "stack" || urnsOf(intent).some((urn) => locks.write.has(urn) || locks.read.has(urn));

/** Something that another run made or took away after the plan was made, and that would be left without what it needs. */
export interface Dangling {
  readonly row: Pick<ResourceState, "urn" | "name">;
  readonly needs: Urn;
}

export function dangling(plan: Pick<Plan, "steps">, snapshot: Snapshot): readonly Dangling[] {
  return [...orphans(plan, snapshot), ...homeless(plan, snapshot)];
}

/** Rows that the plan does not change and that need what it takes away. */
function orphans({ steps }: Pick<Plan, "steps">, snapshot: Snapshot): Dangling[] {
  const leaving = new Set<Urn>();
  for (const step of steps) {
    if (step.op === "delete" && step.replaced === undefined && step.prior.deposed === undefined)
      leaving.add(step.prior.urn);
  }
  if (leaving.size === 0) return [];
  // What the plan leaves as it is, another run may have made depend on what leaves.
  const known = new Set(
    steps.flatMap((step) => (step.op === "same" && !step.write ? [] : [step.urn, ...formerUrns(step)])),
  );
  return snapshot.resources.flatMap((row) => {
    if (known.has(row.urn) || row.deposed !== undefined) return [];
    const needs = [...neededBy(row)].find((urn) => leaving.has(urn));
    return needs === undefined ? [] : [{ row, needs }];
  });
}

/** Resources of the plan whose component is neither in the plan nor in the state any more. */
function homeless({ steps }: Pick<Plan, "steps">, snapshot: Snapshot): Dangling[] {
  const inPlan = new Set(steps.map(({ urn }) => urn));
  const outside = steps.flatMap((step) => {
    if (!("resource" in step) || step.resource.parent === undefined || inPlan.has(step.resource.parent))
      return [];
    const parent = parentOf(step);
    return parent === undefined ? [] : [{ row: step.resource, needs: parent }];
  });
  if (outside.length === 0) return [];
  const there = new Set(snapshot.resources.map(({ urn }) => urn));
  return outside.filter(({ needs }) => !there.has(needs));
}
