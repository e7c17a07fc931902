/** The Backend contract over a SQL database. */
import { randomUUID } from "node:crypto";
import type { Selectable } from "kysely";
import { fail } from "../../model/failure.js";
import { closest } from "../closest.js";
import type { Backend, StackInfo, StackKey, StackStore, StackVersion } from "../contract.js";
import { deleteRows, exportRows, importRows } from "./archive.js";
import { explained, type SqlDatabase, type SqlSource } from "./database.js";
import { defaultLeaseTiming, type LeaseTiming } from "./lease.js";
import { refuseLive } from "./live.js";
import { readableOutputs } from "./rows.js";
import { openStore } from "./store.js";
import type { Db, Tables } from "./tables.js";

type StackRow = Selectable<Tables["stacks"]>;

export function sqlBackend(source: SqlSource, timing: LeaseTiming = defaultLeaseTiming): Backend {
  const stores = new Set<StackStore>();

  async function findStack(
    database: SqlDatabase | undefined,
    project: string,
    stack: string,
  ): Promise<{ readonly database: SqlDatabase; readonly row: StackRow }> {
    const rows = database === undefined ? [] : await stacksOf(database, project);
    const row = rows.find((candidate) => candidate.stack === stack);
    if (database !== undefined && row !== undefined) return { database, row };
    return failUnknown(
      source.description,
      project,
      stack,
      rows.map((candidate) => candidate.stack),
    );
  }

  return {
    description: source.description,

    async listStacks(project) {
      const database = await source.open({ create: false });
      if (database === undefined) return [];
      return explained(database, async () => {
        let query = database.db
          .selectFrom("stacks")
          .select(["project", "stack", "lineage", "created_at"])
          .select((eb) => [
            eb
              .selectFrom("resources")
              .select((resource) => resource.fn.countAll<number>().as("count"))
              .whereRef("resources.stack_id", "=", "stacks.id")
              .as("resources"),
            eb
              .selectFrom("runs")
              .select((run) => run.fn.max("runs.started_at").as("last"))
              .whereRef("runs.stack_id", "=", "stacks.id")
              .as("last_run_at"),
          ])
          .orderBy("project")
          .orderBy("stack");
        if (project !== undefined) query = query.where("project", "=", project);
        return (await query.execute()).map((row) => ({
          ...infoOf(row),
          resources: row.resources ?? 0,
          ...(row.last_run_at === null ? {} : { lastRunAt: row.last_run_at }),
        }));
      });
    },

    async createStack(project, stack) {
      const database = (await source.open({ create: true })) as SqlDatabase;
      return explained(database, async () => {
        const inserted = await database.transaction(undefined, (db) =>
          db
            .insertInto("stacks")
            .values({
              project,
              stack,
              lineage: randomUUID(),
              created_at: Date.now(),
              serial: 0,
              outputs: "{}",
              key: null,
            })
            .onConflict((conflict) => conflict.columns(["project", "stack"]).doNothing())
            .returningAll()
            .executeTakeFirst(),
        );
        if (inserted !== undefined) return infoOf(inserted);
        return fail({
          reason: "stack-exists",
          message: `There is a stack ${project}/${stack} already, in ${source.description}.`,
          next: [`Use it with \`orch stack select ${stack}\`, or choose another name.`],
        });
      });
    },

    async removeStack(project, stack, force, expected) {
      const { database, row } = await findStack(await source.open({ create: false }), project, stack);
      await explained(database, () =>
        database.transaction(row.id, async (transaction) => {
          await refuseLive(transaction, row, "be removed");
          await refuseChanged(transaction, row, expected);
          const { count } = await transaction
            .selectFrom("resources")
            .select((eb) => eb.fn.countAll<number>().as("count"))
            .where("stack_id", "=", row.id)
            .executeTakeFirstOrThrow();
          const unfinished = await transaction
            .selectFrom("unfinished")
            .select((eb) => eb.fn.countAll<number>().as("count"))
            .where("stack_id", "=", row.id)
            .executeTakeFirstOrThrow();
          const left = Number(count) + Number(unfinished.count);
          if (left > 0 && !force) {
            fail({
              reason: "stack-not-empty",
              message: `The stack ${project}/${stack} still has ${count} resources${Number(unfinished.count) > 0 ? ` and ${unfinished.count} unfinished steps` : ""}; removing it would leave them running with nobody knowing.`,
              expected: "a stack without resources",
              found: `${count} resources`,
              next: [
                `Delete them first: \`orch destroy --stack ${stack}\`.`,
                `Or give up the record of them and leave them as they are: \`orch stack rm ${stack} --force\`.`,
              ],
            });
          }
          await deleteRows(transaction, row.id);
        }),
      );
    },

    async clock() {
      const database = await source.open({ create: false });
      if (database?.clock === undefined) return undefined;
      return explained(database, () => (database.clock as () => Promise<number>)());
    },

    async stackKey(project, stack) {
      const database = await source.open({ create: false });
      if (database === undefined) return undefined;
      const row = (await stacksOf(database, project)).find((candidate) => candidate.stack === stack);
      // A database that can't be written keeps its older schema.
      return row?.key ? (JSON.parse(row.key) as StackKey) : undefined;
    },

    async readOutputs(project, stack, crypter) {
      const { row } = await findStack(await source.open({ create: false }), project, stack);
      return readableOutputs(row.outputs, crypter);
    },

    async openStack(project, stack, crypter) {
      const { database, row } = await findStack(await source.open({ create: false }), project, stack);
      const store = openStore(database, row.id, infoOf(row), crypter, timing);
      stores.add(store);
      return store;
    },

    async exportStack(project, stack, options = {}) {
      const { database, row } = await findStack(await source.open({ create: false }), project, stack);
      return explained(database, () =>
        // Alone in the stack: several statements see one state then.
        database.transaction(row.id, async (transaction) => {
          if (options.quiet) await refuseLive(transaction, row, "be moved");
          const now = await transaction
            .selectFrom("stacks")
            .selectAll()
            .where("id", "=", row.id)
            .executeTakeFirstOrThrow();
          return exportRows(transaction, now);
        }),
      );
    },

    async importStack(archive, options = {}) {
      const database = (await source.open({ create: true })) as SqlDatabase;
      await explained(database, () =>
        database.transaction(undefined, (transaction) =>
          importRows(database, transaction, archive, options.force === true),
        ),
      );
    },

    async close() {
      for (const store of stores) await store.close();
      await source.close();
    },
  };
}

