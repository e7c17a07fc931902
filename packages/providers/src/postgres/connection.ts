/** Connections to one PostgreSQL server: a few per database, made when they are needed. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, fail, OrchError } from "@orch/core/model/failure";
import { explainConnect, isServerError, isWithoutTls, passes } from "@orch/core/state/postgres/failures";
import type { PostgresSettings } from "@orch/core/state/postgres/url";
import pg from "pg";

export type Row = Readonly<Record<string, unknown>>;

/** What a statement is for, for its failures. */
export interface Purpose {
  /** `create the role app`. */
  readonly doing: string;
  /** What the login must be able to, where the server refuses: `CREATEROLE`. */
  readonly needs?: string;
  /** The property that it is about. */
  readonly path?: string;
}

export interface Postgres {
  /** `admin@db1.example.com:5432`. */
  readonly server: string;
  readonly user: string;
  /** Rows of a query that changes nothing; tried again when the connection is lost. `undefined`: there is no such database. */
  read(
    database: string | undefined,
    sql: string,
    values: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly Row[] | undefined>;
  /** Statements in one transaction. */
  change(
    database: string | undefined,
    statements: readonly string[],
    purpose: Purpose,
    signal: AbortSignal,
  ): Promise<void>;
  /** One statement that bears no transaction (CREATE DATABASE). */
  changeAlone(statement: string, purpose: Purpose, signal: AbortSignal): Promise<void>;
  /** Ends its own connections to a database, which would keep it from being deleted. */
  leave(database: string): Promise<void>;
  close(): Promise<void>;
}

const POOL_SIZE = 3;
const TRIES = 4;

export function postgres(settings: PostgresSettings): Postgres {
  const pools = new Map<string, pg.Pool>();
  const server = `PostgreSQL ${settings.user}@${settings.host}${settings.port === 5432 ? "" : `:${settings.port}`}`;

  const poolOf = (database: string, tls: boolean): pg.Pool => {
    const key = `${tls} ${database}`;
    let pool = pools.get(key);
    if (pool === undefined) {
      const { host, port, user, password } = settings;
      pool = new pg.Pool({
        host,
        port,
        user,
        database,
        ...(password === undefined ? {} : { password }),
        ssl: tls && !host.startsWith("/") ? settings.tls : false,
        application_name: settings.applicationName,
        connectionTimeoutMillis: settings.connectTimeoutMs,
        max: POOL_SIZE,
        idleTimeoutMillis: 5_000,
        allowExitOnIdle: true,
        // What is there is named in full; what a role or database has set is no business of these statements.
        options: "-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=30s",
      });
      // An idle connection that the server cuts: the pool makes another.
      pool.on("error", () => undefined);
      pools.set(key, pool);
    }
    return pool;
  };
  let withTls = settings.sslMode !== "disable";

  async function connectOnce(database: string): Promise<pg.PoolClient> {
    const tried = withTls;
    try {
      return await poolOf(database, tried).connect();
    } catch (error) {
      if (!tried || settings.sslMode !== "prefer" || !isWithoutTls(error)) throw error;
      withTls = false;
      return poolOf(database, false).connect();
    }
  }

  /** Tried again while the server is starting or has no connection left: nothing was done there yet. */
  async function connect(database: string, signal: AbortSignal): Promise<pg.PoolClient> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await connectOnce(database);
      } catch (error) {
        if (attempt < TRIES && passes(error)) {
          await sleep(Math.random() * 250 * 2 ** attempt + 100, undefined, { signal });
          continue;
        }
        if (isServerError(error) && error.code === "3D000") throw error;
        throw explainConnect(error, { ...settings, database });
      }
    }
  }

  /** Runs with a connection. When the signal fires, the server is asked to stop what it does. */
  async function using<T>(
    database: string,
    signal: AbortSignal,
    work: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    const client = await connect(database, signal);
    let broken = false;
    const onError = (): void => {
      broken = true;
    };
    client.on("error", onError);
    const stop = (): void => {
      const { processID } = client as unknown as { readonly processID: number };
      poolOf(settings.database, withTls)
        .query("select pg_cancel_backend($1)", [processID])
        .catch(() => undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await work(client);
    } catch (error) {
      broken ||= !isServerError(error) || error.severity === "FATAL";
      if (signal.aborted) throw abortion(signal);
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      client.off("error", onError);
      client.release(broken);
    }
  }

  const noDatabase = (error: unknown): boolean => isServerError(error) && error.code === "3D000";

  return {
    server,
    user: settings.user,

    async read(database = settings.database, sql, values, signal) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await using(
            database,
            signal,
            async (client) => (await client.query(sql, [...values])).rows as readonly Row[],
          );
        } catch (error) {
          if (noDatabase(error)) return undefined;
          const lost = !(error instanceof OrchError) && passes(error);
          if (!lost || attempt === TRIES) throw explain(error, server, { doing: "read its catalogs" });
          await sleep(Math.random() * 250 * 2 ** attempt, undefined, { signal });
        }
      }
    },

    async change(database = settings.database, statements, purpose, signal) {
      if (statements.length === 0) return;
      try {
        // Statements of one message are one transaction.
        await using(database, signal, (client) => client.query(statements.join(";\n")));
      } catch (error) {
        if (noDatabase(error)) throw missingDatabase(server, database);
        throw explain(error, server, purpose);
      }
    },

    async changeAlone(statement, purpose, signal) {
      try {
        await using(settings.database, signal, (client) => client.query(statement));
      } catch (error) {
        throw explain(error, server, purpose);
      }
    },

    async leave(database) {
      for (const key of [`true ${database}`, `false ${database}`]) {
        const pool = pools.get(key);
        pools.delete(key);
        await pool?.end();
      }
    },

    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
      pools.clear();
    },
  };
}

