/** Who holds locks, who waits for whom. */
import type { LockHolder, LockWait } from "@orch/core/model/lock";
import type { LockInfo } from "@orch/core/state/contract";
import { shortUrn } from "./names.js";
import { count, duration, table, timestamp, visible } from "./text.js";
import type { Theme } from "./theme.js";

/** `waiting 12 s for run 7 of ada@build (apply since 2026-01-31 09:05 UTC), which changes web and 2 more`. */
export function waitingText({ waitedMs, holders, on }: LockWait): string {
  const [first] = holders;
  if (first === undefined) return `waiting ${duration(waitedMs)}`;
  const others = holders.length > 1 ? ` and ${count(holders.length - 1, "more run")} before this one` : "";
  return `waiting ${duration(waitedMs)} for ${holderText(first)}${others}${about(on)}`;
}

function about(on: LockWait["on"]): string {
  const [first, ...rest] = on.map(shortUrn);
  if (first === undefined) return "";
  return `, because of ${visible(first)}${rest.length > 0 ? ` and ${rest.length === 4 ? "others" : `${rest.length} more`}` : ""}`;
}

export const holderText = ({ runId, who, kind, since, pid, machine }: LockHolder): string =>
  `${runId === undefined ? "a waiting run" : `run ${runId}`} of ${visible(who)} (${kind} since ${timestamp(since)}, process ${pid} on ${visible(machine)})`;

export function renderLocks(locks: readonly LockInfo[], theme: Theme): string[] {
  const rows = locks.map((lock) => [
    String(lock.id),
    lock.runId === undefined ? theme.dim("waits") : `run ${lock.runId}`,
    visible(lock.who),
    lock.kind,
    timestamp(lock.since),
    `process ${lock.pid} on ${visible(lock.machine)}`,
    lock.alive ? theme.success("alive") : theme.warning("dead"),
    lock.wholeStack ? "the whole stack" : `${lock.writes} changed, ${lock.reads} read`,
  ]);
  const head = ["LOCK", "RUN", "WHO", "KIND", "SINCE", "WHERE", "", "WHAT"].map(theme.dim);
  return table([head, ...rows]);
}

/** What taking a lock away does, for the person who is about to. */
export function breakingText(lock: LockInfo): string[] {
  const began =
    lock.underWay === 0
      ? "It has begun nothing that is not finished."
      : `${count(lock.underWay, "step")} that it has begun would be unfinished: the next command looks after ${lock.underWay === 1 ? "it" : "them"}.`;
  if (lock.runId === undefined)
    return ["It only waits: it would stop with a failure, having changed nothing."];
  return [
    lock.alive
      ? `Its process is alive (last sign ${timestamp(lock.renewedAt)}). It would go on with what it has sent already, and everything that it then wants to write would be refused: end it first if you can.`
      : `Its process shows no sign of life since ${timestamp(lock.renewedAt)}; the next command that needs its resources would take them over by itself.`,
    began,
  ];
}
