import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { jsonFlag, yesFlag } from "../../flags.js";
import { confirm } from "../../prompt.js";
import { isInteractive, note, write, writeJson } from "../../session.js";

export default class StackRm extends OrchCommand {
  static override summary = "Remove a stack.";
  static override description =
    `Refused while the stack holds resources: destroy them first, or give --force to forget them, which deletes nothing outside orch. The stack's settings file stays.

Exit codes: 0 removed, 1 refused or the answer was no, 64 there is nobody to ask and no --yes.`;
  static override examples = ["<%= config.bin %> stack rm review-42 --yes"];
  static override args = {
    name: Args.string({ ignoreStdin: true, description: "Name of the stack.", required: true }),
  };
  static override flags = {
    json: jsonFlag,
    yes: yesFlag,
    force: Flags.boolean({
      summary: "Also when it holds resources: they stay as they are, and orch forgets them.",
    }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StackRm);
    if (!flags.yes) {
      if (!isInteractive())
        throw new OrchError({
          reason: "needs-confirmation",
          message: "`orch stack rm` asks first, and there is no terminal to ask at.",
          next: [`Give --yes: \`orch stack rm ${args.name} --yes\`.`],
        });
      const what = flags.force ? "and forget every resource that it holds" : "with its history";
      if (!(await confirm(`Remove stack ${args.name} ${what}?`, () => write(StackRm.description)))) {
        note("Nothing was changed.");
        return 1;
      }
    }
    const { removeStackContext } = await import("@orch/core/project/index");
    await removeStackContext({
      ...contextOptions(this.config.version),
      stack: args.name,
      force: flags.force,
    });
    if (flags.json) writeJson({ format: 1, type: "stack-removed", stack: args.name });
    else write(`Removed stack ${args.name}.`);
    return 0;
  }
}
