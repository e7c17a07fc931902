import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
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
import { doingFormatOf, formatFlag, orFailedSection } from "../format.js";
import { openView } from "../view/view.js";

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
    const format = doingFormatOf(flags);
    const view = openView({ jsonEvents: true });
    const carryOut = () =>
      withEngine(this.config.version, view, flags, async (work) => {
        const { planAndPerform } = await import("../perform.js");
        return planAndPerform(
          work,
          view,
          { kind: "refresh", refresh: true, ...(selection === undefined ? {} : { selection }) },
          { yes: flags.yes, diff: flags.diff, format, continueOnError: true },
          "refresh",
        );
      });
    return orFailedSection("apply", format, carryOut, "Refresh of");
  }
}
