import * as Flags from "@oclif/core/flags";
import type { DriftReport } from "@orch/core/engine-contract";
import { exitCodes } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { diffFlag, eventsFlag, jsonFlag, parallelFlag } from "../flags.js";
import { renderDriftReport } from "../render/drift.js";
import { driftReportJson } from "../render/json.js";
import { outTheme, session, write, writeJson } from "../session.js";
import { openView } from "../view/view.js";

export default class Drift extends OrchCommand {
  static override summary = "Tell what changed outside orch.";
  static override description =
    `Reads every resource and compares it with the state. Nothing is written, neither to the resources nor to the state; the program is not run. What the project's rules ignore is no drift; objects that nobody manages are looked for where the rules say so.

Exit codes: 0 everything is as orch left it, 2 something changed or is not managed, 1 something could not be read, 130 interrupted (what was read until then is told).`;
  static override examples = [
    "<%= config.bin %> drift",
    "<%= config.bin %> drift --no-unmanaged",
    "<%= config.bin %> drift --json",
  ];
  static override flags = {
    json: jsonFlag,
    events: eventsFlag,
    diff: diffFlag,
    unmanaged: Flags.boolean({
      summary: "Look for objects that nobody manages, by the project's rules (default).",
      allowNo: true,
      default: true,
    }),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Drift);
    const view = openView();
    return withEngine(this.config.version, view, flags, async ({ engine, interrupts }) => {
      const { drift } = await import("@orch/core/engine");
      const report = await drift(engine, { unmanaged: flags.unmanaged });
      view.clear();
      if (flags.json) writeJson(driftReportJson(report));
      else
        write(renderDriftReport(report, { theme: outTheme(), full: flags.diff, verbose: session.verbose }));
      if (interrupts.count() > 0) return exitCodes.interrupted;
      if (report.failures.length > 0) return 1;
      return isDrift(report) ? 2 : 0;
    });
  }
}

/** Is there something that a person should look at? */
const isDrift = ({ drift, unmanaged }: DriftReport): boolean =>
  drift.length > 0 || unmanaged.some(({ objects }) => objects.length > 0);
