/** The engine: composes program, plan, execution and state for its callers. One function per thing that a person wants done. */
import { hostname, userInfo } from "node:os";
import { join, relative } from "node:path";
import { groupDrift } from "./drift/groups.js";
import { applyIgnoreRules } from "./drift/ignore.js";
import { findUnmanaged } from "./drift/unmanaged.js";
import type { DriftOptions, DriftReport, EngineContext, PlanOptions } from "./engine-contract.js";
import { execute } from "./execute/execution.js";
import {
  leftOpen,
  type OpenStep,
  type ResumeAnswer,
  type Resumed,
  resume,
  settledText,
  together,
} from "./execute/resume.js";
import type { ApplyResult } from "./model/event.js";
import { type Failure, OrchError, toFailure } from "./model/failure.js";
import type { LockSet } from "./model/lock.js";
import { type Plan, summarize } from "./model/plan.js";
import type { Urn } from "./model/urn.js";
import { notFoundAgain } from "./plan/find-again.js";
import { dangling, locksOf, locksOfUnfinished, overlaps } from "./plan/locks.js";
import { makePlan } from "./plan/plan.js";
import { isReadable, readAll } from "./plan/refresh.js";
import { digestFiles, digestPlan, fingerprintPrior, staleness } from "./plan/seal.js";
import { touchedUrns } from "./plan/touched.js";
import {
  type EarlierState,
  earlierResources,
  earlierState,
  plannedResources,
  registerEarlier,
  rowsBefore,
  undoWarnings,
} from "./plan/undo.js";
import type { ProgramHost, ProgramOptions, ProgramResult, ProgramSink } from "./program/contract.js";

import { ProviderRegistry } from "./provider/registry.js";
import type { Run, RunStart, Snapshot, UnfinishedStep } from "./state/contract.js";

const defaultParallel = 32;

/** Providers live as long as the command: what a plan has started and configured, the apply after it uses again. */
const registries = new WeakMap<EngineContext, ProviderRegistry>();

function registryOf(context: EngineContext): ProviderRegistry {
  let registry = registries.get(context);
  if (registry === undefined) {
    registry = new ProviderRegistry(context.loaders, {
      projectDir: context.project.programDir,
      project: context.project.name,
      stack: context.store.info.stack,
      log: (entry) => context.events({ type: "log", ...entry }),
    });
    registries.set(context, registry);
  }
  return registry;
}

/** Ends the providers that were started for this context. */
export async function closeEngine(context: EngineContext): Promise<void> {
  await registries.get(context)?.close();
  registries.delete(context);
}

/** Rejects with OrchError only; a program or provider that fails leaves everything as it was. */
export async function plan(context: EngineContext, options: PlanOptions): Promise<Plan> {
  return guarded(async () => {
    const { project, config, store, events } = context;
    events({ type: "run-started", run: options.kind === "apply" ? "plan" : options.kind, at: Date.now() });
    const registry = registryOf(context);
    const { snapshot, open } = await settledSnapshot(context, options);
    const earlier =
      options.undo === undefined ? undefined : await earlierOf(context, snapshot, open, options.undo);
    const body = await makePlan({
      kind: options.kind,
      snapshot,
      registry,
      runProgram: (sink) =>
        earlier
          ? registerEarlier(earlier.rows, earlierResources(earlier, snapshot.resources), sink, true)
          : run(context, sink, true, context.signal),
      ...(earlier
        ? { leaving: { reason: { kind: "undo", run: earlier.before }, imported: earlier.imported } }
        : {}),
      refresh: options.refresh ?? false,
      replace: new Set(options.replace ?? []),
      parallel: context.parallel ?? defaultParallel,
      events,
      ...(context.signal ? { signal: context.signal } : {}),
    });
    const made: Plan = {
      format: 1,
      kind: options.kind,
      ...(earlier ? { undo: { before: earlier.before, runs: earlier.runs } } : {}),
      project: project.name,
      stack: store.info.stack,
      lineage: store.info.lineage,
      createdAt: Date.now(),
      orchVersion: context.orchVersion,
      program: await digestFiles(
        project.dir,
        body.program && !earlier ? boundFiles(context, body.program) : [],
      ),
      config: fingerprintConfig(context),
      plugins: await registry.plugins(),
      prior: fingerprintPrior(snapshot, touchedUrns(body.steps), config.crypter),
      drift: body.drift,
      steps: body.steps,
      outputs: body.outputs,
      priorOutputs: body.priorOutputs,
      needsProgram: body.needsProgram,
      warnings: [
        ...open.map(({ failure }) => failure),
        ...(earlier ? undoWarnings(body.steps, earlier) : []),
        ...(await notFoundAgain(
          body.steps,
          registry,
          new Set(open.map((step) => step.unfinished.intent.urn)),
        )),
      ],
    };
    events({ type: "plan-made", plan: made, summary: summarize(made) });
    return made;
  });
}

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
  return guarded(async () => {
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
      return await execute({
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
    } catch (error) {
      await run.finish("failed").catch(() => undefined);
      throw error;
    }
  });
}

