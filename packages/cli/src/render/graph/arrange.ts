/**
 * Where everything stands, given what is collapsed and what is hidden: from one layout all the others. ELK's own positions are kept wherever nothing about them
 * changed; else what stands on a level moves together or apart, and keeps its order: what was left of something stays left of it, what was above it stays above.
 * No Node, no browser: pages use it as the command line does. All lengths in pixels.
 */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type Size = Pick<Box, "width" | "height">;

/** An index of a node, or of a block: `-1 - index`. */
export type End = number;
export const blockEnd = (index: number): End => -1 - index;

export type Points = readonly (readonly [x: number, y: number])[];

/** Resources that stand in rows and columns. */
export interface Block {
  /** Indices of nodes. */
  readonly members: readonly number[];
  readonly columns: number;
  /** Width of one of them. */
  readonly cell: number;
}

export interface Place extends Box {
  readonly end: End;
}

/** What stands side by side in one component, or outside of all. */
export interface Level {
  /** Absent: the outermost. */
  readonly parent?: number;
  /** As ELK laid them out, from the left upper corner of the component. */
  readonly items: readonly Place[];
  readonly width: number;
  readonly height: number;
}

export interface Arrow {
  readonly from: End;
  readonly to: End;
  /** Index of the level that it stands on. */
  readonly level: number;
  /** Its way, from the left upper corner of that level; empty when none was laid out. */
  readonly points: Points;
}

export interface Layout {
  /** How components stood when the levels were laid out. */
  readonly base: "expanded" | "collapsed";
  readonly levels: readonly Level[];
  readonly blocks: readonly Block[];
  readonly arrows: readonly Arrow[];
  /** By index of a node: of a component when it is collapsed. */
  readonly sizes: readonly Size[];
  /** By index of a node: as narrow as a component's box can be, for its head. */
  readonly heads: readonly number[];
}

export interface Arranged extends Size {
  /** By index of a node; undefined: it is not there. */
  readonly boxes: readonly (Box | undefined)[];
  readonly blockBoxes: readonly (Box | undefined)[];
  /** By index of an arrow: its way, where the one that was laid out still fits. */
  readonly ways: readonly (Points | undefined)[];
}

export const nodeHeight = 40;
/** Of a component's box, above what is in it. */
export const headHeight = 28;
export const gap = 10;
export const padding = 14;
/** Between what moves together: enough for arrows, and for the eye. */
const widest = { x: 56, y: 24 };

export const blockSize = ({ columns, cell }: Block, count: number): Size => ({
  width: Math.min(columns, count) * (cell + gap) + gap,
  height: Math.ceil(count / columns) * (nodeHeight + gap) + gap,
});

interface Measured extends Size {
  readonly items: readonly Place[];
  /** As it was laid out, with all that is in it. */
  readonly intact: boolean;
}

export function arrange(
  layout: Layout,
  collapsed: ReadonlySet<number>,
  shown: (node: number) => boolean = () => true,
): Arranged {
  const { levels, blocks, base, sizes } = layout;
  const levelOf = new Map(levels.map(({ parent }, k) => [parent, k]));
  const links: (readonly [End, End])[][] = levels.map(() => []);
  for (const { from, to, level } of layout.arrows) links[level]?.push([from, to]);
  const measured: (Measured | undefined)[] = levels.map(() => undefined);
  const members = blocks.map((block) => block.members.filter(shown));

  /** Size now, and whether it is as it was laid out; undefined: not there. */
  const sizeOf = (place: Place): (Size & { readonly intact: boolean }) | undefined => {
    const { end, width, height } = place;
    if (end < 0) {
      const block = blocks[-1 - end] as Block;
      const count = (members[-1 - end] as readonly number[]).length;
      if (count === 0) return undefined;
      return count === block.members.length
        ? { width, height, intact: true }
        : { ...blockSize(block, count), intact: false };
    }
    if (!shown(end)) return undefined;
    const level = levelOf.get(end);
    if (level === undefined) return { width, height, intact: true };
    if (collapsed.has(end)) return { ...(sizes[end] as Size), intact: base === "collapsed" };
    const inner = measure(level);
    return { width: inner.width, height: inner.height, intact: base === "expanded" && inner.intact };
  };
  const measure = (k: number): Measured => {
    const { parent, items, width, height } = levels[k] as Level;
    const now: Place[] = [];
    const was: Place[] = [];
    let intact = true;
    for (const item of items) {
      const size = sizeOf(item);
      intact &&= size?.intact === true;
      if (size === undefined) continue;
      was.push(item);
      now.push({ ...item, width: size.width, height: size.height });
    }
    let result: Measured = { items, width, height, intact };
    if (!intact) {
      const top = parent === undefined ? padding : headHeight + gap;
      const moved = move(was, now, links[k] ?? [], top);
      const right = Math.max(0, ...moved.map((box) => box.x + box.width));
      const bottom = Math.max(top, ...moved.map((box) => box.y + box.height));
      const head = parent === undefined ? 0 : (layout.heads[parent] ?? 0);
      result = {
        items: moved,
        width: Math.max(right + padding, head),
        height: bottom + padding,
        intact: false,
      };
    }
    measured[k] = result;
    return result;
  };

  const boxes: (Box | undefined)[] = sizes.map(() => undefined);
  const blockBoxes: (Box | undefined)[] = blocks.map(() => undefined);
  const corners: (readonly [number, number] | undefined)[] = levels.map(() => undefined);
  const put = (k: number, x: number, y: number): void => {
    corners[k] = [x, y];
    for (const item of measured[k]?.items ?? []) {
      const box = { x: x + item.x, y: y + item.y, width: item.width, height: item.height };
      if (item.end < 0) {
        const { columns, cell } = blocks[-1 - item.end] as Block;
        blockBoxes[-1 - item.end] = box;
        (members[-1 - item.end] as readonly number[]).forEach((i, n) => {
          boxes[i] = {
            x: box.x + gap + (n % columns) * (cell + gap),
            y: box.y + gap + Math.floor(n / columns) * (nodeHeight + gap),
            width: cell,
            height: nodeHeight,
          };
        });
        continue;
      }
      boxes[item.end] = box;
      const inner = levelOf.get(item.end);
      if (inner !== undefined && !collapsed.has(item.end)) put(inner, box.x, box.y);
    }
  };
  const outermost = levelOf.get(undefined) as number;
  const { width, height } = measure(outermost);
  put(outermost, 0, 0);
  const ways = layout.arrows.map(({ level, points }) => {
    const corner = corners[level];
    if (corner === undefined || points.length === 0 || measured[level]?.intact !== true) return undefined;
    return points.map(([x, y]) => [corner[0] + x, corner[1] + y] as const);
  });
  return { width, height, boxes, blockBoxes, ways };
}

