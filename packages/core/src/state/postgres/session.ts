/**
 * One connection to PostgreSQL, opened anew when it is lost. Whoever uses it holds it, so that no transaction runs into
 * another.
 */
/// <reference path="./pgpass.d.ts" />
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { fail, OrchError } from "../../model/failure.js";
import { Batch, type BatchQuery, type BatchResult } from "./batch.js";
import {
  endsConnection,
  explainConnect,
  isConflict,
  isServerError,
  isWithoutTls,
  LostConnectionError,
  passes,
} from "./failures.js";
import { describePostgres, type PostgresSettings } from "./url.js";

export interface Patience {
  /** How long a command that has begun waits for a server that went away, in ms. */
  readonly outageMs: number;
  /** How long a server may say nothing while it has something to do, in ms. */
  readonly silenceMs: number;
}
export const defaultPatience: Patience = { outageMs: 60_000, silenceMs: 60_000 };

/** An open connection. */
export interface Link {
  /** One round trip. Rejects with the server's error, or with {@link LostConnectionError}. */
  send(queries: readonly BatchQuery[]): Promise<BatchResult[]>;
  /** One statement that is kept prepared. */
  prepared(sql: string): NonNullable<BatchQuery["prepared"]>;
  readonly isOpen: () => boolean;
  close(): Promise<void>;
}

