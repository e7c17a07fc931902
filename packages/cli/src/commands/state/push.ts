import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { movedText } from "../../render/moved.js";
import { write, writeJson } from "../../session.js";

export default class StatePush extends OrchCommand {
  static override summary = "Write a file of `orch state pull` into the backend.";
  static override description =
    `Makes the stack as it is in the file, or writes it over the same stack (the one of the same lineage), all of it or nothing; then reads it back. Refused: a file that was changed, cut short, or written by a newer orch, one of another project or another stack of that name, a stack that a run writes to, and one that is newer than the file, unless --force is given: what is there is lost then.

Runs keep their numbers unless another stack of the backend has them.

Exit codes: 0 written, 1 refused, 64 there is no such file.`;
  static override examples = [
    "<%= config.bin %> state push dev.state.json",
    "<%= config.bin %> state push yesterday.state.json --force",
  ];
  static override args = {
    file: Args.string({ ignoreStdin: true, description: "A file of `orch state pull`.", required: true }),
  };
  static override flags = {
    json: jsonFlag,
    force: Flags.boolean({ summary: "Also over state that is newer; it is lost." }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StatePush);
    const { pushStack } = await import("@orch/core/project/index");
    const options = { ...contextOptions(this.config.version), force: flags.force };
    const done = await pushStack(options, args.file);
    if (flags.json) writeJson({ format: 1, type: "state-push", file: args.file, ...done });
    else write(`Wrote ${movedText(done)} into the backend, and read it back.`);
    return 0;
  }
}
