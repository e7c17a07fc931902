/** The picture on a canvas. What is too small to be read is not written: a frame of 5,000 resources then stays short. */
import type { Box } from "../../src/render/graph/arrange.js";
import { type Badge, badges, driftBadge, driftColour, effectColours } from "../../src/render/graph/marks.js";
import type { PageData, PageNode } from "../../src/render/graph/page-data.js";
import { holder, type Inside, type Scene } from "./visible.js";

export interface View {
  /** Pixels of the screen per pixel of the layout. */
  scale: number;
  x: number;
  y: number;
}

export interface Focus {
  readonly node: number;
  /** With how far they are: 1 is next to it. */
  readonly dependencies: ReadonlyMap<number, number>;
  readonly dependents: ReadonlyMap<number, number>;
}

export interface Picture {
  readonly data: PageData;
  readonly scene: Scene;
  /** Components that are drawn as one box. */
  readonly collapsed: ReadonlySet<number>;
  readonly view: View;
  readonly focus: Focus | undefined;
  /** What the search found. */
  readonly found: ReadonlySet<number>;
  readonly hover: number | undefined;
  readonly edges: PageData["edges"];
  /** Components, outermost first. */
  readonly inside: readonly number[];
  /** By index of a node: what each component holds. */
  readonly holds: readonly (Inside | undefined)[];
}

interface Palette {
  readonly back: string;
  readonly text: string;
  readonly dim: string;
  readonly arrow: string;
  readonly group: string;
  readonly out: string;
  readonly into: string;
  readonly found: string;
  readonly fill: (effect: string) => readonly [string, string];
}

const light: Palette = {
  back: "#ffffff",
  text: "#172b4d",
  dim: "#5e6c84",
  arrow: "#8d99ae",
  group: "rgba(9, 30, 66, 0.035)",
  out: "#0052cc",
  into: "#c25100",
  found: "#ffab00",
  fill: (effect) => effectColours[effect as keyof typeof effectColours],
};
const darkFills: Readonly<Record<string, readonly [string, string]>> = {
  none: ["#252d39", "#5b6a80"],
  create: ["#173a20", "#4cb35a"],
  update: ["#413415", "#e0a83a"],
  replace: ["#3d2144", "#cf7fe0"],
  delete: ["#4a2022", "#f0716c"],
  forget: ["#2b2b2b", "#9a9a9a"],
};
const dark: Palette = {
  back: "#14181f",
  text: "#e4eaf2",
  dim: "#9fb0c6",
  arrow: "#56657b",
  group: "rgba(170, 200, 255, 0.04)",
  out: "#6ea8ff",
  into: "#ff9d52",
  found: "#ffc400",
  fill: (effect) => darkFills[effect] ?? ["#16344a", "#4fb0e6"],
};

const font = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

