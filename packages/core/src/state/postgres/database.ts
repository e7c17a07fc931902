/** An open PostgreSQL state database. */
import { createHash, randomUUID } from "node:crypto";
import { Kysely, sql } from "kysely";
import { fail, type OrchError } from "../../model/failure.js";
import type { SqlDatabase } from "../sql/database.js";
import { failNewer, migrate, readSchemaVersion, schemaVersion } from "../sql/migrations.js";
import { type BoundStatement, StaleWriteError } from "../sql/statement.js";
import { prepareStatements } from "../sql/statements.js";
import type { Tables } from "../sql/tables.js";
import type { BatchQuery, BatchResult } from "./batch.js";
import { postgresDialect } from "./dialect.js";
import { explainNoSchema, explainPostgres, LostConnectionError } from "./failures.js";
import type { Link, Session } from "./session.js";
import { describePostgres, type PostgresSettings } from "./url.js";

/** Undefined when orch's tables are not there and `create` is not set. Rejects as {@link openPostgresBackend} says. */
export async function openDatabase(
  session: Session,
  settings: PostgresSettings,
  orchVersion: string,
  create: boolean,
): Promise<SqlDatabase | undefined> {
  const database = postgresDatabase(session, settings);
  const { db } = database;
  try {
    if (!(await hasTables(session, settings))) {
      if (!create) return undefined;
      await makeSchema(session, settings);
    }
    const found = await findVersion(session, settings, database);
    if (found !== undefined && found.version > schemaVersion) {
      failNewer(describePostgres(settings), found, orchVersion);
    }
    if (found?.version !== schemaVersion) {
      await database.migrating(async () => {
        await alone(
          session,
          writers.table.map((sql) => ({ sql })),
        );
        await migrate(db, orchVersion);
      });
    }
    return database;
  } catch (error) {
    throw explainPostgres(error, settings);
  }
}

const schemaTable = (schema: string): string => `"${schema.replaceAll('"', '""')}".schema_version`;

async function hasTables(session: Session, { schema }: PostgresSettings): Promise<boolean> {
  const [found] = await alone(session, [
    { sql: "select to_regclass($1) is not null as there", parameters: [schemaTable(schema)], rows: true },
  ]);
  return found?.rows[0]?.there === true;
}

/** Asked only where the table is, so that another program's of that name shows as what it is. */
async function findVersion(session: Session, settings: PostgresSettings, { db }: SqlDatabase) {
  return (await hasTables(session, settings)) ? readSchemaVersion(db) : undefined;
}

async function makeSchema(session: Session, settings: PostgresSettings): Promise<void> {
  const { schema } = settings;
  const [found] = await alone(session, [
    { sql: "select 1 from pg_namespace where nspname = $1", parameters: [schema], rows: true },
  ]);
  if (found?.count === 1) return;
  await alone(session, [{ sql: `create schema if not exists "${schema.replaceAll('"', '""')}"` }]).catch(
    (error: { code?: string }) => {
      // Another process made it at the same time.
      if (error.code === "23505" || error.code === "42P06") return;
      throw explainNoSchema(error, settings);
    },
  );
}

async function alone(session: Session, queries: readonly BatchQuery[]): Promise<BatchResult[]> {
  await session.acquire();
  try {
    return await session.patiently((link) => link.send(queries));
  } finally {
    session.release();
  }
}

interface PostgresDatabase extends SqlDatabase {
  /** Holds everybody else's writes off meanwhile. */
  migrating<T>(work: () => Promise<T>): Promise<T>;
}

