import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "ldapts";
import { makeAuthority } from "./certificates.js";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { findProgram } from "./requirements.js";

/**
 * A real OpenLDAP server on loopback, in a folder of its own, with TLS by a certificate of an authority of its own (the expired one
 * on request). Its tree: the suffix, `ou=people`, `ou=groups`, and `ou=closed`, which only the administrator sees.
 */
export interface LabSlapd {
  /** With StartTLS. */
  readonly url: string;
  readonly ldapsUrl: string;
  readonly suffix: string;
  /** May do everything. */
  readonly admin: { readonly bindDn: string; readonly password: string };
  /** Sees everything but `ou=closed`, and changes nothing. */
  readonly reader: { readonly bindDn: string; readonly password: string };
  /** PEM files: the authority, and a client certificate that logs in as the administrator (SASL EXTERNAL). */
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly directory: string;
  /** A connection of the administrator's, past orch. Unbind it. */
  connect(): Promise<Client>;
  /** How many searches, or logins by password, the server has logged so far. */
  operations(kind: "SRCH" | "BIND"): number;
  stop(): Promise<void>;
  /** Starts it again, on the same ports and with the same data; with the expired certificate if asked. */
  start(options?: { readonly expired?: boolean }): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Makes it deaf, or lets it go on: it keeps its connections and says nothing. */
  freeze(on: boolean): Promise<void>;
  /** Resolves when something was sent to a deaf server. */
  untilSent(): Promise<void>;
  remove(): Promise<void>;
}

const suffix = "dc=lab,dc=example";
const admin = { bindDn: `cn=admin,${suffix}`, password: "admin-of-the-lab" };
const reader = { bindDn: `cn=reader,${suffix}`, password: "reader-of-the-lab" };

export async function startSlapd(): Promise<LabSlapd> {
  const slapd = findProgram("slapd");
  if (!slapd) throw new Error("slapd is missing; to install: node test/lab/install.mjs slapd");
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-slapd-"));
  const file = (name: string) => join(directory, name);
  mkdirSync(file("data"));
  const authority = await makeAuthority(directory);
  const good = await authority.sign("server", {});
  const expired = await authority.sign("expired", { expired: true });
  const client = await authority.sign("client", { subject: "/CN=admin/O=lab", names: ["DNS:client"] });

  let child: ChildProcess | undefined;
  let ports: [number, number] = [0, 0];
  const log = () => readFileSync(file("slapd.log"), "utf8");

  const launch = async (certificate = good) => {
    writeFileSync(
      file("slapd.conf"),
      `${[
        ...["core", "cosine", "inetorgperson", "nis"].map(
          (name) => `include /etc/ldap/schema/${name}.schema`,
        ),
        "modulepath /usr/lib/ldap",
        "moduleload back_mdb",
        `TLSCACertificateFile ${authority.root}`,
        `TLSCertificateFile ${certificate.certificate}`,
        `TLSCertificateKeyFile ${certificate.key}`,
        "TLSVerifyClient try",
        `authz-regexp "^cn=admin,o=lab$|^o=lab,cn=admin$" "${admin.bindDn}"`,
        "database mdb",
        "maxsize 1073741824",
        `suffix "${suffix}"`,
        `rootdn "${admin.bindDn}"`,
        `rootpw ${admin.password}`,
        `directory ${file("data")}`,
        // A crash of the server alone loses nothing without syncs.
        "dbnosync",
        "index objectClass,entryUUID,uid,cn,member eq",
        `access to dn.subtree="ou=closed,${suffix}" by * none`,
        "access to attrs=userPassword by anonymous auth by * none",
        "access to * by users read by anonymous auth",
      ].join("\n")}\n`,
    );
    const out = openSync(file("slapd.log"), "a");
    const urls = `ldap://${HOST}:${ports[0]}/ ldaps://${HOST}:${ports[1]}/`;
    // -d keeps it in the foreground; 256 logs operations and their results.
    child = spawn(slapd, ["-f", file("slapd.conf"), "-h", urls, "-d", "256"], {
      stdio: ["ignore", out, out],
    });
    closeSync(out);
    endWithThisProcess(child);
    await untilAnswering(child, connect, log);
  };

  const connect = async (): Promise<Client> => {
    const connection = new Client({ url: `ldap://${HOST}:${ports[0]}` });
    await connection.bind(admin.bindDn, admin.password);
    return connection;
  };

  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
    ending.kill(signal);
    // One that was made deaf takes other signals when it goes on.
    if (signal !== "SIGKILL") ending.kill("SIGCONT");
    await ended;
  };

  try {
    // Another process may take a free port between looking and binding, so a few are tried.
    for (let attempt = 1; ; attempt++) {
      ports = [await freePort(), await freePort()];
      try {
        await launch();
        break;
      } catch (failure) {
        await end("SIGKILL");
        if (attempt === 5 || !String(failure).includes("Address already in use")) throw failure;
      }
    }
    const connection = await connect();
    await connection.add(suffix, { objectClass: ["dcObject", "organization"], dc: "lab", o: "Lab" });
    for (const ou of ["people", "groups", "closed"])
      await connection.add(`ou=${ou},${suffix}`, { objectClass: "organizationalUnit", ou });
    await connection.add(reader.bindDn, {
      objectClass: ["organizationalRole", "simpleSecurityObject"],
      cn: "reader",
      userPassword: reader.password,
    });
    await connection.unbind();
  } catch (failure) {
    await end("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
    throw failure;
  }

  return {
    url: `ldap://${HOST}:${ports[0]}`,
    ldapsUrl: `ldaps://${HOST}:${ports[1]}`,
    suffix,
    admin,
    reader,
    ca: authority.root,
    clientCertificate: client.certificate,
    clientKey: client.key,
    directory,
    connect,
    operations: (kind) =>
      log().match(kind === "SRCH" ? /op=\d+ SRCH base=/g : /op=\d+ BIND dn="[^"]*" method=128/g)?.length ?? 0,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    start: async ({ expired: old = false } = {}) => {
      if (!child) await launch(old ? expired : good);
    },
    freeze: async (on) => {
      child?.kill(on ? "SIGSTOP" : "SIGCONT");
      while (on && !hasStopped(child?.pid)) await sleep(5);
    },
    untilSent: async () => {
      while (!isUnread(ports[0])) await sleep(20);
    },
    remove: async () => {
      await end("SIGTERM");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A signal takes its time: every thread of the process must stand still (proc(5)). */
const hasStopped = (pid: number | undefined): boolean =>
  globSync(`/proc/${pid}/task/*/stat`).every((file) =>
    / T /.test(readFileSync(file, "utf8").split(")")[1] ?? ""),
  );

/** Are there bytes that the one who listens at this port has not read yet? `rx_queue` in /proc/net/tcp. */
function isUnread(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return rows.some((row) => {
    const [, at, , state, queues] = row.trim().split(/\s+/);
    return at?.endsWith(local) && state === "01" && Number.parseInt(queues?.split(":")[1] ?? "0", 16) > 0;
  });
}

/** Waits until somebody can log in; throws with the log when the process ends before, or after a minute. */
export async function untilAnswering(
  child: ChildProcess,
  connect: () => Promise<Client>,
  log: () => string,
): Promise<void> {
  const until = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended while starting:\n${log()}`);
    try {
      await (await connect()).unbind();
      return;
    } catch (error) {
      if (Date.now() > until) throw new Error(`it does not answer: ${String(error)}\n${log()}`);
      await sleep(50);
    }
  }
}
