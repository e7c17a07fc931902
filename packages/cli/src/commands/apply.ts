import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import {
  diffFlag,
  eventsFlag,
  jsonFlag,
  lockTimeoutFlag,
  parallelFlag,
  refreshFlag,
  replaceFlag,
  selectionFlags,
  selectionOf,
  yesFlag,
} from "../flags.js";
import { doingFormatOf, formatFlag, orFailedSection } from "../format.js";
import { openView } from "../view/view.js";

export default class Apply extends OrchCommand {
  static override summary = "Carry out a plan.";
  static override description =
    `Without FILE: makes a plan, shows it, asks, and carries it out. With FILE: carries out the plan that \`orch plan --out FILE\` kept, exactly; when the program, the configuration or a resource it touches has changed meanwhile, nothing is done.

Ctrl-C once finishes what runs and starts nothing new; twice cancels what runs.

Exit codes: 0 all was done or there was nothing to do, 1 something failed or the answer was no, 3 the plan does not fit any more, 4 a step of an earlier run must be settled by a person, 64 there is nobody to ask and no --yes, 130 interrupted.`;
  static override examples = [
    "<%= config.bin %> apply",
    "<%= config.bin %> apply --yes --refresh",
    "<%= config.bin %> apply change.plan",
    "<%= config.bin %> apply --yes --json",
    "<%= config.bin %> apply change.plan --yes --format markdown > apply.md",
    "<%= config.bin %> apply --target db --target-dependents",
  ];
  static override args = {
    file: Args.string({ ignoreStdin: true, description: "A plan made by `orch plan --out FILE`." }),
  };
  static override flags = {
    yes: yesFlag,
    json: jsonFlag,
    events: eventsFlag,
    format: formatFlag(),
    diff: diffFlag,
    refresh: refreshFlag,
    ...selectionFlags,
    replace: replaceFlag,
    "continue-on-error": Flags.boolean({
      summary:
        "When a step fails, still do all that does not depend on it. With --refresh: what can't be read is planned from the state.",
    }),
    "run-program": Flags.boolean({
      summary: "Run the program again while applying even if the plan leaves nothing unknown.",
      description:
        "Without it a plan in which everything is known is carried out from the plan alone, which is faster. Give it when the program itself does something outside of resources while it is applied.",
    }),
    "lock-timeout": lockTimeoutFlag(),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Apply);
    const { file } = args;
    const selection = selectionOf(flags);
    const making = [
      ...(flags.refresh ? ["--refresh"] : []),
      ...(flags.replace === undefined ? [] : ["--replace"]),
      ...(flags.target === undefined ? [] : ["--target"]),
      ...(flags.exclude === undefined ? [] : ["--exclude"]),
    ];
    if (file !== undefined && making.length > 0)
      throw new OrchError({
        reason: "invalid-flag",
        message: `${making[0]} belongs to the making of a plan; ${file} is already made.`,
        next: ["Give it to `orch plan --out FILE`, and apply that file."],
      });
    const format = doingFormatOf(flags);
    const view = openView({ jsonEvents: true });
    const how = {
      yes: flags.yes,
      diff: flags.diff,
      format,
      continueOnError: flags["continue-on-error"],
      runProgram: flags["run-program"],
    };
    const carryOut = () =>
      withEngine(this.config.version, view, flags, async (work) => {
        const { perform, planAndPerform } = await import("../perform.js");
        if (file !== undefined) {
          const { loadPlan } = await import("../plan-file.js");
          const { plan, digest } = await loadPlan(file, work.engine.store);
          return perform(work, view, plan, digest, how, `apply ${file}`);
        }
        const options = {
          kind: "apply",
          refresh: flags.refresh,
          ...(flags.replace === undefined ? {} : { replace: flags.replace }),
          ...(selection === undefined ? {} : { selection }),
        } as const;
        return planAndPerform(work, view, options, how, "apply");
      });
    return orFailedSection("apply", format, carryOut);
  }
}
