/**
 * A graph laid out: ELK's layers, from dependents on the left to what they depend on. Resources of one type that depend on the same and are needed by the same
 * stand in a block, with one arrow for all of them.
 *
 * Small graphs are laid out as a whole: arrows find their way through the borders of components. In large ones that would take ELK minutes, so each component is
 * laid out by itself, and an arrow between two components goes from the one to the other.
 */
import type { Urn } from "@orch/core/model/urn";
import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import { shortType } from "../names.js";
import { visible, width } from "../text.js";
import {
  type Arranged,
  type Arrow,
  arrange,
  type Block,
  blockEnd,
  blockSize,
  type End,
  gap,
  headHeight,
  type Layout,
  type Level,
  nodeHeight,
  type Place,
  padding,
  type Size,
} from "./arrange.js";
import { type Engine, startEngine, threadsFor } from "./elk.js";
import { byParent, type DrawnGraph, type GraphNode } from "./model.js";

const maxColumns = 34;
/** Wide enough for letters of a proportional font at 12 px. */
const columnWidth = 6.7;
/** So many alike make a block. */
const alike = 4;
/** Up to here the graph is laid out as a whole. */
const exactNodes = 300;
const exactEdges = 900;
/** Widths in large graphs are multiples of this: components that are built alike are then laid out alike, and only once. */
const widthStep = 20;

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

const collapsedHeight = 60;

function widthOf(node: GraphNode): number {
  const [type, name] = nodeText(node);
  return Math.ceil(Math.max(width(type) * 0.92, width(name)) * columnWidth) + 44;
}

const headWidth = (node: GraphNode): number =>
  Math.ceil((width(nodeText(node)[0]) + width(nodeText(node)[1]) + 1) * columnWidth) + 56;

/** For whoever waits for it. */
export interface Drawing {
  /** How many of the parts are laid out. */
  readonly progress?: (done: number, parts: number) => void;
  /** Rejects with its reason, at once. */
  readonly signal?: AbortSignal;
}

interface LayoutOptions extends Drawing {
  /** How components stand in large graphs: pictures show all of them open, pages begin with them closed. Small ones are always laid out open. */
  readonly base: Layout["base"];
}

/** Rejects with `internal` when ELK fails. The same graph has the same layout, always. */
export async function layOut(graph: DrawnGraph, options: LayoutOptions): Promise<Layout> {
  const context = contextOf(graph);
  const { signal } = options;
  signal?.throwIfAborted();
  const exact = isSmall(graph);
  const engine = startEngine(exact ? 1 : threadsFor(context.children.size));
  try {
    const made = exact ? layOutWhole(context, engine) : layOutLevels(context, engine, options);
    const aborted = new Promise<never>((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true }),
    );
    return await Promise.race([made, aborted]);
  } finally {
    await engine.close();
  }
}

export const isSmall = (graph: DrawnGraph): boolean =>
  graph.nodes.length <= exactNodes && graph.edges.length <= exactEdges;

export type OpenLayout = Layout & Arranged;

/** With all components open. */
export async function layOutOpen(graph: DrawnGraph, drawing: Drawing = {}): Promise<OpenLayout> {
  const layout = await layOut(graph, { ...drawing, base: "expanded" });
  return { ...layout, ...arrange(layout, new Set()) };
}

interface Context {
  readonly graph: DrawnGraph;
  readonly index: ReadonlyMap<Urn, number>;
  readonly edges: readonly (readonly [number, number])[];
  readonly blocks: readonly Block[];
  readonly blockOf: ReadonlyMap<number, End>;
  readonly children: ReadonlyMap<Urn | undefined, readonly GraphNode[]>;
  readonly sizes: readonly Size[];
  readonly heads: readonly number[];
}

