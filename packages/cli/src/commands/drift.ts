import * as Flags from "@oclif/core/flags";
import type { DriftReport } from "@orch/core/engine-contract";
import { exitCodes, toFailure } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { diffFlag, eventsFlag, jsonFlag, parallelFlag, readSelectionFlags, selectionOf } from "../flags.js";
import { formatFlag, formatOf, orFailedSection } from "../format.js";
import { renderDriftReport } from "../render/drift.js";
import { driftReportJson } from "../render/json.js";
import { driftMarkdown } from "../render/markdown/drift.js";
import { errTheme, note, outTheme, session, write, writeJson } from "../session.js";
import { openView } from "../view/view.js";

export default class Drift extends OrchCommand {
  static override summary = "Tell what changed outside orch.";
  static override description =
    `Reads every resource and compares it with the state. Nothing is written, neither to the resources nor to the state; the program is not run. What the project's rules ignore is no drift; objects that nobody manages are looked for where the rules say so, unless --target or --exclude leave out a part.

With --notify what was found is also sent to Slack (its address in ORCH_SLACK_WEBHOOK_URL) or, signed, to a webhook (ORCH_WEBHOOK_URL and ORCH_WEBHOOK_SECRET); with --news only when it is something else than the last time.

Exit codes: 0 everything is as orch left it, 2 something changed or is not managed, 1 something could not be read or a notification could not be sent, 130 interrupted (what was read until then is told).`;
  static override examples = [
    "<%= config.bin %> drift",
    "<%= config.bin %> drift --no-unmanaged",
    "<%= config.bin %> drift --json",
    "<%= config.bin %> drift --target web-config",
    "<%= config.bin %> drift --notify slack --news /var/lib/orch/drift.json",
  ];
  static override flags = {
    json: jsonFlag,
    events: eventsFlag,
    format: formatFlag(),
    diff: diffFlag,
    ...readSelectionFlags,
    unmanaged: Flags.boolean({
      summary: "Look for objects that nobody manages, by the project's rules (default).",
      allowNo: true,
      default: true,
    }),
    notify: Flags.option({
      summary: "Send what was found there; may be given twice.",
      helpValue: "TARGET",
      options: ["slack", "webhook"] as const,
      multiple: true,
      multipleNonGreedy: true,
    })(),
    news: Flags.string({
      summary: "Notify only when something else was found than FILE says; it is kept there.",
      helpValue: "FILE",
      dependsOn: ["notify"],
    }),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Drift);
    const format = formatOf(flags);
    const { notify = [], news } = flags;
    const selection = selectionOf(flags);
    const targets = notify.length === 0 ? [] : await targetsOf(notify);
    const view = openView();
    return orFailedSection("drift", format, () =>
      withEngine(this.config.version, view, flags, async ({ engine, interrupts }) => {
        const { drift } = await import("@orch/core/engine");
        const report = await drift(engine, {
          unmanaged: flags.unmanaged,
          ...(selection === undefined ? {} : { selection }),
        });
        view.clear();
        if (format === "json") writeJson(driftReportJson(report));
        else if (format === "markdown") write(driftMarkdown(report));
        else
          write(renderDriftReport(report, { theme: outTheme(), full: flags.diff, verbose: session.verbose }));
        // What an interruption cut short is no finding.
        if (interrupts.count() > 0) return exitCodes.interrupted;
        if (targets.length > 0 && !(await notifyAll(report, targets, news))) return 1;
        if (report.failures.length > 0) return 1;
        return isDrift(report) ? 2 : 0;
      }),
    );
  }
}

type Send = (report: DriftReport) => Promise<void>;

async function targetsOf(names: readonly ("slack" | "webhook")[]): Promise<readonly Send[]> {
  const { notifier } = await import("../notify/targets.js");
  return [...new Set(names)].map((name) => notifier(name, process.env));
}

/** False: one of them could not be told, which is on standard error; it is new the next time as well. */
async function notifyAll(
  report: DriftReport,
  targets: readonly Send[],
  file: string | undefined,
): Promise<boolean> {
  const { newsOf } = await import("../notify/news.js");
  const news = file === undefined ? undefined : await newsOf(report, file);
  if (news?.isNew !== false) {
    const results = await Promise.allSettled(targets.map((send) => send(report)));
    const failed = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as unknown] : [],
    );
    if (failed.length > 0) {
      const { renderFailure } = await import("../render/failure.js");
      for (const error of failed) note(renderFailure(toFailure(error), { theme: errTheme() }));
      return false;
    }
  }
  await news?.told();
  return true;
}

/** Is there something that a person should look at? */
const isDrift = ({ drift, unmanaged }: DriftReport): boolean =>
  drift.length > 0 || unmanaged.some(({ objects }) => objects.length > 0);