function stacksOf(database: SqlDatabase, project: string): Promise<StackRow[]> {
  return explained(database, () =>
    database.db.selectFrom("stacks").selectAll().where("project", "=", project).orderBy("stack").execute(),
  );
}

/** Rejects with `conflict` when the stack is not the one that was looked at, or was written to since. */
async function refuseChanged(
  db: Db,
  { id, project, stack }: StackRow,
  expected?: StackVersion,
): Promise<void> {
  if (expected === undefined) return;
  const now = await db
    .selectFrom("stacks")
    .select(["lineage", "serial"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (now?.lineage === expected.lineage && now.serial === expected.serial) return;
  fail({
    reason: "conflict",
    message: `The stack ${project}/${stack} was changed meanwhile. It was left as it is.`,
    expected: `serial ${expected.serial}`,
    found: now === undefined ? "no such stack" : `serial ${now.serial}`,
    next: ["Run the same command again."],
  });
}

const infoOf = (row: Pick<StackRow, "project" | "stack" | "lineage" | "created_at">): StackInfo => ({
  project: row.project,
  stack: row.stack,
  lineage: row.lineage,
  createdAt: row.created_at,
});

function failUnknown(where: string, project: string, stack: string, known: readonly string[]): never {
  const near = closest(stack, known);
  return fail({
    reason: "stack-unknown",
    message: `There is no stack ${JSON.stringify(stack)} of the project ${project} in ${where}.`,
    expected: known.length === 0 ? "a stack made with `orch stack init`" : `one of: ${known.join(", ")}`,
    found: stack,
    next: [
      ...near.map((name) => `Did you mean ${name}? Select it with \`orch stack select ${name}\`.`),
      `Make it with \`orch stack init ${stack}\`.`,
    ],
  });
}
