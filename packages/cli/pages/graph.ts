/** The page of a graph: it is handed everything laid out, and lets a person look around. */
import { badges, driftBadge, driftColour, effectColours } from "../src/render/graph/marks.js";
import type { PageData, PageNode } from "../src/render/graph/page-data.js";
import { el, grouped, readData } from "./dom.js";
import { button, copyButton, frame, hints, listen } from "./frame.js";
import { draw, type Focus, type View } from "./graph/draw.js";
import { type Filters, holder, insides, reach, type Scene, sceneOf } from "./graph/visible.js";

const data = readData<PageData>();
const { nodes } = data;
const out: number[][] = nodes.map(() => []);
const into: number[][] = nodes.map(() => []);
for (const [from, to] of data.edges) {
  out[from]?.push(to);
  into[to]?.push(from);
}
const depth = nodes.map((node) => {
  let n = 0;
  for (let up = node.parent; up !== undefined; up = nodes[up]?.parent) n++;
  return n;
});
/** Components, outermost first. */
const inside = nodes
  .map((_, i) => i)
  .filter((i) => nodes[i]?.group)
  .sort((a, b) => (depth[a] ?? 0) - (depth[b] ?? 0));
const holds = insides(data);
const resources = nodes.filter(({ group }) => !group).length;

const effects = [
  ...new Set(
    nodes.filter(({ group, effect }) => !group || effect !== undefined).map(({ effect }) => effect ?? "none"),
  ),
];
const types = new Map<string, number>();
for (const { type, group } of nodes) if (!group) types.set(type, (types.get(type) ?? 0) + 1);
for (const { type, group } of nodes) if (group && !types.has(type)) types.set(type, 0);

// What changes while somebody looks.
const chosenEffects = new Set(effects);
const chosenTypes = new Set(types.keys());
/** Large graphs begin closed: their outline can be read. */
const collapsed = new Set<number>(data.layout.base === "collapsed" ? inside : []);
let drift: Filters["drift"] = "all";
let onlyFocus = false;
let focus: Focus | undefined;
let found: ReadonlySet<number> = new Set();
let results: readonly number[] = [];
let hover: number | undefined;
let scene: Scene;
const view: View = { scale: 1, x: 0, y: 0 };

// ── the page ──
const page = frame({
  title: data.title,
  label: `Graph of ${resources} resources and what they depend on`,
  placeholder: "Name, type, URN or id",
  buttons: [
    button("Fit", "Show everything (0)", () => fit()),
    button("Collapse all", "Components as one box each", () => collapseAll(true)),
    button("Expand all", "Everything inside components", () => collapseAll(false)),
  ],
  hints: hints(
    ["/", "search"],
    ["n", "next change"],
    ["p", "previous"],
    ["f", "only what is connected"],
    ["c", "collapse or expand"],
    ["Esc", "back"],
    ["0", "fit"],
    ["+ −", "zoom"],
    ["arrows", "to the next one, or move"],
  ),
  draw: (c, width, height, dark) =>
    draw(
      c,
      width,
      height,
      { data, scene, collapsed, view, focus, found, hover, edges: data.edges, inside, holds },
      dark,
    ),
});
const { canvas, search, side, info, status, paint } = page;
const list = el("div", { class: "list", role: "listbox", "aria-label": "Found" });
search.addEventListener("input", () => find(search.value));
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && results[0] !== undefined) select(results[0], true);
  if (event.key === "ArrowDown") (list.firstElementChild as HTMLElement | null)?.focus();
});
list.addEventListener("keydown", (event) => {
  const at = document.activeElement;
  if (event.key === "ArrowDown") (at?.nextElementSibling as HTMLElement | null)?.focus();
  else if (event.key === "ArrowUp") ((at?.previousElementSibling as HTMLElement | null) ?? search).focus();
  else return;
  event.preventDefault();
});

function check(
  text: string,
  n: number,
  mark: Node | undefined,
  on: (checked: boolean) => void,
): HTMLLabelElement {
  const box = el("input", { type: "checkbox", checked: true, "aria-label": text });
  box.addEventListener("change", () => on(box.checked));
  return el(
    "label",
    {},
    box,
    ...(mark === undefined ? [] : [mark]),
    el("span", { class: "name" }, text),
    el("span", { class: "dim" }, grouped(n)),
  );
}

