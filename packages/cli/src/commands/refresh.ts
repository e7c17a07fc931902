import { carryOut } from "../carry-out.js";
import { OrchCommand } from "../command.js";
import {
  diffFlag,
  eventsFlag,
  jsonFlag,
  lockTimeoutFlag,
  parallelFlag,
  readSelectionFlags,
  selectionOf,
  yesFlag,
} from "../flags.js";
import { formatFlag } from "../format.js";

export default class Refresh extends OrchCommand {
  static override summary = "Read every resource, and take what was found over into the state.";
  static override description =
    `Nothing but the state is changed. To see what changed outside orch without writing anything, use \`orch drift\`; to put it right, \`orch apply --refresh\`.

Exit codes: as of \`orch apply\`.`;
  static override examples = ["<%= config.bin %> refresh", "<%= config.bin %> refresh --yes"];
  static override flags = {
    yes: yesFlag,
    json: jsonFlag,
    events: eventsFlag,
    format: formatFlag(),
    diff: diffFlag,
    ...readSelectionFlags,
    "lock-timeout": lockTimeoutFlag(),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Refresh);
    const selection = selectionOf(flags);
    return carryOut(this.config.version, flags, {
      kind: "refresh",
      refresh: true,
      ...(selection === undefined ? {} : { selection }),
      continueOnError: true,
    });
  }
}
