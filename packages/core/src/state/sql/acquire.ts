/**
 * Getting locks: a run writes down what it needs and waits until nobody who came before it needs any of the same. So nobody overtakes, and as each run takes
 * all its locks at once, no two wait for each other.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kysely } from "kysely";
import { fail, OrchError } from "../../model/failure.js";
import type { LockSet } from "../../model/lock.js";
import type { BeginOptions, Crypter, RunStart, StackInfo, StackKey } from "../contract.js";
import { keyIdOf } from "../crypter.js";
import { explained, type SqlDatabase } from "./database.js";
import {
  dropLease,
  heartbeat,
  holderOf,
  isHolderAlive,
  keepLease,
  type Lease,
  type LeaseRow,
  type LeaseTiming,
  releaseOf,
} from "./lease.js";
import { hostIdentity, processStart } from "./process.js";
import type { Tables } from "./tables.js";

export interface Acquisition {
  readonly database: SqlDatabase;
  readonly stackId: number;
  readonly info: StackInfo;
  readonly crypter: Crypter;
  readonly start: RunStart;
  readonly timing: LeaseTiming;
}

/** In the queue, and granted or not. */
interface Ticket {
  readonly id: number;
  readonly token: string;
  readonly wholeStack: boolean;
}

/** Begins a run with all its locks. Rejects with `state-locked` when it may not wait (any longer), with `interrupted` when told to stop. */
export async function acquireLease(
  work: Acquisition,
  { locks = "stack", wait }: BeginOptions = {},
): Promise<Lease> {
  const { database, timing } = work;
  const token = randomUUID();
  keepLease(token);
  const lost = new AbortController();
  let stopHeart: (() => void) | undefined;
  try {
    const ticket = await enqueue(work, token, locks);
    const began = performance.now();
    for (;;) {
      const granted = await tryGrant(work, ticket);
      if (typeof granted === "number") return { runId: granted, token };
      if (await clearDead(work, granted)) continue;
      stopHeart ??= heartbeat(work, token, () => lost.abort());
      const waitedMs = performance.now() - began;
      if (wait === undefined || waitedMs >= (wait.atMost ?? Number.POSITIVE_INFINITY)) {
        failLocked(
          work.info,
          granted,
          ticket.wholeStack ? [] : await sharedWith(work, ticket, granted),
          waitedMs,
        );
      }
      if (lost.signal.aborted) failTakenAway();
      wait.waiting({
        waitedMs: Math.round(waitedMs),
        holders: granted.map(holderOf),
        on: ticket.wholeStack ? [] : await sharedWith(work, ticket, granted),
      });
      const ends = [lost.signal, ...(wait.signal ? [wait.signal] : [])];
      // Woken early, it is told why below or by the next look.
      await sleep(timing.pollMs ?? 250, undefined, { signal: AbortSignal.any(ends) }).catch(() => undefined);
      if (wait.signal?.aborted) {
        fail({
          reason: "interrupted",
          message: "Interrupted while it waited for another run. Nothing was changed.",
        });
      }
    }
  } catch (error) {
    dropLease(token);
    // Where even this can't be written, it falls with the process.
    await database.write(releaseOf(database.statements, token), work.stackId).catch(() => undefined);
    throw error;
  } finally {
    stopHeart?.();
  }
}

/** In a transaction that is alone in its stack: looking at the queue and changing it is one. */
const inTurn = <T>(
  { database, stackId }: Pick<Acquisition, "database" | "stackId">,
  run: (transaction: Kysely<Tables>) => Promise<T>,
): Promise<T> => explained(database, () => database.transaction(stackId, run));

/** Rows of one insert: their values stay below what any of the databases takes in one statement. */
const rowsAtOnce = 1000;

