import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import {
  diffFlag,
  eventsFlag,
  jsonFlag,
  lockTimeoutFlag,
  parallelFlag,
  refreshFlag,
  yesFlag,
} from "../flags.js";
import { openView } from "../view/view.js";

export default class Destroy extends OrchCommand {
  static override summary = "Delete every resource of the stack.";
  static override description =
    `Shows what would be deleted, asks, and deletes it, dependents before what they depend on. The program is not run. Protected resources stop it before anything is deleted. The stack itself stays, with its configuration; \`orch stack rm\` removes it.

Exit codes: as of \`orch apply\`.`;
  static override examples = [
    "<%= config.bin %> destroy",
    "<%= config.bin %> destroy --yes --stack review-42",
  ];
  static override flags = {
    yes: yesFlag,
    json: jsonFlag,
    events: eventsFlag,
    diff: diffFlag,
    refresh: refreshFlag,
    "continue-on-error": Flags.boolean({
      summary: "When a deletion fails, still do all that does not depend on it.",
    }),
    "lock-timeout": lockTimeoutFlag(),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Destroy);
    const view = openView({ jsonEvents: true });
    return withEngine(this.config.version, view, flags, async (work) => {
      const { planAndPerform } = await import("../perform.js");
      return planAndPerform(
        work,
        view,
        { kind: "destroy", refresh: flags.refresh },
        { yes: flags.yes, diff: flags.diff, continueOnError: flags["continue-on-error"] },
        "destroy",
      );
    });
  }
}