export function draw(
  c: CanvasRenderingContext2D,
  width: number,
  height: number,
  picture: Picture,
  isDark: boolean,
): void {
  const { data, scene, view, focus, collapsed, hover, found } = picture;
  const p = isDark ? dark : light;
  c.fillStyle = p.back;
  c.fillRect(0, 0, width, height);
  c.save();
  c.translate(view.x, view.y);
  c.scale(view.scale, view.scale);
  const seen: Box = {
    x: -view.x / view.scale,
    y: -view.y / view.scale,
    width: width / view.scale,
    height: height / view.scale,
  };
  const onScreen = (b: Box): boolean =>
    b.x < seen.x + seen.width &&
    b.y < seen.y + seen.height &&
    b.x + b.width > seen.x &&
    b.y + b.height > seen.y;
  const near = (i: number): boolean =>
    focus === undefined || focus.node === i || focus.dependencies.has(i) || focus.dependents.has(i);
  const holders = (nodes: Iterable<number>): Set<number> =>
    new Set([...nodes].flatMap((i) => holder(data, scene.boxes, i) ?? []));
  const foundInside = holders(found);
  const connected =
    focus === undefined ? undefined : holders([...focus.dependencies.keys(), ...focus.dependents.keys()]);
  const nearClosed = (i: number): boolean => connected === undefined || near(i) || connected.has(i);

  for (const i of picture.inside) {
    const node = data.nodes[i] as PageNode;
    const box = scene.boxes[i];
    if (box === undefined || collapsed.has(i) || !onScreen(box)) continue;
    const [, border] = p.fill(node.effect ?? "none");
    c.globalAlpha = focus === undefined || focus.node === i ? 1 : 0.75;
    c.fillStyle = p.group;
    c.strokeStyle = focus?.node === i ? p.out : border;
    c.lineWidth = (focus?.node === i ? 2.5 : 1) / Math.min(1, Math.max(view.scale, 0.3));
    rounded(c, box, 8);
    c.fill();
    c.stroke();
  }
  c.globalAlpha = 1;
  if (view.scale > 0.12) {
    c.strokeStyle = p.arrow;
    c.lineWidth = 1;
    c.setLineDash([2, 3]);
    scene.blocks.forEach((box) => {
      if (box === undefined || !onScreen(box)) return;
      c.globalAlpha = focus === undefined ? 0.8 : 0.25;
      rounded(c, box, 8);
      c.stroke();
    });
    c.setLineDash([]);
  }
  arrows(c, picture, p, onScreen);

  const written = view.scale > 0.34;
  const edgeOf = (i: number): string | undefined => {
    if (focus?.node === i) return p.text;
    if (focus?.dependencies.get(i) === 1) return p.out;
    if (focus?.dependents.get(i) === 1) return p.into;
    return found.has(i) ? p.found : undefined;
  };
  scene.boxes.forEach((box, i) => {
    if (box === undefined || !onScreen(box)) return;
    const node = data.nodes[i] as PageNode;
    const look = { box, written, scale: view.scale, hover: hover === i };
    if (!node.group) leaf(c, node, p, { ...look, faded: !near(i), edge: edgeOf(i) });
    else if (collapsed.has(i)) {
      const edge = edgeOf(i) ?? (foundInside.has(i) ? p.found : undefined);
      closed(c, node, picture.holds[i] as Inside, p, { ...look, faded: !nearClosed(i), edge });
    }
  });
  // Over what is too small to be read.
  if (!written)
    scene.blocks.forEach((box, k) => {
      if (box === undefined || !onScreen(box)) return;
      const { members } = data.layout.blocks[k] as PageData["layout"]["blocks"][number];
      const shown = members.filter((i) => scene.boxes[i] !== undefined);
      const [type, other] = new Set(shown.map((i) => data.nodes[i]?.label[0]));
      title(
        c,
        other === undefined ? `${type} × ${shown.length}` : `${shown.length} resources`,
        box,
        p,
        view.scale,
      );
    });
  for (const i of picture.inside) {
    const box = scene.boxes[i];
    if (box === undefined || collapsed.has(i) || !onScreen(box)) continue;
    head(c, data.nodes[i] as PageNode, box, p, view.scale);
  }
  c.restore();
}

/** Far away a name is written larger than its line. Undefined: too small for any name. */
function sizeOf(box: Box, scale: number): number | undefined {
  const size = Math.max(12, Math.min(11 / scale, box.width / 9, box.height / 2.2));
  return size * scale < 6 ? undefined : size;
}

function title(c: CanvasRenderingContext2D, text: string, box: Box, p: Palette, scale: number): number {
  const size = sizeOf(box, scale);
  if (size === undefined) return 0;
  const far = size > 13;
  const [x, y] = [box.x + (far ? size * 0.7 : 12), box.y + size * 1.45];
  c.save();
  c.beginPath();
  c.rect(box.x, box.y, box.width, box.height);
  c.clip();
  c.font = `600 ${size}px ${font}`;
  if (far) {
    c.strokeStyle = p.back;
    c.lineWidth = size / 3.5;
    c.lineJoin = "round";
    c.strokeText(text, x, y);
  }
  c.fillStyle = p.text;
  c.fillText(text, x, y);
  const { width } = c.measureText(text);
  c.restore();
  return far ? 0 : width;
}

function head(c: CanvasRenderingContext2D, node: PageNode, box: Box, p: Palette, scale: number): void {
  const [type, name] = node.label;
  const used = title(c, name, box, p, scale);
  if (used > 0) {
    c.font = `12px ${font}`;
    c.fillStyle = p.dim;
    c.fillText(type, box.x + 18 + used, box.y + 17.4, Math.max(1, box.width - used - 46));
  }
  if (scale > 0.3) marks(c, node, box.x + box.width - 18, box.y + 17, p);
}

interface Look {
  readonly box: Box;
  readonly faded: boolean;
  readonly written: boolean;
  readonly scale: number;
  readonly edge: string | undefined;
  readonly hover: boolean;
}