function enqueue(work: Acquisition, token: string, locks: LockSet): Promise<Ticket> {
  const { stackId, start, timing } = work;
  return inTurn(work, async (transaction) => {
    const now = Date.now();
    const { id } = await transaction
      .insertInto("leases")
      .values({
        stack_id: stackId,
        run_id: null,
        kind: start.kind,
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
      .returning("id")
      .executeTakeFirstOrThrow();
    const rows = lockRows(locks).map((row) => ({ lease_id: id, stack_id: stackId, ...row }));
    for (let i = 0; i < rows.length; i += rowsAtOnce) {
      await transaction
        .insertInto("locks")
        .values(rows.slice(i, i + rowsAtOnce))
        .execute();
    }
    return { id, token, wholeStack: locks === "stack" };
  });
}

function lockRows(locks: LockSet): readonly { readonly urn: string; readonly mode: "read" | "write" }[] {
  if (locks === "stack") return [{ urn: "*", mode: "write" }];
  const reads = [...locks.read].filter((urn) => !locks.write.has(urn));
  return [
    ...[...locks.write].map((urn) => ({ urn, mode: "write" }) as const),
    ...reads.map((urn) => ({ urn, mode: "read" }) as const),
  ];
}

/** The id of the run that has begun, or those that are in the way. */
function tryGrant(work: Acquisition, ticket: Ticket): Promise<number | readonly LeaseRow[]> {
  const { stackId, crypter, start } = work;
  return inTurn(work, async (transaction) => {
    const inTheWay = await ahead(transaction, stackId, ticket).execute();
    if (inTheWay.length > 0) return inTheWay;
    const { key } = await transaction
      .selectFrom("stacks")
      .select("key")
      .where("id", "=", stackId)
      .executeTakeFirstOrThrow();
    if (key !== null && (JSON.parse(key) as StackKey).id !== keyIdOf(crypter)) failOldKey();
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
    const { numUpdatedRows } = await transaction
      .updateTable("leases")
      .set({ run_id: run.id, acquired_at: now, renewed_at: now })
      .where("id", "=", ticket.id)
      .where("token", "=", ticket.token)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows !== 1n) failTakenAway();
    return run.id;
  });
}

/** Who came before and needs something of the same, one of the two for writing. Only those can be in the way: whoever came later has waited. */
function ahead(db: Kysely<Tables>, stackId: number, { id, wholeStack }: Ticket) {
  const before = db
    .selectFrom("leases")
    .selectAll("leases")
    .where("leases.stack_id", "=", stackId)
    .where("leases.id", "<", id)
    .orderBy("leases.id");
  if (wholeStack) return before;
  return before.where((eb) =>
    eb.or([
      eb.exists(
        eb
          .selectFrom("locks as all")
          .select("all.urn")
          .whereRef("all.lease_id", "=", "leases.id")
          .where("all.urn", "=", "*"),
      ),
      eb.exists(
        eb
          .selectFrom("locks as mine")
          .innerJoin("locks as theirs", (join) =>
            join.onRef("theirs.urn", "=", "mine.urn").onRef("theirs.lease_id", "=", "leases.id"),
          )
          .select("mine.urn")
          .where("mine.lease_id", "=", id)
          .where((or) => or.or([or("mine.mode", "=", "write"), or("theirs.mode", "=", "write")])),
      ),
    ]),
  );
}

/** A few of the URNs that a ticket shares with those before it. */
async function sharedWith(
  { database }: Acquisition,
  { id }: Ticket,
  inTheWay: readonly LeaseRow[],
): Promise<readonly string[]> {
  const rows = await explained(database, () =>
    database.db
      .selectFrom("locks as mine")
      .innerJoin("locks as theirs", "theirs.urn", "mine.urn")
      .select("mine.urn")
      .distinct()
      .where("mine.lease_id", "=", id)
      .where(
        "theirs.lease_id",
        "in",
        inTheWay.map((row) => row.id),
      )
      .where((or) => or.or([or("mine.mode", "=", "write"), or("theirs.mode", "=", "write")]))
      .orderBy("mine.urn")
      .limit(5)
      .execute(),
  );
  return rows.map(({ urn }) => urn);
}

/** Takes the locks of the dead among them away. True: there was one. */
async function clearDead(work: Acquisition, leases: readonly LeaseRow[]): Promise<boolean> {
  let cleared = false;
  for (const lease of leases) {
    if (await isHolderAlive(work.database, lease, work.timing)) continue;
    await removeLease(work, lease.id, (row) => row.token === lease.token && row.beat === lease.beat);
    cleared = true;
  }
  return cleared;
}

/** Ends a run that will not end itself. False where there is no such lease, or it is not as `expected`. */
export function removeLease(
  work: Pick<Acquisition, "database" | "stackId">,
  id: number,
  expected: (row: LeaseRow) => boolean = () => true,
): Promise<boolean> {
  return inTurn(work, async (transaction) => {
    const row = await transaction
      .selectFrom("leases")
      .selectAll()
      .where("stack_id", "=", work.stackId)
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined || !expected(row)) return false;
    if (row.run_id !== null) {
      await transaction
        .updateTable("runs")
        .set({ ended_at: row.renewed_at, outcome: "interrupted" })
        .where("id", "=", row.run_id)
        .where("ended_at", "is", null)
        .execute();
    }
    await transaction.deleteFrom("locks").where("lease_id", "=", id).execute();
    await transaction.deleteFrom("leases").where("id", "=", id).execute();
    return true;
  });
}

function failLocked(
  info: StackInfo,
  leases: readonly LeaseRow[],
  on: readonly string[],
  waitedMs: number,
): never {
  const row = leases.find(({ run_id }) => run_id !== null) ?? (leases[0] as LeaseRow);
  const machine = row.host.split("/")[0];
  const run = row.run_id === null ? "a run that waits itself" : `run ${row.run_id}`;
  const others = leases.length > 1 ? ` ${leases.length - 1} more are before this one.` : "";
  const what =
    on.length === 0
      ? `The stack ${info.project}/${info.stack} is`
      : `${names(on)} of ${info.project}/${info.stack} is`;
  const waited = waitedMs < 1000 ? "" : ` Waited ${Math.round(waitedMs / 1000)} s.`;
  return fail({
    reason: "state-locked",
    message: `${what} being changed by ${row.who} since ${new Date(row.acquired_at).toISOString()} (${run}, process ${row.pid} on ${machine}).${others}${waited}`,
    expected: on.length === 0 ? "no other run at the same time" : "no other run on the same resources",
    found: `${run} of ${row.who}, process ${row.pid} on ${machine}`,
    next: [
      "Wait until that run ends, then run the same command again.",
      `If it hangs, end process ${row.pid} on ${machine}: the lock falls with it, and what it had begun is resolved by the next command.`,
      "Or take its lock away: `orch unlock` shows first what that would break.",
    ],
  });
}

const names = (urns: readonly string[]): string => {
  const [first = "", ...rest] = urns.map((urn) => urn.slice(urn.lastIndexOf("::") + 2));
  return rest.length === 0 ? first : `${first} with ${rest.length === 4 ? "others" : rest.join(", ")}`;
};

const failTakenAway = (): never => {
  throw new OrchError({
    reason: "state-locked",
    message: "Its place in the queue was taken away (`orch unlock`). Nothing was changed.",
    next: ["Run the same command again."],
  });
};

/** What would be written now could not be read again. */
const failOldKey = (): never =>
  fail({
    reason: "secret-unreadable",
    message: "The stack got a new key after this command had read the old one. Nothing was done.",
    expected: "the key that the state is encrypted with",
    found: "an older one",
    next: ["Run the same command again; plans made before have to be made again."],
  });
