/** Tells beforehand which creations a person would have to look for, should the run be cut off in the middle of them. */
import type { Failure } from "../model/failure.js";
import type { CreateStep, Step } from "../model/plan.js";
import { isProviderType, type Urn } from "../model/urn.js";
import { findAgainOf } from "../provider/find-again.js";
import type { ProviderRegistry } from "../provider/registry.js";

/** A warning per type. Of a provider that is not configured yet nothing is known, and nothing said. */
export async function notFoundAgain(
  steps: readonly Step[],
  registry: ProviderRegistry,
  /** Left alone by an apply of this plan. */
  open: ReadonlySet<Urn>,
): Promise<Failure[]> {
  const counts = new Map<string, number>();
  for (const step of steps) {
    if (open.has(step.urn) || !(await isLostByCrash(step, registry))) continue;
    const { type } = (step as CreateStep).resource;
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, count]) => ({
      reason: "not-found-again",
      message: `If this is killed while it creates ${count === 1 ? "the" : `one of the ${count}`} ${type}, you will be asked whether it exists: its provider can't find it again.`,
    }));
}

async function isLostByCrash(step: Step, registry: ProviderRegistry): Promise<boolean> {
  if (step.op !== "create" || !step.resource.custom || isProviderType(step.resource.type)) return false;
  const { provider: urn, type } = step.resource;
  const configured = urn === undefined ? undefined : await registry.current(urn);
  return configured !== undefined && findAgainOf(configured, type) === "no";
}
