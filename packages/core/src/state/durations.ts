/** How long steps took in the newest runs. */
import type { StepOp } from "../model/plan.js";
import { parseUrn, type Urn } from "../model/urn.js";
import type { JournalEntry, StackStore } from "./contract.js";

export interface Durations {
  /** Milliseconds: the last time for that object, otherwise the median of its type; undefined when there was none. */
  expected(op: StepOp, type: string, urn: Urn): number | undefined;
}

/** Entries newest run first. Only steps that were begun and ended well tell something. */
export function durationsOf(entries: Iterable<JournalEntry>): Durations {
  const own = new Map<string, number>();
  const ofType = new Map<string, number[]>();
  for (const { op, urn, beganAt, endedAt, result } of entries) {
    if (result !== "done" || beganAt === undefined || endedAt === undefined || urn === "") continue;
    const ms = Math.max(0, endedAt - beganAt);
    const key = `${op} ${urn}`;
    if (!own.has(key)) own.set(key, ms);
    const typeKey = `${op} ${parseUrn(urn).type}`;
    const list = ofType.get(typeKey);
    if (list === undefined) ofType.set(typeKey, [ms]);
    else list.push(ms);
  }
  const medians = new Map<string, number>();
  for (const [key, list] of ofType) {
    list.sort((a, b) => a - b);
    medians.set(key, list[list.length >> 1] as number);
  }
  return { expected: (op, type, urn) => own.get(`${op} ${urn}`) ?? medians.get(`${op} ${type}`) };
}

/** Runs that are looked at, and entries after which no further run is. */
const newest = 8;
const enough = 20_000;

/** Of the stack's newest runs. */
export async function readDurations(store: Pick<StackStore, "runs" | "journal">): Promise<Durations> {
  const entries: JournalEntry[] = [];
  for (const run of await store.runs(newest)) {
    if (run.kind === "edit" || run.kind === "import") continue;
    entries.push(...(await store.journal(run.id)));
    if (entries.length >= enough) break;
  }
  return durationsOf(entries);
}
