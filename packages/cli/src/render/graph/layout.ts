/**
 * Where everything stands: ELK's layered layout (elkjs), from dependents on the left to what they depend on. Resources of one type that depend on the same
 * and are needed by the same stand in a block, with one arrow for all of them. All lengths in pixels.
 */
import { OrchError } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import { shortType } from "../names.js";
import { visible, width } from "../text.js";
import { byParent, type DrawnGraph, type GraphNode } from "./model.js";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Block extends Box {
  /** Indices of nodes. */
  readonly members: readonly number[];
}

/** An index of a node, or of a block: `-1 - index`. */
export type End = number;
export const blockEnd = (index: number): End => -1 - index;

export interface Arrow {
  readonly from: End;
  readonly to: End;
  /** Empty when no way was laid out for it, between components of a large graph: then it is drawn straight over what is between them. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** By index of the graph's nodes. */
  readonly boxes: readonly Box[];
  readonly blocks: readonly Block[];
  /** Between nodes and blocks; in large graphs, where components hold what is related, between the components. */
  readonly arrows: readonly Arrow[];
}

export const nodeHeight = 40;
/** Of a component's box, above what is in it. */
export const headHeight = 28;
const maxColumns = 34;
/** Wide enough for letters of a proportional font at 12 px. */
const columnWidth = 6.7;
const gap = 10;
const padding = 14;
/** So many alike make a block. */
const alike = 4;
/** Up to here arrows go from resource to resource through the borders of components; beyond it ELK would need minutes. */
const exactNodes = 300;
const exactEdges = 900;

/** What stands in a node's two lines, cut where it is too long. */
export const nodeText = ({ type, name }: GraphNode): readonly [type: string, name: string] => [
  short(shortType(type)),
  short(name),
];

function short(text: string): string {
  const one = visible(text).replaceAll(/\s+/g, " ");
  if (width(one) <= maxColumns) return one;
  const chars = [...one];
  // The end tells more than the middle: names often differ in their last letters.
  while (width(chars.join("")) > maxColumns - 1) chars.splice(Math.floor(chars.length * 0.6), 1);
  chars.splice(Math.floor(chars.length * 0.6), 0, "…");
  return chars.join("");
}

function widthOf(node: GraphNode): number {
  const [type, name] = nodeText(node);
  return Math.ceil(Math.max(width(type) * 0.92, width(name)) * columnWidth) + 44;
}

interface Item {
  readonly end: End;
  readonly key: string;
}

interface Inner {
  readonly width: number;
  readonly height: number;
}

/** Rejects with `internal` when ELK fails. The same graph has the same layout, always. */
export async function layOut(graph: DrawnGraph): Promise<Layout> {
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  const edges = graph.edges.map(
    ([from, to]) => [index.get(from) as number, index.get(to) as number] as const,
  );
  const { blocks, blockOf } = findBlocks(graph, edges);
  const children = byParent(graph);
  const itemsOf = (parent: Urn | undefined): Item[] => {
    const ends = new Set<End>();
    for (const { urn } of children.get(parent) ?? []) {
      const i = index.get(urn) as number;
      ends.add(blockOf.get(i) ?? i);
    }
    return [...ends].map((end) => ({ end, key: String(end) }));
  };
  const context: Context = { graph, index, edges, blocks, blockOf, itemsOf };
  const exact = graph.nodes.length <= exactNodes && graph.edges.length <= exactEdges;
  return exact ? layOutWhole(context) : layOutLevels(context);
}

interface Context {
  readonly graph: DrawnGraph;
  readonly index: ReadonlyMap<Urn, number>;
  readonly edges: readonly (readonly [number, number])[];
  readonly blocks: readonly Grid[];
  readonly blockOf: ReadonlyMap<number, End>;
  readonly itemsOf: (parent: Urn | undefined) => readonly Item[];
}

interface Grid extends Inner {
  readonly members: readonly number[];
  readonly columns: number;
  readonly cell: number;
}