/** The same sign as in the picture. */
function sign(effect: string): Node {
  const shape = effect === "drift" ? driftBadge : badges[effect as keyof typeof badges];
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("width", "18");
  svg.setAttribute("height", "18");
  svg.setAttribute("viewBox", "-10 -10 20 20");
  if (shape === undefined) return svg;
  const colour = effect === "drift" ? driftColour : effectColours[effect as keyof typeof effectColours][1];
  const body = document.createElementNS(ns, shape.corners === undefined ? "circle" : "polygon");
  if (shape.corners === undefined) body.setAttribute("r", "8");
  else body.setAttribute("points", shape.corners.map(([x, y]) => `${x * 9.5},${y * 9.5}`).join(" "));
  body.setAttribute("fill", colour);
  const text = document.createElementNS(ns, "text");
  for (const [key, value] of [
    ["y", "4"],
    ["text-anchor", "middle"],
    ["font-size", "12"],
    ["font-weight", "bold"],
    ["fill", "#fff"],
  ] as const)
    text.setAttribute(key, value);
  text.textContent = shape.sign;
  svg.append(body, text);
  return svg;
}

function choose(set: Set<string>, key: string, on: boolean): void {
  if (on) set.add(key);
  else set.delete(key);
  refresh();
}

function buildSide(): void {
  side.append(el("h2", {}, "Search"), search, list);
  if (data.kind === "plan") {
    side.append(el("h2", {}, "What happens"));
    for (const effect of effects.sort())
      side.append(
        check(
          effect === "none" ? "stays as it is" : effect,
          nodes.filter(
            (node) => (node.effect ?? "none") === effect && (!node.group || node.effect !== undefined),
          ).length,
          sign(effect),
          (on) => choose(chosenEffects, effect, on),
        ),
      );
  }
  if (data.drift) {
    side.append(el("h2", {}, "Drift"));
    for (const [value, text, n] of [
      ["all", "all", resources],
      ["drifted", "not as orch left it", nodes.filter((node) => node.drift !== undefined).length],
      ["clean", "as orch left it", nodes.filter((node) => node.drift === undefined && !node.group).length],
    ] as const) {
      const box = el("input", { type: "radio", name: "drift", checked: value === "all" });
      box.addEventListener("change", () => {
        drift = value;
        refresh();
      });
      side.append(
        el(
          "label",
          {},
          box,
          ...(value === "drifted" ? [sign("drift")] : []),
          el("span", { class: "name" }, text),
          el("span", { class: "dim" }, grouped(n)),
        ),
      );
    }
  }
  const boxes = new Map<string, HTMLInputElement>();
  const all = (on: boolean): void => {
    for (const [type, box] of boxes) {
      box.checked = on;
      if (on) chosenTypes.add(type);
      else chosenTypes.delete(type);
    }
    refresh();
  };
  side.append(
    el("h2", {}, "Types"),
    el(
      "div",
      { class: "row" },
      button("All", "Show every type", () => all(true)),
      button("None", "Show no type", () => all(false)),
    ),
  );
  for (const [type, n] of [...types].sort(([a], [b]) => a.localeCompare(b))) {
    const label = check(type, n || nodes.filter((node) => node.type === type).length, undefined, (on) =>
      choose(chosenTypes, type, on),
    );
    boxes.set(type, label.firstElementChild as HTMLInputElement);
    side.append(label);
  }
}

// ── what is shown ──
function update(): void {
  const only =
    onlyFocus && focus !== undefined
      ? new Set([focus.node, ...focus.dependencies.keys(), ...focus.dependents.keys()])
      : undefined;
  scene = sceneOf(data, { effects: chosenEffects, drift, types: chosenTypes, only, collapsed });
  status.textContent =
    scene.passing === resources
      ? `${grouped(resources)} resources`
      : `${grouped(scene.passing)} of ${grouped(resources)} resources`;
  paint();
}

/** Other things are shown: all of them are brought onto the screen, unless a person looks at one. */
function refresh(): void {
  if (focus === undefined) {
    update();
    fit();
  } else steady(focus.node, update);
}

/** Whatever else moves, this one stays where it is on the screen. */
function steady(i: number, change: () => void): void {
  const at = (): readonly [number, number] | undefined => {
    const held = holder(data, scene.boxes, i);
    const box = held === undefined ? undefined : scene.boxes[held];
    return box === undefined ? undefined : [box.x, box.y];
  };
  const before = at();
  change();
  const after = at();
  if (before === undefined || after === undefined) return;
  view.x += (before[0] - after[0]) * view.scale;
  view.y += (before[1] - after[1]) * view.scale;
}