function leaf(c: CanvasRenderingContext2D, node: PageNode, p: Palette, look: Look): void {
  const { box } = look;
  const [fill, border] = p.fill(node.effect ?? "none");
  c.globalAlpha = look.faded ? 0.18 : 1;
  c.fillStyle = fill;
  c.strokeStyle = look.edge ?? (node.drift === undefined || node.effect !== undefined ? border : driftColour);
  const thick = look.edge !== undefined || look.hover ? 3 : node.effect === "replace" ? 2.5 : 1;
  c.lineWidth = look.edge === undefined ? thick : thick / Math.min(1, Math.max(look.scale, 0.12));
  if (!look.written) {
    // From far away a box is a spot of the colour of what happens.
    if (node.effect === undefined && node.drift === undefined) c.globalAlpha *= 0.55;
    c.fillStyle = node.effect === undefined && node.drift !== undefined ? driftColour : border;
    c.fillRect(box.x, box.y, box.width, box.height);
    if (look.edge !== undefined) {
      c.globalAlpha = 1;
      c.strokeRect(box.x, box.y, box.width, box.height);
    }
    c.globalAlpha = 1;
    return;
  }
  if (node.effect === "delete" || node.effect === "forget") c.setLineDash([5, 3]);
  rounded(c, box, 6);
  c.fill();
  c.stroke();
  c.setLineDash([]);
  const [type, name] = node.label;
  c.font = `11px ${font}`;
  c.fillStyle = p.dim;
  c.fillText(type, box.x + 10, box.y + 16, box.width - 36);
  c.font = `600 12px ${font}`;
  c.fillStyle = p.text;
  c.fillText(name, box.x + 10, box.y + 31, box.width - 36);
  marks(c, node, box.x + box.width - 15, box.y + box.height / 2, p);
  c.globalAlpha = 1;
}

/** A component that is collapsed: a pile, with what happens inside. */
function closed(c: CanvasRenderingContext2D, node: PageNode, inside: Inside, p: Palette, look: Look): void {
  const { box, scale } = look;
  const loudest = loudestOf(node, inside);
  const [fill] = p.fill(node.effect ?? "none");
  const [, border] = p.fill(loudest ?? "none");
  const quiet = loudest === undefined && inside.drifted === 0;
  c.globalAlpha = look.faded ? 0.3 : 1;
  c.strokeStyle = look.edge ?? (quiet || loudest !== undefined ? border : driftColour);
  c.lineWidth = (look.edge !== undefined || look.hover ? 2.5 : 1) / Math.min(1, Math.max(scale, 0.2));
  for (const off of [6, 3, 0]) {
    c.fillStyle = p.back;
    rounded(c, { ...box, x: box.x + off, y: box.y + off, width: box.width - 6, height: box.height - 6 }, 6);
    c.fill();
    c.fillStyle = fill;
    c.fill();
    c.stroke();
  }
  // The farther away, the larger, as long as there is room; the type is the first to go.
  const [type, name] = node.label;
  const room = box.width - 26;
  const size = Math.min(26, Math.max(12, 11 / scale));
  const far = size > 13;
  let y = box.y + 15;
  if (!far) {
    c.font = `11px ${font}`;
    c.fillStyle = p.dim;
    c.fillText(type, box.x + 10, y, room);
    y += 15;
  } else y = box.y + 4 + size * 0.85;
  c.font = `600 ${size}px ${font}`;
  c.fillStyle = p.text;
  if (size * scale >= 5) c.fillText(name, box.x + 10, y, room);
  const small = far ? Math.min(20, size * 0.8) : 11;
  y = far ? box.y + box.height - 12 : y + 16;
  let x = box.x + 10;
  const write = (text: string, ink: string): void => {
    c.fillStyle = ink;
    c.fillText(text, x, y);
    x += c.measureText(text).width + small * 0.6;
  };
  if (small * scale >= 4) {
    c.save();
    c.beginPath();
    c.rect(box.x, box.y, box.width - 8, box.height);
    c.clip();
    c.font = `${small}px ${font}`;
    write(String(inside.resources), p.dim);
    c.font = `bold ${small}px ${font}`;
    for (const [effect, { sign }] of Object.entries(badges)) {
      const n = inside.effects.get(effect);
      if (n !== undefined) write(`${sign}${n}`, p.fill(effect)[1]);
    }
    if (inside.drifted > 0) write(`!${inside.drifted}`, driftColour);
    c.restore();
  }
  c.globalAlpha = 1;
}

/** What a person should see first of what happens in it. */
const loudestOf = (node: PageNode, { effects }: Inside): string | undefined =>
  node.effect ??
  ["delete", "replace", "update", "create", ...Object.keys(badges)].find((effect) => effects.has(effect));

function marks(
  c: CanvasRenderingContext2D,
  { effect, drift }: PageNode,
  x: number,
  y: number,
  p: Palette,
): void {
  if (effect !== undefined) badge(c, badges[effect], p.fill(effect)[1], p.back, x, y);
  if (drift !== undefined) badge(c, driftBadge, driftColour, "#ffffff", effect === undefined ? x : x - 20, y);
}

export function badge(
  c: CanvasRenderingContext2D,
  { corners, sign }: Badge,
  colour: string,
  ink: string,
  x: number,
  y: number,
): void {
  c.fillStyle = colour;
  c.beginPath();
  if (corners === undefined) c.arc(x, y, 8, 0, 2 * Math.PI);
  else for (const [cx, cy] of corners) c.lineTo(x + cx * 9.5, y + cy * 9.5);
  c.fill();
  c.fillStyle = ink;
  c.font = `bold 12px ${font}`;
  c.textAlign = "center";
  c.fillText(sign, x, y + 4);
  c.textAlign = "left";
}

