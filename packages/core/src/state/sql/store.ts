/** One stack's state in a SQL database. */

import type { ResourceState } from "../../model/resource.js";
import type { Urn } from "../../model/urn.js";
import type {
  BeginOptions,
  Crypter,
  JournalEntry,
  RunFilter,
  RunInfo,
  RunStart,
  Snapshot,
  StackInfo,
  StackStore,
} from "../contract.js";
import { acquireLease, removeLease } from "./acquire.js";
import { explained, type SqlDatabase } from "./database.js";
import { entriesOf, type JournalRow } from "./journal.js";
import { type LeaseRow, type LeaseTiming, looksAlive } from "./lease.js";
import { locksOf } from "./locks.js";
import { rekey } from "./rekey.js";
import { rowCodec } from "./rows.js";
import { type OpenRun, openRun } from "./run.js";

export function openStore(
  database: SqlDatabase,
  stackId: number,
  info: StackInfo,
  crypter: Crypter,
  timing: LeaseTiming,
): StackStore {
  const codec = rowCodec(crypter);
  const { statements } = database;
  const open = new Set<OpenRun>();

  async function snapshot(): Promise<Snapshot> {
    const { stack, resources, unfinished } = await readSettled();
    return {
      resources: resources.map(codec.decodeState),
      outputs: codec.decodeOutputs(stack?.outputs ?? "{}"),
      unfinished: unfinished.map((row) => ({ runId: row.run_id, intent: codec.decodeIntent(row.body) })),
      serial: Number(stack?.serial ?? 0),
    };
  }

  /**
   * The stack's rows, and the begun steps of runs that are over. A run may end well between being read and being judged, and what was read of it would then
   * look cut off: so whoever is found dead with something unfinished was dead before the rows were read, or they are read again.
   */
  async function readSettled() {
    const dead = new Set<string>();
    for (;;) {
      const [stacks, resources, begun, rows] = await database.read([
        statements.loadStack({ stackId }),
        statements.loadResources({ stackId }),
        statements.loadUnfinished({ stackId }),
        statements.loadLeases({ stackId }),
      ]);
      const leases = rows as LeaseRow[];
      const alive = new Set<number | null>();
      let judgedLate = false;
      for (const lease of leases) {
        if (dead.has(lease.token)) continue;
        if (looksAlive(lease)) alive.add(lease.run_id);
        else {
          dead.add(lease.token);
          judgedLate ||= (begun as { run_id: number }[]).some(({ run_id }) => run_id === lease.run_id);
        }
      }
      if (judgedLate) continue;
      return {
        stack: stacks?.[0] as { serial: number; outputs: string } | undefined,
        resources: resources as { urn: string; deposed: string; body: string }[],
        unfinished: (begun as { run_id: number; body: string }[]).filter(({ run_id }) => !alive.has(run_id)),
      };
    }
  }

  async function beginRun(start: RunStart, options?: BeginOptions): Promise<OpenRun> {
    const lease = await acquireLease({ database, stackId, info, crypter, start, timing }, options);
    const run: OpenRun = openRun({
      database,
      codec,
      stackId,
      lease,
      timing,
      ended: () => open.delete(run),
    });
    open.add(run);
    return run;
  }

  function runs(limit = 100, { id, planDigest }: RunFilter = {}): Promise<readonly RunInfo[]> {
    return explained(database, async () => {
      let query = database.db
        .selectFrom("runs")
        .selectAll()
        .select((eb) => [
          eb
            .selectFrom("journal")
            .select((journal) => journal.fn.countAll<number>().as("count"))
            .whereRef("journal.run_id", "=", "runs.id")
            .where("journal.result", "=", "done")
            .as("done"),
          eb
            .selectFrom("journal")
            .select((journal) => journal.fn.countAll<number>().as("count"))
            .whereRef("journal.run_id", "=", "runs.id")
            .where("journal.result", "=", "failed")
            .as("failed"),
        ])
        .where("stack_id", "=", stackId)
        .orderBy("id", "desc")
        .limit(limit);
      if (id !== undefined) query = query.where("id", "=", id);
      if (planDigest !== undefined) query = query.where("plan_digest", "=", planDigest);
      const rows = await query.execute();
      return rows.map((row) => ({
        id: row.id,
        kind: row.kind as RunInfo["kind"],
        ...(row.plan_digest === null ? {} : { planDigest: row.plan_digest }),
        startedAt: row.started_at,
        who: row.who,
        ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
        ...(row.outcome === null ? {} : { outcome: row.outcome as NonNullable<RunInfo["outcome"]> }),
        done: row.done ?? 0,
        failed: row.failed ?? 0,
      }));
    });
  }

  function journal(runId: number): Promise<readonly JournalEntry[]> {
    return explained(database, async () => {
      const rows = await database.db
        .selectFrom("journal")
        .innerJoin("runs", "runs.id", "journal.run_id")
        .select([
          "journal.kind",
          "journal.step",
          "journal.op",
          "journal.urn",
          "journal.deposed",
          "journal.at",
          "journal.result",
          "journal.message",
        ])
        .where("journal.run_id", "=", runId)
        .where("runs.stack_id", "=", stackId)
        .orderBy("journal.id")
        .execute();
      const before = await database.db
        .selectFrom("resource_history as newest")
        .select(["newest.urn", "newest.body"])
        .where("newest.stack_id", "=", stackId)
        .where("newest.deposed", "=", "")
        .where("newest.body", "is not", null)
        .where("newest.run_id", "=", (eb) =>
          eb
            .selectFrom("resource_history as earlier")
            .select((earlier) => earlier.fn.max("earlier.run_id").as("run_id"))
            .where("earlier.stack_id", "=", stackId)
            .where("earlier.deposed", "=", "")
            .whereRef("earlier.urn", "=", "newest.urn")
            .where("earlier.run_id", "<", runId),
        )
        .where("newest.urn", "in", (eb) =>
          eb.selectFrom("journal").select("journal.urn").where("journal.run_id", "=", runId),
        )
        .execute();
      return entriesOf(rows as JournalRow[], new Map(before.map(({ urn, body }) => [urn, body as string])));
    });
  }

  function rowsAt(runId: number): Promise<readonly ResourceState[]> {
    return explained(database, async () => {
      const rows = await database.db
        .selectFrom("resource_history as newest")
        .select(["newest.urn", "newest.deposed", "newest.body"])
        .where("newest.stack_id", "=", stackId)
        .where("newest.body", "is not", null)
        .where("newest.run_id", "=", (eb) =>
          eb
            .selectFrom("resource_history as later")
            .select((later) => later.fn.max("later.run_id").as("run_id"))
            .where("later.stack_id", "=", stackId)
            .whereRef("later.urn", "=", "newest.urn")
            .whereRef("later.deposed", "=", "newest.deposed")
            .where("later.run_id", "<=", runId),
        )
        .orderBy("newest.urn")
        .orderBy("newest.deposed")
        .execute();
      return rows.map(({ urn, deposed, body }) => codec.decodeState({ urn, deposed, body: body as string }));
    });
  }

  function history(urn: Urn) {
    return explained(database, async () => {
      const rows = await database.db
        .selectFrom("resource_history")
        .select(["run_id", "at", "body"])
        .where("stack_id", "=", stackId)
        .where("urn", "=", urn)
        .where("deposed", "=", "")
        .orderBy("run_id", "desc")
        .execute();
      return rows.map(({ run_id, at, body }) => ({
        runId: run_id,
        at,
        ...(body === null ? {} : { state: codec.decodeState({ urn, deposed: "", body }) }),
      }));
    });
  }

  return {
    info,
    crypter,
    snapshot,
    beginRun,
    locks: () => locksOf(database, stackId),
    breakLock: (id) => removeLease({ database, stackId }, id),
    runs,
    journal,
    rowsAt,
    history,
    rekey: (to, block, who) =>
      rekey({
        database,
        stackId,
        info,
        timing,
        from: crypter,
        to,
        block,
        start: { kind: "edit", startedAt: Date.now(), who },
      }),
    async close() {
      for (const run of [...open]) await run.abandon();
    },
  };
}
