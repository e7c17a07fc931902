import * as Args from "@oclif/core/args";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { outTheme, write, writeJson } from "../../session.js";

export default class StackSelect extends OrchCommand {
  static override summary = "Select the stack that commands work on.";
  static override description =
    "The selection is kept in the project's .orch folder. --stack and ORCH_STACK go before it.\n\nExit codes: 0 selected, 1 there is no such stack.";
  static override examples = ["<%= config.bin %> stack select prod"];
  static override args = {
    name: Args.string({ ignoreStdin: true, description: "Name of the stack.", required: true }),
  };

  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StackSelect);
    const { selectStackContext } = await import("@orch/core/project/index");
    await selectStackContext({ ...contextOptions(this.config.version), stack: args.name });
    if (flags.json) writeJson({ format: 1, type: "stack-selected", stack: args.name });
    else write(`Selected stack ${outTheme().name(args.name)}.`);
    return 0;
  }
}
