import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, connect as netConnect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "ldapts";
import { makeAuthority } from "./certificates.js";
import { endWithThisProcess, HOST } from "./process.js";
import { findProgram } from "./requirements.js";
import { untilAnswering } from "./slapd.js";

/**
 * A real Active Directory domain controller (Samba) in a folder of its own. Its ports are fixed (389, 636, 88), so it runs in a network
 * namespace of its own, and what comes to two free ports of loopback is passed on to it: several may run on one machine. That needs
 * root. Provisioning takes some ten seconds.
 */
export interface LabSamba {
  /** With StartTLS. */
  readonly url: string;
  readonly ldapsUrl: string;
  /** `lab.orch.test`, and as a name in the tree. */
  readonly domain: string;
  readonly base: string;
  /** May do everything. */
  readonly admin: { readonly bindDn: string; readonly password: string };
  /** An ordinary user: sees nearly everything, changes nothing. */
  readonly plain: { readonly bindDn: string; readonly password: string };
  /** PEM file of the authority that signed its certificate. */
  readonly ca: string;
  readonly directory: string;
  /** An administrator's connection, or another user's, past orch. Unbind it. */
  connect(login?: { readonly bindDn: string; readonly password: string }): Promise<Client>;
  stop(): Promise<void>;
  /** Starts it again, with the same data and on the same ports. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

const run = promisify(execFile);
const domain = "lab.orch.test";
const base = "DC=lab,DC=orch,DC=test";
const admin = { bindDn: `Administrator@${domain}`, password: "Adm1n-of-the-Lab" };
const plain = { bindDn: `plain@${domain}`, password: "Pla1n-in-the-Lab" };

/** Passes connections to a socket of the file system on to a port; runs inside the controller's network namespace. */
const passOn = `
  const net = require("node:net");
  const [path, port] = process.argv.slice(1);
  net.createServer((client) => {
    const server = net.connect(Number(port), "127.0.0.1");
    for (const [a, b] of [[client, server], [server, client]]) { a.pipe(b); a.on("error", () => b.destroy()); a.on("close", () => b.destroy()); }
  }).listen(path);
`;

export async function startSamba(): Promise<LabSamba> {
  const samba = findProgram("samba");
  if (!samba) throw new Error("samba is missing; to install: node test/lab/install.mjs samba");
  if (process.getuid?.() !== 0) throw new Error("a domain controller in a network namespace needs root");
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-samba-"));
  const file = (name: string) => join(directory, name);
  const children: ChildProcess[] = [];
  const fronts: Server[] = [];
  let child: ChildProcess | undefined;
  const log = () => readFileSync(file("samba.log"), "utf8");

  const end = async (ending: ChildProcess | undefined) => {
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
    ending.kill("SIGTERM");
    await ended;
  };
  const stop = async () => {
    for (const each of children.splice(0)) await end(each);
    await end(child);
    child = undefined;
  };
  const front = (name: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const server = createServer((client) => {
        const inside = netConnect(file(name));
        for (const [from, to] of [
          [client, inside],
          [inside, client],
        ] as const) {
          from.pipe(to);
          from.on("error", () => to.destroy());
          from.on("close", () => to.destroy());
        }
      });
      fronts.push(server);
      server.once("error", reject);
      server.listen(0, HOST, () => resolve((server.address() as { port: number }).port));
      server.unref();
    });

  let ports = { ldap: 0, ldaps: 0 };
  const connect = async (login: { readonly bindDn: string; readonly password: string } = admin) => {
    const client = new Client({
      url: `ldaps://${HOST}:${ports.ldaps}`,
      tlsOptions: { ca: readFileSync(file("root.crt")) },
    });
    await client.bind(login.bindDn, login.password);
    return client;
  };

  const start = async () => {
    const out = openSync(file("samba.log"), "a");
    child = spawn(
      "unshare",
      [
        ...["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"],
        ...[samba, "-i", "-M", "single", "--no-process-group", "-s", file("dc/etc/smb.conf")],
      ],
      { stdio: ["ignore", out, out] },
    );
    endWithThisProcess(child);
    const controller = child;
    // Its own namespace is there once its command is no longer `unshare`.
    for (let i = 0; commandOf(controller.pid) !== "samba"; i++) {
      if (controller.exitCode !== null || i > 600) throw new Error(`samba did not start:\n${log()}`);
      await sleep(50);
    }
    for (const [name, port] of [
      ["ldap", 389],
      ["ldaps", 636],
    ] as const) {
      rmSync(file(name), { force: true });
      const inside = spawn(
        "nsenter",
        ["-t", String(controller.pid), "-n", process.execPath, "-e", passOn, file(name), String(port)],
        { stdio: ["ignore", out, out] },
      );
      endWithThisProcess(inside);
      children.push(inside);
      for (let i = 0; !existsSync(file(name)); i++) {
        if (inside.exitCode !== null || i > 600) throw new Error(`nothing is passed on:\n${log()}`);
        await sleep(20);
      }
    }
    closeSync(out);
    await untilAnswering(controller, connect, log);
  };

  try {
    const authority = await makeAuthority(directory);
    const { certificate, key } = await authority.sign("dc", {
      names: [`DNS:dc1.${domain}`, "DNS:localhost", "IP:127.0.0.1"],
    });
    await run("samba-tool", [
      ...["domain", "provision", `--targetdir=${file("dc")}`, "--server-role=dc", "--dns-backend=NONE"],
      ...[
        `--realm=${domain.toUpperCase()}`,
        "--domain=LAB",
        "--host-name=dc1",
        `--adminpass=${admin.password}`,
      ],
      ...["--option=interfaces=lo", "--option=bind interfaces only=yes"],
    ]);
    const path = file("dc/etc/smb.conf");
    const lines = {
      "server services": "rpc, ldap, cldap, kdc",
      "log file": file("log.%m"),
      "pid directory": file("dc/run"),
      "ncalrpc dir": file("dc/ncalrpc"),
      "winbindd socket directory": file("dc/winbindd"),
      "ntp signd socket directory": file("dc/ntp"),
      "tls certfile": certificate,
      "tls keyfile": key,
      "tls cafile": authority.root,
    };
    mkdirSync(file("dc/run"));
    const kept = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => !Object.keys(lines).some((name) => line.trim().startsWith(`${name} =`)));
    const own = Object.entries(lines).map(([name, value]) => `\t${name} = ${value}`);
    writeFileSync(path, kept.flatMap((line) => (line === "[global]" ? [line, ...own] : [line])).join("\n"));
    ports = { ldap: await front("ldap"), ldaps: await front("ldaps") };
    await start();
    const connection = await connect();
    await connection.add(`CN=plain,CN=Users,${base}`, {
      objectClass: "user",
      sAMAccountName: "plain",
      userPrincipalName: plain.bindDn,
      userAccountControl: "512",
      unicodePwd: [Buffer.from(`"${plain.password}"`, "utf16le")] as never,
    });
    await connection.unbind();
  } catch (failure) {
    await stop();
    for (const server of fronts) server.close();
    rmSync(directory, { recursive: true, force: true });
    throw failure;
  }

  return {
    url: `ldap://${HOST}:${ports.ldap}`,
    ldapsUrl: `ldaps://${HOST}:${ports.ldaps}`,
    domain,
    base,
    admin,
    plain,
    ca: file("root.crt"),
    directory,
    connect,
    stop,
    start: async () => {
      if (!child) await start();
    },
    remove: async () => {
      await stop();
      for (const server of fronts) server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function commandOf(pid: number | undefined): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined; // It has ended; whoever waits sees that by its exit code.
  }
}
