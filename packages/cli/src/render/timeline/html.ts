/** The page of a run. */
import { pageHtml } from "../page.js";
import { visible } from "../text.js";
import { type DrawnRun, endText, facts, markOf, nameOfBar, waits } from "./model.js";
import type { TimelineData } from "./page-data.js";

/** `root`: folder of the package `orch`. */
export const timelineHtml = (drawn: DrawnRun, root: string): Promise<string> =>
  pageHtml({ root, name: "timeline", title: drawn.title, data: timelineData(drawn) });

export function timelineData(drawn: DrawnRun): TimelineData {
  const { bars, critical, start, end, running } = drawn.timeline;
  const onPath = new Set(critical);
  return {
    title: drawn.title,
    facts: facts(drawn),
    length: end - start,
    running: running.map(({ at, count }) => [at - start, count]),
    bars: bars.map((bar, i) => ({
      name: nameOfBar(bar),
      urn: visible(bar.entry.urn),
      op: bar.entry.op,
      mark: markOf(bar),
      began: bar.began - start,
      ended: bar.ended - start,
      ready: bar.ready - start,
      needs: bar.needs,
      critical: onPath.has(i),
      waits: waits(bar, bars, start),
      ...(bar.waitedFor === undefined ? {} : { waitedFor: bar.waitedFor }),
      ...(endText(bar) === "" ? {} : { end: endText(bar) }),
      ...(bar.entry.message === undefined ? {} : { message: visible(bar.entry.message) }),
    })),
  };
}
