import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chownSync,
  closeSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { endWithThisProcess, freePort, HOST } from "./process.js";

/** How a server ends: `fast` cuts its connections and writes everything, `immediate` is a crash that the next start recovers from. */
export type StopMode = "fast" | "immediate";

export interface PostgresOptions {
  /** Speaks TLS as well, with a certificate for 127.0.0.1 and localhost of an authority of its own. */
  readonly tls?: boolean;
  /** Syncs to the disk, as a real one does. For measuring; a crash of the server alone loses nothing without it. */
  readonly fsync?: boolean;
  /** More lines for postgresql.conf. */
  readonly settings?: readonly string[];
}

/**
 * A real PostgreSQL server on loopback, in a folder of its own. Text is compared as in English (ICU), not by bytes, as on most
 * real servers. Logins are by password (SCRAM).
 */
export interface LabPostgres {
  readonly host: string;
  readonly port: number;
  /** The superuser `postgres` and its password. */
  readonly user: string;
  readonly password: string;
  /** The folder with data, configuration and log; removed by `remove`. */
  readonly directory: string;
  /** PEM file of the authority that signed the server's certificate; only with `tls`. */
  readonly rootCertificate: string;
  /** `postgres://user:password@host:port/database`, of the superuser unless another is named. */
  url(database?: string, login?: { readonly user: string; readonly password?: string }): string;
  /** Makes an empty database with a name that no other has; gives the name. */
  createDatabase(): Promise<string>;
  /** Makes a user with a random password, who may do nothing yet but connect. */
  createUser(name: string): Promise<{ readonly user: string; readonly password: string }>;
  /** Runs SQL as the superuser. Gives rows as psql prints them unaligned: columns by `|`, rows by lines. */
  sql(text: string, database?: string): Promise<string>;
  /** What the server has logged so far; statements too (log_statement = all) once `logStatements` was called. */
  log(): string;
  logStatements(): Promise<void>;
  /** Ends the server and every connection. Default: `fast`. */
  stop(mode?: StopMode): Promise<void>;
  /** Starts it again, on the same port and with the same data; resolves when it takes connections. */
  start(): Promise<void>;
  /** Cuts every connection but leaves the server running. */
  cutConnections(): Promise<void>;
  /** Stops the server and removes its folder. */
  remove(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const run = promisify(execFile);

/** Starts a server, new and empty. It takes a second or two. */
export async function startPostgres(options: PostgresOptions = {}): Promise<LabPostgres> {
  const programs = programFolder();
  const owner = unprivileged();
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-postgres-"));
  if (owner.uid !== undefined) chownSync(directory, owner.uid, owner.gid as number);
  const file = (name: string) => join(directory, name);
  const data = file("data");
  const password = randomBytes(12).toString("hex");
  const user = "postgres";
  let port = 0;
  let child: ChildProcess | undefined;
  let databases = 0;

  const own = (path: string): void => {
    if (owner.uid !== undefined) chownSync(path, owner.uid, owner.gid as number);
  };
  const log = () => readFileSync(file("server.log"), "utf8");

  async function launch(): Promise<void> {
    const output = openSync(file("server.log"), "a");
    const started = spawn(join(programs, "postgres"), ["-D", data, "-p", String(port)], {
      ...owner,
      cwd: directory,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    child = started;
    endWithThisProcess(started, "QUIT");
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!isReady(data, started.pid)) {
      if (started.exitCode !== null || started.signalCode !== null) {
        child = undefined;
        throw new Error(
          `postgres ended with ${started.signalCode ?? started.exitCode} instead of starting:\n${log()}`,
        );
      }
      if (Date.now() > deadline) {
        throw new Error(`postgres was not ready within ${START_TIMEOUT_MS} ms:\n${log()}`);
      }
      await sleep(20);
    }
  }

  async function stop(mode: StopMode = "fast"): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
    ending.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await ended;
  }

  async function sql(text: string, database = "postgres"): Promise<string> {
    const args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
    const where = ["-h", HOST, "-p", String(port), "-U", user, "-d", database];
    const env = { ...process.env, PGPASSWORD: password, PGSSLMODE: "prefer" };
    const { stdout } = await run(join(programs, "psql"), [...args, ...where, "-c", text], {
      env,
      maxBuffer: 1 << 28,
    });
    return stdout.replace(/\n$/, "");
  }

  try {
    writeFileSync(file("password"), `${password}\n`, { mode: 0o600 });
    own(file("password"));
    await run(
      join(programs, "initdb"),
      [
        ...["-D", data, "-U", user, "--pwfile", file("password"), "--no-sync", "--no-instructions"],
        ...["--auth-local=reject", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"],
        ...["--locale-provider=icu", "--icu-locale=en-US"],
      ],
      { ...owner, cwd: directory },
    );
    if (options.tls) await makeCertificates(directory, own);
    appendFileSync(
      join(data, "postgresql.conf"),
      `${[
        `listen_addresses = '${HOST}'`,
        // Its path could be longer than a socket's may be.
        "unix_socket_directories = ''",
        "max_connections = 200",
        "shared_buffers = 64MB",
        `fsync = ${options.fsync ? "on" : "off"}`,
        "log_line_prefix = '%m [%p] %q%u@%d '",
        ...(options.tls
          ? ["ssl = on", `ssl_cert_file = '${file("server.crt")}'`, `ssl_key_file = '${file("server.key")}'`]
          : []),
        ...(options.settings ?? []),
      ].join("\n")}\n`,
    );
    // Another process may take the free port between looking and binding, so a few are tried.
    for (let attempt = 1; ; attempt++) {
      port = await freePort();
      try {
        await launch();
        break;
      } catch (failure) {
        await stop();
        if (attempt === 5 || !String(failure).includes("Address already in use")) throw failure;
      }
    }
  } catch (failure) {
    await stop("immediate");
    rmSync(directory, { recursive: true, force: true });
    throw failure;
  }

  return {
    host: HOST,
    get port() {
      return port;
    },
    user,
    password,
    directory,
    rootCertificate: file("root.crt"),
    url(database = "postgres", login = { user, password }) {
      const secret = login.password === undefined ? "" : `:${encodeURIComponent(login.password)}`;
      return `postgres://${encodeURIComponent(login.user)}${secret}@${HOST}:${port}/${database}`;
    },
    async createDatabase() {
      const name = `lab_${process.pid}_${++databases}`;
      await sql(`create database ${name}`);
      return name;
    },
    async createUser(name) {
      const secret = randomBytes(12).toString("hex");
      await sql(`create role "${name}" login password '${secret}'`);
      return { user: name, password: secret };
    },
    sql,
    log,
    async logStatements() {
      await sql("alter system set log_statement = 'all'");
      await sql("select pg_reload_conf()");
    },
    stop,
    start: async () => {
      if (child === undefined) await launch();
    },
    async cutConnections() {
      await sql(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
      );
    },
    async remove() {
      await stop("immediate");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Where Debian keeps the servers, one folder per version: the newest. */
function programFolder(): string {
  const found = globSync("/usr/lib/postgresql/*/bin/postgres").sort((a, b) => versionOf(a) - versionOf(b));
  const newest = found.at(-1);
  if (newest === undefined)
    throw new Error("postgres is missing; to install: node test/lab/install.mjs postgres");
  return dirname(newest);
}
const versionOf = (path: string): number => Number(path.split("/")[4]);

/** PostgreSQL refuses to run as root: then as the user that its package makes, or as nobody. Otherwise as who runs the tests. */
function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const account = ["postgres", "nobody"]
    .map((name) => accounts.find(([known]) => known === name))
    .find((found) => found !== undefined);
  if (account === undefined) throw new Error("there is no user postgres or nobody to run the server as");
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

/** As pg_ctl tells it: the eighth line of postmaster.pid. */
function isReady(data: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    return lines[0] === String(pid) && lines[7]?.trim() === "ready";
  } catch {
    // Not written yet.
    return false;
  }
}

async function makeCertificates(directory: string, own: (path: string) => void): Promise<void> {
  const file = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: directory });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
  await openssl(
    ...["req", "-x509", ...key, "-subj", "/CN=orch lab authority"],
    ...["-keyout", "root.key", "-out", "root.crt"],
  );
  await openssl(
    "req",
    ...key.slice(0, 5),
    "-subj",
    "/CN=localhost",
    "-keyout",
    "server.key",
    "-out",
    "server.csr",
  );
  writeFileSync(file("names"), "subjectAltName = DNS:localhost, IP:127.0.0.1\n");
  await openssl(
    ...["x509", "-req", "-in", "server.csr", "-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial"],
    ...["-days", "30", "-extfile", "names", "-out", "server.crt"],
  );
  own(file("server.key"));
  own(file("server.crt"));
}