const missingDatabase = (server: string, database: string): OrchError =>
  new OrchError({
    reason: "provider-error",
    message: `${server}: there is no database ${database}.`,
    path: "database",
    expected: "a database that exists",
    found: database,
    next: ["Make it first: let this resource use the `name` of a postgres.Database."],
  });

const abortion = (signal: AbortSignal): unknown =>
  signal.reason instanceof OrchError
    ? signal.reason
    : new OrchError({ reason: "interrupted", message: "Cancelled" });

/** SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html. */
function explain(error: unknown, server: string, { doing, needs, path }: Purpose): OrchError {
  if (error instanceof OrchError) return error;
  const at = path === undefined ? {} : { path };
  if (!isServerError(error) || error.severity === "FATAL")
    return new OrchError(
      {
        reason: "connection-lost",
        message: `The connection to ${server} was lost while orch was to ${doing}.`,
        found: (error as Error).message,
        next: ["Run the same command again: what was under way is looked after first."],
      },
      { cause: error },
    );
  const found = [`${error.message} (SQLSTATE ${error.code})`, error.detail, error.hint]
    .filter(Boolean)
    .join("; ");
  const known: Readonly<Record<string, Partial<Failure> & Pick<Failure, "reason">>> = {
    "42501": {
      reason: "permission-denied",
      message: `${server} does not allow this login to ${doing}.`,
      ...(needs === undefined
        ? {}
        : { expected: needs, next: [`Give the login ${needs}, or use another one.`] }),
    },
    "2BP01": {
      reason: "conflict",
      message: `${server} can't ${doing}: something depends on it.`,
      expected: "nothing that depends on it",
      next: [
        "Remove what is named, or give it to another role (REASSIGN OWNED, DROP OWNED), and run it again.",
      ],
    },
    "55006": {
      reason: "conflict",
      message: `${server} can't ${doing}: it is in use.`,
      expected: "no connections to it",
      next: ["End the connections, or set `force: true`, apply, and try again."],
    },
    "55P03": {
      reason: "timeout",
      message: `${server} could not ${doing}: somebody else holds a lock on it.`,
      expected: "the lock within 30 s",
      next: ["Run the same command again; `pg_locks` and `pg_stat_activity` show who holds it."],
    },
  };
  const failure = known[error.code];
  return new OrchError(
    {
      reason: "provider-error",
      message: `${server} refused to ${doing}.`,
      found,
      ...at,
      ...failure,
    } as Failure,
    { cause: error },
  );
}

/** It is there already and is another: both values. */
export function differs(what: string, id: string, wanted: Row, found: Row, keys: readonly string[]): never {
  const show = (row: Row): string => keys.map((key) => `${key}: ${JSON.stringify(row[key])}`).join(", ");
  return fail({
    reason: "conflict",
    message: `There is ${what} already, and it is not as this one should be.`,
    ...(keys[0] === undefined ? {} : { path: keys[0] }),
    expected: show(wanted),
    found: show(found),
    next: [`Give the resource the option \`import: ${JSON.stringify(id)}\`, or remove what is there.`],
  });
}

/** Properties that are wanted and are otherwise there. */
export const differing = (wanted: Row, found: Row): readonly string[] =>
  Object.keys(found).filter(
    (key) => wanted[key] !== undefined && JSON.stringify(wanted[key]) !== JSON.stringify(found[key]),
  );
