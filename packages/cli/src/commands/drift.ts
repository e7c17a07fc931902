import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { diffFlag, jsonFlag, parallelFlag } from "../flags.js";
import { renderDriftReport } from "../render/drift.js";
import { driftReportJson } from "../render/json.js";
import { outTheme, write, writeJson } from "../session.js";
import { openView } from "../view/view.js";

export default class Drift extends OrchCommand {
  static override summary = "Tell what changed outside orch.";
  static override description =
    `Reads every resource and compares it with the state. Nothing is written, neither to the resources nor to the state; the program is not run.

Exit codes: 0 everything is as orch left it, 2 something changed, 1 something could not be read.`;
  static override examples = ["<%= config.bin %> drift", "<%= config.bin %> drift --json"];
  static override flags = { json: jsonFlag, diff: diffFlag, parallel: parallelFlag() };

  async run(): Promise<number> {
    const { flags } = await this.parse(Drift);
    const view = openView();
    return withEngine(this.config.version, view, flags, async ({ engine }) => {
      const { drift } = await import("@orch/core/engine");
      const report = await drift(engine);
      view.clear();
      if (flags.json) writeJson(driftReportJson(report));
      else write(renderDriftReport(report, { theme: outTheme(), full: flags.diff }));
      if (report.failures.length > 0) return 1;
      return report.drift.length > 0 ? 2 : 0;
    });
  }
}
