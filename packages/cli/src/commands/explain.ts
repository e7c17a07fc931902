import * as Args from "@oclif/core/args";
import { exitCodes, type FailureReason, OrchError } from "@orch/core/model/failure";
import { closest } from "@orch/core/state/closest";
import { OrchCommand } from "../command.js";
import { jsonFlag } from "../flags.js";
import { table } from "../render/text.js";
import { outTheme, write, writeJson } from "../session.js";

export default class Explain extends OrchCommand {
  static override summary = "Tell what is behind a failure's reason, and what to do.";
  static override description =
    `A failure names its reason in brackets: error[plan-stale]. Without REASON all of them are listed with their exit codes.

Exit codes: 0 told, 64 there is no such reason.`;
  static override examples = [
    "<%= config.bin %> explain plan-stale",
    "<%= config.bin %> explain",
    "<%= config.bin %> explain --json",
  ];
  static override args = {
    reason: Args.string({
      ignoreStdin: true,
      description: "A reason, such as `plan-stale`; without it all.",
    }),
  };
  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Explain);
    const { explanations, failureIndex } = await import("../failure-index.js");
    const known = Object.keys(explanations) as FailureReason[];
    // As it is shown, `error[plan-stale]`, it may be pasted.
    const asked = args.reason?.replace(/^(?:error|warning|because)?\[(.*)\]:?$/, "$1") as
      | FailureReason
      | undefined;
    if (asked !== undefined && !known.includes(asked)) {
      const near = closest(asked, known);
      throw new OrchError({
        reason: "invalid-flag",
        message: `There is no reason ${JSON.stringify(asked)}.`,
        next: [
          ...(near.length > 0 ? [`Did you mean ${near.join(" or ")}?`] : []),
          "`orch explain` lists them all.",
        ],
      });
    }
    if (flags.json) {
      const reasons = asked === undefined ? known : [asked];
      writeJson({
        ...{ format: 1, type: "failure-reasons" },
        reasons: reasons.map((reason) => ({ reason, exitCode: exitCodes[reason], ...explanations[reason] })),
      });
      return 0;
    }
    const theme = outTheme();
    if (asked === undefined) {
      for (const [part, reasons] of Object.entries(failureIndex)) {
        write(theme.bold(part));
        const rows = (Object.keys(reasons) as FailureReason[]).map((reason) => [
          reason,
          String(exitCodes[reason]),
        ]);
        for (const line of table(rows)) write(`  ${line}`);
      }
      return 0;
    }
    const { cause, cure } = explanations[asked];
    write(`${theme.bold(asked)}  ${theme.dim(`exit code ${exitCodes[asked]}`)}`);
    write(cause);
    write(`${theme.dim("→")} ${cure}`);
    return 0;
  }
}