function findBlocks(
  graph: DrawnGraph,
  edges: Context["edges"],
): { readonly blocks: readonly Grid[]; readonly blockOf: ReadonlyMap<number, End> } {
  const into: number[][] = graph.nodes.map(() => []);
  const out: number[][] = graph.nodes.map(() => []);
  for (const [from, to] of edges) {
    out[from]?.push(to);
    into[to]?.push(from);
  }
  const sorted = (list: number[] | undefined): string => [...(list ?? [])].sort((a, b) => a - b).join(",");
  const exactly = graph.nodes.map((_, i) => `${sorted(out[i])} ${sorted(into[i])}`);
  const crowds = crowded(graph, exactly);
  const same = new Map<string, number[]>();
  graph.nodes.forEach(({ group, type, parent }, i) => {
    if (group) return;
    const alone = (into[i]?.length ?? 0) + (out[i]?.length ?? 0) === 0;
    const key = JSON.stringify(
      crowds.has(parent) ? [parent, type] : alone ? [parent] : [parent, type, exactly[i]],
    );
    const list = same.get(key);
    if (list === undefined) same.set(key, [i]);
    else list.push(i);
  });
  const blocks: Grid[] = [];
  const blockOf = new Map<number, End>();
  for (const members of same.values()) {
    if (members.length < alike) continue;
    const cell = Math.max(...members.map((i) => widthOf(graph.nodes[i] as GraphNode)));
    // A little wider than high.
    const columns = Math.max(1, Math.round(Math.sqrt((members.length * (nodeHeight + gap) * 1.4) / cell)));
    const rows = Math.ceil(members.length / columns);
    for (const i of members) blockOf.set(i, blockEnd(blocks.length));
    blocks.push({
      members,
      columns,
      cell,
      width: columns * (cell + gap) + gap,
      height: rows * (nodeHeight + gap) + gap,
    });
  }
  return { blocks, blockOf };
}

/** Components (or the outermost level) in which so much stands side by side that only a block per type can be looked at. */
function crowded(graph: DrawnGraph, exactly: readonly string[]): ReadonlySet<Urn | undefined> {
  const items = new Map<Urn | undefined, Set<string>>();
  graph.nodes.forEach(({ group, type, parent }, i) => {
    if (group) return;
    const set = items.get(parent) ?? new Set();
    items.set(parent, set.add(`${type} ${exactly[i]}`));
  });
  return new Set([...items].filter(([, set]) => set.size > exactNodes).map(([parent]) => parent));
}

const common = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.aspectRatio": "1.6",
  "elk.randomSeed": "1",
  "elk.spacing.nodeNode": "14",
  "elk.spacing.componentComponent": "28",
  "elk.spacing.edgeNode": "12",
  "elk.layered.spacing.nodeNodeBetweenLayers": "56",
  "elk.layered.spacing.edgeNodeBetweenLayers": "16",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.padding": `[top=${padding},left=${padding},bottom=${padding},right=${padding}]`,
};
/** Large boxes with more arrows between them than this are packed side by side: laid out in layers they were lost among the arrows. */
const manyArrows = 60;
const packing = { "elk.algorithm": "rectpacking", "elk.spacing.nodeNode": "40" };
const groupPadding = `[top=${headHeight + gap},left=${padding},bottom=${padding},right=${padding}]`;

let made: Promise<{ layout(graph: ElkNode): Promise<ElkNode> }> | undefined;

/** elkjs is 1.6 MB of code: loaded when something is drawn. */
async function elk(graph: ElkNode): Promise<ElkNode> {
  // Its types speak of an ES module; it is CommonJS, and Node gives `module.exports` as the default.
  made ??= import("elkjs/lib/elk.bundled.js").then(
    (module) => new (module.default as unknown as typeof module.default.default)(),
  );
  const engine = await made;
  try {
    return await engine.layout(graph);
  } catch (error) {
    throw new OrchError(
      {
        reason: "internal",
        message: "The graph could not be laid out.",
        found: String(error).slice(0, 500),
        next: ["Write it as DOT (`orch graph --format dot`) and draw it with Graphviz."],
      },
      { cause: error },
    );
  }
}

