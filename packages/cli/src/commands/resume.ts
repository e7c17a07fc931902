import * as Flags from "@oclif/core/flags";
import type { ResumeAnswer } from "@orch/core/execute/resume";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { jsonFlag } from "../flags.js";
import { failureJson } from "../render/json.js";
import { renderResumed } from "../render/resumed.js";
import { isInteractive, outTheme, write, writeJson } from "../session.js";
import { openView } from "../view/view.js";

export default class Resume extends OrchCommand {
  static override summary = "Settle the steps that a cut-off run had begun.";
  static override description =
    `After a crash orch looks for what became of each step that was under way, by its id, its token or a list; \`orch plan\` and \`orch apply\` do that first, too. What only a person can tell is asked here, or answered with --urn and one of --adopt, --retry and --forget.

Exit codes: 0 nothing is left open, 4 something is, 1 it failed.`;
  static override examples = [
    "<%= config.bin %> resume",
    "<%= config.bin %> resume --urn 'urn:pulumi:dev::shop::aws:s3/bucket:Bucket::logs' --adopt logs-1a2b",
  ];
  static override flags = {
    urn: Flags.string({ summary: "The step that the answer is about, by its resource.", helpValue: "URN" }),
    adopt: Flags.string({
      summary: "It made the object with this id.",
      helpValue: "ID",
      dependsOn: ["urn"],
      exclusive: ["retry", "forget"],
    }),
    retry: Flags.boolean({
      summary: "It did not take place, or may take place again.",
      dependsOn: ["urn"],
      exclusive: ["adopt", "forget"],
    }),
    forget: Flags.boolean({
      summary: "Whatever became of it, leave it alone.",
      dependsOn: ["urn"],
      exclusive: ["adopt", "retry"],
    }),
    json: jsonFlag,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Resume);
    const answer = answerOf(flags);
    if (flags.urn !== undefined && answer === undefined)
      throw new OrchError({
        reason: "invalid-flag",
        message: "--urn goes with an answer.",
        expected: "one of --adopt ID, --retry, --forget",
      });
    const view = openView();
    return withEngine(this.config.version, view, {}, async ({ engine }) => {
      const { resumeRun } = await import("@orch/core/engine");
      const answers = new Map(flags.urn !== undefined && answer !== undefined ? [[flags.urn, answer]] : []);
      const { unfinished } = await engine.store.snapshot();
      if (flags.urn !== undefined && !unfinished.some(({ intent }) => intent.urn === flags.urn))
        throw new OrchError({
          reason: "invalid-flag",
          message: `No step of ${flags.urn} is left open.`,
          ...(unfinished.length === 0
            ? {}
            : { expected: unfinished.map(({ intent }) => intent.urn).join("\n") }),
        });
      let resumed = unfinished.length === 0 ? { settled: [], open: [] } : await resumeRun(engine, answers);
      if (resumed.open.length > 0 && isInteractive()) {
        const { askOpen } = await import("../ask-open.js");
        const more = await askOpen(view, resumed.open);
        if (more.size > 0) {
          const { settled } = resumed;
          const again = await resumeRun(engine, more);
          resumed = { settled: [...settled, ...again.settled], open: again.open };
        }
      }
      view.clear();
      if (flags.json)
        writeJson({
          format: 1,
          type: "resumed",
          settled: resumed.settled,
          open: resumed.open.map(({ unfinished: { runId, intent }, failure }) => ({
            runId,
            op: intent.op,
            urn: intent.urn,
            failure: failureJson(failure),
          })),
        });
      else write(renderResumed(resumed, outTheme()));
      return resumed.open.length > 0 ? 4 : 0;
    });
  }
}

function answerOf(flags: {
  adopt?: string | undefined;
  retry: boolean;
  forget: boolean;
}): ResumeAnswer | undefined {
  if (flags.adopt !== undefined) return { kind: "adopt", id: flags.adopt };
  if (flags.retry) return { kind: "retry" };
  return flags.forget ? { kind: "forget" } : undefined;
}