function fit(): void {
  const { width, height } = page.size();
  if (scene.boxes.every((box) => box === undefined)) return;
  view.scale = Math.min(1.25, (width - 40) / scene.width, (height - 40) / scene.height);
  view.x = (width - scene.width * view.scale) / 2;
  view.y = (height - scene.height * view.scale) / 2;
  paint();
}

function zoom(factor: number, x: number, y: number): void {
  const scale = Math.min(4, Math.max(0.005, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  paint();
}

function centre(i: number): void {
  const box = scene.boxes[i];
  if (box === undefined) return;
  const { width, height } = page.size();
  view.scale = Math.max(
    view.scale,
    nodes[i]?.group ? Math.min(1, (width - 80) / box.width, (height - 80) / box.height) : 0.8,
  );
  view.x = width / 2 - (box.x + box.width / 2) * view.scale;
  view.y = height / 2 - (box.y + box.height / 2) * view.scale;
}

function select(i: number | undefined, move: boolean): void {
  const hidden = i !== undefined && scene.boxes[i] === undefined;
  if (i === undefined) {
    focus = undefined;
    if (onlyFocus) {
      onlyFocus = false;
      update();
    }
  } else {
    focus = { node: i, dependencies: reach(i, out), dependents: reach(i, into) };
    for (let up = nodes[i]?.parent; up !== undefined; up = nodes[up]?.parent) collapsed.delete(up);
    const { name, type, effect } = nodes[i] as PageNode;
    page.say([`${type} ${name}`, effect ?? ""].filter(Boolean).join(", "));
    if (hidden || onlyFocus) update();
  }
  showInfo();
  if (i !== undefined && move) centre(i);
  paint();
}

function toggle(i: number): void {
  steady(i, () => {
    if (collapsed.has(i)) collapsed.delete(i);
    else collapsed.add(i);
    update();
  });
  showInfo();
}

function collapseAll(on: boolean): void {
  collapsed.clear();
  if (on) for (const i of inside) collapsed.add(i);
  update();
  fit();
}

function toggleOnly(): void {
  if (focus === undefined) return;
  onlyFocus = !onlyFocus;
  if (onlyFocus)
    for (const i of [focus.node, ...focus.dependencies.keys(), ...focus.dependents.keys()].slice(0, 300))
      for (let up = nodes[i]?.parent; up !== undefined; up = nodes[up]?.parent) collapsed.delete(up);
  update();
  showInfo();
  fit();
}

// ── search ──
const haystack = nodes.map(({ name, type, urn, id }) =>
  `${name}\n${type}\n${urn}\n${id ?? ""}`.toLowerCase(),
);
const maxResults = 60;
function find(text: string): void {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const hits =
    words.length === 0
      ? []
      : haystack.flatMap((hay, i) => (words.every((word) => hay.includes(word)) ? [i] : []));
  // Those whose name begins with it first.
  const rank = (i: number): number => (nodes[i]?.name.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1);
  results = hits.sort((a, b) => rank(a) - rank(b) || a - b);
  found = new Set(results);
  list.replaceChildren(...results.slice(0, maxResults).map((i) => entry(i, "option")));
  if (results.length > maxResults)
    list.append(el("small", {}, `… ${grouped(results.length - maxResults)} more`));
  if (words.length > 0 && results.length === 0) list.append(el("small", {}, "Nothing is called so."));
  paint();
}

function entry(i: number, role?: "option"): HTMLButtonElement {
  const { name, type, effect, drift } = nodes[i] as PageNode;
  const made = el(
    "button",
    { type: "button", role },
    ...(effect === undefined ? [] : [sign(effect)]),
    ...(drift === undefined ? [] : [sign("drift")]),
    el("span", {}, name, el("br"), el("small", {}, type)),
  );
  made.addEventListener("click", () => select(i, true));
  return made;
}

// ── details ──
function showInfo(): void {
  info.hidden = focus === undefined;
  if (focus === undefined) {
    info.replaceChildren();
    return;
  }
  const i = focus.node;
  const node = nodes[i] as PageNode;
  const what = [
    node.effect,
    node.drift === undefined ? undefined : node.drift === "gone" ? "gone" : "drift",
    node.expected,
  ].filter((each) => each !== undefined);
  const only = button(
    onlyFocus ? "Show all" : "Only connected",
    "Hide what is not connected with it (f)",
    toggleOnly,
  );
  only.setAttribute("aria-pressed", String(onlyFocus));
  info.replaceChildren(
    el("h3", {}, node.name),
    el("div", { class: "dim" }, node.type),
    el(
      "div",
      { class: "row" },
      only,
      ...(node.group ? [button(collapsed.has(i) ? "Expand" : "Collapse", "c", () => toggle(i))] : []),
      button("Close", "Esc", () => select(undefined, false)),
    ),
    ...(what.length === 0
      ? []
      : [
          el(
            "div",
            { class: "row" },
            ...(node.effect ? [sign(node.effect)] : []),
            ...(node.drift ? [sign("drift")] : []),
            what.join(", "),
          ),
        ]),
    ...insideOf(holds[i]),
    ...lines("Why", node.why),
    ...lines("What changes", node.change),
    ...lines("Drift", node.found),
    ...related("Depends on", out[i] ?? [], focus.dependencies.size, "out"),
    ...related("Needed by", into[i] ?? [], focus.dependents.size, "into"),
    ...copied("Id", node.id),
    ...copied("URN", node.urn),
    ...(node.parent === undefined ? [] : related("Inside", [node.parent], 1)),
    ...(node.group
      ? related(
          "Holds",
          nodes.flatMap((each, k) => (each.parent === i ? [k] : [])),
          0,
        )
      : []),
    ...(node.properties.length === 0
      ? []
      : [el("h2", {}, "Properties"), el("div", {}, node.properties.join(", "))]),
  );
}

const lines = (title: string, text: readonly string[] | undefined): Node[] =>
  text === undefined
    ? []
    : [
        el("h2", {}, title),
        el(
          "pre",
          { tabindex: 0 },
          ...text.map((line) =>
            el("span", { class: classOf.get(line.trimStart().slice(0, 2)) }, `${line}\n`),
          ),
        ),
      ];
/** What comes, goes and changes looks as in the terminal; the signs say it too. */
const classOf: ReadonlyMap<string, string> = new Map([
  ["+ ", "comes"],
  ["- ", "goes"],
  ["~ ", "changes"],
  ["← ", "cause"],
]);

function copied(title: string, text: string | undefined): Node[] {
  if (text === undefined || text === "") return [];
  const shown = el("span", { class: "code" }, text);
  return [el("h2", {}, title), el("div", { class: "copied" }, shown, copyButton(text, shown))];
}

function insideOf(inside: (typeof holds)[number]): Node[] {
  if (inside === undefined) return [];
  const effects = [...inside.effects].sort(([a], [b]) => a.localeCompare(b));
  return [
    el(
      "div",
      { class: "row" },
      `${grouped(inside.resources)} resources inside`,
      ...effects.flatMap(([effect, n]) => [sign(effect), `${effect} ${grouped(n)}`]),
      ...(inside.drifted > 0 ? [sign("drift"), `drift ${grouped(inside.drifted)}`] : []),
    ),
  ];
}

/** `colour`: of the lines to them in the picture. */
function related(title: string, which: readonly number[], through: number, colour?: "out" | "into"): Node[] {
  if (which.length === 0) return [];
  const more = through > which.length ? ` (${grouped(through)} with those behind them)` : "";
  const shown = which.slice(0, 100);
  return [
    el("h2", { class: colour }, `${title}: ${grouped(which.length)}${more}`),
    el("div", { class: "list" }, ...shown.map((i) => entry(i))),
    ...(shown.length < which.length
      ? [el("small", { class: "dim" }, `… ${grouped(which.length - shown.length)} more`)]
      : []),
  ];
}

// ── the pointer ──
function under(x: number, y: number): number | undefined {
  const [px, py] = [(x - view.x) / view.scale, (y - view.y) / view.scale];
  let hit: number | undefined;
  scene.boxes.forEach((box, i) => {
    if (box === undefined) return;
    if (px < box.x || py < box.y || px > box.x + box.width || py > box.y + box.height) return;
    if (hit === undefined || (depth[i] ?? 0) >= (depth[hit] ?? 0)) hit = i;
  });
  return hit;
}
/** One pointer moves; two zoom. */
const down = new Map<number, { x: number; y: number }>();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  if (down.size === 1) moved = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const [x, y] = [event.offsetX, event.offsetY];
  const was = down.get(event.pointerId);
  if (was === undefined) {
    const now = under(x, y);
    canvas.style.cursor = now === undefined || nodes[now]?.group ? "grab" : "pointer";
    canvas.title = now === undefined || view.scale > 0.34 ? "" : `${nodes[now]?.type} ${nodes[now]?.name}`;
    if (now !== hover) {
      hover = now;
      paint();
    }
    return;
  }
  if (down.size === 2) {
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1] ?? was;
    const before = Math.hypot(was.x - other.x, was.y - other.y);
    const after = Math.hypot(x - other.x, y - other.y);
    if (before > 0) zoom(after / before, other.x, other.y);
  } else {
    view.x += x - was.x;
    view.y += y - was.y;
    paint();
  }
  moved += Math.abs(x - was.x) + Math.abs(y - was.y);
  down.set(event.pointerId, { x, y });
});
const release = (event: PointerEvent): void => {
  const single = down.size === 1;
  down.delete(event.pointerId);
  if (event.type === "pointerup" && single && moved < 5) select(under(event.offsetX, event.offsetY), false);
};
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("dblclick", (event) => {
  const hit = under(event.offsetX, event.offsetY);
  if (hit === undefined) return fit();
  if (nodes[hit]?.group) toggle(hit);
  else select(hit, true);
});
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    // Touchpads send many small steps, wheels few large ones.
    zoom(
      Math.exp(-Math.max(-120, Math.min(120, event.deltaY * (event.deltaMode === 1 ? 20 : 1))) / 300),
      event.offsetX,
      event.offsetY,
    );
  },
  { passive: false },
);