/** One ELK graph with everything in it: arrows find their way through the borders of components. */
async function layOutWhole(context: Context): Promise<Layout> {
  const { graph, blocks, itemsOf } = context;
  const node = ({ end, key }: Item): ElkNode => {
    if (end < 0) {
      const { width, height } = blocks[-1 - end] as Grid;
      return { id: key, width, height };
    }
    const each = graph.nodes[end] as GraphNode;
    if (!each.group) return { id: key, width: widthOf(each), height: nodeHeight };
    const head = headWidth(each);
    return {
      id: key,
      layoutOptions: {
        "elk.padding": groupPadding,
        "elk.nodeSize.constraints": "MINIMUM_SIZE",
        "elk.nodeSize.minimum": `(${head},${headHeight + nodeHeight})`,
      },
      children: itemsOf(each.urn).map(node),
    };
  };
  const root = await elk({
    id: "root",
    layoutOptions: {
      ...common,
      "elk.hierarchyHandling": "INCLUDE_CHILDREN",
      "elk.json.shapeCoords": "ROOT",
      "elk.json.edgeCoords": "ROOT",
    },
    children: itemsOf(undefined).map(node),
    edges: elkEdges(arrowEnds(context, (from, to) => [from, to])),
  });
  const placed = new Map<End, Box>();
  const collect = (at: ElkNode): void => {
    for (const child of at.children ?? []) {
      placed.set(Number(child.id), boxOf(child, 0, 0));
      collect(child);
    }
  };
  collect(root);
  return result(context, root.width ?? 0, root.height ?? 0, placed, routes(root.edges, 0, 0));
}

/** Each component by itself, innermost first; arrows between what stands in one of them side by side. */
async function layOutLevels(context: Context): Promise<Layout> {
  const { graph, index, blocks, itemsOf } = context;
  const ancestors = (end: End): End[] => {
    const first = end < 0 ? ((blocks[-1 - end] as Grid).members[0] as number) : end;
    const chain = [end];
    for (
      let parent = (graph.nodes[first] as GraphNode).parent;
      parent !== undefined;
      parent = (graph.nodes[chain.at(-1) as number] as GraphNode).parent
    )
      chain.push(index.get(parent) as number);
    return chain.reverse();
  };
  const byLevel = new Map<Urn | undefined, [End, End][]>();
  const lifted = arrowEnds(context, (from, to) => {
    const [a, b] = [ancestors(from), ancestors(to)];
    let k = 0;
    while (k < a.length && a[k] === b[k]) k++;
    // One stands inside the other: the box around it says so.
    return a[k] === undefined || b[k] === undefined ? undefined : [a[k] as End, b[k] as End];
  });
  for (const pair of lifted) {
    const [end] = pair;
    const some = end < 0 ? ((blocks[-1 - end] as Grid).members[0] as number) : end;
    const { parent } = graph.nodes[some] as GraphNode;
    const list = byLevel.get(parent);
    if (list === undefined) byLevel.set(parent, [pair]);
    else list.push(pair);
  }
  const sizes = new Map<End, Inner>();
  const levels = new Map<Urn | undefined, ElkNode>();
  const loose: [End, End][] = [];
  const level = async (parent: Urn | undefined): Promise<Inner> => {
    const items = itemsOf(parent);
    for (const { end } of items) {
      if (end < 0) sizes.set(end, blocks[-1 - end] as Grid);
      else {
        const node = graph.nodes[end] as GraphNode;
        sizes.set(end, node.group ? await level(node.urn) : { width: widthOf(node), height: nodeHeight });
      }
    }
    const edges = byLevel.get(parent) ?? [];
    const packed = edges.length > manyArrows && items.some(({ end }) => graph.nodes[end]?.group);
    if (packed) loose.push(...edges);
    const laid = await elk({
      id: "level",
      layoutOptions: {
        ...common,
        "elk.layered.thoroughness": items.length > 500 ? "1" : "5",
        ...(packed ? packing : {}),
        ...(parent === undefined ? {} : { "elk.padding": groupPadding }),
      },
      children: items.map(({ end, key }) => ({ id: key, ...size(sizes.get(end) as Inner) })),
      edges: packed ? [] : elkEdges(edges),
    });
    levels.set(parent, laid);
    const head = parent === undefined ? 0 : headWidth(graph.nodes[index.get(parent) as number] as GraphNode);
    return { width: Math.max(laid.width ?? 0, head), height: laid.height ?? 0 };
  };
  const whole = await level(undefined);
  const placed = new Map<End, Box>();
  const arrows: Arrow[] = loose.map(([from, to]) => ({ from, to, points: [] }));
  const place = (parent: Urn | undefined, x: number, y: number): void => {
    const laid = levels.get(parent) as ElkNode;
    arrows.push(...routes(laid.edges, x, y));
    for (const child of laid.children ?? []) {
      const end = Number(child.id);
      const box = boxOf(child, x, y);
      placed.set(end, box);
      const node = graph.nodes[end];
      if (node?.group) place(node.urn, box.x, box.y);
    }
  };
  place(undefined, 0, 0);
  return result(context, whole.width, whole.height, placed, arrows);
}

