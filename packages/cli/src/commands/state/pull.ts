import * as Args from "@oclif/core/args";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { movedText } from "../../render/moved.js";
import { note, write, writeJson } from "../../session.js";

export default class StatePull extends OrchCommand {
  static override summary = "Write a stack to a file.";
  static override description =
    `One file with the whole stack: resources, outputs, its history, runs, journal and unfinished steps (docs/schemas/state-1.json). Secrets in it stay encrypted with the stack's key, so it is of use only together with the stack's settings file. It can be taken while a run goes on. \`orch state push\` reads it.

Exit codes: 0 written, 1 not.`;
  static override examples = ["<%= config.bin %> state pull dev.state.json"];
  static override args = {
    file: Args.string({ ignoreStdin: true, description: "The file to write.", required: true }),
  };
  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StatePull);
    const { pullStack } = await import("@orch/core/project/index");
    const done = await pullStack(contextOptions(this.config.version), args.file);
    if (flags.json) writeJson({ format: 1, type: "state-pull", file: args.file, ...done });
    else {
      write(`Wrote ${movedText(done)} to ${args.file}.`);
      note(
        "Secrets in it are encrypted with the stack's key, which is not in it: keep the stack's settings file, too.",
      );
    }
    return 0;
  }
}
