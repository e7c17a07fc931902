import * as Args from "@oclif/core/args";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { durationsOf } from "../../durations.js";
import { diffFlag, jsonFlag } from "../../flags.js";
import { formatFlag, formatOf } from "../../format.js";
import { loadPlan } from "../../plan-file.js";
import { planFileJson } from "../../render/json.js";
import { planMarkdown } from "../../render/markdown/plan.js";
import { renderPlan } from "../../render/plan.js";
import { renderPlanFile } from "../../render/plan-file.js";
import { outTheme, write, writeJson, writeText } from "../../session.js";

export default class ShowPlan extends OrchCommand {
  static override summary = "Show a plan that was kept in a file.";
  static override description =
    `As \`orch plan\` showed it, with its digest, when it was made, by which orch, and of which stack. A file that is not, byte for byte, what \`orch plan --out\` wrote for this stack is refused. Whether it still fits, only \`orch apply FILE\` looks.

Exit codes: 0 shown, 3 it is no plan of this stack, or was changed.`;
  static override examples = [
    "<%= config.bin %> show plan change.plan",
    "<%= config.bin %> show plan change.plan --json",
    "<%= config.bin %> show plan change.plan --format markdown | <%= config.bin %> comment",
  ];
  static override args = {
    file: Args.string({
      ignoreStdin: true,
      description: "A plan made by `orch plan --out FILE`.",
      required: true,
    }),
  };
  static override flags = { json: jsonFlag, format: formatFlag(), diff: diffFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ShowPlan);
    const format = formatOf(flags);
    return withStack(this.config.version, async ({ store }) => {
      const sealed = await loadPlan(args.file, store);
      const durations = await durationsOf(store);
      if (format === "markdown") {
        write(planMarkdown(sealed.plan, { digest: sealed.digest, file: args.file, durations }));
        return 0;
      }
      const [applied] = await store.runs(1, { planDigest: sealed.digest });
      if (format === "json") {
        writeJson(planFileJson(sealed, applied?.id));
        return 0;
      }
      const theme = outTheme();
      write([...renderPlanFile(sealed, applied, theme), ""].join("\n"));
      writeText(
        renderPlan(sealed.plan, {
          theme,
          full: flags.diff,
          ...(durations === undefined ? {} : { durations }),
        }),
      );
      return 0;
    });
  }
}