function postgresDatabase(session: Session, settings: PostgresSettings): PostgresDatabase {
  const explain = (error: unknown): OrchError => explainPostgres(error, settings);
  const lockClass = lockClassOf(settings.schema);
  /** Who writes here, and how many of its transactions have been committed. */
  const id = randomUUID();
  let committed = 0;

  /** The beginning of a transaction that writes: alone in its stack, or without a stack alone in the schema. */
  const beginning = (stackId: number | undefined): BatchQuery[] => [
    { sql: "begin isolation level read committed read write" },
    // Each statement from here on takes a snapshot of its own: none is from before the lock.
    ...(stackId === undefined
      ? [{ sql: `select pg_advisory_xact_lock(${lockClass}, 0)` }]
      : [
          { sql: `select pg_advisory_xact_lock_shared(${lockClass}, 0)` },
          { sql: `select pg_advisory_xact_lock(${lockClass}, ${stackId})` },
        ]),
  ];

  /**
   * Begins, works and commits; again when the connection is lost in between. Whether a commit whose answer was lost took place is read
   * from the mark that it leaves. It is read under the locks of the transaction that is tried again, which the lost one held: that one
   * has ended then. (A transaction's own number can't be asked for: after a crash another may have got it.)
   * `work` is given the statements to begin with, which are to be sent before its own.
   */
  function transact<T>(
    stackId: number | undefined,
    work: (link: Link, begin: readonly BatchQuery[]) => Promise<T>,
  ): Promise<T> {
    const number = committed + 1;
    let tried: { result?: T } | undefined;
    return session.patiently(async (link) => {
      try {
        let begin = beginning(stackId);
        if (tried !== undefined) {
          const found = (await link.send([...begin, writers.read(id)])).at(-1)?.rows[0]?.number ?? 0;
          if (found !== number && found !== committed) failLostCommits(settings, committed, found as number);
          if (found === number) {
            await link.send([{ sql: "rollback" }]);
            committed = number;
            return tried.result as T;
          }
          begin = [];
        }
        tried = {};
        const result = await work(link, begin);
        tried = { result };
        await commit(link, [writers.mark(id, number)]);
        committed = number;
        return result;
      } catch (error) {
        if (!(error instanceof LostConnectionError)) {
          await link.send([{ sql: "rollback" }]).catch(() => undefined);
        }
        throw error;
      }
    });
  }

  /** The server answers a commit with a rollback when a statement before it failed. */
  async function commit(link: Link, before: readonly BatchQuery[]): Promise<void> {
    const done = (await link.send([...before, { sql: "commit" }])).at(-1);
    if (done?.tag !== "COMMIT") throw new Error("the transaction was rolled back");
  }

  async function write(statements: readonly BoundStatement[], stackId?: number): Promise<void> {
    await session.acquire();
    try {
      await transact(stackId, async (link, begin) => {
        const results = await link.send([
          ...begin,
          ...statements.map(({ sql, parameters }) => ({ sql, parameters, prepared: link.prepared(sql) })),
        ]);
        for (const [i, { expectChanges }] of statements.entries()) {
          const count = results[begin.length + i]?.count;
          if (expectChanges !== undefined && count !== expectChanges) {
            throw new StaleWriteError(`${count} rows changed instead of ${expectChanges}`);
          }
        }
      });
    } finally {
      session.release();
    }
  }

  async function read(statements: readonly BoundStatement[]): Promise<unknown[][]> {
    await session.acquire();
    try {
      return await session.patiently(async (link) => {
        try {
          const results = await link.send([
            { sql: "begin isolation level repeatable read read only" },
            ...statements.map(({ sql, parameters }) => ({
              sql,
              parameters,
              rows: true as const,
              prepared: link.prepared(sql),
            })),
            { sql: "commit" },
          ]);
          return results.slice(1, -1).map(({ rows }) => rows);
        } catch (error) {
          if (!(error instanceof LostConnectionError)) {
            await link.send([{ sql: "rollback" }]).catch(() => undefined);
          }
          throw error;
        }
      });
    } catch (error) {
      throw explain(error);
    } finally {
      session.release();
    }
  }

  const send = async (link: Link, query: BatchQuery): Promise<BatchResult> =>
    (await link.send([query]))[0] as BatchResult;

  /** Of the open transaction: it ends with it, and must not go on without it on another. */
  let pinned: Link | undefined;
  const db = new Kysely<Tables>({
    dialect: postgresDialect({
      acquire: session.acquire,
      release: session.release,
      // A read can be repeated; a statement that stands alone and writes may have been done when the connection is lost.
      execute: async (query, isRead) =>
        isRead && pinned === undefined
          ? session.patiently((link) => send(link, query))
          : send(pinned ?? (await session.link()), query),
      async begin() {
        pinned = await session.patiently(async (link) => {
          await link.send(beginning(undefined));
          return link;
        });
      },
      async commit() {
        const link = pinned as Link;
        pinned = undefined;
        await commit(link, []);
      },
      async rollback() {
        const link = pinned;
        pinned = undefined;
        await link?.send([{ sql: "rollback" }]).catch(() => undefined);
      },
    }),
  });

  /** For who has acquired the session already, and begun a transaction on this link. */
  const within = (link: Link): Kysely<Tables> =>
    new Kysely<Tables>({
      dialect: postgresDialect({
        acquire: async () => {},
        release: () => {},
        execute: (query) => send(link, query),
        begin: () => Promise.reject(new Error("transactions are not nested")),
        commit: async () => {},
        rollback: async () => {},
      }),
    });

  async function transaction<T>(
    stackId: number | undefined,
    work: (db: Kysely<Tables>) => Promise<T>,
  ): Promise<T> {
    await session.acquire();
    try {
      return await transact(stackId, async (link, begin) => {
        if (begin.length > 0) await link.send(begin);
        return work(within(link));
      });
    } finally {
      session.release();
    }
  }

  return {
    db,
    statements: prepareStatements(db),
    write,
    read,
    transaction,
    explain,
    async clock() {
      const { rows } = await sql<{ ms: string | number }>`
        select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(db);
      return Number(rows[0]?.ms);
    },
    async numbersGiven(transaction) {
      await sql`select setval(pg_get_serial_sequence('runs', 'id'), greatest((select max(id) from runs), 1))`.execute(
        transaction,
      );
    },
    async migrating(work) {
      // Of the session, since every migration is a transaction of its own. Taken again by those, which one session may.
      await alone(session, [{ sql: `select pg_advisory_lock(${lockClass}, 0)` }]);
      try {
        return await work();
      } finally {
        await alone(session, [{ sql: `select pg_advisory_unlock(${lockClass}, 0)` }]);
      }
    },
    async close() {
      // Left behind by a connection that is gone, it is removed by a later writer.
      if (committed > 0) await forget(session, id);
      await db.destroy();
    },
  };
}

/** The marks that transactions leave: a row per process that writes. PostgreSQL's own, so no migration of `state/sql` makes it. */
const writers = {
  table: [
    "create table if not exists writers (id text primary key, number bigint not null, at timestamptz not null default now())",
    "delete from writers where at < now() - interval '7 days'",
  ],
  read: (id: string): BatchQuery => ({
    sql: "select number from writers where id = $1",
    parameters: [id],
    rows: true,
  }),
  mark: (id: string, number: number): BatchQuery => ({
    sql: "insert into writers (id, number) values ($1, $2) on conflict (id) do update set number = excluded.number, at = now()",
    parameters: [id, number],
  }),
};

async function forget(session: Session, id: string): Promise<void> {
  await session.acquire();
  try {
    await (await session.link()).send([{ sql: "delete from writers where id = $1", parameters: [id] }]);
  } catch {
    // The server is gone, and with it the reason to tidy up.
  } finally {
    session.release();
  }
}

const failLostCommits = (settings: PostgresSettings, acknowledged: number, found: number): never =>
  fail({
    reason: "backend-error",
    message: `${describePostgres(settings)} has lost what it had acknowledged: it answers again without the newest transactions of this run.`,
    expected: `${acknowledged} transactions of this process`,
    found: `${found}`,
    next: [
      "The server was probably replaced by a standby or a copy that was behind. Bring back the one that has everything, or look at `orch history` and `orch plan --refresh` before anything else.",
    ],
  });

/** Advisory locks belong to a database; the first of their two numbers tells the schema. */
const lockClassOf = (schema: string): number =>
  createHash("sha256").update(`orch state ${schema}`).digest().readInt32BE(0);
