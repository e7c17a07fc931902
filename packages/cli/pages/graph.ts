/** The page of a graph: it is handed everything laid out, and lets a person look around. */
import { badges, driftBadge, driftColour, effectColours } from "../src/render/graph/marks.js";
import type { PageData, PageNode } from "../src/render/graph/page-data.js";
import { el, grouped, isDark, readData } from "./dom.js";
import { draw, type Focus, type View } from "./graph/draw.js";
import { boxOf, type Filters, reach, type Scene, sceneOf } from "./graph/visible.js";

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
const holds = nodes.map(() => 0);
for (const { parent } of nodes) if (parent !== undefined) holds[parent] = (holds[parent] ?? 0) + 1;
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
const collapsed = new Set<number>();
let drift: Filters["drift"] = "all";
let onlyFocus = false;
let focus: Focus | undefined;
let found: ReadonlySet<number> = new Set();
let results: readonly number[] = [];
let hover: number | undefined;
let scene: Scene;
const view: View = { scale: 1, x: 0, y: 0 };

// ── the page ──
const canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": `Graph of ${resources} resources` });
const search = el("input", {
  type: "search",
  placeholder: "Name, type, URN or id",
  "aria-label": "Search",
  spellcheck: "false",
});
const list = el("div", { class: "list", role: "listbox", "aria-label": "Found" });
const status = el("span", { class: "dim", role: "status" });
const info = el("aside", { class: "info", hidden: true, "aria-label": "Details" });
const side = el("aside", { class: "side", "aria-label": "Search and filters" });
const button = (text: string, title: string, act: () => void): HTMLButtonElement => {
  const made = el("button", { type: "button", title }, text);
  made.addEventListener("click", act);
  return made;
};
const keys = (...pairs: [string, string][]): (Node | string)[] =>
  pairs.flatMap(([key, what]) => [el("kbd", {}, key), ` ${what}   `]);
document.title = data.title;
document.body.append(
  el(
    "header",
    {},
    el("h1", {}, data.title),
    status,
    el("span", { class: "space" }),
    button("Fit", "Show everything (0)", () => fit()),
    button("Collapse all", "Only the outermost components", () => collapseAll(true)),
    button("Expand all", "Everything inside components", () => collapseAll(false)),
    button("Print", "Print what is on the screen", () => print()),
  ),
  side,
  el("main", {}, canvas),
  info,
  el(
    "footer",
    {},
    ...keys(
      ["/", "search"],
      ["n", "next change"],
      ["p", "previous"],
      ["f", "only what is connected"],
      ["c", "collapse"],
      ["Esc", "back"],
      ["0", "fit"],
      ["+ −", "zoom"],
      ["arrows", "move"],
    ),
  ),
);
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
function refresh(): void {
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

let waiting = false;
function paint(): void {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    paintNow();
  });
}

function paintNow(dark = isDark()): void {
  const { width, height } = canvas.getBoundingClientRect();
  if (width === 0 || height === 0) return;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const c = canvas.getContext("2d") as CanvasRenderingContext2D;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const began = performance.now();
  draw(
    c,
    width,
    height,
    { data, scene, collapsed, view, focus, found, hover, edges: data.edges, inside, holds },
    dark,
  );
  // For whoever measures.
  canvas.dataset.frameMs = (performance.now() - began).toFixed(1);
}

function fit(): void {
  const { width, height } = canvas.getBoundingClientRect();
  let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  scene.shown.forEach((shown, i) => {
    if (!shown) return;
    const box = boxOf(data, i, collapsed);
    x0 = Math.min(x0, box.x);
    y0 = Math.min(y0, box.y);
    x1 = Math.max(x1, box.x + box.width);
    y1 = Math.max(y1, box.y + box.height);
  });
  if (x1 === 0) return;
  view.scale = Math.min(1.25, (width - 40) / (x1 - x0), (height - 40) / (y1 - y0));
  view.x = (width - (x1 - x0) * view.scale) / 2 - x0 * view.scale;
  view.y = (height - (y1 - y0) * view.scale) / 2 - y0 * view.scale;
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
  const { width, height } = canvas.getBoundingClientRect();
  const box = boxOf(data, i, collapsed);
  view.scale = Math.max(
    view.scale,
    nodes[i]?.group ? Math.min(1, (width - 80) / box.width, (height - 80) / box.height) : 0.8,
  );
  view.x = width / 2 - (box.x + box.width / 2) * view.scale;
  view.y = height / 2 - (box.y + box.height / 2) * view.scale;
}

