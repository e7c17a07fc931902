/** What all pictures of a run say: facts about it, and a row per call. */
import type { RunInfo } from "@orch/core/state/contract";
import { type Bar, mostAtOnce, type Timeline, workOf } from "@orch/core/state/timeline";
import type { Mark } from "../graph/marks.js";
import { nameOf, shortUrn } from "../names.js";
import { count, duration, timestamp, visible, width } from "../text.js";

export interface DrawnRun {
  readonly title: string;
  readonly run: RunInfo;
  readonly timeline: Timeline;
}

/** Shorter waits are what orch itself needs between two calls. */
const worthTelling = 100;

/** How long it was ready and not begun; undefined when that is nothing to tell. */
export const idle = ({ began, ready }: Bar): number | undefined =>
  began - ready >= worthTelling ? began - ready : undefined;

export function facts({ run, timeline }: DrawnRun): string[] {
  const { bars, critical, start, end } = timeline;
  const took = end - start;
  const path = critical.reduce((sum, i) => sum + (bars[i] as Bar).ended - (bars[i] as Bar).began, 0);
  return [
    `${run.kind} by ${visible(run.who)}, began ${timestamp(run.startedAt)}, ${run.outcome ?? "not ended"}`,
    `${count(bars.length, "call")} in ${duration(took)}: ${duration(workOf(timeline))} of work, at most ${mostAtOnce(timeline)} at once${took > 0 ? `, ${(workOf(timeline) / took).toFixed(1)} on average` : ""}`,
    ...(critical.length === 0
      ? []
      : [
          `critical path: ${count(critical.length, "call")}, ${duration(path)} (${took > 0 ? Math.round((path / took) * 100) : 100} % of the run)`,
        ]),
  ];
}

export const markOf = ({ effect, entry }: Bar): Mark =>
  effect ?? (entry.op === "same" ? "none" : entry.op === "delete" ? "delete" : entry.op);

export const nameOfBar = ({ entry }: Bar): string =>
  `${shortUrn(entry.urn)}${entry.op === "delete" && entry.deposed !== undefined ? " (the old one)" : ""}`;

/** What it waited for, in words. */
export function waits(bar: Bar, bars: readonly Bar[], start: number): string[] {
  const before = bar.waitedFor === undefined ? undefined : bars[bar.waitedFor];
  const free = idle(bar);
  return [
    ...(before === undefined
      ? []
      : [`waited ${duration(Math.max(0, bar.ready - start))} for ${nameOf(before.entry.urn)}`]),
    ...(free === undefined
      ? []
      : [`${before === undefined ? "" : "then "}${duration(free)} for a free place, or for the program`]),
  ];
}

/** Cut at the front where it is too long: names differ at their ends, and types are known. */
export function tail(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  const chars = [...text];
  while (width(chars.join("")) > columns - 1) chars.shift();
  return `…${chars.join("")}`;
}

export const endText = ({ entry }: Bar): string =>
  entry.result === "done" ? "" : entry.result === "failed" ? "failed" : "not ended";
