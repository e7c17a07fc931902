/** A picture for documents. No script, no font, no reference to anything outside: it looks alike wherever it is put. */

import { OrchError } from "@orch/core/model/failure";
import type { Effect } from "../plan.js";
import { escapeXml, round, type Svg, tag } from "../svg.js";
import { visible } from "../text.js";
import { type Box, headHeight, type Points } from "./arrange.js";
import { type Drawing, layOutOpen, nodeText, type OpenLayout } from "./layout.js";
import { type Badge, badges, driftBadge, driftColour, effectColours } from "./marks.js";
import type { DrawnGraph, GraphNode } from "./model.js";

/** Beyond this many resources nobody can read a picture that cannot be searched. */
const limit = 2000;
const titleHeight = 44;
const legendHeight = 40;

export async function svgText(graph: DrawnGraph, drawing: Drawing = {}): Promise<string> {
  if (graph.nodes.length > limit)
    throw new OrchError({
      reason: "unsupported",
      message: `The graph is too large for a picture: ${graph.nodes.length} resources.`,
      expected: `at most ${limit}`,
      next: ["Look at it as a page (`orch graph --open`), which can be searched and filtered."],
    });
  const layout = await layOutOpen(graph, drawing);
  const legend = legendOf(graph);
  const width = Math.ceil(Math.max(layout.width, 420, legendWidth(legend) + 28));
  const height = Math.ceil(layout.height + titleHeight + legendHeight);
  const order = depths(graph);
  const groups = graph.nodes
    .map((node, i) => ({ node, box: layout.boxes[i] as Box }))
    .filter(({ node }) => node.group)
    .sort((a, b) => (order.get(a.node) ?? 0) - (order.get(b.node) ?? 0));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" role="img">`,
    `<title>${escapeXml(visible(graph.title))}</title>`,
    tag("rect", { width, height, fill: "#ffffff" }),
    tag(
      "text",
      { x: 14, y: 28, "font-size": 16, "font-weight": "bold", fill: "#172b4d" },
      visible(graph.title),
    ),
    `<g transform="translate(0 ${titleHeight})">`,
    ...groups.map(({ node, box }) => group(node, box)),
    ...layout.blockBoxes.map((box) =>
      tag("rect", { ...rect(box as Box), rx: 8, fill: "none", stroke: "#b3bac5", "stroke-dasharray": "2 3" }),
    ),
    ...arrows(layout),
    ...graph.nodes.flatMap((node, i) => (node.group ? [] : [leaf(node, layout.boxes[i] as Box)])),
    "</g>",
    `<g transform="translate(14 ${height - 22})">`,
    ...legendText(legend),
    "</g>",
    "</svg>",
  ].join("\n");
}

const rect = ({ x, y, width, height }: Box): Svg => ({
  x: round(x),
  y: round(y),
  width: round(width),
  height: round(height),
});

