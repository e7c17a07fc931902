/** A picture: the DOT text laid out by Graphviz, compiled to WebAssembly (@viz-js/viz). */
import { OrchError } from "@orch/core/model/failure";
import { dotText } from "./dot.js";
import type { DrawnGraph } from "./model.js";

/** Beyond this many nodes and edges the layout would take minutes. */
const limit = 5000;

export async function svgText(graph: DrawnGraph): Promise<string> {
  const size = graph.nodes.length + graph.edges.length;
  if (size > limit)
    throw new OrchError({
      reason: "unsupported",
      message: `The graph is too large to be laid out here: ${graph.nodes.length} resources, ${graph.edges.length} dependencies.`,
      expected: `at most ${limit} of both together`,
      next: ["Write it as DOT (`orch graph --format dot`) and draw it with Graphviz' sfdp."],
    });
  const { instance } = await import("@viz-js/viz");
  const viz = await instance();
  return viz.renderString(dotText(graph), { format: "svg" }).trimEnd();
}