/**
 * Reads everything that the state holds and tells what differs, by the project's rules. Writes nothing. An interruption ends it early: the
 * report tells what was read until then.
 */
export async function drift(
  context: EngineContext,
  { unmanaged = true, now = Date.now() }: DriftOptions = {},
): Promise<DriftReport> {
  return guarded(async () => {
    const { project, store, events } = context;
    events({ type: "run-started", run: "drift", at: Date.now() });
    const snapshot = await store.snapshot();
    const registry = registryOf(context);
    const options = {
      parallel: context.parallel ?? defaultParallel,
      ...(context.signal ? { signal: context.signal } : {}),
    };
    const rules = project.settings.drift ?? { ignore: [], unmanaged: [] };
    const [reading, search] = await Promise.all([
      readAll(snapshot, registry, { ...options, events }),
      findUnmanaged({
        rules: unmanaged ? rules.unmanaged : [],
        rows: snapshot.resources,
        registry,
        ...options,
      }),
    ]);
    const { drift: kept, ignored, expired, unused } = applyIgnoreRules(reading.drift, rules.ignore, now);
    const rows = new Map(snapshot.resources.filter(isReadable).map((row) => [row.urn, row]));
    return {
      project: store.info.project,
      stack: store.info.stack,
      at: now,
      checked: rows.size,
      unread: rows.size - reading.observations.length - reading.failures.length,
      drift: kept,
      groups: groupDrift(kept, (urn) => rows.get(urn)),
      ignored,
      rules: { expired, unused },
      unmanaged: search.found,
      failures: [...reading.failures, ...search.failures],
    };
  });
}

/**
 * Settles the steps that a killed run left open, as far as that is possible, and with a person's answers where it is not.
 * `complete` (default true): creations that are found again by sending them again with their token are sent.
 */
