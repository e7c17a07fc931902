/** Forward-only migrations. A released one is never changed: what is wrong in it is put right by the next. */
import type { Kysely, SchemaModule } from "kysely";
import { fail } from "../../model/failure.js";
import type { Db, Tables } from "./tables.js";

export interface Migration {
  readonly version: number;
  up(db: Kysely<unknown>): Promise<void>;
}

const migrations: readonly Migration[] = [
  { version: 1, up: firstTables },
  { version: 2, up: keyBesideState },
  { version: 3, up: locksPerResource },
];
/** The newest that this orch knows. */
export const schemaVersion = Math.max(...migrations.map(({ version }) => version));

/** Which schema the database has; undefined when it has none. */
export async function readSchemaVersion(
  db: Db,
): Promise<{ readonly version: number; readonly orchVersion: string } | undefined> {
  const row = await db
    .selectFrom("schema_version")
    .select(["version", "orch_version"])
    .orderBy("version", "desc")
    .executeTakeFirst()
    .catch(async (error: unknown) => {
      // Asked only now, since reading a database's whole schema takes longer than everything else at opening.
      const tables = await db.introspection.getTables();
      if (tables.some(({ name }) => name === "schema_version")) throw error;
      return undefined;
    });
  return row && { version: row.version, orchVersion: row.orch_version };
}

/** `where`: the database, as the beginning of a sentence. */
export const failNewer = (
  where: string,
  found: { readonly version: number; readonly orchVersion: string },
  orchVersion: string,
): never =>
  fail({
    reason: "state-newer",
    message: `${where} was written by a newer orch.`,
    expected: `schema version ${schemaVersion} or older (this is orch ${orchVersion})`,
    found: `schema version ${found.version}, written by orch ${found.orchVersion}`,
    next: [
      `Use orch ${found.orchVersion} or newer: \`npm install -g orch@latest\`. The database was left as it is.`,
    ],
  });

/** Brings the database to {@link schemaVersion}, each migration in its own transaction. */
export async function migrate(db: Db, orchVersion: string): Promise<void> {
  await db.schema
    .createTable("schema_version")
    .ifNotExists()
    .addColumn("version", "integer", (column) => column.primaryKey())
    .addColumn("applied_at", "bigint", (column) => column.notNull())
    .addColumn("orch_version", "text", (column) => column.notNull())
    .execute();
  for (const migration of migrations) {
    await db.transaction().execute(async (transaction) => {
      // Asked inside the transaction: two processes may migrate at the same time.
      const current = await transaction
        .selectFrom("schema_version")
        .select((eb) => eb.fn.max("version").as("version"))
        .executeTakeFirst();
      if ((current?.version ?? 0) >= migration.version) return;
      await migration.up(transaction as unknown as Kysely<unknown>);
      await transaction
        .insertInto("schema_version")
        .values({ version: migration.version, applied_at: Date.now(), orch_version: orchVersion })
        .execute();
    });
  }
}