function rounded(c: CanvasRenderingContext2D, { x, y, width, height }: Box, r: number): void {
  c.beginPath();
  c.roundRect(x, y, width, height, r);
}

function arrows(
  c: CanvasRenderingContext2D,
  picture: Picture,
  p: Palette,
  onScreen: (box: Box) => boolean,
): void {
  const { data, scene, focus, view } = picture;
  c.strokeStyle = p.arrow;
  c.fillStyle = p.arrow;
  const strong = focus === undefined ? 0.9 : 0.15;
  const seen = scene.arrows.filter(({ from, to }) => onScreen(around(from, to)));
  const loose = seen.filter(({ way }) => way === undefined);
  c.globalAlpha = strong;
  c.lineWidth = Math.max(1, 0.7 / view.scale);
  c.beginPath();
  for (const { way } of seen) if (way !== undefined) line(c, way);
  c.stroke();
  // They cross what is between their ends: many of them would hide it.
  c.globalAlpha = loose.length > 60 ? strong * 0.3 : strong * 0.7;
  c.beginPath();
  for (const { from, to } of loose) curve(c, from, to);
  c.stroke();
  if (view.scale > 0.25) {
    c.beginPath();
    for (const { from, to, way } of seen) {
      const [x, y] = way?.at(-1) ?? endOf(from, to);
      const [px] = way?.at(-2) ?? [isBack(from, to) ? x + 10 : x - 10];
      tip(c, x, y, px <= x ? 1 : -1);
    }
    c.globalAlpha = strong;
    c.fill();
  }
  c.globalAlpha = 1;
  if (focus === undefined) return;
  // What the focused one really needs, and is needed by, over the arrows between components.
  const drawn = new Set<string>();
  for (const [from, to] of picture.edges) {
    const down = from === focus.node || focus.dependencies.has(from);
    const up = to === focus.node || focus.dependents.has(to);
    if (!down && !up) continue;
    if (down && !focus.dependencies.has(to)) continue;
    if (up && !down && !focus.dependents.has(from)) continue;
    const [s, t] = [holder(data, scene.boxes, from), holder(data, scene.boxes, to)];
    if (s === undefined || t === undefined || s === t || !scene.there[from] || !scene.there[to]) continue;
    const direct = from === focus.node || to === focus.node;
    // Between two components one is enough.
    const key = `${s} ${t} ${direct} ${down}`;
    if (drawn.has(key)) continue;
    drawn.add(key);
    c.globalAlpha = direct ? 1 : 0.45;
    c.lineWidth = (direct ? 2 : 1.2) / Math.min(1, Math.max(view.scale, 0.1));
    c.strokeStyle = down ? p.out : p.into;
    c.fillStyle = c.strokeStyle;
    const [a, b] = [scene.boxes[s] as Box, scene.boxes[t] as Box];
    const way = scene.ways.get(`${s} ${t}`);
    c.beginPath();
    if (way === undefined) curve(c, a, b);
    else line(c, way);
    c.stroke();
    c.beginPath();
    const [x, y] = way?.at(-1) ?? endOf(a, b);
    tip(c, x, y, way === undefined && isBack(a, b) ? -1 : 1);
    c.fill();
  }
  c.globalAlpha = 1;
}

const isBack = (a: Box, b: Box): boolean => b.x < a.x + a.width;
/** Where an arrow without a way of its own ends. */
const endOf = (a: Box, b: Box): readonly [number, number] => [
  isBack(a, b) ? b.x + b.width : b.x,
  b.y + b.height / 2,
];

const around = (a: Box, b: Box): Box => {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
};

function curve(c: CanvasRenderingContext2D, a: Box, b: Box): void {
  const back = isBack(a, b);
  const [x1, y1] = [back ? a.x : a.x + a.width, a.y + a.height / 2];
  const [x2, y2] = endOf(a, b);
  const bend = (back ? -1 : 1) * Math.max(back ? 30 : 0, Math.min(200, Math.abs(x2 - x1) / 2));
  c.moveTo(x1, y1);
  c.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
}

function line(c: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  const [first, ...rest] = points;
  if (first === undefined) return;
  c.moveTo(...first);
  for (const point of rest) c.lineTo(...point);
}

function tip(c: CanvasRenderingContext2D, x: number, y: number, way: number): void {
  c.moveTo(x, y);
  c.lineTo(x - 8 * way, y - 4);
  c.lineTo(x - 8 * way, y + 4);
  c.closePath();
}
