/** Which steps must not be done while something that was begun earlier is still open. */
import type { Failure } from "../model/failure.js";
import type { Step, StepId } from "../model/plan.js";
import type { Urn } from "../model/urn.js";

/**
 * The steps of open URNs, and the deletions that only make room for them: without what comes after, nothing would be left. What
 * comes after a blocked step is skipped by the walk anyway.
 */
export function blockedSteps(
  steps: readonly Step[],
  open: ReadonlyMap<Urn, Failure>,
): ReadonlyMap<StepId, Failure> {
  const blocked = new Map<StepId, Failure>();
  if (open.size === 0) return blocked;
  const doomed = new Map<StepId, Failure>();
  const byId = new Map(steps.map((step) => [step.id, step]));
  const pending: StepId[] = [];
  const reach = (id: StepId, failure: Failure): void => {
    if (doomed.has(id)) return;
    doomed.set(id, failure);
    pending.push(id);
  };
  for (const step of steps) {
    const failure = urnsOf(step)
      .map((urn) => open.get(urn))
      .find((found) => found !== undefined);
    if (failure) {
      blocked.set(step.id, failure);
      reach(step.id, failure);
    }
  }
  // Early deletions on the way to a blocked step, and on the way to what a blocked step would come before.
  for (let changed = true; changed; ) {
    changed = false;
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      const failure = doomed.get(id) as Failure;
      for (const before of byId.get(id)?.after ?? []) {
        const step = byId.get(before);
        if (step?.op !== "delete" || step.late || blocked.has(before)) continue;
        blocked.set(before, failure);
        reach(before, failure);
      }
    }
    for (const step of steps) {
      if (doomed.has(step.id)) continue;
      const cause = step.after.map((id) => doomed.get(id)).find((found) => found !== undefined);
      if (cause) {
        reach(step.id, cause);
        changed = true;
      }
    }
  }
  return blocked;
}

const urnsOf = (step: Step): Urn[] => [
  step.urn,
  ...("prior" in step && step.prior ? [step.prior.urn] : []),
  ...(step.op === "create" && step.replaces ? [step.replaces.prior.urn] : []),
];
