/** Showing a plan, asking, carrying it out: what apply, destroy and refresh have in common. */
import { apply as applyPlan, plan as makePlan } from "@orch/core/engine";
import type { PlanOptions } from "@orch/core/engine-contract";
import type { ApplyResult } from "@orch/core/model/event";
import { exitCodeOf, OrchError, toFailure } from "@orch/core/model/failure";
import { hasChanges, type Plan, summarize } from "@orch/core/model/plan";
import { askOpen, hasOpen } from "./ask-open.js";
import type { Work } from "./context.js";
import { durationsOf } from "./durations.js";
import type { Format } from "./format.js";
import { confirm } from "./prompt.js";
import type { DoneStep } from "./render/markdown/apply.js";
import { renderOutputValues, renderPlan } from "./render/plan.js";
import { resultText } from "./render/progress.js";
import { count } from "./render/text.js";
import {
  errTheme,
  isInteractive,
  note,
  noteText,
  outTheme,
  session,
  write,
  writeDocument,
  writeText,
} from "./session.js";
import type { View } from "./view/view.js";

export interface PerformFlags {
  readonly yes: boolean;
  readonly diff: boolean;
  readonly continueOnError: boolean;
  readonly runProgram?: boolean;
  readonly format: Format;
  /** Sees each plan before it is shown; what it rejects with stops everything. */
  readonly planned?: (plan: Plan) => Promise<void>;
}

/** The exit code. */
export async function planAndPerform(
  work: Work,
  view: View,
  options: PlanOptions,
  flags: PerformFlags,
  command: string,
): Promise<number> {
  // Before the work of planning: a pipeline that forgot --yes learns it at once.
  if (!flags.yes && !isInteractive()) throw needsConfirmation(command);
  const asking = !flags.yes && isInteractive();
  for (let again = 0; ; again++) {
    const plan = await makePlan(work.engine, {
      ...options,
      complete: true,
      ...(flags.continueOnError ? { unreadFromState: true } : {}),
      ...(asking ? { askOpen: (open) => askOpen(open, view) } : {}),
    });
    await flags.planned?.(plan);
    try {
      return await perform(work, view, plan, undefined, flags, command);
    } catch (error) {
      // It was not reviewed as a file, and another run was quicker: a new plan is what the person would make next.
      if (toFailure(error).reason !== "plan-stale" || again === 2) throw error;
      view.clear();
      note("Another run changed the stack meanwhile. Planning again.");
    }
  }
}

/** `digest`: of a plan that comes from a file. */
export async function perform(
  work: Work,
  view: View,
  plan: Plan,
  digest: string | undefined,
  flags: PerformFlags,
  command: string,
): Promise<number> {
  const { engine, stack } = work;
  const durations = await durationsOf(stack.store);
  const { parallel } = engine;
  const times = {
    ...(durations === undefined ? {} : { durations }),
    ...(parallel === undefined ? {} : { parallel }),
  };
  view.clear();
  view.apply(plan, times);
  const theme = outTheme();
  const unread = plan.warnings.some(({ reason }) => reason === "not-refreshed");
  if (!session.json) writeText(renderPlan(plan, { theme, full: flags.diff, ...times }));
  const markdown = async (result: ApplyResult | undefined, exitCode: number): Promise<void> => {
    if (flags.format !== "markdown") return;
    const [{ applyMarkdown }, { digestPlan }] = await Promise.all([
      import("./render/markdown/apply.js"),
      import("@orch/core/plan/seal"),
    ]);
    writeDocument(
      applyMarkdown(plan, {
        digest: digest ?? digestPlan(plan, engine.config.crypter),
        result,
        done,
        exitCode,
        now: Date.now(),
        baseDir: stack.project.programDir,
      }),
    );
  };
  const done: DoneStep[] = [];
  if (!hasChanges(plan) && !plan.steps.some(isBookkeeping)) {
    const code = hasOpen(plan) ? 4 : unread ? 1 : 0;
    await markdown(undefined, code);
    return code;
  }
  if (hasChanges(plan) && !flags.yes) {
    if (!isInteractive()) throw needsConfirmation(command);
    write("");
    const details = (): void => write(`\n${renderPlan(plan, { theme, full: true, ...times })}\n`);
    if (!(await confirm(question(plan), details))) {
      note("Nothing was changed.");
      return 1;
    }
  }
  if (!session.json) write("");
  work.listen((event) => {
    if (event.type === "step-finished") done.push({ step: event.step, elapsedMs: event.elapsedMs });
  });
  const result = await applyPlan(engine, plan, {
    continueOnError: flags.continueOnError,
    ...(flags.runProgram ? { runProgram: true } : {}),
    ...(digest === undefined ? {} : { digest }),
  });
  view.clear();
  if (!session.json && hasChanges(plan)) {
    const ok = result.outcome === "succeeded";
    const text = resultText(result, {
      theme: ok ? theme : errTheme(),
      verbose: session.verbose,
      plan,
      columns: (ok ? process.stdout : process.stderr).columns,
      baseDir: stack.project.programDir,
    });
    const outputs = renderOutputValues(result.outputs, { theme, full: false });
    if (outputs.length > 0 && plan.kind === "apply")
      write(["", theme.bold("Outputs"), ...outputs.map((line) => `  ${line}`)].join("\n"));
    if (ok) writeText(`\n${text}`);
    else noteText(`\n${text}`);
  }
  const code = exitCodeAfter(result, unread);
  await markdown(result, code);
  return code;
}

function exitCodeAfter(result: ApplyResult, unread: boolean): number {
  if (result.outcome === "succeeded") return unread ? 1 : 0;
  if (result.outcome === "interrupted") return 130;
  if (result.problem !== undefined) return exitCodeOf(result.problem);
  // Nothing failed by itself: what was left alone waits for an answer.
  return result.failed.every(({ failure }) => failure.reason === "unfinished-steps") ? 4 : 1;
}

/** Written to the state without anything for a person to decide: options, dependencies, default providers. */
const isBookkeeping = (step: Plan["steps"][number]): boolean => step.op !== "same" || step.write;

function question(plan: Plan): string {
  const n = summarize(plan);
  const target = `${plan.project}/${plan.stack}`;
  const destroys = n.delete + n.replace;
  switch (plan.kind) {
    case "destroy":
      return `Really destroy ${count(n.delete, "resource")} of ${target}?`;
    case "refresh":
      return `Write what was found into the state of ${target}?`;
    case "apply":
      return destroys > 0
        ? `Apply this to ${target}, with ${destroys} deleted or replaced?`
        : `Apply this to ${target}?`;
  }
}

const needsConfirmation = (command: string): OrchError =>
  new OrchError({
    reason: "needs-confirmation",
    message: `\`orch ${command}\` asks before it changes anything, and there is no terminal to ask at.`,
    next: [
      `Give --yes to go on without being asked: \`orch ${command} --yes\`.`,
      ...(command === "apply"
        ? ["Or review a plan first: `orch plan --out FILE`, then `orch apply FILE --yes`."]
        : []),
    ],
  });
