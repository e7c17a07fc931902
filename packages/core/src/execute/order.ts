/** The plan's steps as tasks for the walk. */

import type { Task } from "../graph/schedule.js";
import type { Step } from "../model/plan.js";
import { hasEffect } from "./operations.js";

/**
 * A task per step, by its number, and one more, numbered after them, that stands between everything and the late deletes: with it the
 * edges stay as many as the steps, not their square.
 */
export function tasksOf(steps: readonly Step[]): Task[] {
  const barrier = steps.length;
  const tasks: Task[] = [];
  const soon: number[] = [];
  let late = false;
  for (const step of steps) {
    const waits = step.op === "delete" && step.late;
    if (waits) late = true;
    else soon.push(step.id);
    tasks.push({ id: step.id, after: waits ? [...step.after, barrier] : step.after, weight: weightOf(step) });
  }
  if (late) tasks.push({ id: barrier, after: soon, weight: 0 });
  return tasks;
}

/** Without a history of durations every call counts the same, and bookkeeping nearly nothing. */
const weightOf = (step: Step): number => (hasEffect(step) ? 1 : 0.01);
