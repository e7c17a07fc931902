/** A run with a failure, a deletion, and something in between that was not called. */
import type { ResourceState } from "@orch/core/model/resource";
import type { JournalEntry, RunInfo } from "@orch/core/state/contract";
import { timelineOf } from "@orch/core/state/timeline";
import type { DrawnRun } from "../../../packages/cli/src/render/timeline/model.js";
import { state, urn } from "../render/plans.js";

/** net ← (a, b) ← web; an old resource is deleted at the end. */
const row = (name: string, on: readonly string[] = []): ResourceState => ({
  ...state("t:index:Item", name, name),
  dependencies: on.map((each) => urn("t:index:Item", each)),
});
const at = Date.UTC(2026, 0, 31, 9, 5);
const entry = (
  step: number,
  op: JournalEntry["op"],
  name: string,
  began: number,
  ended: number | undefined,
  more = {},
) =>
  ({
    step,
    op,
    urn: urn("t:index:Item", name),
    existed: op !== "create",
    beganAt: at + began,
    ...(ended === undefined ? {} : { endedAt: at + ended, result: "done" }),
    ...more,
  }) as JournalEntry;

export function someRun(): {
  run: RunInfo;
  entries: JournalEntry[];
  before: ResourceState[];
  after: ResourceState[];
} {
  return {
    run: {
      id: 7,
      kind: "apply",
      who: "me@here",
      startedAt: at,
      endedAt: at + 10_000,
      outcome: "failed",
      done: 5,
      failed: 1,
    },
    entries: [
      entry(0, "create", "net", 100, 2000),
      entry(1, "create", "a", 2010, 3000),
      entry(2, "create", "b", 2010, 6000),
      // `same` is not called, but web needs it and it needs b.
      entry(4, "create", "web", 6500, 8000),
      entry(5, "update", "alone", 120, 400, { result: "failed", message: "the disk\nis full" }),
      entry(6, "delete", "old-user", 8010, 9000),
      entry(7, "delete", "old", 9010, 9900),
    ],
    before: [row("old"), row("old-user", ["old"]), row("same"), row("alone")],
    after: [
      row("net"),
      row("a", ["net"]),
      row("b", ["net"]),
      row("same", ["b"]),
      row("web", ["a", "same"]),
      row("alone"),
    ],
  };
}

export function runOf(): DrawnRun {
  const { run, entries, before, after } = someRun();
  return { title: "shop / dev: run 7", run, timeline: timelineOf(run, entries, before, after) };
}

/** Calls in ten places, each waiting for the one `width` before it: the critical path is a chain from the beginning to the end. */
export function longRun(calls: number, width = 10): DrawnRun {
  const { run } = someRun();
  const name = (i: number): string => `server-${i}`;
  const needs = (i: number): string[] => (i < width ? [] : [name(i - width)]);
  const began = (i: number): number => Math.floor(i / width) * 1000;
  // The first of each ten takes longest.
  const entries = Array.from({ length: calls }, (_, i) =>
    entry(i, "create", name(i), began(i), began(i) + (i % width === 0 ? 990 : 500)),
  );
  const rows = Array.from({ length: calls }, (_, i) => row(name(i), needs(i)));
  const info = { ...run, startedAt: at, endedAt: at + began(calls - 1) + 1000 };
  return { title: "shop / dev: run 7", run: info, timeline: timelineOf(info, entries, [], rows) };
}
