/** Making a plan. */
import type { EngineContext, PlanOptions } from "../engine-contract.js";
import { type Plan, summarize } from "../model/plan.js";
import { notFoundAgain } from "../plan/find-again.js";
import { makePlan, notRefreshed } from "../plan/plan.js";
import { digestFiles, fingerprintPrior } from "../plan/seal.js";
import { touchedUrns } from "../plan/touched.js";
import { earlierResources, registerEarlier, undoWarnings } from "../plan/undo.js";
import { guarded } from "./boundary.js";
import { boundFiles, fingerprintConfig } from "./fingerprints.js";
import { registerImports } from "./imports.js";
import { run } from "./program.js";
import { defaultParallel, registryOf } from "./providers.js";
import { settledSnapshot } from "./resume.js";
import { earlierOf } from "./undo.js";

/** Rejects with OrchError only; a program or provider that fails leaves everything as it was. */
export async function plan(context: EngineContext, options: PlanOptions): Promise<Plan> {
  return guarded("plan", context, async (span) => {
    const { project, config, store, events } = context;
    events({ type: "run-started", run: options.kind === "apply" ? "plan" : options.kind, at: Date.now() });
    const registry = registryOf(context);
    const { snapshot, open } = await settledSnapshot(context, options);
    const earlier =
      options.undo === undefined ? undefined : await earlierOf(context, snapshot, open, options.undo);
    const { imports } = options;
    const body = await makePlan({
      kind: options.kind,
      snapshot,
      registry,
      runProgram: (sink) =>
        earlier
          ? registerEarlier(earlier.rows, earlierResources(earlier, snapshot.resources), sink, true)
          : imports
            ? registerImports(context, registry, snapshot, imports, sink)
            : run(context, sink, true, context.signal),
      ...(earlier
        ? { leaving: { reason: { kind: "undo", run: earlier.before }, imported: earlier.imported } }
        : imports
          ? { leaving: { reason: { kind: "removed-from-program" }, kept: new Set(snapshot.resources) } }
          : {}),
      refresh: options.refresh ?? false,
      unreadFromState: options.unreadFromState ?? false,
      replace: options.replace ?? [],
      ...(options.selection ? { selection: options.selection } : {}),
      parallel: context.parallel ?? defaultParallel,
      events,
      ...(context.signal ? { signal: context.signal } : {}),
    });
    const made: Plan = {
      format: 1,
      kind: options.kind,
      ...(earlier ? { undo: { before: earlier.before, runs: earlier.runs } } : {}),
      ...(body.selection ? { selection: body.selection } : {}),
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
      ...(body.outputOrigins === undefined ? {} : { outputOrigins: body.outputOrigins }),
      priorOutputs: body.priorOutputs,
      needsProgram: body.needsProgram,
      warnings: [
        ...notRefreshed(body.unread),
        ...body.warnings,
        ...open.map(({ failure }) => failure),
        ...(earlier ? undoWarnings(body.steps, earlier) : []),
        ...(await notFoundAgain(
          body.steps,
          registry,
          new Set(open.map((step) => step.unfinished.intent.urn)),
        )),
      ],
    };
    span.setAttributes({ "orch.plan.kind": made.kind, "orch.plan.steps": made.steps.length });
    events({ type: "plan-made", plan: made, summary: summarize(made) });
    return made;
  });
}
