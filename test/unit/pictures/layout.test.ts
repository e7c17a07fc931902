/** Where things stand: whatever the graph, everything is there, inside its component, and over nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arrange, type Box, type Layout } from "../../../packages/cli/src/render/graph/arrange.js";
import { layOut, layOutOpen } from "../../../packages/cli/src/render/graph/layout.js";
import type { DrawnGraph, GraphNode } from "../../../packages/cli/src/render/graph/model.js";
import { graphOf } from "./graphs.js";

const inside = (a: Box, b: Box): boolean =>
  a.x >= b.x - 0.5 &&
  a.y >= b.y - 0.5 &&
  a.x + a.width <= b.x + b.width + 0.5 &&
  a.y + a.height <= b.y + b.height + 0.5;
const apart = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x + 0.5 ||
  b.x + b.width <= a.x + 0.5 ||
  a.y + a.height <= b.y + 0.5 ||
  b.y + b.height <= a.y + 0.5;

/** What is there is inside its component, and over nothing else. */
function checkPlaces(
  graph: DrawnGraph,
  layout: Layout,
  collapsed: ReadonlySet<number>,
  shown: (node: number) => boolean,
): void {
  const { boxes, blockBoxes, width, height, ways } = arrange(layout, collapsed, shown);
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  const siblings = new Map<unknown, number[]>();
  graph.nodes.forEach(({ parent }, i) => {
    const up = parent === undefined ? undefined : index.get(parent);
    const there = shown(i) && (up === undefined || (boxes[up] !== undefined && !collapsed.has(up)));
    const box = boxes[i];
    expect(box !== undefined).toBe(there);
    if (box === undefined) return;
    expect(box.width).toBeGreaterThan(0);
    const around = up === undefined ? { x: 0, y: 0, width, height } : boxes[up];
    expect(inside(box, around as Box)).toBe(true);
    siblings.set(parent, [...(siblings.get(parent) ?? []), i]);
  });
  for (const list of siblings.values())
    list.forEach((a, n) => {
      for (const b of list.slice(n + 1))
        if (!apart(boxes[a] as Box, boxes[b] as Box))
          throw new Error(`${graph.nodes[a]?.name} lies over ${graph.nodes[b]?.name}`);
    });
  layout.blocks.forEach(({ members }, k) => {
    for (const i of members) if (boxes[i]) expect(inside(boxes[i], blockBoxes[k] as Box)).toBe(true);
  });
  // An arrow that keeps its way begins and ends at its two ends.
  const at = (end: number): Box => (end < 0 ? blockBoxes[-1 - end] : boxes[end]) as Box;
  layout.arrows.forEach(({ from, to }, k) => {
    const way = ways[k];
    if (way === undefined) return;
    for (const [[x, y], box] of [
      [way[0] as readonly [number, number], at(from)],
      [way.at(-1) as readonly [number, number], at(to)],
    ] as const)
      expect(
        inside(
          { x, y, width: 0, height: 0 },
          { x: box.x - 1.5, y: box.y - 1.5, width: box.width + 3, height: box.height + 3 },
        ),
      ).toBe(true);
  });
}

const all = (): boolean => true;

async function check(graph: DrawnGraph): Promise<void> {
  const layout = await layOutOpen(graph);
  checkPlaces(graph, layout, new Set(), all);
  const { blocks, arrows } = layout;
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  // Every dependency is told by an arrow, or by a box around both.
  const blockOf = new Map(blocks.flatMap(({ members }, k) => members.map((i) => [i, -1 - k] as const)));
  const chain = (i: number): number[] => {
    const out = blockOf.has(i) ? [blockOf.get(i) as number, i] : [i];
    for (let p = graph.nodes[i]?.parent; p !== undefined; p = graph.nodes[index.get(p) as number]?.parent)
      out.push(index.get(p) as number);
    return out;
  };
  const drawn = new Set(arrows.map(({ from, to }) => `${from} ${to}`));
  for (const [from, to] of graph.edges) {
    const [a, b] = [chain(index.get(from) as number), chain(index.get(to) as number)];
    const told = a.some((x) => b.some((y) => drawn.has(`${x} ${y}`) || (x === y && x < 0)));
    const nested = a.includes(b[0] as number) || b.includes(a[0] as number);
    expect(told || nested).toBe(true);
  }
}

const anyGraph = fc
  .record({
    nodes: fc.array(
      fc.record({
        type: fc.integer({ min: 0, max: 3 }),
        parent: fc.nat(),
        name: fc.string({ unit: "binary" }),
      }),
      {
        minLength: 1,
        maxLength: 40,
      },
    ),
    edges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 60 }),
    groups: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
  })
  .map(({ nodes, edges, groups }): DrawnGraph => {
    const urn = (i: number) => `urn:pulumi:dev::shop::a:b:C::n${i}` as GraphNode["urn"];
    const parentOf = nodes.map(({ parent }, i) => {
      const k = i === 0 ? -1 : parent % (i + 1);
      return k < i && k >= 0 && groups[k] ? k : undefined;
    });
    const parents = new Set(parentOf);
    return {
      title: "t",
      drift: false,
      nodes: nodes.map(({ type, name }, i) => ({
        urn: urn(i),
        type: `a:b:T${type}`,
        name,
        group: parents.has(i),
        properties: [],
        ...(parentOf[i] === undefined ? {} : { parent: urn(parentOf[i]) }),
      })),
      edges: edges
        .map(([a, b]) => [a % nodes.length, b % nodes.length] as const)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => [urn(a), urn(b)]),
    };
  });

