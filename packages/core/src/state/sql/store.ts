/** One stack's state in a SQL database. */

import type { Selectable } from "kysely";
import type { Urn } from "../../model/urn.js";
import type { Crypter, RunInfo, RunStart, Snapshot, StackInfo, StackStore } from "../contract.js";
import { explained, type SqlDatabase } from "./database.js";
import { acquireLease, type LeaseTiming, looksAlive } from "./lease.js";
import { rowCodec } from "./rows.js";
import { type OpenRun, openRun } from "./run.js";
import type { Tables } from "./tables.js";

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
    const [stacks, resources, unfinished, leases] = await database.read([
      statements.loadStack({ stackId }),
      statements.loadResources({ stackId }),
      statements.loadUnfinished({ stackId }),
      statements.loadLease({ stackId }),
    ]);
    const stack = stacks?.[0] as { serial: number; outputs: string } | undefined;
    const lease = leases?.[0] as Selectable<Tables["leases"]> | undefined;
    const liveRun = lease !== undefined && looksAlive(lease) ? lease.run_id : undefined;
    return {
      resources: (resources as { urn: string; deposed: string; body: string }[]).map(codec.decodeState),
      outputs: codec.decodeOutputs(stack?.outputs ?? "{}"),
      unfinished: (unfinished as { run_id: number; body: string }[])
        .filter((row) => row.run_id !== liveRun)
        .map((row) => ({ runId: row.run_id, intent: codec.decodeIntent(row.body) })),
      serial: Number(stack?.serial ?? 0),
    };
  }

  async function beginRun(start: RunStart): Promise<OpenRun> {
    const lease = await acquireLease(database, stackId, info, start, timing);
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

  function runs(limit = 100): Promise<readonly RunInfo[]> {
    return explained(database, async () => {
      const rows = await database.db
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
        .limit(limit)
        .execute();
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
    runs,
    history,
    async close() {
      for (const run of [...open]) await run.abandon();
    },
  };
}