function select(i: number | undefined, move: boolean): void {
  if (i === undefined) {
    focus = undefined;
    onlyFocus = false;
  } else {
    focus = { node: i, dependencies: reach(i, out), dependents: reach(i, into) };
    for (let up = nodes[i]?.parent; up !== undefined; up = nodes[up]?.parent) collapsed.delete(up);
  }
  showInfo();
  if (i !== undefined && move) centre(i);
  refresh();
}

function toggle(i: number): void {
  if (collapsed.has(i)) collapsed.delete(i);
  else collapsed.add(i);
  showInfo();
  refresh();
}

function collapseAll(on: boolean): void {
  collapsed.clear();
  if (on) for (const i of inside) if (nodes[i]?.parent === undefined) collapsed.add(i);
  refresh();
}

function toggleOnly(): void {
  if (focus === undefined) return;
  onlyFocus = !onlyFocus;
  showInfo();
  refresh();
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
  list.replaceChildren(...results.slice(0, maxResults).map(entry));
  if (results.length > maxResults)
    list.append(el("small", {}, `… ${grouped(results.length - maxResults)} more`));
  if (words.length > 0 && results.length === 0) list.append(el("small", {}, "Nothing is called so."));
  paint();
}

function entry(i: number): HTMLButtonElement {
  const { name, type } = nodes[i] as PageNode;
  const made = el("button", { type: "button", role: "option" }, name, el("br"), el("small", {}, type));
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
    ...section("Id", node.id),
    ...section("URN", node.urn),
    ...(node.change ? [el("h2", {}, "The plan"), el("pre", {}, node.change.join("\n"))] : []),
    ...(node.found ? [el("h2", {}, "Drift"), el("pre", {}, node.found.join("\n"))] : []),
    ...related("Depends on", out[i] ?? [], focus.dependencies.size),
    ...related("Needed by", into[i] ?? [], focus.dependents.size),
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

const section = (title: string, text: string | undefined): Node[] =>
  text === undefined || text === "" ? [] : [el("h2", {}, title), el("div", {}, text)];

function related(title: string, which: readonly number[], through: number): Node[] {
  if (which.length === 0) return [];
  const more = through > which.length ? ` (${grouped(through)} with those behind them)` : "";
  const shown = which.slice(0, 100);
  return [
    el("h2", {}, `${title}: ${grouped(which.length)}${more}`),
    el("div", { class: "list" }, ...shown.map(entry)),
    ...(shown.length < which.length
      ? [el("small", { class: "dim" }, `… ${grouped(which.length - shown.length)} more`)]
      : []),
  ];
}

// ── the pointer ──
function under(x: number, y: number): number | undefined {
  const [px, py] = [(x - view.x) / view.scale, (y - view.y) / view.scale];
  let hit: number | undefined;
  nodes.forEach((_, i) => {
    if (!scene.shown[i]) return;
    const box = boxOf(data, i, collapsed);
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
  const shown = changed.filter((i) => scene.shown[i]);
  if (shown.length === 0) return;
  const at = focus === undefined ? -1 : shown.indexOf(focus.node);
  select(shown[(at + by + shown.length + (at < 0 && by < 0 ? 1 : 0)) % shown.length], true);
}
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing =
    document.activeElement instanceof HTMLInputElement && document.activeElement.type === "search";
  const { width, height } = canvas.getBoundingClientRect();
  const move = (x: number, y: number): void => {
    if (document.activeElement !== canvas && document.activeElement !== document.body) return;
    view.x += x;
    view.y += y;
    paint();
  };
  if (event.key === "Escape") {
    if (typing && search.value !== "") {
      search.value = "";
      find("");
    } else select(undefined, false);
    canvas.focus();
    return;
  }
  if (typing) return;
  switch (event.key) {
    case "/":
      event.preventDefault();
      search.focus();
      search.select();
      break;
    case "0":
      fit();
      break;
    case "+":
    case "=":
      zoom(1.25, width / 2, height / 2);
      break;
    case "-":
      zoom(0.8, width / 2, height / 2);
      break;
    case "n":
      step(1);
      break;
    case "p":
      step(-1);
      break;
    case "f":
      toggleOnly();
      break;
    case "c": {
      const at = focus === undefined ? hover : focus.node;
      const group = at === undefined || nodes[at]?.group ? at : nodes[at]?.parent;
      if (group !== undefined) toggle(group);
      break;
    }
    case "ArrowLeft":
      move(80, 0);
      break;
    case "ArrowRight":
      move(-80, 0);
      break;
    case "ArrowUp":
      move(0, 80);
      break;
    case "ArrowDown":
      move(0, -80);
      break;
  }
});

new ResizeObserver(() => paint()).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint());
// Paper is white.
addEventListener("beforeprint", () => paintNow(false));
addEventListener("afterprint", () => paintNow());
buildSide();
refresh();
fit();
