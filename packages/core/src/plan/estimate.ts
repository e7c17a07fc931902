/** How long a plan takes, going by how long such steps took before. Pure. */
import { criticalPathLengths, type Task } from "../graph/schedule.js";
import type { Step, StepId } from "../model/plan.js";
import type { Durations } from "../state/durations.js";

export interface Estimate {
  /** Milliseconds until the last step has ended. */
  readonly ms: number;
  /** Steps that call a provider and are like none that ran before; they count nothing in `ms`. */
  readonly unknown: number;
  /** Steps that call a provider. */
  readonly steps: number;
}

/** Does the step call anybody outside? */
export const calls = (step: Step): boolean => {
  if (step.op === "same" || step.op === "refresh") return false;
  if (step.op === "delete") return step.prior.custom && step.forget === undefined;
  return step.resource.custom;
};

/** Milliseconds that the step took before, or steps of its kind; undefined without any. */
export function expectedMs(step: Step, durations: Durations): number | undefined {
  if (!calls(step)) return undefined;
  const { type } = "resource" in step ? step.resource : step.prior;
  return durations.expected(step.op, type, step.urn);
}

/** Follows a plan while it is applied: what is left gets less with each step that ends. */
export interface Forecast {
  readonly expected: ReadonlyMap<StepId, number>;
  /** `elapsed`: ended steps are `"ended"`, running ones have their time so far in ms; the others wait. */
  left(elapsed: ReadonlyMap<StepId, number | "ended">): Estimate;
}

/** `parallel`: steps at the same time. Undefined when nothing like it ran before. */
export function forecast(
  steps: readonly Step[],
  durations: Durations,
  parallel: number,
): Forecast | undefined {
  const expected = new Map<StepId, number>();
  for (const step of steps) {
    if (!calls(step)) continue;
    const ms = expectedMs(step, durations);
    if (ms !== undefined) expected.set(step.id, ms);
  }
  if (expected.size === 0) return undefined;
  const edges = edgesOf(steps);
  return {
    expected,
    left(elapsed) {
      let sum = 0;
      let unknown = 0;
      let open = 0;
      const tasks = edges.map(({ id, after }): Task => {
        const at = elapsed.get(id);
        const step = steps[id];
        if (at === "ended" || step === undefined || !calls(step)) return { id, after, weight: 0 };
        open++;
        const ms = expected.get(id);
        if (ms === undefined) unknown++;
        const weight = Math.max(0, (ms ?? 0) - (at ?? 0));
        sum += weight;
        return { id, after, weight };
      });
      let longest = 0;
      for (const ms of criticalPathLengths(tasks).values()) longest = Math.max(longest, ms);
      return { ms: Math.max(longest, sum / parallel), unknown, steps: open };
    },
  };
}

/** The walk's order, with one more task between everything and the deletions that come last. */
function edgesOf(steps: readonly Step[]): { id: number; after: readonly number[] }[] {
  const barrier = steps.length;
  const late = (step: Step): boolean => step.op === "delete" && step.late;
  return [
    ...steps.map((step) => ({ id: step.id, after: late(step) ? [...step.after, barrier] : step.after })),
    { id: barrier, after: steps.filter((step) => !late(step)).map(({ id }) => id) },
  ];
}