// ── the keyboard ──
const changed = nodes.flatMap(({ effect, drift: found }, i) =>
  effect === undefined && found === undefined ? [] : [i],
);
function step(by: number): void {
  const shown = changed.filter((i) => scene.there[i]);
  if (shown.length === 0) return;
  const at = focus === undefined ? -1 : shown.indexOf(focus.node);
  select(shown[(at + by + shown.length + (at < 0 && by < 0 ? 1 : 0)) % shown.length], true);
}

/** The nearest in a direction; sideways counts double. */
function beside(i: number, dx: number, dy: number): number | undefined {
  const from = scene.boxes[i];
  if (from === undefined) return undefined;
  const middle = ({ x, y, width, height }: typeof from): [number, number] => [x + width / 2, y + height / 2];
  const [x, y] = middle(from);
  let nearest: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  scene.boxes.forEach((box, k) => {
    if (box === undefined || k === i || (nodes[k]?.group && !collapsed.has(k))) return;
    const [bx, by] = middle(box);
    const ahead = (bx - x) * dx + (by - y) * dy;
    const aside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
    if (ahead <= 1 || aside > ahead * 2 + 60) return;
    if (ahead + aside * 2 < least) {
      least = ahead + aside * 2;
      nearest = k;
    }
  });
  return nearest;
}

const arrow =
  (dx: number, dy: number) =>
  (event: KeyboardEvent): void => {
    if (focus !== undefined && !event.shiftKey) {
      const next = beside(focus.node, dx, dy);
      if (next !== undefined) select(next, true);
      return;
    }
    view.x -= dx * 80;
    view.y -= dy * 80;
    paint();
  };
const middle = (factor: number) => (): void => {
  const { width, height } = page.size();
  zoom(factor, width / 2, height / 2);
};
listen(page, {
  cleared: () => find(""),
  back: () => select(undefined, false),
  acts: {
    "0": fit,
    "+": middle(1.25),
    "=": middle(1.25),
    "-": middle(0.8),
    n: () => step(1),
    p: () => step(-1),
    f: toggleOnly,
    c: () => {
      const at = focus === undefined ? hover : focus.node;
      const group = at === undefined || nodes[at]?.group ? at : nodes[at]?.parent;
      if (group !== undefined) toggle(group);
    },
    ArrowLeft: arrow(-1, 0),
    ArrowRight: arrow(1, 0),
    ArrowUp: arrow(0, -1),
    ArrowDown: arrow(0, 1),
  },
});

buildSide();
update();
fit();
