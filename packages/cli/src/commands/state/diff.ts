import * as Args from "@oclif/core/args";
import { byOrch } from "@orch/core/model/plan";
import { diffRows } from "@orch/core/state/row-diff";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { diffFlag, jsonFlag } from "../../flags.js";
import { renderRowChanges, rowChangeJson } from "../../render/state-diff.js";
import { findRun } from "../../runs.js";
import { outTheme, write, writeJson } from "../../session.js";

export default class StateDiff extends OrchCommand {
  static override summary = "Compare the state after two runs.";
  static override description =
    `What differs between the state as run FROM left it and as run TO did, resource by resource and property by property; without TO, the state as it is now. Secrets are \`[secret]\`; whether one differs is told. \`orch history\` lists the runs.

Exit codes: 0 compared, 1 not, 64 there is no such run.`;
  static override examples = ["<%= config.bin %> state diff 1 3", "<%= config.bin %> state diff 3 --json"];
  static override args = {
    from: Args.string({ ignoreStdin: true, description: "The number of a run.", required: true }),
    to: Args.string({ ignoreStdin: true, description: "The number of another; now, when left out." }),
  };
  static override flags = { json: jsonFlag, diff: diffFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StateDiff);
    return withStack(this.config.version, async ({ store, stack }) => {
      const from = await findRun(store, args.from, stack);
      const to = args.to === undefined ? undefined : await findRun(store, args.to, stack);
      const before = await store.rowsAt(from.id);
      const after = to === undefined ? (await store.snapshot()).resources : await store.rowsAt(to.id);
      const changes = diffRows(before, after);
      if (flags.json) {
        writeJson({
          format: 1,
          type: "state-diff",
          from: from.id,
          ...(to === undefined ? {} : { to: to.id }),
          resources: changes.map(rowChangeJson),
        });
        return 0;
      }
      const shown = changes.filter(({ urn }) => !byOrch(urn));
      write(renderRowChanges(shown, { theme: outTheme(), full: flags.diff }).join("\n"));
      return 0;
    });
  }
}
