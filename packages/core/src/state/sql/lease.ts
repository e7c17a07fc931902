/**
 * The stack's lock: a row that names the holder and that the holder renews. On one machine a holder is alive exactly when its
 * process is, whatever the clocks say; of a holder elsewhere only its renewals are known.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Selectable } from "kysely";
import { fail } from "../../model/failure.js";
import type { Crypter, RunStart, StackInfo, StackKey } from "../contract.js";
import { keyIdOf } from "../crypter.js";
import { explained, type SqlDatabase } from "./database.js";
import { hostIdentity, isAlive, processStart } from "./process.js";
import type { Tables } from "./tables.js";

export interface LeaseTiming {
  /** How often the holder renews. */
  readonly renewMs: number;
  /** How long a lease of a holder on another machine lives without renewal. */
  readonly ttlMs: number;
}
export const defaultLeaseTiming: LeaseTiming = { renewMs: 5_000, ttlMs: 30_000 };

export interface Lease {
  readonly runId: number;
  readonly token: string;
}

type LeaseRow = Selectable<Tables["leases"]>;

/** Leases that this process holds and has not given up: its own pid being alive says nothing about a run it abandoned. */
const heldHere = new Set<string>();

/** Begins a run and takes the stack's lock with it. Rejects with `state-locked` while a live holder has it. */
export async function acquireLease(
  database: SqlDatabase,
  stackId: number,
  info: StackInfo,
  crypter: Crypter,
  start: RunStart,
  timing: LeaseTiming,
): Promise<Lease> {
  for (;;) {
    const held = await readLease(database, stackId);
    if (held !== undefined && (await isHolderAlive(database, held, timing))) return failLocked(info, held);
    const lease = await take(database, stackId, crypter, start, timing, held);
    if (lease !== undefined) {
      heldHere.add(lease.token);
      return lease;
    }
    // Somebody took it, or it was renewed, between looking and taking.
  }
}

/** Forgets that this process holds it; the row itself goes with the run's end. */
export const dropLease = (lease: Lease): void => {
  heldHere.delete(lease.token);
};

/** Is the holder alive, as far as can be told without waiting? For showing only. */
export function looksAlive(row: LeaseRow): boolean {
  return judgeLocally(row) ?? isCurrent(row);
}

/** By both machines' clocks, which may differ by less than the lease's life. */
const isCurrent = (row: LeaseRow): boolean => Math.abs(Date.now() - row.renewed_at) < row.ttl_ms;

function judgeLocally(row: LeaseRow): boolean | undefined {
  if (row.host !== hostIdentity()) return undefined;
  if (row.pid === process.pid) return heldHere.has(row.token);
  return isAlive(row.pid, row.process_start);
}

async function isHolderAlive(database: SqlDatabase, row: LeaseRow, timing: LeaseTiming): Promise<boolean> {
  const local = judgeLocally(row);
  if (local !== undefined) return local;
  if (isCurrent(row)) return true;
  // Expired, or renewed in the future, by clocks that need not agree: only a counter that stands still proves a holder dead.
  const patience = row.renewed_at < Date.now() ? 2 * timing.renewMs : row.ttl_ms;
  const deadline = performance.now() + patience;
  while (performance.now() < deadline) {
    await sleep(Math.min(250, patience));
    const now = await readLease(database, row.stack_id);
    if (now?.token !== row.token) return false;
    if (now.beat !== row.beat) return true;
  }
  return false;
}

async function readLease(database: SqlDatabase, stackId: number): Promise<LeaseRow | undefined> {
  const [rows] = await database.read([database.statements.loadLease({ stackId })]);
  return rows?.[0] as LeaseRow | undefined;
}

/** Undefined when the lease is not as it was looked at. */
async function take(
  database: SqlDatabase,
  stackId: number,
  crypter: Crypter,
  start: RunStart,
  timing: LeaseTiming,
  dead: LeaseRow | undefined,
): Promise<Lease | undefined> {
  const token = randomUUID();
  return explained(database, () =>
    database.transaction(stackId, async (transaction) => {
      const current = await transaction
        .selectFrom("leases")
        .select(["token", "beat"])
        .where("stack_id", "=", stackId)
        .executeTakeFirst();
      if (current?.token !== dead?.token || current?.beat !== dead?.beat) return undefined;
      const { key } = await transaction
        .selectFrom("stacks")
        .select("key")
        .where("id", "=", stackId)
        .executeTakeFirstOrThrow();
      if (key !== null && (JSON.parse(key) as StackKey).id !== keyIdOf(crypter)) failOldKey();
      if (dead !== undefined) {
        await transaction
          .updateTable("runs")
          .set({ ended_at: dead.renewed_at, outcome: "interrupted" })
          .where("id", "=", dead.run_id)
          .where("ended_at", "is", null)
          .execute();
        await transaction.deleteFrom("leases").where("stack_id", "=", stackId).execute();
      }
      const run = await transaction
        .insertInto("runs")
        .values({
          stack_id: stackId,
          kind: start.kind,
          plan_digest: start.planDigest ?? null,
          started_at: start.startedAt,
          who: start.who,
          ended_at: null,
          outcome: null,
        })
        .returning("id")
        .executeTakeFirstOrThrow();
      const now = Date.now();
      await transaction
        .insertInto("leases")
        .values({
          stack_id: stackId,
          run_id: run.id,
          token,
          who: start.who,
          pid: process.pid,
          process_start: processStart(process.pid),
          host: hostIdentity(),
          acquired_at: now,
          renewed_at: now,
          beat: 0,
          ttl_ms: timing.ttlMs,
        })
        .execute();
      return { runId: run.id, token };
    }),
  );
}

function failLocked(info: StackInfo, row: LeaseRow): never {
  const machine = row.host.split("/")[0];
  return fail({
    reason: "state-locked",
    message: `The stack ${info.project}/${info.stack} is being changed by ${row.who} since ${new Date(row.acquired_at).toISOString()} (run ${row.run_id}, process ${row.pid} on ${machine}).`,
    expected: "no other run at the same time",
    found: `run ${row.run_id} of ${row.who}, process ${row.pid} on ${machine}`,
    next: [
      "Wait until that run ends, then run the same command again.",
      `If it hangs, end process ${row.pid} on ${machine}: the lock falls with it, and what it had begun is resolved by the next command.`,
    ],
  });
}

/** What would be written now could not be read again. */
const failOldKey = (): never =>
  fail({
    reason: "secret-unreadable",
    message: "The stack got a new key after this command had read the old one. Nothing was done.",
    expected: "the key that the state is encrypted with",
    found: "an older one",
    next: ["Run the same command again; plans made before have to be made again."],
  });
