/** State in a PostgreSQL database (13 or newer), through `pg`. */
import type { Backend } from "./contract.js";
import { openDatabase } from "./postgres/database.js";
import { defaultPatience, openSession, type Patience } from "./postgres/session.js";
import { describePostgres, parsePostgresUrl } from "./postgres/url.js";
import { sqlBackend } from "./sql/backend.js";
import type { SqlDatabase, SqlSource } from "./sql/database.js";
import type { LeaseTiming } from "./sql/lease.js";

export interface PostgresOptions {
  /** Recorded in the database, to be named when an older orch meets it. */
  readonly orchVersion?: string;
  /** PGPASSWORD and what else libpq takes from there. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What a person should know while it waits for a server that went away. */
  readonly notice?: (text: string) => void;
  /** For tests. */
  readonly leaseTiming?: LeaseTiming;
  readonly patience?: Partial<Patience>;
}

/**
 * Opens the state database that the URL names. Schema and tables are made by the first `createStack`; until then everything reads as
 * empty. Rejects with `config-invalid` for a URL that it can't use. Calls reject with `connection-failed`, `authentication-failed`,
 * `permission-denied`, `state-newer`, `state-invalid`, `disk-full` and `backend-error`.
 */
export async function openPostgresBackend(url: string, options: PostgresOptions = {}): Promise<Backend> {
  const settings = parsePostgresUrl(url, options.env);
  const session = openSession(
    settings,
    { ...defaultPatience, ...options.patience },
    options.notice ?? (() => {}),
  );
  const orchVersion = options.orchVersion ?? "0.1.0";
  let opening: Promise<SqlDatabase | undefined> | undefined;
  const source: SqlSource = {
    description: describePostgres(settings),
    open({ create }) {
      // One after the other: two calls at once must not make the tables twice. A failed try does not stand in the next one's way.
      const before = opening?.catch(() => undefined) ?? Promise.resolve(undefined);
      opening = before.then((database) => database ?? openDatabase(session, settings, orchVersion, create));
      return opening;
    },
    async close() {
      const database = await opening?.catch(() => undefined);
      opening = undefined;
      await database?.close();
      await session.close();
    },
  };
  return sqlBackend(source, options.leaseTiming);
}
