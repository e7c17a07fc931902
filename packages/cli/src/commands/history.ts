import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { countChanges } from "@orch/core/state/run-changes";
import { OrchCommand } from "../command.js";
import { withStack } from "../context.js";
import { jsonFlag } from "../flags.js";
import { renderHistory, renderRun, runJson } from "../render/history.js";
import { findRun } from "../runs.js";
import { note, outTheme, write, writeJson } from "../session.js";

export default class History extends OrchCommand {
  static override summary = "List the runs of the stack, or what one of them did.";
  static override description =
    `Newest first: who began it and when, which plan it applied (a digest; of one that was kept in a file that which \`orch show plan\` shows), what it changed, how long it took and how it ended. With RUN every step of that one.

Exit codes: 0 listed, 1 not, 64 there is no such run.`;
  static override examples = [
    "<%= config.bin %> history",
    "<%= config.bin %> history --limit 5 --json",
    "<%= config.bin %> history 3",
  ];
  static override args = { run: Args.string({ ignoreStdin: true, description: "The number of a run." }) };
  static override flags = {
    json: jsonFlag,
    limit: Flags.custom<number>({
      summary: "How many runs (default 20).",
      helpValue: "N",
      parse: async (text) => {
        const n = Number(text);
        if (Number.isInteger(n) && n >= 1 && n <= 1_000_000) return n;
        throw new OrchError({
          reason: "invalid-flag",
          message: "--limit takes a number of runs",
          expected: "a whole number from 1 to 1000000",
          found: text,
        });
      },
    })(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(History);
    return withStack(this.config.version, async ({ store, project, stack }) => {
      const theme = outTheme();
      if (args.run !== undefined) {
        const run = await findRun(store, args.run, stack);
        const entries = await store.journal(run.id);
        if (flags.json) writeJson({ format: 1, type: "run", ...runJson(run, entries, true) });
        else write(renderRun(run, entries, theme).join("\n"));
        return 0;
      }
      const runs = await store.runs(flags.limit ?? 20);
      const journals = await Promise.all(runs.map(({ id }) => store.journal(id)));
      if (flags.json) {
        writeJson({
          format: 1,
          type: "history",
          project: project.name,
          stack,
          runs: runs.map((run, i) => runJson(run, journals[i] ?? [], false)),
        });
        return 0;
      }
      if (runs.length === 0) {
        note(`Nothing was done to stack ${stack} yet.`);
        return 0;
      }
      const counted = runs.map((run, i) => ({ run, changes: countChanges(journals[i] ?? [], run.kind) }));
      write(renderHistory(counted, theme).join("\n"));
      return 0;
    });
  }
}
