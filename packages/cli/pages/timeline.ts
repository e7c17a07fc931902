/** The page of a run: a bar per call over time; one that is chosen shows what it waited for, and what waited for it. */
import { badges, effectColours, type Mark } from "../src/render/graph/marks.js";
import { duration } from "../src/render/text.js";
import type { PageBar, TimelineData } from "../src/render/timeline/page-data.js";
import { ticks } from "../src/render/timeline/ticks.js";
import { el, grouped, readData } from "./dom.js";
import { button, copyButton, frame, hints, listen } from "./frame.js";

const data = readData<TimelineData>();
const { bars } = data;
const neededBy: number[][] = bars.map(() => []);
bars.forEach(({ needs }, i) => {
  for (const k of needs) neededBy[k]?.push(i);
});

const rowHeight = 24;
const nameWidth = 270;
const chart = 84;
/** Where the critical path stands above them. */
const strip = 8;
const axis = 24;
const top = chart + axis;

let order: number[] = [];
let chosen: number | undefined;
let onlyCritical = false;
let hover: number | undefined;
/** Milliseconds at the left edge, and per pixel. */
const span = { from: 0, perPixel: 1, whole: true };
let scroll = 0;

const critical = button("Critical path only", "c", () => {
  onlyCritical = !onlyCritical;
  critical.setAttribute("aria-pressed", String(onlyCritical));
  scroll = 0;
  choose();
});
critical.setAttribute("aria-pressed", "false");
const page = frame({
  title: data.title,
  label: `${bars.length} calls over time`,
  placeholder: "Name, type or URN",
  buttons: [critical, button("Whole run", "0", () => whole())],
  hints: [
    ...hints(
      ["/", "search"],
      ["c", "critical path"],
      ["j k", "next, previous"],
      ["w", "to what it waited for"],
      ["Esc", "back"],
      ["0", "whole run"],
      ["+ −", "zoom"],
      ["wheel", "scroll, with Ctrl zoom"],
      ["click above", "to what ran then"],
    ),
  ],
  draw: drawRun,
});
const { canvas, search, status, side, info, paint } = page;
const list = el("div", { class: "list", "aria-label": "The critical path" });
side.append(
  el("h2", {}, "The run"),
  ...data.facts.map((fact) => el("p", {}, fact)),
  el("h2", {}, "Search"),
  search,
  el("h2", {}, "The critical path"),
  list,
);
for (const [i, bar] of bars.entries()) if (bar.critical) list.append(entry(i));
search.addEventListener("input", () => choose());

function entry(i: number): HTMLButtonElement {
  const bar = bars[i] as PageBar;
  const made = el(
    "button",
    { type: "button" },
    el(
      "span",
      {},
      bar.name,
      el("br"),
      el("small", {}, [`${bar.op} ${duration(bar.ended - bar.began)}`, ...bar.waits].join(", ")),
    ),
  );
  made.addEventListener("click", () => select(i, true));
  return made;
}

/** Which rows there are. */
function choose(): void {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  order = bars.flatMap((bar, i) => {
    const text = `${bar.name}\n${bar.urn}`.toLowerCase();
    return (!onlyCritical || bar.critical) && words.every((word) => text.includes(word)) ? [i] : [];
  });
  status.textContent =
    order.length === bars.length
      ? `${grouped(bars.length)} calls`
      : `${grouped(order.length)} of ${grouped(bars.length)} calls`;
  paint();
}

function select(i: number | undefined, move: boolean): void {
  chosen = i;
  info.hidden = i === undefined;
  info.replaceChildren(...(i === undefined ? [] : details(i)));
  if (i !== undefined && move) {
    if (!order.includes(i)) {
      search.value = "";
      onlyCritical = false;
      critical.setAttribute("aria-pressed", "false");
      choose();
    }
    const { height } = page.size();
    scroll = order.indexOf(i) * rowHeight - (height - top) / 2;
  }
  paint();
}

