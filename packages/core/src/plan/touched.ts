/** What of the state a plan stands on. */
import type { Step } from "../model/plan.js";
import type { Urn } from "../model/urn.js";

/** Everything a step needs from the state as it was: its own row, and those of what it is built on. */
export function touchedUrns(steps: readonly Step[]): Set<Urn> {
  const urns = new Set<Urn>();
  for (const step of steps) {
    if (step.op === "same" && !step.write) continue;
    if ("prior" in step && step.prior) urns.add(step.prior.urn);
    urns.add(step.urn);
    if (step.op === "refresh" || step.op === "delete") {
      if (step.prior.provider) urns.add(step.prior.provider);
      continue;
    }
    for (const urn of step.resource.dependencies) urns.add(urn);
    if (step.resource.provider) urns.add(step.resource.provider);
  }
  return urns;
}
