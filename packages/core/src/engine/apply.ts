/** Carrying out a plan. */
import type { EngineContext } from "../engine-contract.js";
import { execute } from "../execute/execution.js";
import { resume, settledText } from "../execute/resume.js";
import type { ApplyResult } from "../model/event.js";
import { type Failure, OrchError } from "../model/failure.js";
import type { LockSet } from "../model/lock.js";
import type { Plan } from "../model/plan.js";
import { locksOf, overlaps } from "../plan/locks.js";
import { digestPlan } from "../plan/seal.js";
import type { Run, Snapshot, UnfinishedStep } from "../state/contract.js";
import { failSpan } from "../trace/span.js";
import { guarded } from "./boundary.js";
import { runAgain } from "./program.js";
import { defaultParallel, registryOf } from "./providers.js";
import { beginRun, runStart } from "./runs.js";
import { refuseSecondApply, refuseStale } from "./stale.js";

export interface ApplyOptions {
  /** Finish the branches that do not need what failed. */
  readonly continueOnError: boolean;
  /** Set for a plan that comes from a file: its program and configuration may have changed meanwhile. */
  readonly digest?: string;
  /** Run the program again even if the plan holds everything: for programs that do something themselves while applying. */
  readonly runProgram?: boolean;
}

/** Refuses a plan that does not fit any more before any provider is called. A step that fails is in the result, not thrown. */
export async function apply(context: EngineContext, plan: Plan, options: ApplyOptions): Promise<ApplyResult> {
  return guarded("apply", context, async (span) => {
    const { store, events } = context;
    events({ type: "run-started", run: plan.kind, at: Date.now() });
    if (plan.lineage !== store.info.lineage || plan.stack !== store.info.stack) {
      throw new OrchError({
        reason: "plan-stale",
        message: "The plan was made for another stack. Nothing was done.",
        expected: `${store.info.project}/${store.info.stack} (${store.info.lineage})`,
        found: `${plan.project}/${plan.stack} (${plan.lineage})`,
      });
    }
    if (options.digest !== undefined) {
      // Before the run too: what is refused did not begin, so that the plan can be applied once its cause is put right.
      await refuseSecondApply(context, options.digest);
      await refuseStale(context, plan, await store.snapshot(), true);
    }
    const locks = locksOf(plan);
    const start = runStart(plan.kind, options.digest ?? digestPlan(plan, store.crypter));
    const run = await beginRun(context, start, locks);
    try {
      const snapshot = await afterTheDead(context, plan, run, locks);
      if (options.digest !== undefined) await refuseSecondApply(context, options.digest, run.id);
      await refuseStale(context, plan, snapshot, options.digest !== undefined);
      const registry = registryOf(context);
      span.setAttributes({ "orch.plan.kind": plan.kind, "orch.run.id": run.id });
      const result = await execute({
        plan: options.runProgram && plan.kind === "apply" ? { ...plan, needsProgram: true } : plan,
        snapshot,
        run,
        registry,
        runProgram: (sink, signal) => runAgain(context, plan, sink, signal),
        parallel: context.parallel ?? defaultParallel,
        continueOnError: options.continueOnError,
        open: new Map(snapshot.unfinished.map((step) => [step.intent.urn, openFailure(plan, step)])),
        events,
        ...(context.signal ? { signal: context.signal } : {}),
        ...(context.cancelSignal ? { cancelSignal: context.cancelSignal } : {}),
      });
      span.setAttributes({
        "orch.run.outcome": result.outcome,
        "orch.run.done": result.done,
        "orch.run.failed": result.failed.length,
      });
      if (result.outcome === "failed") failSpan(span, result.problem ?? { reason: "step-failed" });
      return result;
    } catch (error) {
      await run.finish("failed").catch(() => undefined);
      throw error;
    }
  });
}

/**
 * The state as the run begins. A run that held some of its resources may have died after the plan was made: what that left open is looked into first,
 * which may well make the plan stale.
 */
async function afterTheDead(context: EngineContext, plan: Plan, run: Run, locks: LockSet): Promise<Snapshot> {
  const snapshot = await context.store.snapshot();
  const told = new Set(
    plan.warnings.filter(({ reason }) => reason === "unfinished-steps").map(({ urn }) => urn),
  );
  const unfinished = snapshot.unfinished.filter(
    (step) => !told.has(step.intent.urn) && overlaps(locks, step),
  );
  if (unfinished.length === 0) return snapshot;
  const { settled } = await resume({
    snapshot: { ...snapshot, unfinished },
    run,
    registry: registryOf(context),
    answers: new Map(),
    complete: true,
    parallel: context.parallel ?? defaultParallel,
    ...(context.signal ? { signal: context.signal } : {}),
  });
  for (const { urn, ...what } of settled)
    context.events({ type: "log", level: "info", urn, message: settledText(what) });
  return context.store.snapshot();
}

/** As the plan told it; a step that was cut off after the plan was made is told anew. */
const openFailure = (plan: Plan, { runId, intent }: UnfinishedStep): Failure =>
  plan.warnings.find(({ reason, urn }) => reason === "unfinished-steps" && urn === intent.urn) ?? {
    reason: "unfinished-steps",
    message: `Run ${runId} was cut off while it did a ${intent.op} of ${intent.urn}. It was left alone.`,
    urn: intent.urn,
    next: ["Run `orch resume`."],
  };
