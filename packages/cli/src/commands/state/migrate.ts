import { hostname, userInfo } from "node:os";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { movedText } from "../../render/moved.js";
import { note, write, writeJson } from "../../session.js";

export default class StateMigrate extends OrchCommand {
  static override summary = "Move a stack to another backend.";
  static override description =
    `Copies the stack with its lineage, history, runs and unfinished steps, reads the copy back, and only then removes it where it was. Killed at any point, the stack is still where it was, or in both places alike, or only in the new one; the same command again goes on. Refused while a run writes to it.

Which backend the project uses is not changed by it: \`orch login URL\`, \`backend\` in the project's settings or ORCH_BACKEND say that.

Exit codes: 0 moved, 1 not, 64 a URL holds a password.`;
  static override examples = [
    "<%= config.bin %> state migrate --to postgres://orch@db.example.com/infra",
    "<%= config.bin %> state migrate --from postgres://orch@db.example.com/infra --to sqlite:.orch/state.db",
  ];
  static override flags = {
    json: jsonFlag,
    to: Flags.string({ summary: "Where to: postgres://… or sqlite:PATH.", helpValue: "URL", required: true }),
    from: Flags.string({
      summary: "Where from, when not from the backend that the project uses.",
      helpValue: "URL",
    }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(StateMigrate);
    const { migrateStack } = await import("@orch/core/project/index");
    const { from, to } = flags;
    const done = await migrateStack({
      ...contextOptions(this.config.version),
      to,
      who: `${userInfo().username}@${hostname()}`,
      ...(from === undefined ? {} : { from }),
    });
    if (flags.json) {
      writeJson({ format: 1, type: "state-migrate", ...done });
      return 0;
    }
    write(`Moved ${movedText(done)} from ${done.from} to ${done.to}.`);
    if (!done.inUse)
      note(
        `The project uses another backend still. Change that with \`orch login '${to}'\`, or with \`backend\` in the project's settings.`,
      );
    return 0;
  }
}
