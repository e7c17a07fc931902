/** Where things stand: whatever the graph, everything is there, inside its component, and over nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Box, layOut } from "../../../packages/cli/src/render/graph/layout.js";
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

async function check(graph: DrawnGraph): Promise<void> {
  const { boxes, width, height, blocks, arrows } = await layOut(graph);
  expect(boxes).toHaveLength(graph.nodes.length);
  const index = new Map(graph.nodes.map(({ urn }, i) => [urn, i]));
  const siblings = new Map<unknown, number[]>();
  graph.nodes.forEach(({ parent }, i) => {
    const box = boxes[i] as Box;
    expect(box.width).toBeGreaterThan(0);
    const around = parent === undefined ? { x: 0, y: 0, width, height } : boxes[index.get(parent) as number];
    expect(inside(box, around as Box)).toBe(true);
    const list = siblings.get(parent) ?? [];
    siblings.set(parent, [...list, i]);
  });
  for (const list of siblings.values())
    list.forEach((a, n) => {
      for (const b of list.slice(n + 1))
        if (!apart(boxes[a] as Box, boxes[b] as Box))
          throw new Error(`${graph.nodes[a]?.name} lies over ${graph.nodes[b]?.name}`);
    });
  for (const block of blocks)
    for (const i of block.members) expect(inside(boxes[i] as Box, block)).toBe(true);
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

  test("of many resources in components", async () => {
    await check(graphOf(700, { perComponent: 25 }));
  }, 120_000);

  test("of many resources without any component: a block per type", async () => {
    const graph = graphOf(700, {});
    await check(graph);
    const { blocks } = await layOut(graph);
    expect(blocks.length).toBe(new Set(graph.nodes.map(({ type }) => type)).size);
  }, 120_000);

  test("is the same each time", async () => {
    const graph = graphOf(60, { perComponent: 12 });
    expect(await layOut(graph)).toEqual(await layOut(graph));
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
    const { blocks, arrows } = await layOut(graph);
    expect(blocks.map(({ members }) => members)).toEqual([[0, 1, 2, 3, 4]]);
    expect(arrows.map(({ from, to }) => [from, to])).toEqual([[-1, 5]]);
  });
});
