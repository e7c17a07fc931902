/** What is shown: which resources pass the filters, what collapsed components hide, and which arrows are left. */
import type { Box } from "../../src/render/graph/layout.js";
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
  readonly from: number;
  readonly to: number;
  /** Absent: its way was laid out for what is hidden now. */
  readonly points?: readonly (readonly [number, number])[];
}

export interface Scene {
  /** By index of a node: is it drawn? */
  readonly shown: readonly boolean[];
  /** Resources that pass, components apart, inside collapsed ones too. */
  readonly passing: number;
  readonly blocks: readonly boolean[];
  readonly arrows: readonly VisibleArrow[];
}

export function sceneOf(data: PageData, filters: Filters): Scene {
  const { nodes, blocks } = data;
  const passes = nodes.map(
    ({ group, effect, drift, type }, i) =>
      (!group || effect !== undefined || drift !== undefined || filters.only?.has(i) === true) &&
      filters.effects.has(effect ?? "none") &&
      (filters.drift === "all" || (filters.drift === "drifted") === (drift !== undefined)) &&
      filters.types.has(type) &&
      (filters.only === undefined || filters.only.has(i)),
  );
  const shown = [...passes];
  passes.forEach((pass, i) => {
    if (!pass) return;
    // A component is there while something in it is.
    for (let up = nodes[i]?.parent; up !== undefined && !shown[up]; up = nodes[up]?.parent) shown[up] = true;
  });
  const holder = nodes.map((_, i) => {
    let found = i;
    for (let up = nodes[i]?.parent; up !== undefined; up = nodes[up]?.parent)
      if (filters.collapsed.has(up)) found = up;
    return found;
  });
  holder.forEach((at, i) => {
    if (at !== i) shown[i] = false;
  });
  const passing = passes.reduce((sum, pass, i) => sum + (pass && !nodes[i]?.group ? 1 : 0), 0);
  const blockShown = blocks.map(({ members }) => members.some((i) => shown[i]));
  const end = (at: number): number | undefined => {
    if (at >= 0) return shown[holder[at] as number] ? holder[at] : undefined;
    if (blockShown[-1 - at]) return at;
    // Of a block in a collapsed component that component is left.
    const up = holder[blocks[-1 - at]?.members[0] as number] as number;
    return nodes[up]?.group && shown[up] ? up : undefined;
  };
  const arrows = new Map<string, VisibleArrow>();
  for (const { from, to, points } of data.arrows) {
    const [a, b] = [end(from), end(to)];
    if (a === undefined || b === undefined || a === b) continue;
    const same = a === from && b === to;
    const key = `${a} ${b}`;
    if (same || !arrows.has(key)) arrows.set(key, { from: a, to: b, ...(same ? { points } : {}) });
  }
  return { shown, passing, blocks: blockShown, arrows: [...arrows.values()] };
}

/** A collapsed component is its head, and as wide as it was. */
export const boxOf = (data: PageData, end: number, collapsed: ReadonlySet<number>): Box => {
  if (end < 0) return data.blocks[-1 - end] as Box;
  const { box } = data.nodes[end] as PageData["nodes"][number];
  return collapsed.has(end) ? { ...box, width: Math.min(box.width, 320), height: 40 } : box;
};

/** All that can be reached from a node along the edges, with how far it is. */
export function reach(start: number, next: readonly (readonly number[])[]): Map<number, number> {
  const far = new Map([[start, 0]]);
  const open = [start];
  for (let at = open.shift(); at !== undefined; at = open.shift())
    for (const to of next[at] ?? []) {
      if (far.has(to)) continue;
      far.set(to, (far.get(at) as number) + 1);
      open.push(to);
    }
  far.delete(start);
  return far;
}