function details(i: number): Node[] {
  const bar = bars[i] as PageBar;
  const urn = el("span", { class: "code" }, bar.urn);
  const related = (title: string, which: readonly number[]): Node[] =>
    which.length === 0
      ? []
      : [
          el("h2", {}, `${title}: ${grouped(which.length)}`),
          el("div", { class: "list" }, ...which.slice(0, 60).map(entry)),
          ...(which.length > 60 ? [el("small", {}, `… ${grouped(which.length - 60)} more`)] : []),
        ];
  return [
    el("h3", {}, bar.name),
    el(
      "div",
      { class: "dim" },
      `${bar.mark === "none" ? bar.op : bar.mark}${bar.end === undefined ? "" : `, ${bar.end}`}${bar.critical ? ", on the critical path" : ""}`,
    ),
    el(
      "div",
      { class: "row" },
      button("Close", "Esc", () => select(undefined, false)),
    ),
    ...(bar.message === undefined ? [] : [el("pre", {}, bar.message)]),
    el("h2", {}, "Time"),
    el(
      "div",
      {},
      `${duration(bar.ended - bar.began)}, from ${duration(bar.began)} to ${duration(bar.ended)}`,
    ),
    ...bar.waits.map((text) => el("div", {}, text)),
    ...related("Had to wait for", bar.needs),
    ...related("Waited for it", neededBy[i] ?? []),
    el("h2", {}, "URN"),
    el("div", { class: "copied" }, urn, copyButton(bar.urn, urn)),
  ];
}

const darkBars: Readonly<Record<string, string>> = {
  none: "#5b6a80",
  create: "#4cb35a",
  update: "#e0a83a",
  replace: "#cf7fe0",
  delete: "#f0716c",
  forget: "#9a9a9a",
};
const colour = (mark: Mark, dark: boolean): string =>
  dark ? (darkBars[mark] ?? "#4fb0e6") : effectColours[mark][1];
const font = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

