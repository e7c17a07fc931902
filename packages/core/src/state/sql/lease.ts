/**
 * The sign of life of a run: a row that names the holder and that the holder renews. On one machine a holder is alive exactly when its
 * process is, whatever the clocks say; of a holder elsewhere only its renewals are known.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Selectable } from "kysely";
import type { LockHolder } from "../../model/lock.js";
import type { SqlDatabase } from "./database.js";
import { hostIdentity, isAlive } from "./process.js";
import { type BoundStatement, StaleWriteError } from "./statement.js";
import type { Statements } from "./statements.js";
import type { Tables } from "./tables.js";

export interface LeaseTiming {
  /** How often the holder renews. */
  readonly renewMs: number;
  /** How long a lease of a holder on another machine lives without renewal. */
  readonly ttlMs: number;
  /** How often a run that waits looks again. Default 250. */
  readonly pollMs?: number;
}
export const defaultLeaseTiming: LeaseTiming = { renewMs: 5_000, ttlMs: 30_000 };

export interface Lease {
  readonly runId: number;
  readonly token: string;
}

export type LeaseRow = Selectable<Tables["leases"]>;

/** Leases that this process holds and has not given up: its own pid being alive says nothing about a run it abandoned. */
const heldHere = new Set<string>();
export const keepLease = (token: string): void => {
  heldHere.add(token);
};
/** Forgets that this process holds it; the row itself goes with the run's end. */
export const dropLease = (token: string): void => {
  heldHere.delete(token);
};

export interface Beating {
  readonly database: SqlDatabase;
  readonly stackId: number;
  readonly timing: LeaseTiming;
}

/** Renews until it is stopped. `lost` is called once somebody has taken the lease away; a full or busy disk passes. */
export function heartbeat(
  { database, stackId, timing }: Beating,
  token: string,
  lost: () => void,
): () => void {
  const timer = setInterval(() => {
    database
      .write([database.statements.renew({ token, at: Date.now() })], stackId)
      .catch((error: unknown) => {
        if (error instanceof StaleWriteError) lost();
      });
  }, timing.renewMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Gives it back, with all that it locks. */
export const releaseOf = (statements: Statements, token: string): readonly BoundStatement[] => [
  statements.releaseLocks({ token }),
  statements.release({ token }),
];

/** Is the holder alive, as far as can be told without waiting? For showing only. */
export function looksAlive(row: LeaseRow): boolean {
  return judgeLocally(row) ?? isCurrent(row);
}

export const holderOf = (row: LeaseRow): LockHolder => ({
  id: row.id,
  ...(row.run_id === null ? {} : { runId: row.run_id }),
  kind: row.kind,
  who: row.who,
  pid: row.pid,
  machine: row.host.split("/")[0] as string,
  since: row.acquired_at,
});

/** By both machines' clocks, which may differ by less than the lease's life. */
const isCurrent = (row: LeaseRow): boolean => Math.abs(Date.now() - row.renewed_at) < row.ttl_ms;

function judgeLocally(row: LeaseRow): boolean | undefined {
  if (row.host !== hostIdentity()) return undefined;
  if (row.pid === process.pid) return heldHere.has(row.token);
  return isAlive(row.pid, row.process_start);
}

/** Waits as long as it takes to be sure. */
export async function isHolderAlive(
  database: SqlDatabase,
  row: LeaseRow,
  timing: LeaseTiming,
): Promise<boolean> {
  const local = judgeLocally(row);
  if (local !== undefined) return local;
  if (isCurrent(row)) return true;
  // Expired, or renewed in the future, by clocks that need not agree: only a counter that stands still proves a holder dead.
  const patience = row.renewed_at < Date.now() ? 2 * timing.renewMs : row.ttl_ms;
  const deadline = performance.now() + patience;
  while (performance.now() < deadline) {
    await sleep(Math.min(250, patience));
    const now = await readLease(database, row);
    if (now === undefined) return false;
    if (now.beat !== row.beat) return true;
  }
  return false;
}

async function readLease(database: SqlDatabase, row: LeaseRow): Promise<LeaseRow | undefined> {
  const [rows = []] = await database.read([database.statements.loadLeases({ stackId: row.stack_id })]);
  return (rows as LeaseRow[]).find(({ token }) => token === row.token);
}
