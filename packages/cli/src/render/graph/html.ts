/** A page to look around in: search, filters, details. Laid out here, so that the page shows it at once. */
import { driftItem } from "../drift.js";
import { expectedText } from "../expected.js";
import { shortType } from "../names.js";
import { pageHtml } from "../page.js";
import { stepText } from "../plan.js";
import { visible } from "../text.js";
import { plainTheme } from "../theme.js";
import { type Drawing, isSmall, layOut, nodeText } from "./layout.js";
import type { DrawnGraph, GraphNode } from "./model.js";
import type { PageData, PageNode } from "./page-data.js";

/** `root`: folder of the package `orch`. */
export async function htmlText(graph: DrawnGraph, root: string, drawing: Drawing = {}): Promise<string> {
  return pageHtml({ root, name: "graph", title: graph.title, data: await pageData(graph, drawing) });
}

export async function pageData(graph: DrawnGraph, drawing: Drawing = {}): Promise<PageData> {
  const layout = await layOut(graph, { ...drawing, base: isSmall(graph) ? "expanded" : "collapsed" });
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  return {
    title: visible(graph.title),
    kind: graph.steps === undefined ? "state" : "plan",
    drift: graph.drift,
    nodes: graph.nodes.map((node) => pageNode(node, graph, index)),
    edges: graph.edges.map(([from, to]) => [index.get(from) as number, index.get(to) as number]),
    layout,
  };
}

function pageNode(node: GraphNode, graph: DrawnGraph, index: ReadonlyMap<string, number>): PageNode {
  const { name, type, urn, id, parent, group, effect, drift, step, properties } = node;
  const view = { theme: plainTheme, full: false };
  const change = whatAndWhy(node, graph);
  const expected =
    step === undefined || graph.durations === undefined ? undefined : expectedText(step, graph.durations);
  return {
    name: visible(name),
    type: visible(shortType(type)),
    urn: visible(urn),
    group,
    label: nodeText(node),
    properties: properties.map(visible),
    ...(id === undefined ? {} : { id: visible(id) }),
    ...(parent === undefined ? {} : { parent: index.get(parent) as number }),
    ...(effect === undefined ? {} : { effect }),
    ...(drift === undefined ? {} : { drift: drift.kind }),
    ...(change === undefined ? {} : change),
    ...(expected === undefined ? {} : { expected }),
    ...(drift === undefined ? {} : { found: flush(driftItem(drift, view, Date.now())) }),
  };
}

/** As the plan tells it, without the line that names the resource. */
function whatAndWhy({ step, effect }: GraphNode, { steps }: DrawnGraph): Pick<PageNode, "why" | "change"> {
  if (step === undefined || effect === undefined || steps === undefined) return {};
  const { head, body } = stepText(step, effect, steps, { theme: plainTheme, full: false });
  const [, ...why] = head;
  return {
    ...(why.length === 0 ? {} : { why: flush(why) }),
    ...(body.length === 0 ? {} : { change: flush(body) }),
  };
}

/** Without what all lines are indented by. */
function flush(lines: readonly string[]): string[] {
  const indent = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  return Number.isFinite(indent) ? lines.map((line) => line.slice(indent)) : [...lines];
}