function drawRun(c: CanvasRenderingContext2D, width: number, height: number, dark: boolean): void {
  const [back, text, dim, line, run] = dark
    ? (["#14181f", "#e4eaf2", "#93a1b5", "#28313e", "#1f3a5f"] as const)
    : (["#ffffff", "#172b4d", "#5e6c84", "#ebecf0", "#b3d4ff"] as const);
  if (span.whole) span.perPixel = wholeRun(width);
  c.fillStyle = back;
  c.fillRect(0, 0, width, height);
  scroll = Math.max(0, Math.min(scroll, order.length * rowHeight - (height - top) + 12));
  const x = (ms: number): number => nameWidth + (ms - span.from) / span.perPixel;
  c.font = `12px ${font}`;

  c.save();
  c.beginPath();
  c.rect(nameWidth, 0, width - nameWidth, height);
  c.clip();
  const visibleLength = (width - nameWidth) * span.perPixel;
  const step = ticks(visibleLength)[1] ?? 1;
  for (let ms = Math.floor(span.from / step) * step; ms <= span.from + visibleLength; ms += step) {
    c.fillStyle = line;
    c.fillRect(Math.round(x(ms)), 0, 1, height);
    c.fillStyle = dim;
    c.fillText(duration(ms), x(ms) + 4, chart + 16);
  }
  const most = Math.max(1, ...data.running.map(([, count]) => count));
  const y = (count: number): number => chart - (count / most) * (chart - 34);
  c.beginPath();
  let last = 0;
  c.moveTo(x(0), chart);
  for (const [at, count] of data.running) {
    c.lineTo(x(at), y(last));
    c.lineTo(x(at), y(count));
    last = count;
  }
  c.lineTo(x(data.length), chart);
  c.fillStyle = run;
  c.fill();
  c.restore();
  c.fillStyle = dim;
  c.fillText(`at once (at most ${most})`, 14, chart - 4);
  // The whole path above the axis, whatever rows are on the screen.
  c.fillText("critical path", 14, strip + 9);
  c.save();
  c.beginPath();
  c.rect(nameWidth, 0, width - nameWidth, chart);
  c.clip();
  bars.forEach((bar, i) => {
    if (!bar.critical) return;
    c.fillStyle = i === chosen ? (dark ? "#6ea8ff" : "#0052cc") : text;
    c.fillRect(x(bar.began), strip, Math.max(2, x(bar.ended) - x(bar.began) - 1), 8);
  });
  c.restore();

  c.save();
  c.beginPath();
  c.rect(0, top, width, height - top);
  c.clip();
  const first = Math.floor(scroll / rowHeight);
  const shown = order.slice(first, first + Math.ceil((height - top) / rowHeight) + 1);
  const rowY = (k: number): number => top + k * rowHeight - scroll;
  shown.forEach((i, n) => {
    const bar = bars[i] as PageBar;
    const at = rowY(first + n);
    if (i === chosen || i === hover) {
      c.fillStyle = line;
      c.fillRect(0, at, width, rowHeight);
    }
    const ink = colour(bar.mark, dark);
    c.font = `bold 12px ${font}`;
    c.fillStyle = ink;
    c.fillText(bar.mark === "none" ? "" : badges[bar.mark].sign, 14, at + 16);
    c.font = `${bar.critical ? "600 " : ""}12px ${font}`;
    c.fillStyle = text;
    c.fillText(cut(c, bar.name), 30, at + 16);
    c.save();
    c.beginPath();
    c.rect(nameWidth, at, width - nameWidth, rowHeight);
    c.clip();
    if (bar.began > bar.ready) {
      c.strokeStyle = dim;
      c.setLineDash([2, 3]);
      c.beginPath();
      c.moveTo(x(bar.ready), at + 12);
      c.lineTo(x(bar.began), at + 12);
      c.stroke();
      c.setLineDash([]);
    }
    const w = Math.max(2, x(bar.ended) - x(bar.began));
    c.fillStyle = ink;
    c.strokeStyle = ink;
    c.globalAlpha = bar.critical ? 1 : 0.35;
    c.beginPath();
    c.roundRect(x(bar.began), at + 4, w, rowHeight - 8, 3);
    c.fill();
    c.globalAlpha = 1;
    if (bar.end !== undefined) c.setLineDash([3, 2]);
    c.stroke();
    c.setLineDash([]);
    c.restore();
  });
  c.beginPath();
  c.rect(nameWidth, top, width - nameWidth, height - top);
  c.clip();
  const row = new Map(order.map((i, k) => [i, k]));
  const link = (from: number, to: number, ink: string, thick: number): void => {
    const [a, b] = [row.get(from), row.get(to)];
    if (a === undefined || b === undefined) return;
    // Down from the end of the one to the row of the other, then to its beginning.
    const [x1, y1] = [x((bars[from] as PageBar).ended), rowY(a) + rowHeight / 2];
    const [x2, y2] = [Math.max(x1, x((bars[to] as PageBar).began)), rowY(b) + rowHeight / 2];
    c.strokeStyle = ink;
    c.lineWidth = thick;
    c.beginPath();
    c.moveTo(x1, y1);
    c.lineTo(x1, y2);
    c.lineTo(x2, y2);
    c.stroke();
    c.lineWidth = 1;
  };
  for (const i of order) {
    const { critical: on, waitedFor } = bars[i] as PageBar;
    if (on && waitedFor !== undefined && bars[waitedFor]?.critical) link(waitedFor, i, text, 2);
  }
  if (chosen !== undefined) {
    for (const k of (bars[chosen] as PageBar).needs) link(k, chosen, dark ? "#6ea8ff" : "#0052cc", 1.5);
    for (const k of neededBy[chosen] ?? []) link(chosen, k, dark ? "#ff9d52" : "#c25100", 1.5);
  }
  // Over the lines, on a ground of their own.
  c.font = `11px ${font}`;
  c.lineJoin = "round";
  shown.forEach((i, n) => {
    const bar = bars[i] as PageBar;
    const at = rowY(first + n);
    const label = `${duration(bar.ended - bar.began)}${bar.end === undefined ? "" : ` ${bar.end}`}`;
    c.strokeStyle = i === chosen || i === hover ? line : back;
    c.lineWidth = 4;
    c.strokeText(label, x(bar.ended) + 6, at + 16);
    c.fillStyle = bar.end === undefined ? dim : colour("delete", dark);
    c.fillText(label, x(bar.ended) + 6, at + 16);
  });
  c.lineWidth = 1;
  c.restore();
  const all = order.length * rowHeight;
  if (all > height - top) {
    const share = (height - top) / all;
    c.fillStyle = dim;
    c.globalAlpha = 0.5;
    c.beginPath();
    c.roundRect(width - 8, top + scroll * share, 5, Math.max(24, (height - top) * share), 2.5);
    c.fill();
    c.globalAlpha = 1;
  }
}

