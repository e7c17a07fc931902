/** How long things will take, as far as earlier runs tell. */
import type { Step } from "@orch/core/model/plan";
import { type Estimate, expectedMs } from "@orch/core/plan/estimate";
import type { Durations } from "@orch/core/state/durations";
import { count, grouped } from "./text.js";

/** Milliseconds as a person says them who does not know exactly: `3 s`, `40 s`, `4 min`, `1 h 20 min`. */
export function roughly(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 10) return `${seconds} s`;
  if (seconds < 57) return `${Math.round(seconds / 5) * 5} s`;
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return `${minutes} min`;
  const rest = Math.round((minutes % 60) / 10) * 10;
  const hours = Math.floor(minutes / 60) + (rest === 60 ? 1 : 0);
  return rest % 60 === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}

/** Shorter times of a step and of a whole plan are of no interest, and differ from run to run. */
const shortStep = 2_000;
const shortPlan = 5_000;

/** `about 4 min`, of a step and, for a replace, of its deletion too; undefined when it is short or nothing is known. */
export function expectedText(step: Step, durations: Durations): string | undefined {
  const own = expectedMs(step, durations);
  if (own === undefined) return undefined;
  const old = step.op === "create" ? step.replaces?.prior : undefined;
  const ms = own + (old === undefined ? 0 : (durations.expected("delete", old.type, old.urn) ?? 0));
  return ms < shortStep ? undefined : `about ${roughly(ms)}`;
}

/** A sentence on the whole; undefined when it is short or nothing is known. */
export function estimateText({ ms, unknown, steps }: Estimate): string | undefined {
  if (ms < shortPlan) return undefined;
  const gap =
    unknown === 0
      ? ""
      : `; ${grouped(unknown)} of ${count(steps, "step")} are like none before and not counted`;
  return `Takes about ${roughly(ms)}, going by earlier runs${gap}.`;
}
