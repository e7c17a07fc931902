/** A page to look around in: search, filters, details. Laid out here, so that the page shows it at once. */
import { driftItem } from "../drift.js";
import { shortType } from "../names.js";
import { pageHtml } from "../page.js";
import { explain } from "../plan.js";
import { visible } from "../text.js";
import { plainTheme } from "../theme.js";
import { type Box, layOut, nodeText } from "./layout.js";
import type { DrawnGraph, GraphNode } from "./model.js";
import type { PageData, PageNode } from "./page-data.js";

/** `root`: folder of the package `orch`. */
export async function htmlText(graph: DrawnGraph, root: string): Promise<string> {
  return pageHtml({ root, name: "graph", title: graph.title, data: await pageData(graph) });
}

export async function pageData(graph: DrawnGraph): Promise<PageData> {
  const { width, height, boxes, blocks, arrows } = await layOut(graph);
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  const whole = (n: number): number => Math.round(n);
  const rounded = <T extends Box>(box: T): T => ({
    ...box,
    x: whole(box.x),
    y: whole(box.y),
    width: whole(box.width),
    height: whole(box.height),
  });
  return {
    title: visible(graph.title),
    kind: graph.nodes.some(({ step }) => step !== undefined) ? "plan" : "state",
    drift: graph.drift,
    width: whole(width),
    height: whole(height),
    nodes: graph.nodes.map((node, i) => pageNode(node, rounded(boxes[i] as Box), index)),
    edges: graph.edges.map(([from, to]) => [index.get(from) as number, index.get(to) as number]),
    blocks: blocks.map(rounded),
    arrows: arrows.map((arrow) => ({ ...arrow, points: arrow.points.map(([x, y]) => [whole(x), whole(y)]) })),
  };
}

function pageNode(node: GraphNode, box: Box, index: ReadonlyMap<string, number>): PageNode {
  const { name, type, urn, id, parent, group, effect, drift, step, properties } = node;
  const view = { theme: plainTheme, full: false };
  const change = step === undefined || effect === undefined ? [] : explain(step, effect, view);
  return {
    name: visible(name),
    type: visible(shortType(type)),
    urn: visible(urn),
    group,
    box,
    label: nodeText(node),
    properties: properties.map(visible),
    ...(id === undefined ? {} : { id: visible(id) }),
    ...(parent === undefined ? {} : { parent: index.get(parent) as number }),
    ...(effect === undefined ? {} : { effect }),
    ...(drift === undefined ? {} : { drift: drift.kind }),
    ...(change.length === 0 ? {} : { change }),
    ...(drift === undefined ? {} : { found: driftItem(drift, view, Date.now()) }),
  };
}
