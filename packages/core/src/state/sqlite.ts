/** State in a SQLite file, through the built-in `node:sqlite`. */
import { relative, resolve } from "node:path";
import type { Backend } from "./contract.js";
import { sqlBackend } from "./sql/backend.js";
import type { SqlDatabase, SqlSource } from "./sql/database.js";
import type { LeaseTiming } from "./sql/lease.js";
import { openDatabase } from "./sqlite/database.js";

export interface SqliteOptions {
  /** Recorded in the database, to be named when an older orch meets it. */
  readonly orchVersion?: string;
  /** For tests. */
  readonly leaseTiming?: LeaseTiming;
}

/**
 * Opens the state database at `path`. The file (mode 0600) and its folder (0700) are made by the first `createStack`; until then
 * everything reads as empty. Calls reject with `state-invalid` when the file is something else, with `state-newer` when a newer
 * orch wrote it, with `disk-full` and `backend-error` when it can't be written.
 */
export async function openSqliteBackend(path: string, options: SqliteOptions = {}): Promise<Backend> {
  return sqlBackend(sqliteSource(resolve(path), options.orchVersion ?? "0.1.0"), options.leaseTiming);
}

function sqliteSource(path: string, orchVersion: string): SqlSource {
  let opening: Promise<SqlDatabase | undefined> | undefined;
  const shown = relative(process.cwd(), path);
  return {
    description: `SQLite ${shown.startsWith("..") ? path : shown}`,
    open({ create }) {
      // One after the other: two calls at once must not open it twice. A failed try does not stand in the next one's way.
      const before = opening?.catch(() => undefined) ?? Promise.resolve(undefined);
      opening = before.then((database) => database ?? openDatabase(path, orchVersion, create));
      return opening;
    },
    async close() {
      const database = await opening?.catch(() => undefined);
      opening = undefined;
      await database?.close();
    },
  };
}
