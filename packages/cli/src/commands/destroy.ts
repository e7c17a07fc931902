import * as Flags from "@oclif/core/flags";
import { carryOut } from "../carry-out.js";
import { OrchCommand } from "../command.js";
import {
  diffFlag,
  eventsFlag,
  jsonFlag,
  lockTimeoutFlag,
  parallelFlag,
  refreshFlag,
  selectionFlags,
  selectionOf,
  yesFlag,
} from "../flags.js";
import { formatFlag } from "../format.js";

export default class Destroy extends OrchCommand {
  static override summary = "Delete every resource of the stack.";
  static override description =
    `Shows what would be deleted, asks, and deletes it, dependents before what they depend on. The program is not run. Protected resources stop it before anything is deleted. The stack itself stays, with its configuration; \`orch stack rm\` removes it. With --target and --exclude only a part goes; what anything depends on that stays is refused, or kept.

Exit codes: as of \`orch apply\`.`;
  static override examples = [
    "<%= config.bin %> destroy",
    "<%= config.bin %> destroy --yes --stack review-42",
    "<%= config.bin %> destroy --exclude db",
  ];
  static override flags = {
    yes: yesFlag,
    json: jsonFlag,
    events: eventsFlag,
    format: formatFlag(),
    diff: diffFlag,
    refresh: refreshFlag,
    ...selectionFlags,
    "continue-on-error": Flags.boolean({
      summary: "When a deletion fails, still do all that does not depend on it.",
    }),
    "lock-timeout": lockTimeoutFlag(),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Destroy);
    const selection = selectionOf(flags);
    return carryOut(this.config.version, flags, {
      kind: "destroy",
      refresh: flags.refresh,
      ...(selection === undefined ? {} : { selection }),
      continueOnError: flags["continue-on-error"],
    });
  }
}
