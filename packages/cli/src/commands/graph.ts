import { extname } from "node:path";
import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { eventsFlag, jsonFlag, parallelFlag } from "../flags.js";
import { driftGraph, newPlanGraph, storedGraph } from "../graphs.js";
import { give } from "../picture.js";
import type { Drawing } from "../render/graph/layout.js";
import { type DrawnGraph, graphJson } from "../render/graph/model.js";
import { count } from "../render/text.js";
import { writeJson } from "../session.js";

const formats = ["dot", "mermaid", "svg", "html"] as const;
type Format = (typeof formats)[number];
const byExtension: Readonly<Record<string, Format>> = {
  ".dot": "dot",
  ".gv": "dot",
  ".mmd": "mermaid",
  ".mermaid": "mermaid",
  ".svg": "svg",
  ".html": "html",
  ".htm": "html",
};

export default class Graph extends OrchCommand {
  static override summary = "Draw the resources and what they depend on.";
  static override description =
    `Of the state, of a plan made now (--plan), or of a plan that was kept in FILE; plans are coloured by what happens. Components are boxes around their children, arrows point from a resource to what it depends on. With --drift what providers read is compared with the state, and what differs is marked.

HTML is one file to look around in (search, filters, details) that asks nothing of any network; SVG is a picture for documents, DOT and Mermaid are for other tools. --open shows it in your browser; without a display it tells the path.

Exit codes: 0 drawn, 1 not (with --drift also when something could not be read), 130 interrupted.`;
  static override examples = [
    "<%= config.bin %> graph --open",
    "<%= config.bin %> graph --plan --open",
    "<%= config.bin %> graph --drift --out drift.html",
    "<%= config.bin %> graph --out stack.svg",
    "<%= config.bin %> graph change.plan | dot -Tpng > change.png",
  ];
  static override args = {
    file: Args.string({ ignoreStdin: true, description: "A plan made by `orch plan --out FILE`." }),
  };
  static override flags = {
    json: jsonFlag,
    events: eventsFlag,
    plan: Flags.boolean({ summary: "Make a plan and draw it." }),
    drift: Flags.boolean({ summary: "Read every resource, and mark what is not as orch left it." }),
    format: Flags.option({
      char: "f",
      summary: "Default: by the ending of --out, else html with --open, else dot.",
      options: formats,
    })(),
    out: Flags.string({ char: "o", summary: "Write to this file.", helpValue: "FILE" }),
    open: Flags.boolean({ summary: "Show it in the browser." }),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Graph);
    const sources = [flags.plan && "--plan", flags.drift && "--drift", args.file && "FILE"].filter(Boolean);
    if (sources.length > 1)
      throw new OrchError({
        reason: "invalid-flag",
        message: `Give either ${sources.join(" or ")}: a picture shows one thing.`,
      });
    if (flags.json && (flags.format !== undefined || flags.out !== undefined || flags.open))
      throw new OrchError({
        reason: "invalid-flag",
        message: "--json prints the graph as data; --format, --out and --open draw it.",
        expected: "one of them",
      });
    if (flags.events !== undefined && !flags.plan && !flags.drift)
      throw new OrchError({
        reason: "invalid-flag",
        message: "--events tells what happens while a plan is made or resources are read.",
        expected: "--plan or --drift with it",
      });
    const byEnding = byExtension[extname(flags.out ?? "").toLowerCase()];
    const format = flags.format ?? byEnding ?? (flags.open ? "html" : "dot");
    const { version, root } = this.config;
    const { graph, whole } = flags.plan
      ? await newPlanGraph(version, flags)
      : flags.drift
        ? await driftGraph(version, flags)
        : await storedGraph(version, args.file);
    if (flags.json) {
      writeJson(graphJson(graph));
      return whole ? 0 : 1;
    }
    const what = count(graph.nodes.length, "resource");
    await give((drawing) => draw(graph, format, root, drawing), endings[format], flags, what);
    return whole ? 0 : 1;
  }
}

const endings: Readonly<Record<Format, string>> = {
  dot: ".dot",
  mermaid: ".mmd",
  svg: ".svg",
  html: ".html",
};

async function draw(graph: DrawnGraph, format: Format, root: string, drawing: Drawing): Promise<string> {
  switch (format) {
    case "dot":
      return (await import("../render/graph/dot.js")).dotText(graph);
    case "mermaid":
      return (await import("../render/graph/mermaid.js")).mermaidText(graph);
    case "svg":
      return (await import("../render/graph/svg.js")).svgText(graph, drawing);
    case "html":
      return (await import("../render/graph/html.js")).htmlText(graph, root, drawing);
  }
}