export interface Session {
  /** Waits until nobody else uses it. */
  acquire(): Promise<void>;
  release(): void;
  /** The connection as it is, opened when there is none yet; for who has acquired it. */
  link(): Promise<Link>;
  /**
   * Does `work` on an open connection; again on a new one when that is lost, for as long as patience lasts, and when another
   * transaction was in the way. `work` must be safe to repeat. For who has acquired it.
   */
  patiently<T>(work: (link: Link) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** `notice`: told to the person who waits. */
export function openSession(
  settings: PostgresSettings,
  patience: Patience,
  notice: (text: string) => void,
): Session {
  const where = describePostgres(settings);
  let current: Link | undefined;
  let everOpen = false;
  /** Nobody waits for a second time in vain. */
  let givenUp = false;
  let tail: Promise<void> = Promise.resolve();
  let release: (() => void) | undefined;

  async function link(): Promise<Link> {
    if (current?.isOpen() !== true) {
      current = await openLink(settings, patience);
      everOpen = true;
    }
    return current;
  }

  async function patiently<T>(work: (link: Link) => Promise<T>): Promise<T> {
    let lostAt: number | undefined;
    let delay = 50;
    for (let conflicts = 0; ; ) {
      try {
        const open = await link();
        if (lostAt !== undefined && delay > 50) {
          notice(`${where} answers again, after ${seconds(performance.now() - lostAt)}.`);
          delay = 50;
        }
        const result = await work(open);
        givenUp = false;
        return result;
      } catch (error) {
        if (isConflict(error) && ++conflicts <= 10) continue;
        const lost = error instanceof LostConnectionError;
        const unreachable =
          error instanceof OrchError && everOpen && current?.isOpen() !== true && passes(error.cause);
        if (!lost && !unreachable) throw error;
        const now = performance.now();
        lostAt ??= now;
        if (givenUp || now - lostAt > patience.outageMs) {
          givenUp = true;
          throw gaveUp(where, patience, error);
        }
        if (unreachable) {
          if (delay === 50) {
            notice(
              `${where} does not answer any more (${reasonOf(error.cause)}). Waiting up to ${seconds(patience.outageMs)} for it to come back.`,
            );
          }
          await sleep(delay);
          delay = Math.min(delay * 2, 2_000);
        }
      }
    }
  }

  return {
    async acquire() {
      const before = tail;
      let free: () => void = () => {};
      tail = new Promise((resolve) => {
        free = resolve;
      });
      await before;
      release = free;
    },
    release() {
      const free = release;
      release = undefined;
      free?.();
    },
    link,
    patiently,
    async close() {
      const open = current;
      current = undefined;
      await open?.close();
    },
  };
}

const seconds = (ms: number): string => `${Math.max(1, Math.round(ms / 1_000))} s`;
const reasonOf = (cause: unknown): string => (cause as Error).message;

const gaveUp = (where: string, { outageMs }: Patience, cause: Error): OrchError =>
  new OrchError(
    {
      reason: "backend-error",
      message: `${where} went away and did not come back within ${seconds(outageMs)}.`,
      found: cause.message,
      next: [
        "Run the same command again once the server answers: what was finished before is recorded, and a step that was under way is looked after first.",
      ],
    },
    { cause },
  );

async function openLink(settings: PostgresSettings, patience: Patience): Promise<Link> {
  try {
    return await connectLink(settings, patience, settings.sslMode !== "disable");
  } catch (error) {
    // libpq's `prefer`: without TLS when the server has none.
    if (settings.sslMode === "prefer" && isWithoutTls(error)) {
      return await connectLink(settings, patience, false).catch((again: unknown) => {
        throw explainConnect(again, settings);
      });
    }
    throw explainConnect(error, settings);
  }
}

async function connectLink(settings: PostgresSettings, patience: Patience, withTls: boolean): Promise<Link> {
  const { default: pg } = await import("pg");
  const { host, port, user, database } = settings;
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    // Asked for only when the server wants one. Undefined makes pg say that there is none.
    password: (async () => settings.password ?? (await fromPasswordFile(settings))) as () => Promise<string>,
    // A socket in the file system has no TLS.
    ssl: withTls && !host.startsWith("/") ? settings.tls : false,
    application_name: settings.applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  let lost: unknown;
  client.on("error", (error) => {
    lost ??= error;
  });
  client.on("end", () => {
    lost ??= new Error("the server closed the connection");
  });
  try {
    await client.connect();
    const link = linkOf(client, patience, () => lost);
    const results = await link.send(sessionSettings(settings).map((sql) => ({ sql, rows: true })));
    checkVersion(settings, results.at(-1)?.rows[0]?.version as number);
    return link;
  } catch (error) {
    // What is half open must not keep the process.
    client.end().catch(() => undefined);
    throw error instanceof LostConnectionError ? error.cause : error;
  }
}

/** What the server or its administrator may have set otherwise, and orch relies on. */
const sessionSettings = ({ schema }: PostgresSettings): string[] => [
  `set search_path to "${schema.replaceAll('"', '""')}"`,
  "set default_transaction_isolation to 'read committed'",
  // What is acknowledged must be on the disk. Stricter settings (remote_apply) stay.
  "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') in ('off', 'local')",
  "set statement_timeout to 0",
  "set lock_timeout to 0",
  // A process that stops in the middle of a transaction must not hold its locks for long.
  "set idle_in_transaction_session_timeout to '30s'",
  "select current_setting('server_version_num')::int as version",
];

const oldestVersion = 13;
function checkVersion(settings: PostgresSettings, version: number): void {
  if (version >= oldestVersion * 10_000) return;
  fail({
    reason: "backend-error",
    message: `${describePostgres(settings)} is too old for orch.`,
    expected: `PostgreSQL ${oldestVersion} or newer`,
    found: `version ${Math.floor(version / 10_000)}`,
  });
}

function linkOf(client: Client, patience: Patience, lost: () => unknown): Link {
  const names = new Map<string, string>();
  let fresh = new Set<string>();
  let counter = 0;
  const destroy = (error: Error): void => {
    (
      client as unknown as { connection: { stream: { destroy(error: Error): void } } }
    ).connection.stream.destroy(error);
  };

  return {
    isOpen: () => lost() === undefined,
    prepared(sql) {
      const known = names.get(sql);
      if (known !== undefined) return { name: known, isNew: false };
      const name = `orch_${++counter}`;
      names.set(sql, name);
      fresh.add(sql);
      return { name, isNew: true };
    },
    async send(queries) {
      const before = lost();
      if (before !== undefined) throw new LostConnectionError((before as Error).message, before);
      const sent = fresh;
      fresh = new Set();
      const silent = setTimeout(() => {
        destroy(new Error(`the server said nothing for ${seconds(patience.silenceMs)}`));
      }, patience.silenceMs);
      try {
        const batch = new Batch(queries, () => silent.refresh());
        client.query(batch);
        return await batch.done;
      } catch (error) {
        // Whether the server got as far as preparing them is not known.
        for (const sql of sent) names.delete(sql);
        if (!endsConnection(error)) throw error;
        if (isServerError(error)) destroy(error);
        // Also where the socket is not closed yet: this connection is not used any more.
        client.emit("error", error as Error);
        throw new LostConnectionError((error as Error).message, error);
      } finally {
        clearTimeout(silent);
      }
    },
    async close() {
      if (lost() !== undefined) return;
      await client.end().catch(() => undefined);
    },
  };
}

/** `~/.pgpass` or PGPASSFILE (libpq, 34.16). One that others can read is ignored, as libpq does. */
async function fromPasswordFile({
  host,
  port,
  user,
  database,
}: PostgresSettings): Promise<string | undefined> {
  const { default: pgpass } = await import("pgpass");
  pgpass.warnTo(new PassThrough().resume());
  return new Promise((resolve) => pgpass({ host, port, user, database }, resolve));
}
