/** What `orch graph` draws. */
import { OrchError } from "@orch/core/model/failure";
import { type EngineFlags, withEngine, withStack } from "./context.js";
import { durationsOf } from "./durations.js";
import { renderFailure } from "./render/failure.js";
import { type DrawnGraph, planGraph, stateGraph } from "./render/graph/model.js";
import { errTheme, note } from "./session.js";
import { openView } from "./view/view.js";

export interface Source {
  readonly graph: DrawnGraph;
  /** False: something could not be read, and is shown as the state has it. */
  readonly whole: boolean;
}

export function newPlanGraph(orchVersion: string, flags: EngineFlags): Promise<Source> {
  const view = openView();
  return withEngine(orchVersion, view, flags, async ({ engine }) => {
    const { plan } = await import("@orch/core/engine");
    const made = await plan(engine, { kind: "apply" });
    view.clear();
    return { graph: planGraph(made, await durationsOf(engine.store)), whole: true };
  });
}

/** The state, with what is not as orch left it. Rejects with `interrupted`. */
export function driftGraph(orchVersion: string, flags: EngineFlags): Promise<Source> {
  const view = openView();
  return withEngine(orchVersion, view, flags, async ({ engine, stack, interrupts }) => {
    const { drift } = await import("@orch/core/engine");
    const report = await drift(engine, { unmanaged: false });
    view.clear();
    if (interrupts.count() > 0)
      throw new OrchError({ reason: "interrupted", message: "Interrupted: not everything was read." });
    for (const failure of report.failures) note(renderFailure(failure, { theme: errTheme() }));
    const { resources } = await stack.store.snapshot();
    const graph = stateGraph(`${report.project} / ${report.stack}: drift`, resources, report.drift);
    return { graph, whole: report.failures.length === 0 };
  });
}

/** Of the state, or of a plan that was kept in `file`. */
export function storedGraph(orchVersion: string, file: string | undefined): Promise<Source> {
  return withStack(orchVersion, async ({ store, project, stack }) => {
    if (file === undefined) {
      const { resources } = await store.snapshot();
      return { graph: stateGraph(`${project.name} / ${stack}`, resources), whole: true };
    }
    const { loadPlan } = await import("./plan-file.js");
    const { plan } = await loadPlan(file, store);
    return { graph: planGraph(plan, await durationsOf(store)), whole: true };
  });
}
