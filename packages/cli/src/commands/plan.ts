import * as Flags from "@oclif/core/flags";
import { hasChanges } from "@orch/core/model/plan";
import { digestPlan } from "@orch/core/plan/seal";
import { hasOpen } from "../ask-open.js";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { durationsOf } from "../durations.js";
import {
  diffFlag,
  eventsFlag,
  jsonFlag,
  parallelFlag,
  refreshFlag,
  replaceFlag,
  selectionFlags,
  selectionOf,
} from "../flags.js";
import { formatFlag, formatOf, orFailedSection } from "../format.js";
import { savePlan } from "../plan-file.js";
import { planJson } from "../render/json.js";
import { planMarkdown } from "../render/markdown/plan.js";
import { renderPlan } from "../render/plan.js";
import { note, outTheme, write, writeJson, writeText } from "../session.js";
import { openView } from "../view/view.js";

export default class Plan extends OrchCommand {
  static override summary = "Show what would be done, and do nothing.";
  static override description =
    `Runs the program, compares what it wants with the state, and shows every step that an apply would take. Nothing is changed anywhere. With --out the plan is kept in a file that \`orch apply\` carries out exactly, or not at all.

Exit codes: 0 the plan was made, 1 it failed; with --detailed-exitcode 0 nothing to do, 2 there are changes, 1 it failed; 4 a step of an earlier run must be settled by a person first (\`orch resume\`), the plan leaves it alone.`;
  static override examples = [
    "<%= config.bin %> plan",
    "<%= config.bin %> plan --refresh --diff",
    "<%= config.bin %> plan --out change.plan && <%= config.bin %> apply change.plan",
    "<%= config.bin %> plan --json --detailed-exitcode",
    "<%= config.bin %> plan --target web-config --target 'aws:s3:Bucket::*'",
    "<%= config.bin %> plan --out change.plan --format markdown | <%= config.bin %> comment",
  ];
  static override flags = {
    out: Flags.string({
      char: "o",
      summary: "Keep the plan in this file, for `orch apply FILE`.",
      helpValue: "FILE",
    }),
    json: jsonFlag,
    events: eventsFlag,
    format: formatFlag(),
    diff: diffFlag,
    refresh: refreshFlag,
    ...selectionFlags,
    replace: replaceFlag,
    "detailed-exitcode": Flags.boolean({ summary: "Exit with 2 when there are changes." }),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Plan);
    const format = formatOf(flags);
    const selection = selectionOf(flags);
    const view = openView();
    return orFailedSection("plan", format, () =>
      withEngine(this.config.version, view, flags, async ({ engine }) => {
        const { plan: makePlan } = await import("@orch/core/engine");
        const { store, parallel } = engine;
        // While the program starts. Awaited below; a failure of the plan is told first.
        const history = durationsOf(store);
        history.catch(() => undefined);
        const plan = await makePlan(engine, {
          kind: "apply",
          refresh: flags.refresh,
          ...(flags.replace === undefined ? {} : { replace: flags.replace }),
          ...(selection === undefined ? {} : { selection }),
        });
        view.clear();
        const { out: file } = flags;
        const { crypter } = engine.config;
        const saved = file === undefined ? undefined : await savePlan(file, plan, crypter);
        if (format === "json") writeJson(planJson(plan));
        else if (format === "markdown")
          write(
            planMarkdown(plan, {
              digest: saved ?? digestPlan(plan, crypter),
              ...(file === undefined ? {} : { file }),
              durations: await history,
              parallel,
            }),
          );
        else {
          const durations = await history;
          writeText(
            renderPlan(plan, {
              theme: outTheme(),
              full: flags.diff,
              ...(durations === undefined ? {} : { durations }),
              ...(parallel === undefined ? {} : { parallel }),
            }),
          );
        }
        if (saved !== undefined) note(`The plan is kept in ${file}; \`orch apply ${file}\` carries it out.`);
        if (hasOpen(plan)) return 4;
        return flags["detailed-exitcode"] && hasChanges(plan) ? 2 : 0;
      }),
    );
  }
}
