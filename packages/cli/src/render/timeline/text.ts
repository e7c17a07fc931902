/** A run in the terminal: a line per call, its bar where it lay in the run. */
import type { Bar } from "@orch/core/state/timeline";
import { count, duration, padEnd, visible, width } from "../text.js";
import type { Theme } from "../theme.js";
import { type DrawnRun, endText, facts, markOf, nameOfBar, tail, waits } from "./model.js";

/** Beyond so many lines, those on the critical path and the longest. */
const maxRows = 100;

/** Lines no wider than `columns` where that is at least 60. `#` or `█`: on the critical path; dots: ready, and waiting for a place or the program. */
export function timelineText(drawn: DrawnRun, theme: Theme, columns: number): string[] {
  const { timeline, title } = drawn;
  const { bars, critical, start, end } = timeline;
  const out = [theme.bold(title), ...facts(drawn)];
  if (bars.length === 0) return [...out, "", "No provider was called in this run."];
  const onPath = new Set(critical);
  const rows = chosen(bars, onPath);
  const names = rows.map((i) => nameOfBar(bars[i] as Bar));
  const nameWidth = Math.min(Math.max(...names.map(width)), Math.max(20, Math.floor(columns * 0.4)));
  const room = Math.max(16, columns - nameWidth - 16);
  const at = (time: number): number => ((time - start) / Math.max(1, end - start)) * room;
  out.push("", `  ${padEnd("", nameWidth)}  ${theme.dim(`0${duration(end - start).padStart(room - 1)}`)}`);
  rows.forEach((i, n) => {
    const bar = bars[i] as Bar;
    const style = styleOf(bar, theme);
    const from = Math.min(room - 1, Math.floor(at(bar.began)));
    const to = Math.max(from + 1, Math.min(room, Math.round(at(bar.ended))));
    const ready = Math.min(from, Math.floor(at(bar.ready)));
    const line =
      " ".repeat(ready) +
      theme.dim("·".repeat(from - ready)) +
      style((onPath.has(i) ? "█" : "░").repeat(to - from));
    const after = " ".repeat(room - to);
    const ends = endText(bar);
    const name = padEnd(tail(names[n] as string, nameWidth), nameWidth);
    out.push(
      `${onPath.has(i) ? "*" : " "} ${name}  ${line}${after} ${theme.dim(duration(bar.ended - bar.began))}${ends === "" ? "" : ` ${theme.error(ends)}`}`,
    );
  });
  if (rows.length < bars.length)
    out.push(
      theme.dim(
        `  … ${count(bars.length - rows.length, "shorter call")} left out here; --format html shows all`,
      ),
    );
  out.push("", theme.bold("The critical path (*), which the end of the run waited for:"));
  const path = critical.length <= 40 ? critical : critical.slice(-40);
  if (path.length < critical.length)
    out.push(theme.dim(`  … ${count(critical.length - path.length, "call")} before`));
  for (const i of path) {
    const bar = bars[i] as Bar;
    const why = waits(bar, bars, start).join(", ");
    out.push(
      `  ${styleOf(bar, theme)(bar.entry.op)} ${nameOfBar(bar)} ${duration(bar.ended - bar.began)}${why === "" ? "" : theme.dim(` (${why})`)}`,
    );
    if (bar.entry.message !== undefined) out.push(`    ${visible(bar.entry.message).split("\n", 1)[0]}`);
  }
  return out;
}

function chosen(bars: readonly Bar[], onPath: ReadonlySet<number>): number[] {
  const all = bars.map((_, i) => i);
  if (all.length <= maxRows) return all;
  const longest = [...all].sort((a, b) => length(bars[b]) - length(bars[a]) || a - b);
  const kept = new Set([...onPath].slice(-maxRows));
  for (const i of longest) if (kept.size < maxRows) kept.add(i);
  return all.filter((i) => kept.has(i));
}
const length = (bar: Bar | undefined): number => (bar === undefined ? 0 : bar.ended - bar.began);

function styleOf(bar: Bar, theme: Theme): (text: string) => string {
  if (bar.entry.result !== "done") return theme.error;
  switch (markOf(bar)) {
    case "create":
      return theme.create;
    case "update":
      return theme.update;
    case "replace":
      return theme.replace;
    case "delete":
    case "forget":
      return theme.remove;
    default:
      return theme.read;
  }
}
