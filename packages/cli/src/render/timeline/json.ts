/** The document of `orch timeline --json`. */
import { mostAtOnce, workOf } from "@orch/core/state/timeline";
import type { Json } from "@orch/core/wire/json";
import type { DrawnRun } from "./model.js";

export function timelineJson(
  project: string,
  stack: string,
  { run, timeline }: Pick<DrawnRun, "run" | "timeline">,
): { [key: string]: Json } {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    format: 1,
    type: "timeline",
    project,
    stack,
    run: run.id,
    kind: run.kind,
    who: run.who,
    ...(run.outcome === undefined ? {} : { outcome: run.outcome }),
    startedAt: iso(timeline.start),
    endedAt: iso(timeline.end),
    elapsedMs: timeline.end - timeline.start,
    workMs: workOf(timeline),
    mostAtOnce: mostAtOnce(timeline),
    calls: timeline.bars.map(({ entry, effect, began, ended, ready, needs, waitedFor }) => ({
      op: entry.op,
      urn: entry.urn,
      ...(effect === undefined || entry.result !== "done" ? {} : { effect }),
      ...(entry.deposed === undefined ? {} : { deposed: entry.deposed }),
      ...(entry.result === undefined ? {} : { result: entry.result }),
      beganAt: iso(began),
      endedAt: iso(ended),
      elapsedMs: ended - began,
      readyAt: iso(ready),
      needs: [...needs],
      ...(waitedFor === undefined ? {} : { waitedFor }),
    })),
    criticalPath: [...timeline.critical],
  };
}
