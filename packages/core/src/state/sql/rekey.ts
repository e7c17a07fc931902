/** Re-encrypts everything of a stack under another data key, in one transaction: all of it is under the old key or all under the new. */
import { signatureKey, signatures } from "../../wire/json.js";
import type { Crypter, RunStart, StackInfo, StackKey } from "../contract.js";
import { keyIdOf } from "../crypter.js";
import { acquireLease } from "./acquire.js";
import { explained, type SqlDatabase } from "./database.js";
import { dropLease, type LeaseTiming, releaseOf } from "./lease.js";
import type { BoundStatement } from "./statement.js";

export interface Rekey {
  readonly database: SqlDatabase;
  readonly stackId: number;
  readonly info: StackInfo;
  readonly timing: LeaseTiming;
  readonly from: Crypter;
  readonly to: Crypter;
  /** How the new data key is wrapped; kept beside what is encrypted with it. */
  readonly block: StackKey["block"];
  readonly start: RunStart;
}

/** How many secrets were re-encrypted. Rejects with `state-locked` while a run writes, and with `secret-unreadable`, having changed nothing. */
export async function rekey(work: Rekey): Promise<number> {
  const { database, stackId, from, to, block } = work;
  const { db, statements } = database;
  const lease = await acquireLease({ ...work, crypter: from });
  const finish = (outcome: "succeeded" | "failed"): BoundStatement[] => [
    statements.endRun({ runId: lease.runId, at: Date.now(), outcome }),
    ...releaseOf(statements, lease.token),
  ];
  let count = 0;
  const renew = (body: string): string => {
    const json: unknown = JSON.parse(body);
    const found = recrypt(json, from, to);
    count += found;
    return found === 0 ? body : JSON.stringify(json);
  };
  try {
    await explained(database, async () => {
      const stack = await db
        .selectFrom("stacks")
        .selectAll()
        .where("id", "=", stackId)
        .executeTakeFirstOrThrow();
      const resources = await db
        .selectFrom("resources")
        .selectAll()
        .where("stack_id", "=", stackId)
        .execute();
      const history = await db
        .selectFrom("resource_history")
        .selectAll()
        .where("stack_id", "=", stackId)
        .where("body", "is not", null)
        .execute();
      const unfinished = await db
        .selectFrom("unfinished")
        .selectAll()
        .where("stack_id", "=", stackId)
        .execute();
      const updates = [
        db
          .updateTable("stacks")
          .set({ outputs: renew(stack.outputs), key: JSON.stringify({ id: keyIdOf(to), block }) })
          .where("id", "=", stackId),
        ...resources.map((row) =>
          db
            .updateTable("resources")
            .set({ body: renew(row.body) })
            .where("stack_id", "=", stackId)
            .where("urn", "=", row.urn)
            .where("deposed", "=", row.deposed),
        ),
        ...history.map((row) =>
          db
            .updateTable("resource_history")
            .set({ body: renew(row.body as string) })
            .where("stack_id", "=", stackId)
            .where("urn", "=", row.urn)
            .where("deposed", "=", row.deposed)
            .where("run_id", "=", row.run_id),
        ),
        ...unfinished.map((row) =>
          db
            .updateTable("unfinished")
            .set({ body: renew(row.body) })
            .where("stack_id", "=", stackId)
            .where("step", "=", row.step)
            .where("run_id", "=", row.run_id),
        ),
      ].map((query): BoundStatement => {
        const { sql, parameters } = query.compile();
        return { sql, parameters: parameters as BoundStatement["parameters"] };
      });
      await database.write(
        [statements.guard({ stackId, token: lease.token }), ...updates, ...finish("succeeded")],
        stackId,
      );
    });
    return count;
  } catch (error) {
    // Where even this can't be written, the lease falls with the process.
    await database.write(finish("failed"), stackId).catch(() => undefined);
    throw error;
  } finally {
    dropLease(lease.token);
  }
}

/** In place; the number of secrets. Values are not decoded, so that nothing but their encryption changes. */
function recrypt(json: unknown, from: Crypter, to: Crypter): number {
  if (typeof json !== "object" || json === null) return 0;
  const object = json as Record<string, unknown>;
  if (object[signatureKey] === signatures.secret && typeof object.ciphertext === "string") {
    object.ciphertext = to.encrypt(from.decrypt(object.ciphertext));
    return 1;
  }
  let count = 0;
  for (const key of Object.keys(object)) count += recrypt(object[key], from, to);
  return count;
}
