/** Locks as another command sees them. */
import type { LockInfo } from "../contract.js";
import { explained, type SqlDatabase } from "./database.js";
import { holderOf, looksAlive } from "./lease.js";

export function locksOf(database: SqlDatabase, stackId: number): Promise<readonly LockInfo[]> {
  return explained(database, async () => {
    const rows = await database.db
      .selectFrom("leases")
      .selectAll()
      .select((eb) => [
        eb
          .selectFrom("locks")
          .select((lock) => lock.fn.countAll<number>().as("n"))
          .whereRef("locks.lease_id", "=", "leases.id")
          .where("locks.mode", "=", "write")
          .as("writes"),
        eb
          .selectFrom("locks")
          .select((lock) => lock.fn.countAll<number>().as("n"))
          .whereRef("locks.lease_id", "=", "leases.id")
          .where("locks.mode", "=", "read")
          .as("reads"),
        eb
          .selectFrom("locks")
          .select((lock) => lock.fn.countAll<number>().as("n"))
          .whereRef("locks.lease_id", "=", "leases.id")
          .where("locks.urn", "=", "*")
          .as("whole"),
        eb
          .selectFrom("unfinished")
          .select((step) => step.fn.countAll<number>().as("n"))
          .whereRef("unfinished.run_id", "=", "leases.run_id")
          .whereRef("unfinished.stack_id", "=", "leases.stack_id")
          .as("under_way"),
      ])
      .where("stack_id", "=", stackId)
      .orderBy("id")
      .execute();
    return rows.map((row) => ({
      ...holderOf(row),
      alive: looksAlive(row),
      renewedAt: row.renewed_at,
      wholeStack: Number(row.whole) > 0,
      writes: Number(row.writes),
      reads: Number(row.reads),
      underWay: Number(row.under_way),
    }));
  });
}
