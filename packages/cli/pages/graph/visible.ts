/** What is shown: which resources pass the filters, what collapsed components hide, where all of it stands, and which arrows are left. */
import { arrange, type Box, type Points } from "../../src/render/graph/arrange.js";
import type { PageData } from "../../src/render/graph/page-data.js";

export interface Filters {
  /** Effects, with `none` for what stays as it is. */
  readonly effects: ReadonlySet<string>;
  readonly drift: "all" | "drifted" | "clean";
  readonly types: ReadonlySet<string>;
  /** Nothing but these, when set. */
  readonly only: ReadonlySet<number> | undefined;
  readonly collapsed: ReadonlySet<number>;
}

export interface VisibleArrow {
  readonly from: Box;
  readonly to: Box;
  /** Absent: it has no way of its own; then it is drawn straight over what is between its ends. */
  readonly way: Points | undefined;
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  /** By index of a node; undefined: it is not drawn. */
  readonly boxes: readonly (Box | undefined)[];
  readonly blocks: readonly (Box | undefined)[];
  /** By index of a node: does it pass the filters, or hold something that does? Inside collapsed components too. */
  readonly there: readonly boolean[];
  /** Resources that pass, components apart. */
  readonly passing: number;
  readonly arrows: readonly VisibleArrow[];
  /** Of the arrow between two nodes (`from to`), where it has one of its own. */
  readonly ways: ReadonlyMap<string, Points>;
}

export function sceneOf(data: PageData, filters: Filters): Scene {
  const { nodes, layout } = data;
  const passes = nodes.map(
    ({ group, effect, drift, type }, i) =>
      (!group || effect !== undefined || drift !== undefined || filters.only?.has(i) === true) &&
      filters.effects.has(effect ?? "none") &&
      (filters.drift === "all" || (filters.drift === "drifted") === (drift !== undefined)) &&
      filters.types.has(type) &&
      (filters.only === undefined || filters.only.has(i)),
  );
  const there = [...passes];
  passes.forEach((pass, i) => {
    if (!pass) return;
    // A component is there while something in it is.
    for (let up = nodes[i]?.parent; up !== undefined && !there[up]; up = nodes[up]?.parent) there[up] = true;
  });
  const { boxes, blockBoxes, ways, width, height } = arrange(
    layout,
    filters.collapsed,
    (i) => there[i] === true,
  );
  const passing = passes.reduce((sum, pass, i) => sum + (pass && !nodes[i]?.group ? 1 : 0), 0);
  const end = (at: number): number | undefined => {
    if (at >= 0) return there[at] ? holder(data, boxes, at) : undefined;
    if (blockBoxes[-1 - at] !== undefined) return at;
    const member = layout.blocks[-1 - at]?.members.find((i) => there[i]);
    return member === undefined ? undefined : holder(data, boxes, member);
  };
  const boxOf = (at: number): Box => (at < 0 ? blockBoxes[-1 - at] : boxes[at]) as Box;
  const arrows = new Map<string, VisibleArrow>();
  const own = new Map<string, Points>();
  layout.arrows.forEach(({ from, to }, k) => {
    const [a, b] = [end(from), end(to)];
    if (a === undefined || b === undefined || a === b) return;
    const same = a === from && b === to;
    const key = `${a} ${b}`;
    const way = ways[k];
    if (same && way !== undefined) own.set(key, way);
    if (same || !arrows.has(key))
      arrows.set(key, { from: boxOf(a), to: boxOf(b), way: same ? way : undefined });
  });
  return {
    width,
    height,
    boxes,
    blocks: blockBoxes,
    there,
    passing,
    arrows: [...arrows.values()],
    ways: own,
  };
}

/** The node itself where it is drawn, else the component around it that is. */
export function holder(
  { nodes }: PageData,
  boxes: readonly (Box | undefined)[],
  node: number,
): number | undefined {
  let at: number | undefined = node;
  while (at !== undefined && boxes[at] === undefined) at = nodes[at]?.parent;
  return at;
}

/** Of what stands in a component, at any depth. */
export interface Inside {
  resources: number;
  drifted: number;
  readonly effects: Map<string, number>;
}

/** By index of a node; undefined for what is no component. */
export function insides({ nodes }: PageData): readonly (Inside | undefined)[] {
  const all = nodes.map(({ group }): Inside | undefined =>
    group ? { resources: 0, drifted: 0, effects: new Map() } : undefined,
  );
  for (const { parent, group, effect, drift } of nodes)
    for (let up = parent; up !== undefined; up = nodes[up]?.parent) {
      const inside = all[up] as Inside;
      if (!group) inside.resources++;
      if (drift !== undefined) inside.drifted++;
      if (effect !== undefined) inside.effects.set(effect, (inside.effects.get(effect) ?? 0) + 1);
    }
  return all;
}

/** All that can be reached from a node along the edges, with how far it is. */
export function reach(start: number, next: readonly (readonly number[])[]): Map<number, number> {
  const far = new Map([[start, 0]]);
  const open = [start];
  for (const at of open)
    for (const to of next[at] ?? []) {
      if (far.has(to)) continue;
      far.set(to, (far.get(at) as number) + 1);
      open.push(to);
    }
  far.delete(start);
  return far;
}