describe("layout", () => {
  test("of any graph", async () => {
    await fc.assert(fc.asyncProperty(anyGraph, check), { numRuns: 40 });
  }, 120_000);

  test("of any graph, with anything collapsed or hidden", async () => {
    const choice = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(anyGraph, choice, choice, async (graph, closed, hidden) => {
        const layout = await layOut(graph, { base: "expanded" });
        const collapsed = new Set(graph.nodes.flatMap(({ group }, i) => (group && closed[i] ? [i] : [])));
        checkPlaces(graph, layout, collapsed, all);
        checkPlaces(graph, layout, collapsed, (i) => hidden[i] !== true);
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  test("of many resources: closed, open, and some of each", async () => {
    const graph = graphOf(700, { perComponent: 25 });
    const layout = await layOut(graph, { base: "collapsed" });
    const groups = graph.nodes.flatMap(({ group }, i) => (group ? [i] : []));
    for (const each of [groups, [], groups.filter((_, n) => n % 3 === 0)])
      checkPlaces(graph, layout, new Set(each), all);
    const closed = arrange(layout, new Set(groups));
    const open = arrange(layout, new Set());
    expect(closed.width * closed.height).toBeLessThan((open.width * open.height) / 10);
  }, 120_000);

  test("what is collapsed leaves no hole, and what is expanded again is as it was", async () => {
    const graph = graphOf(60, { perComponent: 20 });
    const layout = await layOut(graph, { base: "expanded" });
    const first = arrange(layout, new Set());
    const group = graph.nodes.findIndex((node) => node.group);
    const closed = arrange(layout, new Set([group]));
    const height = (first.boxes[group] as Box).height - (closed.boxes[group] as Box).height;
    const width = (first.boxes[group] as Box).width - (closed.boxes[group] as Box).width;
    expect(first.height - closed.height + first.width - closed.width).toBeGreaterThan(
      Math.min(height, width) / 2,
    );
    expect(arrange(layout, new Set())).toEqual(first);
  });

  test("ends at once when it is told to, with its reason", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const made = layOut(graphOf(2000, { perComponent: 25 }), {
      base: "collapsed",
      signal: stop.signal,
      progress: (done) => {
        if (done === 3) stop.abort(reason);
      },
    });
    await expect(made).rejects.toBe(reason);
  });

  test("tells how far it is; components that are built alike are laid out once", async () => {
    const one = graphOf(24, {});
    const graph: DrawnGraph = { ...one, nodes: [], edges: [] };
    const [nodes, edges] = [[...graph.nodes], [...graph.edges]];
    for (let k = 0; k < 20; k++) {
      const urn = (of: string) => `${of}-${k}` as GraphNode["urn"];
      const parent = urn("group");
      nodes.push({ ...(one.nodes[0] as GraphNode), urn: parent, name: "group", group: true });
      for (const node of one.nodes) nodes.push({ ...node, urn: urn(node.urn), parent });
      edges.push(...one.edges.map(([from, to]) => [urn(from), urn(to)] as const));
    }
    const told: [number, number][] = [];
    const layout = await layOut(
      { ...graph, nodes, edges },
      { base: "collapsed", progress: (done, parts) => told.push([done, parts]) },
    );
    expect(told).toEqual(Array.from({ length: 21 }, (_, i) => [i + 1, 21]));
    const shapes = layout.levels
      .slice(1)
      .map(({ items, width, height }) => JSON.stringify([items.map(({ x, y }) => [x, y]), width, height]));
    expect(new Set(shapes).size).toBe(1);
  });

  test("of many resources in components", async () => {
    await check(graphOf(700, { perComponent: 25 }));
  }, 120_000);

  test("of many resources without any component: a block per type", async () => {
    const graph = graphOf(700, {});
    await check(graph);
    const { blocks } = await layOutOpen(graph);
    expect(blocks.length).toBe(new Set(graph.nodes.map(({ type }) => type)).size);
  }, 120_000);

  test("is the same each time", async () => {
    const graph = graphOf(60, { perComponent: 12 });
    expect(await layOutOpen(graph)).toEqual(await layOutOpen(graph));
  });

  test("resources of one type that depend on the same are a block with one arrow", async () => {
    const base = graphOf(1, {}).nodes[0] as GraphNode;
    const node = (name: string, type = "a:b:Disk"): GraphNode => ({
      ...base,
      type,
      name,
      urn: `urn:${name}` as GraphNode["urn"],
    });
    const disks = ["a", "b", "c", "d", "e"].map((name) => node(name));
    const pool = node("pool", "a:b:Pool");
    const graph = {
      title: "t",
      drift: false,
      nodes: [...disks, pool],
      edges: disks.map(({ urn }) => [urn, pool.urn] as const),
    };
    const { blocks, arrows } = await layOutOpen(graph);
    expect(blocks.map(({ members }) => members)).toEqual([[0, 1, 2, 3, 4]]);
    expect(arrows.map(({ from, to }) => [from, to])).toEqual([[-1, 5]]);
  });
});
