/** The statements of the hot paths: appending to the journal with its writes, and loading a snapshot. */

import { parameter, statement } from "./statement.js";
import type { Db } from "./tables.js";

export type Statements = ReturnType<typeof prepareStatements>;

/** Compiles them for a database's dialect; done once per open database. */
export function prepareStatements(db: Db) {
  const stackId = parameter<number>("stackId");
  const runId = parameter<number>("runId");
  const urn = parameter<string>("urn");
  const deposed = parameter<string>("deposed");
  const at = parameter<number>("at");

  return {
    /** First in every transaction of a run: proves that the lease is still held, and counts the serial up. */
    guard: statement<"stackId" | "token">(
      db
        .updateTable("stacks")
        .set((eb) => ({ serial: eb("serial", "+", 1) }))
        .where("id", "=", stackId)
        .where("id", "in", (eb) =>
          eb
            .selectFrom("leases")
            .select("stack_id")
            .where("token", "=", parameter<string>("token"))
            .where("run_id", "is not", null),
        ),
      1,
    ),

    journal: statement<"runId" | "kind" | "step" | "op" | "urn" | "deposed" | "at" | "result" | "message">(
      db.insertInto("journal").values({
        run_id: runId,
        kind: parameter("kind"),
        step: parameter("step"),
        op: parameter("op"),
        urn,
        deposed,
        at,
        result: parameter("result"),
        message: parameter("message"),
      }),
    ),
    openIntent: statement<"stackId" | "runId" | "step" | "op" | "urn" | "body">(
      db
        .insertInto("unfinished")
        .values({
          stack_id: stackId,
          run_id: runId,
          step: parameter("step"),
          op: parameter("op"),
          urn,
          body: parameter("body"),
        })
        // A step that is tried again has begun once more; it is still one unfinished step.
        .onConflict((conflict) =>
          conflict.columns(["stack_id", "step", "run_id"]).doUpdateSet((eb) => ({
            op: eb.ref("excluded.op"),
            urn: eb.ref("excluded.urn"),
            body: eb.ref("excluded.body"),
          })),
        ),
    ),
    /** The newest intent of that step, operation and URN: the run's own, or the one of an earlier run that is being resolved. */
    closeIntent: statement<"stackId" | "step" | "op" | "urn">(
      db
        .deleteFrom("unfinished")
        .where("stack_id", "=", stackId)
        .where("step", "=", parameter<number>("step"))
        .where("run_id", "=", (eb) =>
          eb
            .selectFrom("unfinished as newest")
            .select((newest) => newest.fn.max("newest.run_id").as("run_id"))
            .where("newest.stack_id", "=", stackId)
            .where("newest.step", "=", parameter<number>("step"))
            .where("newest.op", "=", parameter<string>("op"))
            .where("newest.urn", "=", urn),
        ),
    ),

    put: statement<"stackId" | "urn" | "deposed" | "ord" | "body">(
      db
        .insertInto("resources")
        .values({ stack_id: stackId, urn, deposed, ord: parameter("ord"), body: parameter("body") })
        .onConflict((conflict) =>
          conflict.columns(["stack_id", "urn", "deposed"]).doUpdateSet((eb) => ({
            ord: eb.ref("excluded.ord"),
            body: eb.ref("excluded.body"),
          })),
        ),
    ),
    remove: statement<"stackId" | "urn" | "deposed">(
      db
        .deleteFrom("resources")
        .where("stack_id", "=", stackId)
        .where("urn", "=", urn)
        .where("deposed", "=", deposed),
    ),
    depose: statement<"stackId" | "urn" | "deposed">(
      db
        .updateTable("resources")
        .set({ deposed })
        .where("stack_id", "=", stackId)
        .where("urn", "=", urn)
        .where("deposed", "=", ""),
    ),
    rename: statement<"stackId" | "urn" | "to">(
      db
        .updateTable("resources")
        .set({ urn: parameter<string>("to") })
        .where("stack_id", "=", stackId)
        .where("urn", "=", urn),
    ),
    outputs: statement<"stackId" | "outputs">(
      db
        .updateTable("stacks")
        .set({ outputs: parameter<string>("outputs") })
        .where("id", "=", stackId),
    ),

    recordHistory: statement<"stackId" | "urn" | "deposed" | "runId" | "at" | "body">(
      db
        .insertInto("resource_history")
        .values({ stack_id: stackId, urn, deposed, run_id: runId, at, body: parameter("body") })
        .onConflict((conflict) =>
          conflict.columns(["stack_id", "urn", "deposed", "run_id"]).doUpdateSet((eb) => ({
            at: eb.ref("excluded.at"),
            body: eb.ref("excluded.body"),
          })),
        ),
    ),
    /** Every object that a URN has now, as this run leaves it: after a rename or a depose. */
    recordHistoryOfUrn: statement<"stackId" | "urn" | "runId" | "at">(
      db
        .insertInto("resource_history")
        .columns(["stack_id", "urn", "deposed", "run_id", "at", "body"])
        .expression((eb) =>
          eb
            .selectFrom("resources")
            .select((row) => [
              "stack_id",
              "urn",
              "deposed",
              row.val(runId).as("run_id"),
              row.val(at).as("at"),
              "body",
            ])
            .where("stack_id", "=", stackId)
            .where("urn", "=", urn),
        )
        .onConflict((conflict) =>
          conflict.columns(["stack_id", "urn", "deposed", "run_id"]).doUpdateSet((eb) => ({
            at: eb.ref("excluded.at"),
            body: eb.ref("excluded.body"),
          })),
        ),
    ),
    /** Every object that a URN has now will have left it. Before a rename. */
    recordDeparture: statement<"stackId" | "urn" | "runId" | "at">(
      db
        .insertInto("resource_history")
        .columns(["stack_id", "urn", "deposed", "run_id", "at", "body"])
        .expression((eb) =>
          eb
            .selectFrom("resources")
            .select((row) => [
              "stack_id",
              "urn",
              "deposed",
              row.val(runId).as("run_id"),
              row.val(at).as("at"),
              row.val<string | null>(null).as("body"),
            ])
            .where("stack_id", "=", stackId)
            .where("urn", "=", urn),
        )
        .onConflict((conflict) =>
          conflict.columns(["stack_id", "urn", "deposed", "run_id"]).doUpdateSet((eb) => ({
            at: eb.ref("excluded.at"),
            body: eb.ref("excluded.body"),
          })),
        ),
    ),

    renew: statement<"token" | "at">(
      db
        .updateTable("leases")
        .set((eb) => ({ beat: eb("beat", "+", 1), renewed_at: at }))
        .where("token", "=", parameter<string>("token")),
      1,
    ),
    /** Unless another run took the lease over, and ended this one with it. */
    endRun: statement<"runId" | "at" | "outcome">(
      db
        .updateTable("runs")
        .set({ ended_at: at, outcome: parameter<string>("outcome") })
        .where("id", "=", runId)
        .where("ended_at", "is", null),
    ),
    releaseLocks: statement<"token">(
      db
        .deleteFrom("locks")
        .where("lease_id", "in", (eb) =>
          eb.selectFrom("leases").select("id").where("token", "=", parameter<string>("token")),
        ),
    ),
    release: statement<"token">(db.deleteFrom("leases").where("token", "=", parameter<string>("token"))),

    loadStack: statement<"stackId">(
      db.selectFrom("stacks").select(["serial", "outputs"]).where("id", "=", stackId),
    ),
    loadResources: statement<"stackId">(
      db
        .selectFrom("resources")
        .select(["urn", "deposed", "body"])
        .where("stack_id", "=", stackId)
        .orderBy("ord")
        .orderBy("urn")
        .orderBy("deposed"),
    ),
    loadUnfinished: statement<"stackId">(
      db
        .selectFrom("unfinished")
        .select(["run_id", "body"])
        .where("stack_id", "=", stackId)
        .orderBy("run_id")
        .orderBy("step"),
    ),
    loadLeases: statement<"stackId">(
      db.selectFrom("leases").selectAll().where("stack_id", "=", stackId).orderBy("id"),
    ),
  };
}
