/** Refusing what must not be done to a stack while a run writes to it. */
import type { Selectable } from "kysely";
import { fail } from "../../model/failure.js";
import { looksAlive } from "./lease.js";
import type { Db, Tables } from "./tables.js";

/** Rejects with `state-locked`. `what`: "be removed", for instance. */
export async function refuseLive(
  db: Db,
  { id, project, stack }: Pick<Selectable<Tables["stacks"]>, "id" | "project" | "stack">,
  what: string,
): Promise<void> {
  const leases = await db.selectFrom("leases").selectAll().where("stack_id", "=", id).execute();
  const lease = leases.find(looksAlive);
  if (lease === undefined) return;
  const run = lease.run_id === null ? "waiting for its turn" : `run ${lease.run_id}`;
  fail({
    reason: "state-locked",
    message: `The stack ${project}/${stack} can't ${what} while ${lease.who} changes it (${run}, process ${lease.pid}).`,
    next: ["Wait until that run ends, then run the same command again."],
  });
}
