/** Settling what a run that was cut off had begun. */
import type { EngineContext, PlanOptions } from "../engine-contract.js";
import {
  leftOpen,
  type OpenStep,
  type ResumeAnswer,
  type Resumed,
  resume,
  settledText,
} from "../execute/resume.js";
import { toFailure } from "../model/failure.js";
import type { Urn } from "../model/urn.js";
import { locksOfUnfinished } from "../plan/locks.js";
import type { Run, Snapshot, UnfinishedStep } from "../state/contract.js";
import { guarded, interrupted } from "./boundary.js";
import { defaultParallel, registryOf } from "./providers.js";
import { beginRun, runStart } from "./runs.js";

/**
 * Settles the steps that a killed run left open, as far as that is possible, and with a person's answers where it is not.
 * `complete` (default true): creations that are found again by sending them again with their token are sent.
 */
export async function resumeRun(
  context: EngineContext,
  answers: ReadonlyMap<Urn, ResumeAnswer> = new Map(),
  { complete = true }: { readonly complete?: boolean } = {},
): Promise<Resumed> {
  return guarded("resume", context, async () => {
    const { store, signal } = context;
    const { unfinished } = await store.snapshot();
    const mine = new Set(unfinished.map(stepKey));
    // What is left of a run that still lives is not unfinished, and what another command settles meanwhile isn't any more.
    const run = await beginRun(context, runStart("resume"), locksOfUnfinished(unfinished), {
      wait: complete,
    });
    return finishing(run, async () => {
      const snapshot = await store.snapshot();
      return resume({
        snapshot: { ...snapshot, unfinished: snapshot.unfinished.filter((step) => mine.has(stepKey(step))) },
        run,
        registry: registryOf(context),
        answers,
        complete,
        parallel: context.parallel ?? defaultParallel,
        ...(signal ? { signal } : {}),
      });
    });
  });
}

const stepKey = ({ runId, intent }: UnfinishedStep): string => `${runId} ${intent.step}`;

/** The state to plan against, with as little left open as can be. */
export async function settledSnapshot(
  context: EngineContext,
  { complete = false, askOpen }: Pick<PlanOptions, "complete" | "askOpen">,
): Promise<{ readonly snapshot: Snapshot; readonly open: readonly OpenStep[] }> {
  const { store } = context;
  const snapshot = await store.snapshot();
  if (snapshot.unfinished.length === 0) return { snapshot, open: [] };
  let { open, settled } = await resumeRun(context, new Map(), { complete }).catch(
    (error: unknown): Resumed => {
      // A plan changes nothing and waits for nobody: what it can't settle now is as open as what nobody can.
      if (complete || toFailure(error).reason !== "state-locked") throw error;
      return leftOpen(
        snapshot.unfinished,
        "another run is at work, which has to end before it can be looked into",
      );
    },
  );
  if (context.signal?.aborted) throw interrupted();
  const asked = open.filter(({ waits }) => !waits);
  if (asked.length > 0 && askOpen) {
    const answers = await askOpen(asked);
    if (answers.size > 0) {
      const more = await resumeRun(context, answers, { complete });
      open = more.open;
      settled = [...settled, ...more.settled];
    }
  }
  for (const { urn, ...what } of settled)
    context.events({ type: "log", level: "info", urn, message: settledText(what) });
  return { snapshot: await store.snapshot(), open };
}

async function finishing<T>(run: Run, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    await run.finish("succeeded");
    return result;
  } catch (error) {
    await run.finish("failed").catch(() => undefined);
    throw error;
  }
}
