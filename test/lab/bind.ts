import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { findProgram } from "./requirements.js";

const run = promisify(execFile);
const START_TIMEOUT_MS = 30_000;

/** A TSIG key that the server knows. */
export interface LabKey {
  readonly name: string;
  readonly algorithm: string;
  /** Base64. */
  readonly secret: string;
}

/**
 * A real BIND on loopback, in a folder of its own, primary of three zones:
 * - `example.test`, where the key `orch` may change and transfer everything, and `limited` only the A of `only.example.test`;
 * - `closed.test`, the same, but it is not transferred to anybody;
 * - `2.0.192.in-addr.arpa`, for addresses.
 */
export interface LabBind {
  readonly host: string;
  readonly port: number;
  /** May do everything. */
  readonly key: LabKey;
  /** The same with HMAC-SHA512. */
  readonly sha512: LabKey;
  /** May change one name. */
  readonly limited: LabKey;
  /** The records of a name and type, as dig prints them: TTL, class, type and data by blanks. */
  dig(name: string, type: string): Promise<readonly string[]>;
  /** Every line of a transferred zone. */
  zone(zone?: string): Promise<readonly string[]>;
  /** Changes a zone as somebody else would, with nsupdate's commands. */
  nsupdate(...commands: readonly string[]): Promise<void>;
  /** What the server has logged, queries and updates too. */
  log(): string;
  stop(): Promise<void>;
  /** Starts it again on the same port, with what the zones were. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function startBind(): Promise<LabBind> {
  const named = findProgram("named");
  if (!named) throw new Error("named is missing; to install: node test/lab/install.mjs bind9");
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-bind-"));
  const file = (name: string) => join(directory, name);
  const key = (name: string, algorithm: string, bytes: number): LabKey => ({
    name,
    algorithm,
    secret: randomBytes(bytes).toString("base64"),
  });
  const orch = key("orch", "hmac-sha256", 32);
  const sha512 = key("orch512", "hmac-sha512", 64);
  const limited = key("limited", "hmac-sha256", 32);
  let port = 0;
  let child: ChildProcess | undefined;
  const log = () => readFileSync(file("named.log"), "utf8");

  const zones: Readonly<Record<string, string>> = {
    "example.test": `allow-transfer { key orch; key orch512; };
      update-policy { grant orch zonesub ANY; grant orch512 zonesub ANY; grant limited name only.example.test. A; };`,
    "closed.test": "allow-transfer { none; }; update-policy { grant orch zonesub ANY; };",
    "2.0.192.in-addr.arpa": "allow-transfer { key orch; }; update-policy { grant orch zonesub ANY; };",
  };
  for (const zone of Object.keys(zones))
    writeFileSync(
      file(`${zone}.zone`),
      `$TTL 300\n@ SOA ns1.${zone}. hostmaster.${zone}. 1 3600 600 86400 300\n@ NS ns1.example.test.\n` +
        (zone === "example.test" ? "ns1 A 127.0.0.1\n" : ""),
    );

  const launch = async () => {
    writeFileSync(
      file("named.conf"),
      `${[orch, sha512, limited]
        .map(
          ({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
        )
        .join("\n")}
options {
  directory "${directory}"; pid-file none; session-keyfile "${file("session.key")}"; lock-file none;
  listen-on port ${port} { ${HOST}; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; empty-zones-enable no; notify no; minimal-any no;
};
controls { };
logging {
  channel all { file "${file("named.log")}"; severity info; print-category yes; };
  category default { all; }; category queries { all; }; category update { all; }; category xfer-out { all; };
};
${Object.entries(zones)
  .map(([zone, more]) => `zone "${zone}" { type primary; file "${zone}.zone"; ${more} };`)
  .join("\n")}
`,
    );
    const output = openSync(file("named.log"), "a");
    const started = spawn(named, ["-g", "-c", file("named.conf"), "-n", "1"], {
      cwd: directory,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    child = started;
    endWithThisProcess(started);
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (started.exitCode !== null || started.signalCode !== null)
        throw new Error(`named ended with ${started.signalCode ?? started.exitCode}:\n${log()}`);
      if ((await dig("example.test", "SOA").catch(() => [])).length > 0) return;
      if (Date.now() > deadline) throw new Error(`named did not answer:\n${log()}`);
      await sleep(50);
    }
  };
  const stop = async () => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
    ending.kill("SIGTERM");
    await ended;
  };

  const asOrch = () => `${orch.algorithm}:${orch.name}:${orch.secret}`;
  async function ask(...args: readonly string[]): Promise<readonly string[]> {
    const { stdout } = await run("dig", [
      ...[`@${HOST}`, "-p", String(port), "+norecurse", "+tries=1", "+time=5", "+noall", "+answer"],
      ...args,
    ]);
    if (stdout.includes("; Transfer failed")) throw new Error(stdout);
    return stdout.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  }
  const dig = async (name: string, type: string) =>
    (await ask("-t", type, "-q", name)).map((line) => line.split(/\s+/).slice(1).join(" "));

  try {
    // Another process may take the free port between looking and binding, so a few are tried.
    for (let attempt = 1; ; attempt++) {
      port = await freePort();
      try {
        await launch();
        break;
      } catch (failure) {
        await stop();
        if (attempt === 5 || !String(failure).includes("address in use")) throw failure;
      }
    }
  } catch (failure) {
    await stop();
    rmSync(directory, { recursive: true, force: true });
    throw failure;
  }

  return {
    host: HOST,
    get port() {
      return port;
    },
    key: orch,
    sha512,
    limited,
    dig,
    zone: (zone = "example.test") => ask("-y", asOrch(), "-t", "AXFR", "-q", zone),
    async nsupdate(...commands) {
      const done = run("nsupdate", ["-y", asOrch()]);
      done.child.stdin?.end(`server ${HOST} ${port}\n${commands.join("\n")}\nsend\n`);
      await done;
    },
    log,
    stop,
    start: async () => {
      if (child === undefined) await launch();
    },
    async remove() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