function cut(c: CanvasRenderingContext2D, name: string): string {
  const room = nameWidth - 40;
  if (c.measureText(name).width <= room) return name;
  let chars = [...name];
  while (chars.length > 4 && c.measureText(`…${chars.join("")}`).width > room) chars = chars.slice(2);
  return `…${chars.join("")}`;
}

/** Milliseconds per pixel at which all of it is on the screen. */
const wholeRun = (width: number): number =>
  Math.max(0.01, data.length / Math.max(100, width - nameWidth - 90));

function whole(): void {
  span.from = 0;
  span.whole = true;
  paint();
}

function zoom(factor: number, px: number): void {
  const at = span.from + (px - nameWidth) * span.perPixel;
  span.whole = false;
  span.perPixel = Math.max(0.01, Math.min(span.perPixel / factor, Math.max(1, data.length) / 50));
  span.from = at - (px - nameWidth) * span.perPixel;
  paint();
}

const under = (py: number): number | undefined =>
  py < top ? undefined : order[Math.floor((py - top + scroll) / rowHeight)];
/** To what ran then: on the critical path before all else. */
function goTo(time: number): void {
  const running = order.filter(
    (i) => (bars[i] as PageBar).began <= time && (bars[i] as PageBar).ended >= time,
  );
  const at = running.find((i) => bars[i]?.critical) ?? running[0];
  if (at !== undefined) select(at, true);
}
let drag: { x: number; y: number; moved: number } | undefined;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  drag = { x: event.offsetX, y: event.offsetY, moved: 0 };
});
canvas.addEventListener("pointermove", (event) => {
  if (drag === undefined) {
    const now = under(event.offsetY);
    if (now !== hover) {
      hover = now;
      paint();
    }
    return;
  }
  span.from -= (event.offsetX - drag.x) * span.perPixel;
  span.whole &&= span.from === 0;
  scroll -= event.offsetY - drag.y;
  drag = {
    x: event.offsetX,
    y: event.offsetY,
    moved: drag.moved + Math.abs(event.offsetX - drag.x) + Math.abs(event.offsetY - drag.y),
  };
  paint();
});
canvas.addEventListener("pointerup", (event) => {
  if (drag !== undefined && drag.moved < 5) {
    if (event.offsetY < top && event.offsetX > nameWidth)
      goTo(span.from + (event.offsetX - nameWidth) * span.perPixel);
    else select(under(event.offsetY), false);
  }
  drag = undefined;
});
canvas.addEventListener("pointercancel", () => {
  drag = undefined;
});
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY / 300), event.offsetX);
    else {
      scroll += event.deltaY;
      span.from += event.deltaX * span.perPixel;
      span.whole &&= event.deltaX === 0;
      paint();
    }
  },
  { passive: false },
);
/** To the row that stands `by` further than the chosen one. */
const go = (by: number) => (): void => {
  const at = chosen === undefined ? -1 : order.indexOf(chosen);
  const to = at < 0 && by < 0 ? order.length + by : at + by;
  select(order[Math.max(0, Math.min(order.length - 1, to))], true);
};
const middle = (factor: number) => (): void => zoom(factor, nameWidth + (page.size().width - nameWidth) / 2);
const rows = (): number => Math.max(1, Math.floor((page.size().height - top) / rowHeight) - 1);
const scrollBy = (by: number): void => {
  scroll += by * rowHeight;
  paint();
};
listen(page, {
  cleared: choose,
  back: () => select(undefined, false),
  acts: {
    c: () => critical.click(),
    "0": whole,
    "+": middle(1.25),
    "=": middle(1.25),
    "-": middle(0.8),
    j: go(1),
    ArrowDown: go(1),
    k: go(-1),
    ArrowUp: go(-1),
    PageDown: () => scrollBy(rows()),
    PageUp: () => scrollBy(-rows()),
    Home: () => scrollBy(-order.length),
    End: () => scrollBy(order.length),
    w: () => {
      const before = chosen === undefined ? undefined : bars[chosen]?.waitedFor;
      if (before !== undefined) select(before, true);
    },
  },
});
choose();
whole();
