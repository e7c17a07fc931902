/** Refusing a plan that does not fit any more. */
import type { EngineContext } from "../engine-contract.js";
import { type Failure, OrchError } from "../model/failure.js";
import type { Plan } from "../model/plan.js";
import { dangling } from "../plan/locks.js";
import { digestFiles, fingerprintPrior, staleness } from "../plan/seal.js";
import type { Snapshot } from "../state/contract.js";
import { fingerprintConfig } from "./fingerprints.js";
import { registryOf } from "./providers.js";

export async function refuseSecondApply(
  { store }: EngineContext,
  digest: string,
  own?: number,
): Promise<void> {
  const runs = await store.runs(2, { planDigest: digest });
  const before = runs.find(({ id }) => id !== own);
  if (before === undefined) return;
  throw new OrchError({
    reason: "plan-applied",
    message: `This plan was applied already, by run ${before.id} (${before.who}, ${new Date(before.startedAt).toISOString()}${before.outcome ? `, ${before.outcome}` : ""}). A plan applies at most once.`,
    next: ["Make a new plan and review it."],
  });
}

export async function refuseStale(
  context: EngineContext,
  plan: Plan,
  snapshot: Snapshot,
  fromFile: boolean,
): Promise<void> {
  const urns = new Set(Object.keys(plan.prior).map((key) => key.split("#")[0] as string));
  const now = {
    prior: fingerprintPrior(snapshot, urns, context.config.crypter),
    config: fromFile ? fingerprintConfig(context) : plan.config,
    program: fromFile ? await digestFiles(context.project.dir, Object.keys(plan.program)) : plan.program,
  };
  const changedBy = new Map<string, number>();
  for (const key of Object.keys({ ...plan.prior, ...now.prior })) {
    if (plan.prior[key] === now.prior[key]) continue;
    const [last] = await context.store.history(key.split("#")[0] as string);
    if (last) changedBy.set(key, last.runId);
  }
  const left = dangling(plan, snapshot).map(
    ({ row, needs }): Failure => ({
      reason: "plan-stale",
      message: `Another run changed what ${row.name} needs, or made it, since the plan was made: it would be left without ${needs}.`,
      urn: row.urn,
    }),
  );
  const plugins = fromFile ? await registryOf(context).otherThan(plan.plugins) : [];
  const failure = staleness(plan, now, changedBy, [...plugins, ...left]);
  if (failure) throw new OrchError(failure);
}
