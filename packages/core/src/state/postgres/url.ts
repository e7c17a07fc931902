/**
 * A URL of PostgreSQL as libpq reads it (https://www.postgresql.org/docs/current/libpq-connect.html, 34.1.1.2 and 34.1.2): what orch supports
 * of it, and a refusal of the rest, since a parameter that is silently left out (`sslmode`, mistyped) can do harm.
 */
import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { type Failure, fail } from "../../model/failure.js";

type Env = Readonly<Record<string, string | undefined>>;

export const sslModes = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

export interface PostgresSettings {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** orch's tables are in this one. */
  readonly schema: string;
  /** From the URL or PGPASSWORD; else the password file is asked. */
  readonly password?: string;
  readonly sslMode: SslMode;
  readonly tls: ConnectionOptions;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
}

const parameters = [
  ...["schema", "sslmode", "sslrootcert", "sslcert", "sslkey"],
  ...["host", "connect_timeout", "application_name"],
];

export const isPostgresUrl = (text: string): boolean => /^postgres(ql)?:\/\//i.test(text);

/** Is there a password in it? Such a URL must not be an argument of a process, nor be stored. */
export function hasPassword(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.password !== "" || url.searchParams.has("password"));
}

/** Any URL without its password, also when it can't be parsed. */
export const redactUrl = (text: string): string =>
  text
    .replace(/(:\/\/[^:/?#@]*:)[^/?#]*@/, "$1***@")
    .replace(/(:\/\/[^:/@]*:)[^@]*@/, "$1***@")
    .replace(/([?&](?:ssl)?password=)[^&#]*/gi, "$1***");

/** Rejects (throws) with `config-invalid`. Reads the certificate files that it names. */
export function parsePostgresUrl(text: string, env: Env = process.env): PostgresSettings {
  const shown = redactUrl(text);
  const refuse = (message: string, more: Partial<Failure> = {}): never =>
    fail({
      reason: "config-invalid",
      message: `${shown} is no URL of a PostgreSQL database that orch can use: ${message}.`,
      expected: "postgres://USER@HOST:PORT/DATABASE, and parameters such as ?sslmode=verify-full&schema=orch",
      ...more,
    });
  // A host that is only a parameter (a socket's folder) leaves the URL's own place for it empty, which URL does not parse.
  const url = URL.parse(text.replace(/^([a-z]+:\/\/[^/?#]*@)(?=[/?#]|$)/i, "$1localhost"));
  if (url === null || !isPostgresUrl(text)) {
    return refuse("it can't be parsed", {
      next: ["Percent-encode special characters in the user's name and the database's."],
    });
  }
  if (url.hostname.includes(",")) refuse("it names several hosts, and one is all that orch connects to");
  for (const name of url.searchParams.keys()) {
    if (name === "password") {
      refuse("a password belongs before the @, or better into PGPASSWORD or ~/.pgpass", { path: name });
    }
    if (!parameters.includes(name)) {
      refuse(`it has the parameter ${name}`, {
        path: name,
        expected: `one of ${parameters.join(", ")}`,
        found: name,
      });
    }
  }
  const parameter = (name: string, variable?: string): string | undefined =>
    url.searchParams.get(name) || (variable === undefined ? undefined : env[variable]) || undefined;
  const named = (value: string): string => {
    try {
      return decodeURIComponent(value);
    } catch {
      return refuse("it has a % that is not followed by two hexadecimal digits");
    }
  };

  const user = named(url.username) || env.PGUSER || userInfo().username;
  const database = named(url.pathname.slice(1)) || env.PGDATABASE || user;
  const password = named(url.password) || env.PGPASSWORD;
  const sslMode = parameter("sslmode", "PGSSLMODE") ?? "prefer";
  if (!isSslMode(sslMode)) {
    return refuse(`sslmode can't be ${sslMode}`, {
      path: "sslmode",
      expected: `one of ${sslModes.join(", ")}`,
      found: sslMode,
    });
  }
  const schema = parameter("schema") ?? "orch";
  if (schema.startsWith("pg_") || Buffer.byteLength(schema) > 63 || schema.includes("\0")) {
    refuse(`the schema can't be named ${JSON.stringify(schema)}`, {
      path: "schema",
      expected: "a name of up to 63 bytes that does not begin with pg_",
      found: schema,
    });
  }
  const timeout = Number(parameter("connect_timeout", "PGCONNECT_TIMEOUT") ?? 10);
  if (!Number.isInteger(timeout) || timeout < 0) {
    refuse("connect_timeout is not a number of seconds", { path: "connect_timeout", expected: "such as 10" });
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host: parameter("host") ?? (named(hostname) || env.PGHOST || "localhost"),
    port: Number(url.port || env.PGPORT || 5432),
    user,
    database,
    schema,
    ...(password === undefined || password === "" ? {} : { password }),
    sslMode,
    tls: tlsOf(
      {
        mode: sslMode,
        root: parameter("sslrootcert", "PGSSLROOTCERT"),
        certificate: parameter("sslcert", "PGSSLCERT"),
        key: parameter("sslkey", "PGSSLKEY"),
      },
      env,
      refuse,
    ),
    applicationName: parameter("application_name", "PGAPPNAME") ?? "orch",
    connectTimeoutMs: timeout * 1_000,
  };
}

const isSslMode = (text: string): text is SslMode => (sslModes as readonly string[]).includes(text);

/** As libpq (34.19): `require` checks the certificate when there is a root, `verify-ca` its chain, `verify-full` the host's name too. */
function tlsOf(
  wanted: {
    readonly mode: SslMode;
    readonly root: string | undefined;
    readonly certificate: string | undefined;
    readonly key: string | undefined;
  },
  env: Env,
  refuse: (message: string, more?: Partial<Failure>) => never,
): ConnectionOptions {
  const { mode } = wanted;
  if (mode === "disable") return {};
  const read = (path: string, name: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      return refuse(`the file of ${name} can't be read: ${(error as Error).message}`, { path: name });
    }
  };
  const system = wanted.root === "system";
  const ca = system ? undefined : rootOf(wanted.root, env, read);
  if (mode === "verify-ca" && ca === undefined) {
    refuse(
      system
        ? "with sslrootcert=system anybody can have a certificate, so only verify-full is safe"
        : "verify-ca needs the authority's certificate",
      { path: "sslrootcert", next: ["Name it with sslrootcert=PATH, or use sslmode=verify-full."] },
    );
  }
  const verified = mode === "verify-ca" || mode === "verify-full" || (mode === "require" && ca !== undefined);
  return {
    rejectUnauthorized: verified,
    ...(ca === undefined ? {} : { ca }),
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(wanted.certificate === undefined ? {} : { cert: read(wanted.certificate, "sslcert") }),
    ...(wanted.key === undefined ? {} : { key: read(wanted.key, "sslkey") }),
  };
}

/** The named one, or `~/.postgresql/root.crt` where that is; undefined for the system's. */
function rootOf(
  path: string | undefined,
  env: Env,
  read: (path: string, name: string) => string,
): string | undefined {
  if (path !== undefined) return read(path, "sslrootcert");
  try {
    return readFileSync(join(env.HOME || homedir(), ".postgresql", "root.crt"), "utf8");
  } catch {
    return undefined;
  }
}

/** For people: `PostgreSQL orch@db.example.com/infra`. Never with a password. */
export function describePostgres(settings: PostgresSettings): string {
  const { user, host, port, database, schema } = settings;
  const where = host.includes(":") ? `[${host}]` : host;
  return `PostgreSQL ${user}@${where}${port === 5432 ? "" : `:${port}`}/${database}${schema === "orch" ? "" : `, schema ${schema}`}`;
}