function contextOf(graph: DrawnGraph): Context {
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  const edges = graph.edges.map(
    ([from, to]) => [index.get(from) as number, index.get(to) as number] as const,
  );
  const step = isSmall(graph) ? 1 : widthStep;
  const wide = (n: number): number => Math.ceil(n / step) * step;
  const sizes = graph.nodes.map((node) =>
    node.group
      ? { width: wide(Math.max(200, widthOf(node))), height: collapsedHeight }
      : { width: wide(widthOf(node)), height: nodeHeight },
  );
  const heads = graph.nodes.map((node) => (node.group ? headWidth(node) : 0));
  return { graph, index, edges, ...findBlocks(graph, edges, sizes), children: byParent(graph), sizes, heads };
}

function itemsOf({ index, blockOf, children }: Context, parent: Urn | undefined): End[] {
  const ends = new Set<End>();
  for (const { urn } of children.get(parent) ?? []) {
    const i = index.get(urn) as number;
    ends.add(blockOf.get(i) ?? i);
  }
  return [...ends];
}

const sizeOfBlock = (block: Block): Size => blockSize(block, block.members.length);

function findBlocks(
  graph: DrawnGraph,
  edges: Context["edges"],
  sizes: Context["sizes"],
): Pick<Context, "blocks" | "blockOf"> {
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
  const blocks: Block[] = [];
  const blockOf = new Map<number, End>();
  for (const members of same.values()) {
    if (members.length < alike) continue;
    const cell = Math.max(...members.map((i) => (sizes[i] as Size).width));
    // A little wider than high.
    const columns = Math.max(1, Math.round(Math.sqrt((members.length * (nodeHeight + gap) * 1.4) / cell)));
    for (const i of members) blockOf.set(i, blockEnd(blocks.length));
    blocks.push({ members, columns, cell });
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
const groupPadding = `[top=${headHeight + gap},left=${padding},bottom=${padding},right=${padding}]`;

/** One ELK graph with everything in it. */
async function layOutWhole(context: Context, engine: Engine): Promise<Layout> {
  const { graph, blocks, sizes, heads } = context;
  const node = (end: End): ElkNode => {
    const id = String(end);
    if (end < 0) return { id, ...sizeOfBlock(blocks[-1 - end] as Block) };
    const each = graph.nodes[end] as GraphNode;
    if (!each.group) return { id, ...sizes[end] };
    return {
      id,
      layoutOptions: {
        "elk.padding": groupPadding,
        "elk.nodeSize.constraints": "MINIMUM_SIZE",
        "elk.nodeSize.minimum": `(${heads[end]},${headHeight + nodeHeight})`,
      },
      children: itemsOf(context, each.urn).map(node),
    };
  };
  const root = await engine.layout({
    id: "root",
    layoutOptions: {
      ...common,
      "elk.hierarchyHandling": "INCLUDE_CHILDREN",
      "elk.json.edgeCoords": "ROOT",
    },
    children: itemsOf(context, undefined).map(node),
    edges: arrowEnds(context, (from, to) => [from, to]).map(elkEdge),
  });
  const levels: Level[] = [];
  const levelOf = new Map<number | undefined, number>();
  const corners: (readonly [number, number])[] = [];
  const collect = (at: ElkNode, parent: number | undefined, x: number, y: number): void => {
    levelOf.set(parent, levels.length);
    corners.push([x, y]);
    const children = at.children ?? [];
    levels.push(
      levelOfNode(
        parent,
        at,
        children.map((child) => place(Number(child.id), child)),
      ),
    );
    for (const child of children)
      if (child.children !== undefined)
        collect(child, Number(child.id), x + (child.x ?? 0), y + (child.y ?? 0));
  };
  collect(root, undefined, 0, 0);
  const around = (end: End): (number | undefined)[] => ancestors(context, end).slice(0, -1);
  const arrows = (root.edges ?? []).map((edge): Arrow => {
    const [from, to] = edge.id.split(">").map(Number) as [End, End];
    // The innermost that holds both.
    const [a, b] = [around(from), around(to)];
    let k = 0;
    while (k < Math.min(a.length, b.length) && a[k] === b[k]) k++;
    const level = levelOf.get(a[k - 1]) as number;
    const [x, y] = corners[level] as readonly [number, number];
    return { from, to, level, points: wayOf(edge, -x, -y) };
  });
  return { base: "expanded", levels, blocks, arrows, sizes, heads };
}

/** What stands around it, from the outermost, and itself. */
function ancestors({ graph, index, blocks }: Context, end: End): (number | undefined)[] {
  const chain: (number | undefined)[] = [end];
  let { parent } = graph.nodes[firstOf(blocks, end)] as GraphNode;
  while (parent !== undefined) {
    const i = index.get(parent) as number;
    chain.push(i);
    ({ parent } = graph.nodes[i] as GraphNode);
  }
  return [undefined, ...chain.reverse()];
}

/** A node that is as deep as the end. */
const firstOf = (blocks: readonly Block[], end: End): number =>
  end < 0 ? ((blocks[-1 - end] as Block).members[0] as number) : end;

interface Laid {
  readonly level: Level;
  /** By index of an edge. */
  readonly ways: readonly Arrow["points"][];
}

/** Each component by itself. Those that ELK is given the same for are laid out once. */
async function layOutLevels(
  context: Context,
  engine: Engine,
  { base, progress }: LayoutOptions,
): Promise<Layout> {
  const { graph, index, blocks, children, sizes, heads } = context;
  const byLevel = new Map<number | undefined, [End, End][]>();
  const lifted = arrowEnds(context, (from, to) => {
    const [a, b] = [ancestors(context, from), ancestors(context, to)];
    let k = 0;
    while (k < a.length && a[k] === b[k]) k++;
    // One stands inside the other: the box around it says so.
    return a[k] === undefined || b[k] === undefined ? undefined : [a[k] as End, b[k] as End];
  });
  for (const pair of lifted) {
    const { parent } = graph.nodes[firstOf(blocks, pair[0])] as GraphNode;
    const at = parent === undefined ? undefined : index.get(parent);
    const list = byLevel.get(at);
    if (list === undefined) byLevel.set(at, [pair]);
    else list.push(pair);
  }
  const known = new Map<string, Promise<ElkNode>>();
  const once = (level: ElkNode): Promise<ElkNode> => {
    const key = JSON.stringify(level);
    const laid = known.get(key) ?? engine.layout(level);
    known.set(key, laid);
    return laid;
  };
  const made = new Map<number | undefined, Promise<Laid>>();
  let done = 0;
  const levelFor = (parent: number | undefined): Promise<Level> => {
    const started = made.get(parent) ?? one(parent);
    made.set(parent, started);
    return started.then(({ level }) => level);
  };
  const one = async (parent: number | undefined): Promise<Laid> => {
    const ends = itemsOf(context, parent === undefined ? undefined : graph.nodes[parent]?.urn);
    const boxes = await Promise.all(
      ends.map((end): Size | Promise<Size> => {
        if (end < 0) return sizeOfBlock(blocks[-1 - end] as Block);
        return base === "expanded" && graph.nodes[end]?.group ? levelFor(end) : (sizes[end] as Size);
      }),
    );
    const edges = byLevel.get(parent) ?? [];
    const top = parent === undefined ? padding : headHeight + gap;
    const result =
      edges.length > manyArrows && ends.some((end) => graph.nodes[end]?.group)
        ? packed(ends, boxes, edges, top)
        : await layered(ends, boxes, edges, parent, once);
    progress?.(++done, children.size);
    if (parent === undefined) return result;
    const width = Math.max(result.level.width, heads[parent] as number);
    return { ...result, level: { ...result.level, parent, width } };
  };
  const parents = [undefined, ...graph.nodes.flatMap(({ group }, i) => (group ? [i] : []))];
  const levels = await Promise.all(parents.map(levelFor));
  const arrows: Arrow[] = [];
  for (const [k, parent] of parents.entries()) {
    const { ways } = (await made.get(parent)) as Laid;
    (byLevel.get(parent) ?? []).forEach(([from, to], i) => {
      arrows.push({ from, to, level: k, points: ways[i] ?? [] });
    });
  }
  return { base, levels, blocks, arrows, sizes, heads };
}

async function layered(
  ends: readonly End[],
  boxes: readonly Size[],
  edges: readonly (readonly [End, End])[],
  parent: number | undefined,
  elk: (level: ElkNode) => Promise<ElkNode>,
): Promise<Laid> {
  const at = new Map(ends.map((end, i) => [end, i]));
  const laid = await elk({
    id: "level",
    layoutOptions: {
      ...common,
      "elk.layered.thoroughness": ends.length > 100 ? "1" : "4",
      ...(parent === undefined ? {} : { "elk.padding": groupPadding }),
    },
    children: boxes.map(({ width, height }, i) => ({ id: String(i), width, height })),
    edges: edges.map(([from, to]) => elkEdge([at.get(from) as number, at.get(to) as number])),
  });
  const items = (laid.children ?? []).map((child, i) => place(ends[i] as End, child));
  return {
    level: levelOfNode(undefined, laid, items),
    ways: (laid.edges ?? []).map((edge) => wayOf(edge, 0, 0)),
  };
}

/** With more arrows than this between components they are packed in columns: laid out in layers they were lost among the arrows, which then are drawn over them. */
const manyArrows = 40;

/** Column by column, what depends on others before what it depends on, in a picture that is a little wider than high. */
function packed(
  ends: readonly End[],
  boxes: readonly Size[],
  edges: readonly (readonly [End, End])[],
  top: number,
): Laid {
  const [between, below] = [44, 20];
  const ranks = ranksOf(ends, edges);
  const order = ends.map((_, i) => i).sort((a, b) => (ranks[a] as number) - (ranks[b] as number) || a - b);
  const area = boxes.reduce((sum, { width, height }) => sum + (width + between) * (height + below), 0);
  const target = Math.max(Math.sqrt(area / 1.5), ...boxes.map(({ height }) => height));
  let [x, y, column, bottom] = [padding, top, 0, top];
  const items: Place[] = [];
  for (const i of order) {
    const { width, height } = boxes[i] as Size;
    if (y > top && y + height > top + target) {
      x += column + between;
      [y, column] = [top, 0];
    }
    items.push({ end: ends[i] as End, x, y, width, height });
    y += height + below;
    column = Math.max(column, width);
    bottom = Math.max(bottom, y - below);
  }
  return { level: { items, width: x + column + padding, height: bottom + padding }, ways: [] };
}

/** How many steps stand before it on the longest way to it; arrows that close a circle do not count. */
function ranksOf(ends: readonly End[], edges: readonly (readonly [End, End])[]): number[] {
  const at = new Map(ends.map((end, i) => [end, i]));
  const into: number[][] = ends.map(() => []);
  for (const [from, to] of edges) into[at.get(to) as number]?.push(at.get(from) as number);
  const ranks: (number | undefined)[] = ends.map(() => undefined);
  const open = new Set<number>();
  const rank = (i: number): number => {
    const known = ranks[i];
    if (known !== undefined) return known;
    open.add(i);
    let highest = 0;
    for (const from of into[i] ?? []) if (!open.has(from)) highest = Math.max(highest, rank(from) + 1);
    open.delete(i);
    ranks[i] = highest;
    return highest;
  };
  return ends.map((_, i) => rank(i));
}

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

const elkEdge = ([from, to]: readonly [number, number]): ElkExtendedEdge => ({
  id: `${from}>${to}`,
  sources: [String(from)],
  targets: [String(to)],
});

const whole = (n: number | undefined): number => Math.round(n ?? 0);

const place = (end: End, { x, y, width, height }: ElkNode): Place => ({
  end,
  x: whole(x),
  y: whole(y),
  width: whole(width),
  height: whole(height),
});

const levelOfNode = (
  parent: number | undefined,
  { width, height }: ElkNode,
  items: readonly Place[],
): Level => ({
  ...(parent === undefined ? {} : { parent }),
  items,
  width: whole(width),
  height: whole(height),
});

const wayOf = ({ sections = [] }: ElkExtendedEdge, dx: number, dy: number): Arrow["points"] =>
  sections.flatMap(({ startPoint, bendPoints = [], endPoint }) =>
    [startPoint, ...bendPoints, endPoint].map((p) => [whole(p.x + dx), whole(p.y + dy)] as const),
  );
