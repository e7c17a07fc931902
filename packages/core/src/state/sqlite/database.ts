/** An open SQLite state database. */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { Kysely } from "kysely";
import type { SqlDatabase } from "../sql/database.js";
import { failNewer, migrate, readSchemaVersion, schemaVersion } from "../sql/migrations.js";
import { type BoundStatement, StaleWriteError } from "../sql/statement.js";
import { prepareStatements } from "../sql/statements.js";
import type { Tables } from "../sql/tables.js";
import { NodeSqliteDialect, SqliteConnection } from "./dialect.js";
import { explainSqlite } from "./failures.js";
import { applicationId, checkFile, createFile, isWritable } from "./file.js";

/** How long a write waits for another process's, in ms. Transactions here take milliseconds. */
const busyTimeoutMs = 15_000;

/** Undefined when there is no file and `create` is not set. Rejects with `state-invalid` and `state-newer`. */
export async function openDatabase(
  path: string,
  orchVersion: string,
  create: boolean,
): Promise<SqlDatabase | undefined> {
  try {
    if (!(await checkFile(path))) {
      if (!create) return undefined;
      await createFile(path, (temporary) => fillDatabase(temporary, orchVersion));
      await checkFile(path);
    }
    return await connect(path, orchVersion);
  } catch (error) {
    throw explainSqlite(error, path);
  }
}

async function connect(path: string, orchVersion: string): Promise<SqlDatabase> {
  const readOnly = !(await isWritable(path));
  const sqlite = await openSqlite(path, readOnly);
  try {
    const connection = new SqliteConnection(sqlite);
    const db = new Kysely<Tables>({ dialect: new NodeSqliteDialect(connection) });
    const found = await readSchemaVersion(db);
    if (found !== undefined && found.version > schemaVersion) {
      failNewer(`The state database ${path}`, found, orchVersion);
    }
    if (!readOnly && found?.version !== schemaVersion) await migrate(db, orchVersion);
    return sqliteDatabase(path, sqlite, connection, db);
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

async function fillDatabase(path: string, orchVersion: string): Promise<void> {
  const sqlite = await openSqlite(path, false);
  try {
    sqlite.exec(`pragma application_id = ${applicationId}`);
    const dialect = new NodeSqliteDialect(new SqliteConnection(sqlite));
    await migrate(new Kysely<Tables>({ dialect }), orchVersion);
  } finally {
    // Closing the last connection moves everything from the -wal file into the database and syncs it.
    sqlite.close();
  }
}

async function openSqlite(path: string, readOnly: boolean): Promise<DatabaseSync> {
  const { DatabaseSync } = await loadSqlite();
  if (!readOnly) {
    return prepared(
      new DatabaseSync(path, { timeout: busyTimeoutMs }),
      // The cache is a bound, in KiB: a large transaction stays in memory until it is committed.
      "pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on; pragma cache_size = -65536",
    );
  }
  try {
    return prepared(
      new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs }),
      "select count(*) from sqlite_schema",
    );
  } catch (error) {
    // On a read-only file system SQLite can't make the files that readers share. Without a log the database is then all there is.
    if (existsSync(`${path}-wal`)) throw error;
    const url = pathToFileURL(path);
    url.searchParams.set("immutable", "1");
    return new DatabaseSync(url, { readOnly: true });
  }
}

function prepared(sqlite: DatabaseSync, statements: string): DatabaseSync {
  try {
    sqlite.exec(statements);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Node before 24 warns of `node:sqlite` on standard error, at the first import; a person who runs orch can do nothing about it. */
async function loadSqlite(): Promise<typeof import("node:sqlite")> {
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (String(warning).includes("SQLite is an experimental feature")) return;
    (emitWarning as (...args: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return await import("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

function sqliteDatabase(
  path: string,
  sqlite: DatabaseSync,
  connection: SqliteConnection,
  db: Kysely<Tables>,
): SqlDatabase {
  const explain = (error: unknown) => explainSqlite(error, path);

  async function write(statements: readonly BoundStatement[]): Promise<void> {
    await connection.acquire();
    try {
      connection.exec("begin immediate");
      try {
        for (const { sql, parameters, expectChanges } of statements) {
          const { changes } = connection.prepare(sql).run(...parameters);
          if (expectChanges !== undefined && changes !== expectChanges) {
            throw new StaleWriteError(`${changes} rows changed instead of ${expectChanges}`);
          }
        }
        connection.exec("commit");
      } catch (error) {
        if (connection.inTransaction) connection.exec("rollback");
        throw error;
      }
    } finally {
      connection.release();
    }
  }

  async function read(statements: readonly BoundStatement[]): Promise<unknown[][]> {
    await connection.acquire();
    try {
      connection.exec("begin");
      try {
        return statements.map(({ sql, parameters }) => connection.prepare(sql).all(...parameters));
      } finally {
        connection.exec("rollback");
      }
    } catch (error) {
      throw explain(error);
    } finally {
      connection.release();
    }
  }

  return {
    db,
    statements: prepareStatements(db),
    write,
    read,
    // One write at a time in the whole database.
    transaction: (_, work) => db.transaction().execute(work),
    explain,
    async close() {
      await db.destroy();
      sqlite.close();
    },
  };
}