export async function resumeRun(
  context: EngineContext,
  answers: ReadonlyMap<Urn, ResumeAnswer> = new Map(),
  { complete = true }: { readonly complete?: boolean } = {},
): Promise<Resumed> {
  return guarded(async () => {
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

/** Begins a run, alone with `locks`; whoever is in the way is waited for, and told of. */
async function beginRun(
  { store, events, signal, lockTimeoutMs }: EngineContext,
  start: RunStart,
  locks: LockSet,
  { wait = true }: { readonly wait?: boolean } = {},
): Promise<Run> {
  if (!wait || lockTimeoutMs === 0) return store.beginRun(start, { locks });
  let waited: number | undefined;
  const run = await store.beginRun(start, {
    locks,
    wait: {
      waiting: (lockWait) => {
        waited = lockWait.waitedMs;
        events({ type: "lock-waiting", ...lockWait });
      },
      ...(signal ? { signal } : {}),
      ...(lockTimeoutMs === undefined ? {} : { atMost: lockTimeoutMs }),
    },
  });
  if (waited !== undefined) events({ type: "lock-acquired", waitedMs: waited });
  return run;
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

/** The state to plan against, with as little left open as can be. */
async function settledSnapshot(
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

/** As the plan told it; a step that was cut off after the plan was made is told anew. */
const openFailure = (plan: Plan, { runId, intent }: UnfinishedStep): Failure =>
  plan.warnings.find(({ reason, urn }) => reason === "unfinished-steps" && urn === intent.urn) ?? {
    reason: "unfinished-steps",
    message: `Run ${runId} was cut off while it did a ${intent.op} of ${intent.urn}. It was left alone.`,
    urn: intent.urn,
    next: ["Run `orch resume`."],
  };

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

async function run(
  context: EngineContext,
  sink: ProgramSink,
  dryRun: boolean,
  signal: AbortSignal | undefined,
): Promise<ProgramResult> {
  const { project, config, store } = context;
  const options: ProgramOptions = {
    projectDir: project.dir,
    programDir: project.programDir,
    project: project.name,
    stack: store.info.stack,
    organization: "organization",
    config: Object.fromEntries(Object.entries(config.values).map(([key, { value }]) => [key, value])),
    secretKeys: Object.entries(config.values)
      .filter(([, { secret }]) => secret)
      .map(([key]) => key),
    dryRun,
    parallel: context.parallel ?? defaultParallel,
    events: context.events,
    ...(project.entry ? { entry: project.entry } : {}),
    ...(signal ? { signal } : {}),
  };
  // Loaded when first needed: reading, destroying and drift run no program.
  const start = context.runProgram ?? (await import("./program/run.js")).runProgram;
  return start(options, sink, dryRun ? unspentHost(context) : undefined);
}

/** A child runs one program; a second plan of the same command starts its own. */
const spentHosts = new WeakSet<ProgramHost>();
function unspentHost({ programHost }: EngineContext): ProgramHost | undefined {
  if (programHost === undefined || spentHosts.has(programHost)) return undefined;
  spentHosts.add(programHost);
  return programHost;
}

/** What the stack was before a run. Everything of the time since must have ended, one way or the other. */
async function earlierOf(
  context: EngineContext,
  snapshot: Snapshot,
  open: readonly OpenStep[],
  before: number,
): Promise<EarlierState> {
  const { store } = context;
  const [first] = open;
  if (first)
    throw new OrchError(
      together(
        open.map(({ failure }) => failure),
        first.failure,
      ),
    );
  // Killed between two steps, a run left nothing open but itself: whoever is alone with the stack next ends it.
  if ((await store.runs()).some(({ outcome }) => outcome === undefined))
    await (await beginRun(context, runStart("resume"), "stack", { wait: false })).finish("succeeded");
  return earlierState(store, snapshot, before);
}

/** While a plan is applied: the program once more, or the earlier state. What was unknown is known now. */
async function runAgain(
  context: EngineContext,
  { undo, steps }: Plan,
  sink: ProgramSink,
  signal: AbortSignal,
): Promise<ProgramResult> {
  if (undo === undefined) return run(context, sink, false, signal);
  const rows = await rowsBefore(context.store, undo.before);
  return registerEarlier(rows, plannedResources(rows, steps), sink, false);
}

/** The program's own files, the project file, and the locks that say which packages and plugins it runs with. */
function boundFiles(context: EngineContext, program: ProgramResult): string[] {
  const { dir, file, programDir } = context.project;
  const locks = ["package-lock.json", "yarn.lock", "pnpm-lock.yaml"].map((name) => join(programDir, name));
  return [file, join(dir, "orch.lock.json"), ...locks, ...program.files].map((path) => relative(dir, path));
}

function fingerprintConfig({ config }: EngineContext): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config.values)
      .map(([key, { value, secret }]) => [key, config.crypter.fingerprint(`${secret} ${value}`)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

async function refuseSecondApply({ store }: EngineContext, digest: string, own?: number): Promise<void> {
  const runs = await store.runs(2, { planDigest: digest });
  const before = runs.find(({ id }) => id !== own);
  if (before === undefined) return;
  throw new OrchError({
    reason: "plan-applied",
    message: `This plan was applied already, by run ${before.id} (${before.who}, ${new Date(before.startedAt).toISOString()}${before.outcome ? `, ${before.outcome}` : ""}). A plan applies at most once.`,
    next: ["Make a new plan and review it."],
  });
}

async function refuseStale(
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

const runStart = (kind: RunStart["kind"], planDigest?: string): RunStart => ({
  kind,
  startedAt: Date.now(),
  who: `${userInfo().username}@${hostname()}`,
  ...(planDigest ? { planDigest } : {}),
});

const interrupted = (): OrchError =>
  new OrchError({ reason: "interrupted", message: "Interrupted. Nothing was changed." } satisfies Failure);

/** The boundary: whatever is thrown inside leaves as an OrchError. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OrchError) throw error;
    throw new OrchError(toFailure(error), { cause: error });
  }
}