const size = ({ width, height }: Inner): Inner => ({ width, height });
const headWidth = (node: GraphNode): number =>
  Math.ceil((width(nodeText(node)[0]) + width(nodeText(node)[1]) + 1) * columnWidth) + 56;

/** Each pair once. `lift` says between what the arrow is drawn. */
function arrowEnds(
  { edges, blockOf }: Context,
  lift: (from: End, to: End) => [End, End] | undefined,
): [End, End][] {
  const pairs = new Map<string, [End, End]>();
  for (const [from, to] of edges) {
    const pair = lift(blockOf.get(from) ?? from, blockOf.get(to) ?? to);
    if (pair !== undefined && pair[0] !== pair[1]) pairs.set(pair.join(" "), pair);
  }
  return [...pairs.values()];
}

const elkEdges = (pairs: readonly (readonly [End, End])[]): ElkExtendedEdge[] =>
  pairs.map(([from, to]) => ({ id: `${from}>${to}`, sources: [String(from)], targets: [String(to)] }));

const boxOf = (node: ElkNode, x: number, y: number): Box => ({
  x: x + (node.x ?? 0),
  y: y + (node.y ?? 0),
  width: node.width ?? 0,
  height: node.height ?? 0,
});

const routes = (edges: ElkNode["edges"], x: number, y: number): Arrow[] =>
  (edges ?? []).map(({ sources, targets, sections }) => ({
    from: Number(sources[0]),
    to: Number(targets[0]),
    points: (sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) =>
      [startPoint, ...bendPoints, endPoint].map((p) => [x + p.x, y + p.y] as const),
    ),
  }));

function result(
  { graph, blocks }: Context,
  width: number,
  height: number,
  placed: ReadonlyMap<End, Box>,
  arrows: readonly Arrow[],
): Layout {
  const boxes: Box[] = graph.nodes.map((_, i) => placed.get(i) as Box);
  const drawn = blocks.map(({ members, columns, cell }, k): Block => {
    const box = placed.get(blockEnd(k)) as Box;
    members.forEach((i, n) => {
      boxes[i] = {
        x: box.x + gap + (n % columns) * (cell + gap),
        y: box.y + gap + Math.floor(n / columns) * (nodeHeight + gap),
        width: cell,
        height: nodeHeight,
      };
    });
    return { ...box, members };
  });
  return { width, height, boxes, blocks: drawn, arrows };
}
