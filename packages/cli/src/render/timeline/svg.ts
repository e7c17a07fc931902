/** A run as a picture for documents: how many calls at once, and below it a bar per call. */

import { OrchError } from "@orch/core/model/failure";
import type { Bar } from "@orch/core/state/timeline";
import { badges, effectColours, type Mark } from "../graph/marks.js";
import { escapeXml, round, tag } from "../svg.js";
import { duration, visible } from "../text.js";
import { type DrawnRun, endText, facts, markOf, nameOfBar, tail, waits } from "./model.js";
import { ticks } from "./ticks.js";

const names = 250;
const room = 640;
const after = 110;
const rowHeight = 22;
const chart = 56;
const limit = 2000;

export function timelineSvg(drawn: DrawnRun): string {
  const { bars, critical, start, end, running } = drawn.timeline;
  if (bars.length > limit)
    throw new OrchError({
      reason: "unsupported",
      message: `The run is too long for a picture: ${bars.length} calls.`,
      expected: `at most ${limit}`,
      next: ["Look at it as a page (`orch timeline --open`)."],
    });
  const onPath = new Set(critical);
  const top = 36 + facts(drawn).length * 17 + chart + 26;
  const width = names + room + after + 28;
  const height = top + bars.length * rowHeight + 44;
  const x = (time: number): number => 14 + names + ((time - start) / Math.max(1, end - start)) * room;
  const used = [...new Set(bars.map(markOf))];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="12" role="img">`,
    `<title>${escapeXml(drawn.title)}</title>`,
    tag("rect", { width, height, fill: "#ffffff" }),
    tag("text", { x: 14, y: 26, "font-size": 16, "font-weight": "bold", fill: "#172b4d" }, drawn.title),
    ...facts(drawn).map((fact, i) => tag("text", { x: 14, y: 46 + i * 17, fill: "#5e6c84" }, fact)),
    ...ticks(end - start).flatMap((ms) => [
      tag("path", { d: `M${round(x(start + ms))} ${top - chart}V${height - 40}`, stroke: "#ebecf0" }),
      tag(
        "text",
        { x: round(x(start + ms)), y: height - 26, "text-anchor": "middle", fill: "#5e6c84" },
        duration(ms),
      ),
    ]),
    ...atOnce(running, x, top),
    ...links(bars, onPath, top, x),
    ...bars.flatMap((bar, i) => row(bar, bars, onPath, i, top + i * rowHeight, x, start)),
    ...legend(used, height - 10),
    "</svg>",
  ].join("\n");
}

function atOnce(
  running: DrawnRun["timeline"]["running"],
  x: (time: number) => number,
  top: number,
): string[] {
  const most = Math.max(1, ...running.map(({ count }) => count));
  const y = (count: number): number => top - 12 - (count / most) * (chart - 20);
  let d = "";
  let last = 0;
  for (const { at, count } of running) {
    d += `${d === "" ? "M" : "L"}${round(x(at))} ${round(y(last))}V${round(y(count))}`;
    last = count;
  }
  return [
    tag("text", { x: 14, y: top - 24, fill: "#5e6c84" }, `at once (at most ${most})`),
    tag("path", { d: `${d}Z`, fill: "#b3d4ff" }),
  ];
}

/** Along the critical path, below the bars. */
const links = (
  bars: readonly Bar[],
  onPath: ReadonlySet<number>,
  top: number,
  x: (time: number) => number,
): string[] =>
  bars.flatMap(({ began, waitedFor }, i) => {
    if (waitedFor === undefined || !onPath.has(i)) return [];
    const from = round(x((bars[waitedFor] as Bar).ended));
    const d = `M${from} ${top + waitedFor * rowHeight + 10}V${top + i * rowHeight + 10}H${round(x(began))}`;
    return [tag("path", { d, fill: "none", stroke: "#172b4d", "stroke-width": 1.5 })];
  });

function row(
  bar: Bar,
  bars: readonly Bar[],
  onPath: ReadonlySet<number>,
  i: number,
  y: number,
  x: (time: number) => number,
  start: number,
): string[] {
  const mark = markOf(bar);
  const [fill, border] = effectColours[mark];
  const critical = onPath.has(i);
  const [from, to] = [x(bar.began), Math.max(x(bar.ended), x(bar.began) + 2)];
  const sign = mark === "none" ? "" : badges[mark].sign;
  const ends = endText(bar);
  const says = [
    visible(bar.entry.urn),
    `${bar.entry.op}: ${duration(bar.ended - bar.began)}`,
    ...waits(bar, bars, start),
  ];
  return [
    `<g><title>${escapeXml(says.join("\n"))}</title>`,
    tag("text", { x: 14, y: y + 14, fill: border, "font-weight": "bold" }, sign),
    tag(
      "text",
      { x: 28, y: y + 14, fill: "#172b4d", ...(critical ? { "font-weight": "bold" } : {}) },
      tail(nameOfBar(bar), 32),
    ),
    ...(bar.began - bar.ready > 0
      ? [
          tag("path", {
            d: `M${round(x(bar.ready))} ${y + 10}H${round(from)}`,
            stroke: "#97a0af",
            "stroke-dasharray": "2 3",
          }),
        ]
      : []),
    tag("rect", {
      x: round(from),
      y: y + 3,
      width: round(to - from),
      height: rowHeight - 8,
      rx: 3,
      fill: critical ? border : fill,
      stroke: border,
      ...(bar.entry.result === "done" ? {} : { "stroke-dasharray": "3 2", "stroke-width": 2 }),
    }),
    tag(
      "text",
      { x: round(to + 5), y: y + 14, fill: ends === "" ? "#5e6c84" : "#c62828" },
      `${duration(bar.ended - bar.began)}${ends === "" ? "" : ` ${ends}`}`,
    ),
    "</g>",
  ];
}

function legend(used: readonly Mark[], y: number): string[] {
  const parts = used.filter((mark) => mark !== "none").map((mark) => `${badges[mark].sign} ${mark}`);
  return [
    tag(
      "text",
      { x: 14, y, fill: "#5e6c84", "font-size": 11 },
      [
        ...parts,
        "full colour and bold: the critical path",
        "dotted: ready, and waiting for a place or the program",
      ].join(" · "),
    ),
  ];
}