function depths(graph: DrawnGraph): ReadonlyMap<GraphNode, number> {
  const byUrn = new Map(graph.nodes.map((node) => [node.urn, node]));
  const depth = (node: GraphNode): number => {
    const parent = node.parent === undefined ? undefined : byUrn.get(node.parent);
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  return new Map(graph.nodes.filter(({ group }) => group).map((node) => [node, depth(node)]));
}

/** Deleted ones are dashed, replaced ones have a thick border: a third sign beside colour and badge. */
function borderOf(effect: Effect | undefined): Svg {
  if (effect === "delete" || effect === "forget") return { "stroke-dasharray": "5 3" };
  return effect === "replace" ? { "stroke-width": 2.5 } : {};
}

function group(node: GraphNode, box: Box): string {
  const [, border] = effectColours[node.effect ?? "none"];
  const [type, name] = nodeText(node);
  return [
    tag("rect", {
      ...rect(box),
      rx: 8,
      fill: "#091e42",
      "fill-opacity": 0.03,
      stroke: border,
      ...borderOf(node.effect),
    }),
    `<text x="${round(box.x + 12)}" y="${round(box.y + headHeight - 9)}" font-size="12" fill="#172b4d"><tspan fill="#5e6c84">${escapeXml(type)}</tspan> <tspan font-weight="bold">${escapeXml(name)}</tspan></text>`,
    ...marks(node, box.x + box.width - 16, box.y + 16),
  ].join("\n");
}

function leaf(node: GraphNode, box: Box): string {
  const [fill, border] = effectColours[node.effect ?? "none"];
  const [type, name] = nodeText(node);
  const says = [
    node.effect,
    node.drift === undefined ? undefined : node.drift.kind === "gone" ? "gone" : "drift",
  ];
  const full = [visible(node.urn), ...says].filter((part) => part !== undefined).join("\n");
  return [
    `<g><title>${escapeXml(full)}</title>`,
    tag("rect", { ...rect(box), rx: 6, fill, stroke: border, ...borderOf(node.effect) }),
    tag("text", { x: round(box.x + 10), y: round(box.y + 16), "font-size": 11, fill: "#5e6c84" }, type),
    tag(
      "text",
      { x: round(box.x + 10), y: round(box.y + 31), "font-size": 12, "font-weight": "bold", fill: "#172b4d" },
      name,
    ),
    ...marks(node, box.x + box.width - 15, box.y + box.height / 2),
    "</g>",
  ].join("\n");
}

function marks(node: GraphNode, x: number, y: number): string[] {
  return [
    ...(node.effect === undefined ? [] : [badge(badges[node.effect], effectColours[node.effect][1], x, y)]),
    ...(node.drift === undefined
      ? []
      : [badge(driftBadge, driftColour, node.effect === undefined ? x : x - 20, y)]),
  ];
}

function badge({ corners, sign }: Badge, colour: string, x: number, y: number): string {
  const shape =
    corners === undefined
      ? tag("circle", { cx: round(x), cy: round(y), r: 8, fill: colour })
      : tag("polygon", {
          points: corners.map(([cx, cy]) => `${round(x + cx * 9.5)},${round(y + cy * 9.5)}`).join(" "),
          fill: colour,
        });
  return `${shape}\n${tag("text", { x: round(x), y: round(y + 4), "font-size": 12, "font-weight": "bold", "text-anchor": "middle", fill: "#ffffff" }, sign)}`;
}

function arrows({ arrows, boxes, blockBoxes, ways }: OpenLayout): string[] {
  const box = (end: number): Box => (end < 0 ? blockBoxes[-1 - end] : boxes[end]) as Box;
  return arrows.flatMap(({ from, to }, i) => {
    const points = ways[i] ?? straight(box(from), box(to));
    const [tip, before] = [points.at(-1) as Point, points.at(-2) as Point];
    const angle = Math.atan2(tip[1] - before[1], tip[0] - before[0]);
    const corner = (turn: number): string =>
      `${round(tip[0] - 8 * Math.cos(angle + turn))},${round(tip[1] - 8 * Math.sin(angle + turn))}`;
    return [
      tag("path", { d: rounded(points), fill: "none", stroke: "#7a869a" }),
      tag("polygon", {
        points: `${round(tip[0])},${round(tip[1])} ${corner(0.45)} ${corner(-0.45)}`,
        fill: "#7a869a",
      }),
    ];
  });
}

type Point = Points[number];

const straight = (a: Box, b: Box): Point[] => {
  const back = b.x < a.x + a.width;
  return [
    [back ? a.x : a.x + a.width, a.y + a.height / 2],
    [back ? b.x + b.width : b.x, b.y + b.height / 2],
  ];
};

/** Right angles with round corners: where lines meet, one sees which turns. */
function rounded(points: readonly Point[]): string {
  const [first = [0, 0], ...rest] = points;
  let d = `M${round(first[0])} ${round(first[1])}`;
  rest.forEach(([x, y], i) => {
    const [px, py] = points[i] as readonly [number, number];
    const next = rest[i + 1];
    if (next === undefined) {
      d += `L${round(x)} ${round(y)}`;
      return;
    }
    const [before, after] = [Math.hypot(x - px, y - py), Math.hypot(next[0] - x, next[1] - y)];
    const r = Math.min(6, before / 2, after / 2);
    const towards = (tx: number, ty: number, length: number): string =>
      length === 0
        ? `${round(x)} ${round(y)}`
        : `${round(x + ((tx - x) / length) * r)} ${round(y + ((ty - y) / length) * r)}`;
    d += `L${towards(px, py, before)}Q${round(x)} ${round(y)} ${towards(next[0], next[1], after)}`;
  });
  return d;
}

interface LegendItem {
  readonly badge: Badge | undefined;
  readonly colour: string;
  readonly text: string;
}

function legendOf(graph: DrawnGraph): LegendItem[] {
  const counts = new Map<Effect, number>();
  let drifted = 0;
  for (const { effect, drift } of graph.nodes) {
    if (effect !== undefined) counts.set(effect, (counts.get(effect) ?? 0) + 1);
    if (drift !== undefined) drifted++;
  }
  const items = (Object.keys(badges) as Effect[])
    .filter((effect) => counts.has(effect))
    .map((effect) => ({
      badge: badges[effect],
      colour: effectColours[effect][1],
      text: `${effect} (${counts.get(effect)})`,
    }));
  return [
    ...items,
    ...(drifted > 0 ? [{ badge: driftBadge, colour: driftColour, text: `drift (${drifted})` }] : []),
    { badge: undefined, colour: "#7a869a", text: "depends on" },
  ];
}

const itemWidth = ({ text }: LegendItem): number => 28 + text.length * 6.5;
const legendWidth = (items: readonly LegendItem[]): number =>
  items.reduce((sum, item) => sum + itemWidth(item) + 12, 0);

function legendText(items: readonly LegendItem[]): string[] {
  let x = 10;
  return items.flatMap((item) => {
    const { badge: shape, colour, text } = item;
    const at = x;
    x += itemWidth(item) + 12;
    return [
      shape === undefined
        ? `${tag("path", { d: `M${round(at - 10)} 0h14`, stroke: colour })}\n${tag("polygon", { points: `${round(at + 10)},0 ${round(at + 3)},-3.5 ${round(at + 3)},3.5`, fill: colour })}`
        : badge(shape, colour, at, 0),
      tag("text", { x: round(at + 16), y: 4, "font-size": 12, fill: "#172b4d" }, text),
    ];
  });
}
