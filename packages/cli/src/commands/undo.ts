import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { hasChanges } from "@orch/core/model/plan";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import {
  diffFlag,
  eventsFlag,
  jsonFlag,
  lockTimeoutFlag,
  parallelFlag,
  refreshFlag,
  yesFlag,
} from "../flags.js";
import { doingFormatOf, formatFlag, orFailedSection } from "../format.js";
import { savePlan } from "../plan-file.js";
import { planJson } from "../render/json.js";
import { planMarkdown } from "../render/markdown/plan.js";
import { renderPlan } from "../render/plan.js";
import { findRun } from "../runs.js";
import { note, outTheme, writeDocument, writeJson, writeText } from "../session.js";
import { openView } from "../view/view.js";

export default class Undo extends OrchCommand {
  static override summary = "Go back to the state before a run.";
  static override description =
    `Plans the way back to what the stack was before RUN, with everything that later runs did undone as well; shows the plan, asks, and carries it out. Without RUN: the last run that changed something. The program is not run, so change it too, or the next \`orch apply\` does again what was undone. With --out the plan is kept in a file for \`orch apply FILE\`.

What was deleted is made anew, with a new id and without its data. What was imported is let go, not deleted.

Exit codes: as of \`orch apply\`; 64 there is no such run, or nothing to undo.`;
  static override examples = [
    "<%= config.bin %> undo",
    "<%= config.bin %> undo 3 --out back.plan && <%= config.bin %> apply back.plan",
    "<%= config.bin %> undo --to 2",
  ];
  static override args = {
    run: Args.string({ ignoreStdin: true, description: "The number of the run to undo." }),
  };
  static override flags = {
    to: Flags.string({ summary: "Go back to the state as this run left it.", helpValue: "RUN" }),
    out: Flags.string({
      char: "o",
      summary: "Keep the plan in this file, for `orch apply FILE`, and do nothing.",
      helpValue: "FILE",
    }),
    yes: yesFlag,
    json: jsonFlag,
    events: eventsFlag,
    format: formatFlag(),
    diff: diffFlag,
    refresh: refreshFlag,
    "continue-on-error": Flags.boolean({
      summary: "When a step fails, still do all that does not depend on it.",
    }),
    "lock-timeout": lockTimeoutFlag(),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Undo);
    if (args.run !== undefined && flags.to !== undefined)
      throw new OrchError({
        reason: "invalid-flag",
        message: `RUN and --to name two states to go back to.`,
        expected: "one of them",
        found: `${args.run} and --to ${flags.to}`,
      });
    const format = doingFormatOf(flags);
    const view = openView({ jsonEvents: flags.out === undefined });
    const carryOut = () =>
      withEngine(this.config.version, view, flags, async (work) => {
        const { engine, stack } = work;
        const { store } = engine;
        const { lastChange } = await import("@orch/core/plan/undo");
        const undo =
          flags.to !== undefined
            ? (await findRun(store, flags.to, stack.stack)).id + 1
            : (await (args.run === undefined ? lastChange(store) : findRun(store, args.run, stack.stack))).id;
        const options = { kind: "apply", refresh: flags.refresh, undo } as const;
        if (flags.out === undefined) {
          const { planAndPerform } = await import("../perform.js");
          const how = {
            yes: flags.yes,
            diff: flags.diff,
            format,
            continueOnError: flags["continue-on-error"],
          };
          return planAndPerform(work, view, options, how, "undo");
        }
        const { plan: makePlan } = await import("@orch/core/engine");
        const plan = await makePlan(engine, options);
        view.clear();
        const digest = await savePlan(flags.out, plan, engine.config.crypter);
        if (format === "json") writeJson(planJson(plan));
        else if (format === "markdown") writeDocument(planMarkdown(plan, { digest, file: flags.out }));
        else writeText(renderPlan(plan, { theme: outTheme(), full: flags.diff }));
        note(
          hasChanges(plan)
            ? `The plan is kept in ${flags.out}; \`orch apply ${flags.out}\` carries it out.`
            : `The plan is kept in ${flags.out}; it changes nothing.`,
        );
        return 0;
      });
    return flags.out === undefined
      ? orFailedSection("apply", format, carryOut, "Undo of")
      : orFailedSection("plan", format, carryOut, "Plan to undo");
  }
}