/** Positions are whole pixels: two that touch may seem to overlap by one. */
const blur = 1.5;

/**
 * `now`: the same as `was` with other sizes. Of each two, those that stood side by side stay so, with no larger gap than before; the others stay one above the
 * other. So nothing comes to lie over anything else, and no holes are left.
 */
function move(
  was: readonly Place[],
  now: readonly Place[],
  links: readonly (readonly [End, End])[],
  top: number,
): Place[] {
  const n = was.length;
  const order = (key: "x" | "y"): number[] =>
    was.map((_, i) => i).sort((a, b) => (was[a] as Place)[key] - (was[b] as Place)[key] || a - b);
  const [byX, byY] = [order("x"), order("y")];
  const beside = (a: Place, b: Place): boolean => a.x + a.width <= b.x + blur;
  const xs = new Array<number>(n).fill(padding);
  byX.forEach((b, k) => {
    const it = was[b] as Place;
    for (let j = 0; j < k; j++) {
      const a = byX[j] as number;
      const left = was[a] as Place;
      if (!beside(left, it)) continue;
      const between = Math.max(gap, Math.min(widest.x, it.x - left.x - left.width));
      xs[b] = Math.max(xs[b] as number, (xs[a] as number) + (now[a] as Place).width + between);
    }
  });
  /** Those that stand above it, and how far below them it must be. */
  const above: [a: number, between: number][][] = was.map(() => []);
  const ys = new Array<number>(n).fill(top);
  byY.forEach((b, k) => {
    const it = was[b] as Place;
    for (let j = 0; j < k; j++) {
      const a = byY[j] as number;
      const other = was[a] as Place;
      if (beside(other, it) || beside(it, other)) continue;
      const between = Math.max(gap, Math.min(widest.y, it.y - other.y - other.height));
      above[b]?.push([a, between]);
      ys[b] = Math.max(ys[b] as number, (ys[a] as number) + (now[a] as Place).height + between);
    }
  });
  centre(now, ys, above, byY, links);
  return now.map((place, i) => ({ ...place, x: xs[i] as number, y: ys[i] as number }));
}

/** Moves each, as far as there is room, down to the middle of what it is linked with. */
function centre(
  now: readonly Place[],
  ys: number[],
  above: readonly (readonly (readonly [number, number])[])[],
  byY: readonly number[],
  links: readonly (readonly [End, End])[],
): void {
  const at = new Map(now.map(({ end }, i) => [end, i]));
  const near: number[][] = now.map(() => []);
  for (const [from, to] of links) {
    const [a, b] = [at.get(from), at.get(to)];
    if (a === undefined || b === undefined) continue;
    near[a]?.push(b);
    near[b]?.push(a);
  }
  const height = (i: number): number => (now[i] as Place).height;
  const bottom = Math.max(0, ...now.map((_, i) => (ys[i] as number) + height(i)));
  const lowest = now.map((_, i) => bottom - height(i));
  for (const b of byY.toReversed())
    for (const [a, between] of above[b] ?? [])
      lowest[a] = Math.min(lowest[a] as number, (lowest[b] as number) - between - height(a));
  const highest = [...ys];
  for (let sweep = 0; sweep < 3; sweep++)
    for (const b of byY) {
      const linked = near[b] as number[];
      let first = highest[b] as number;
      for (const [a, between] of above[b] ?? [])
        first = Math.max(first, (ys[a] as number) + height(a) + between);
      const middle =
        linked.reduce((sum, i) => sum + (ys[i] as number) + height(i) / 2, 0) / Math.max(1, linked.length);
      const wanted = linked.length === 0 ? (ys[b] as number) : Math.round(middle - height(b) / 2);
      ys[b] = Math.max(first, Math.min(wanted, lowest[b] as number));
    }
}