async function firstTables(db: Kysely<unknown>): Promise<void> {
  const schema: SchemaModule = db.schema;
  await schema
    .createTable("stacks")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("project", "text", (column) => column.notNull())
    .addColumn("stack", "text", (column) => column.notNull())
    .addColumn("lineage", "text", (column) => column.notNull().unique())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("serial", "bigint", (column) => column.notNull())
    .addColumn("outputs", "text", (column) => column.notNull())
    .addUniqueConstraint("stacks_name", ["project", "stack"])
    .execute();
  await schema
    .createTable("runs")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("stack_id", "integer", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("plan_digest", "text")
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("who", "text", (column) => column.notNull())
    .addColumn("ended_at", "bigint")
    .addColumn("outcome", "text")
    .execute();
  await schema.createIndex("runs_of_stack").on("runs").columns(["stack_id", "id"]).execute();
  await schema
    .createTable("leases")
    .addColumn("stack_id", "integer", (column) => column.primaryKey())
    .addColumn("run_id", "integer", (column) => column.notNull())
    .addColumn("token", "text", (column) => column.notNull())
    .addColumn("who", "text", (column) => column.notNull())
    .addColumn("pid", "integer", (column) => column.notNull())
    .addColumn("process_start", "text", (column) => column.notNull())
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("acquired_at", "bigint", (column) => column.notNull())
    .addColumn("renewed_at", "bigint", (column) => column.notNull())
    .addColumn("beat", "bigint", (column) => column.notNull())
    .addColumn("ttl_ms", "integer", (column) => column.notNull())
    .execute();
  await schema
    .createTable("journal")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("run_id", "integer", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("step", "integer", (column) => column.notNull())
    .addColumn("op", "text", (column) => column.notNull())
    .addColumn("urn", "text", (column) => column.notNull())
    .addColumn("deposed", "text", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("result", "text")
    .addColumn("message", "text")
    .execute();
  await schema.createIndex("journal_of_run").on("journal").columns(["run_id", "result"]).execute();
  await schema
    .createTable("unfinished")
    .addColumn("stack_id", "integer", (column) => column.notNull())
    .addColumn("run_id", "integer", (column) => column.notNull())
    .addColumn("step", "integer", (column) => column.notNull())
    .addColumn("op", "text", (column) => column.notNull())
    .addColumn("urn", "text", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("unfinished_key", ["stack_id", "step", "run_id"])
    .execute();
  await schema
    .createTable("resources")
    .addColumn("stack_id", "integer", (column) => column.notNull())
    .addColumn("urn", "text", (column) => column.notNull())
    .addColumn("deposed", "text", (column) => column.notNull())
    .addColumn("ord", "integer", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("resources_key", ["stack_id", "urn", "deposed"])
    .execute();
  await schema
    .createTable("resource_history")
    .addColumn("stack_id", "integer", (column) => column.notNull())
    .addColumn("urn", "text", (column) => column.notNull())
    .addColumn("deposed", "text", (column) => column.notNull())
    .addColumn("run_id", "integer", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("body", "text")
    .addPrimaryKeyConstraint("resource_history_key", ["stack_id", "urn", "deposed", "run_id"])
    .execute();
}

/** The wrapped data key moves beside what it encrypts when it is changed: both change in one transaction. */
async function keyBesideState(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("stacks").addColumn("key", "text").execute();
}

/** Leases of runs, many beside each other, and what each is for. A run of an older orch keeps its lease, which was for the whole stack. */
async function locksPerResource(db: Kysely<unknown>): Promise<void> {
  const schema: SchemaModule = db.schema;
  await schema.alterTable("leases").renameTo("leases_2").execute();
  await schema
    .createTable("leases")
    .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
    .addColumn("stack_id", "integer", (column) => column.notNull())
    .addColumn("run_id", "integer")
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("token", "text", (column) => column.notNull().unique())
    .addColumn("who", "text", (column) => column.notNull())
    .addColumn("pid", "integer", (column) => column.notNull())
    .addColumn("process_start", "text", (column) => column.notNull())
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("acquired_at", "bigint", (column) => column.notNull())
    .addColumn("renewed_at", "bigint", (column) => column.notNull())
    .addColumn("beat", "bigint", (column) => column.notNull())
    .addColumn("ttl_ms", "integer", (column) => column.notNull())
    .execute();
  await schema.createIndex("leases_of_stack").on("leases").columns(["stack_id", "id"]).execute();
  await schema
    .createTable("locks")
    .addColumn("lease_id", "integer", (column) => column.notNull())
    .addColumn("stack_id", "integer", (column) => column.notNull())
    .addColumn("urn", "text", (column) => column.notNull())
    .addColumn("mode", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("locks_key", ["lease_id", "urn"])
    .execute();
  await schema.createIndex("locks_of_urn").on("locks").columns(["stack_id", "urn"]).execute();
  // Both shapes have the columns of the older one.
  const old = db as unknown as Kysely<{ leases_2: Tables["leases"] }>;
  const now = db as unknown as Db;
  for (const lease of await old.selectFrom("leases_2").selectAll().execute()) {
    const { id } = await now
      .insertInto("leases")
      .values({ ...lease, kind: "apply" })
      .returning("id")
      .executeTakeFirstOrThrow();
    await now
      .insertInto("locks")
      .values({ lease_id: id, stack_id: lease.stack_id, urn: "*", mode: "write" })
      .execute();
  }
  await schema.dropTable("leases_2").execute();
}
