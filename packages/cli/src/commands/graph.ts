import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { withEngine, withStack } from "../context.js";
import { jsonFlag } from "../flags.js";
import { type DrawnGraph, graphJson, planGraph, stateGraph } from "../render/graph/model.js";
import { note, write, writeJson } from "../session.js";
import { openView } from "../view/view.js";

const formats = ["dot", "mermaid", "svg"] as const;
type Format = (typeof formats)[number];
const byExtension: Readonly<Record<string, Format>> = {
  ".dot": "dot",
  ".gv": "dot",
  ".mmd": "mermaid",
  ".mermaid": "mermaid",
  ".svg": "svg",
};

export default class Graph extends OrchCommand {
  static override summary = "Draw the resources and what they depend on.";
  static override description =
    `Of the state, of a plan made now (--plan), or of a plan that was kept in FILE; plans are coloured by what happens. Components are boxes around their children, arrows point from a resource to what it depends on.

Exit codes: 0 drawn, 1 not.`;
  static override examples = [
    "<%= config.bin %> graph --out stack.svg",
    "<%= config.bin %> graph --plan --format mermaid",
    "<%= config.bin %> graph change.plan | dot -Tpng > change.png",
  ];
  static override args = {
    file: Args.string({ ignoreStdin: true, description: "A plan made by `orch plan --out FILE`." }),
  };
  static override flags = {
    json: jsonFlag,
    plan: Flags.boolean({ summary: "Make a plan and draw it." }),
    format: Flags.option({
      char: "f",
      summary: "Default: by the ending of --out, else dot.",
      options: formats,
    })(),
    out: Flags.string({ char: "o", summary: "Write to this file.", helpValue: "FILE" }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Graph);
    if (flags.plan && args.file !== undefined)
      throw new OrchError({ reason: "invalid-flag", message: "Give either --plan or a FILE, not both." });
    if (flags.json && (flags.format !== undefined || flags.out !== undefined))
      throw new OrchError({
        reason: "invalid-flag",
        message: "--json prints the graph as data; --format and --out draw it.",
        expected: "one of them",
      });
    const format = flags.format ?? byExtension[extname(flags.out ?? "").toLowerCase()] ?? "dot";
    const graph = flags.plan ? await this.ofNewPlan() : await this.ofWhatIsThere(args.file);
    if (flags.json) {
      writeJson(graphJson(graph));
      return 0;
    }
    const text = await draw(graph, format);
    if (flags.out === undefined) {
      write(text);
      return 0;
    }
    await writeFile(flags.out, `${text}\n`).catch((error: Error) => {
      throw new OrchError(
        { reason: "invalid-flag", message: `--out: ${flags.out} cannot be written`, found: error.message },
        { cause: error },
      );
    });
    note(`Drew ${graph.nodes.length} resources into ${flags.out}.`);
    return 0;
  }

  private ofNewPlan(): Promise<DrawnGraph> {
    const view = openView();
    return withEngine(this.config.version, view, {}, async ({ engine }) => {
      const { plan } = await import("@orch/core/engine");
      return planGraph(await plan(engine, { kind: "apply" }));
    });
  }

  private ofWhatIsThere(file: string | undefined): Promise<DrawnGraph> {
    return withStack(this.config.version, async ({ store, project, stack }) => {
      if (file === undefined)
        return stateGraph(`${project.name} / ${stack}`, (await store.snapshot()).resources);
      const { loadPlan } = await import("../plan-file.js");
      return planGraph((await loadPlan(file, store)).plan);
    });
  }
}

async function draw(graph: DrawnGraph, format: Format): Promise<string> {
  switch (format) {
    case "dot":
      return (await import("../render/graph/dot.js")).dotText(graph);
    case "mermaid":
      return (await import("../render/graph/mermaid.js")).mermaidText(graph);
    case "svg":
      return (await import("../render/graph/svg.js")).svgText(graph);
  }
}
