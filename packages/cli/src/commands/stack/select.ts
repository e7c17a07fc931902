import * as Args from "@oclif/core/args";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { outTheme, write } from "../../session.js";

export default class StackSelect extends OrchCommand {
  static override summary = "Select the stack that commands work on.";
  static override description =
    "The selection is kept in the project's .orch folder. --stack and ORCH_STACK go before it.\n\nExit codes: 0 selected, 1 there is no such stack.";
  static override examples = ["<%= config.bin %> stack select prod"];
  static override args = {
    name: Args.string({ ignoreStdin: true, description: "Name of the stack.", required: true }),
  };

  async run(): Promise<number> {
    const { args } = await this.parse(StackSelect);
    const { selectStackContext } = await import("@orch/core/project/index");
    await selectStackContext({ ...contextOptions(this.config.version), stack: args.name });
    write(`Selected stack ${outTheme().name(args.name)}.`);
    return 0;
  }
}
