import { extname } from "node:path";
import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import type { RunInfo, StackStore } from "@orch/core/state/contract";
import { timelineOf } from "@orch/core/state/timeline";
import { OrchCommand } from "../command.js";
import { withStack } from "../context.js";
import { jsonFlag } from "../flags.js";
import { give } from "../picture.js";
import { count } from "../render/text.js";
import type { DrawnRun } from "../render/timeline/model.js";
import { findRun } from "../runs.js";
import { outTheme, writeJson } from "../session.js";

const formats = ["text", "svg", "html"] as const;
type Format = (typeof formats)[number];
const byExtension: Readonly<Record<string, Format>> = {
  ".svg": "svg",
  ".html": "html",
  ".htm": "html",
  ".txt": "text",
};

export default class Timeline extends OrchCommand {
  static override summary = "Draw what a run did when, and who waited for whom.";
  static override description =
    `Of the run with that number, or of the last apply or destroy: a bar per call of a provider, the critical path (the chain that the end of the run waited for), and how much ran at once. It comes from the journal; who had to wait for whom, from what the resources depended on before and after the run.

HTML is one file to look around in that asks nothing of any network; SVG is a picture for documents. --open shows it in your browser; without a display it tells the path.

Exit codes: 0 drawn, 1 not, 64 there is no such run.`;
  static override examples = [
    "<%= config.bin %> timeline",
    "<%= config.bin %> timeline 3 --open",
    "<%= config.bin %> timeline --out run.svg",
  ];
  static override args = { run: Args.string({ ignoreStdin: true, description: "The number of a run." }) };
  static override flags = {
    json: jsonFlag,
    format: Flags.option({
      char: "f",
      summary: "Default: by the ending of --out, else html with --open, else text.",
      options: formats,
    })(),
    out: Flags.string({ char: "o", summary: "Write to this file.", helpValue: "FILE" }),
    open: Flags.boolean({ summary: "Show it in the browser." }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Timeline);
    if (flags.json && (flags.format !== undefined || flags.out !== undefined || flags.open))
      throw new OrchError({
        reason: "invalid-flag",
        message: "--json prints the run as data; --format, --out and --open draw it.",
        expected: "one of them",
      });
    const byEnding = byExtension[extname(flags.out ?? "").toLowerCase()];
    const format = flags.format ?? byEnding ?? (flags.open ? "html" : "text");
    return withStack(this.config.version, async ({ store, project, stack }) => {
      const run =
        args.run === undefined ? await lastRun(store, stack) : await findRun(store, args.run, stack);
      const [entries, before, after] = await Promise.all([
        store.journal(run.id),
        store.rowsAt(run.id - 1),
        store.rowsAt(run.id),
      ]);
      const timeline = timelineOf(run, entries, before, after);
      if (flags.json) {
        const { timelineJson } = await import("../render/timeline/json.js");
        writeJson(timelineJson(project.name, stack, { run, timeline }));
        return 0;
      }
      const drawn = { title: `${project.name} / ${stack}: run ${run.id}`, run, timeline };
      const toFile = flags.out !== undefined || flags.open === true;
      await give(
        () => draw(drawn, format, this.config.root, toFile),
        { text: ".txt", svg: ".svg", html: ".html" }[format],
        flags,
        count(timeline.bars.length, "call"),
      );
      return 0;
    });
  }
}

async function lastRun(store: StackStore, stack: string): Promise<RunInfo> {
  const runs = await store.runs(100);
  const run = runs.find(({ kind }) => kind === "apply" || kind === "destroy") ?? runs[0];
  if (run !== undefined) return run;
  throw new OrchError({
    reason: "invalid-flag",
    message: `Nothing was done to stack ${stack} yet.`,
    next: ["Apply it with `orch apply`, then look at the run."],
  });
}

async function draw(drawn: DrawnRun, format: Format, root: string, toFile: boolean): Promise<string> {
  switch (format) {
    case "text": {
      const [{ timelineText }, { plainTheme }] = await Promise.all([
        import("../render/timeline/text.js"),
        import("../render/theme.js"),
      ]);
      const columns = toFile ? 100 : (process.stdout.columns ?? 100);
      return timelineText(drawn, toFile ? plainTheme : outTheme(), columns).join("\n");
    }
    case "svg":
      return (await import("../render/timeline/svg.js")).timelineSvg(drawn);
    case "html":
      return (await import("../render/timeline/html.js")).timelineHtml(drawn, root);
  }
}
