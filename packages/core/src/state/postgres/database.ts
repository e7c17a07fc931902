/** An open PostgreSQL state database. */
import { createHash } from "node:crypto";
import { Kysely } from "kysely";
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
    if (found?.version !== schemaVersion) await database.migrating(() => migrate(db, orchVersion));
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

  /** The beginning of a transaction that writes: alone in its stack, or without a stack alone in the schema. */
  const beginning = (stackId: number | undefined): BatchQuery[] => [
    { sql: "begin isolation level read committed read write" },
    ...(stackId === undefined
      ? [{ sql: `select pg_advisory_xact_lock(${lockClass}, 0)` }]
      : [
          { sql: `select pg_advisory_xact_lock_shared(${lockClass}, 0)` },
          { sql: `select pg_advisory_xact_lock(${lockClass}, ${stackId})` },
        ]),
    // A snapshot is taken by each statement from here on: none is from before the lock.
    { sql: "select pg_current_xact_id()::text as xid", rows: true },
  ];
  const xidOf = (results: readonly BatchResult[], stackId: number | undefined): string =>
    results[beginning(stackId).length - 1]?.rows[0]?.xid as string;

  /**
   * Begins, works and commits, again when the connection is lost in between. When it is lost in the commit itself, the server is asked
   * what became of the transaction.
   */
  function transact<T>(
    work: (link: Link) => Promise<{ readonly xid: string; readonly result: T }>,
  ): Promise<T> {
    let open: { readonly xid: string; readonly result: T } | undefined;
    return session.patiently(async (link) => {
      if (open !== undefined && (await tookPlace(link, open.xid))) return open.result;
      open = undefined;
      try {
        const begun = await work(link);
        open = begun;
        await commit(link);
        return begun.result;
      } catch (error) {
        if (!(error instanceof LostConnectionError)) {
          open = undefined;
          await link.send([{ sql: "rollback" }]).catch(() => undefined);
        }
        throw error;
      }
    });
  }

  /** The server answers a commit with a rollback when a statement before it failed. */
  async function commit(link: Link): Promise<void> {
    const [done] = await link.send([{ sql: "commit" }]);
    if (done?.tag !== "COMMIT") throw new Error("the transaction was rolled back");
  }

  /** What the database knows of a transaction of a connection that was lost while it committed. */
  async function tookPlace(link: Link, xid: string): Promise<boolean> {
    for (const patience = performance.now() + 30_000; ; ) {
      const [answer] = await link
        .send([{ sql: "select pg_xact_status($1::xid8) as status", parameters: [xid], rows: true }])
        .catch((error: unknown) => {
          if ((error as { code?: string }).code === "22023") return [];
          throw error;
        });
      const status = answer?.rows[0]?.status;
      if (status === "committed") return true;
      if (status === "aborted") return false;
      if (status !== "in progress" || performance.now() > patience) {
        return fail({
          reason: "backend-error",
          message: `${describePostgres(settings)} can't tell what became of a transaction that the connection was lost in.`,
          expected: `that transaction ${xid} is known as committed or aborted`,
          found: typeof status === "string" ? `it is still ${status}` : "it is not known",
          next: [
            "If the server was replaced by a standby or a copy, it may be behind what was acknowledged before: look at `orch history`.",
            "Run the same command again: what was under way is looked after first.",
          ],
        });
      }
      // Its process on the server has not noticed yet that the connection is gone.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function write(statements: readonly BoundStatement[], stackId?: number): Promise<void> {
    await session.acquire();
    try {
      await transact(async (link) => {
        const head = beginning(stackId);
        const results = await link.send([
          ...head,
          ...statements.map(({ sql, parameters }) => ({ sql, parameters, prepared: link.prepared(sql) })),
        ]);
        for (const [i, { expectChanges }] of statements.entries()) {
          const count = results[head.length + i]?.count;
          if (expectChanges !== undefined && count !== expectChanges) {
            throw new StaleWriteError(`${count} rows changed instead of ${expectChanges}`);
          }
        }
        return { xid: xidOf(results, stackId), result: undefined };
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
        await commit(link);
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
      return await transact(async (link) => {
        const xid = xidOf(await link.send(beginning(stackId)), stackId);
        return { xid, result: await work(within(link)) };
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
    async migrating(work) {
      // Of the session, since every migration is a transaction of its own. Taken again by those, which one session may.
      await alone(session, [{ sql: `select pg_advisory_lock(${lockClass}, 0)` }]);
      try {
        return await work();
      } finally {
        await alone(session, [{ sql: `select pg_advisory_unlock(${lockClass}, 0)` }]);
      }
    },
    close: () => db.destroy(),
  };
}

/** Advisory locks belong to a database; the first of their two numbers tells the schema. */
const lockClassOf = (schema: string): number =>
  createHash("sha256").update(`orch state ${schema}`).digest().readInt32BE(0);
