import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { findProgram } from "./requirements.js";

const SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
const START_TIMEOUT_MS = 30_000;

/** A real PowerDNS on loopback with its HTTP API, on SQLite, in a folder of its own. */
export interface LabPdns {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly apiKey: string;
  readonly host: string;
  readonly dnsPort: number;
  /** Asks the API past the provider; path behind `/api/v1/servers/localhost/`. */
  api(method: string, path: string, body?: object): Promise<{ status: number; json: unknown }>;
  /** Requests that the API has answered so far, by method and path. */
  requests(): readonly string[];
  log(): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function startPdns(): Promise<LabPdns> {
  const program = findProgram("pdns_server");
  const sqlite = findProgram("sqlite3");
  if (!program || !sqlite)
    throw new Error("pdns_server is missing; to install: node test/lab/install.mjs pdns");
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-pdns-"));
  const database = join(directory, "zones.db");
  execFileSync(sqlite, [database], { input: readFileSync(SCHEMA) });
  const apiKey = randomBytes(12).toString("hex");
  let [port, dnsPort] = [0, 0];
  let child: ChildProcess | undefined;
  const log = () => readFileSync(join(directory, "pdns.log"), "utf8");

  const api: LabPdns["api"] = async (method, path, body) => {
    const answer = await fetch(`http://${HOST}:${port}/api/v1/servers/localhost/${path}`, {
      method,
      headers: { "x-api-key": apiKey },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      json: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text,
    };
  };
  const launch = async () => {
    const settings = {
      launch: "gsqlite3",
      "gsqlite3-database": database,
      "gsqlite3-dnssec": "yes",
      "local-address": HOST,
      "local-port": dnsPort,
      webserver: "yes",
      "webserver-address": HOST,
      "webserver-port": port,
      "webserver-loglevel": "normal",
      loglevel: "7",
      api: "yes",
      "api-key": apiKey,
      "socket-dir": directory,
      daemon: "no",
      guardian: "no",
    };
    const output = openSync(join(directory, "pdns.log"), "a");
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const started = spawn(program, ["--no-config", ...args], { stdio: ["ignore", output, output] });
    closeSync(output);
    child = started;
    endWithThisProcess(started);
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (started.exitCode !== null || started.signalCode !== null)
        throw new Error(`pdns_server ended with ${started.signalCode ?? started.exitCode}:\n${log()}`);
      const answer = await api("GET", "zones").catch(() => undefined);
      if (answer?.status === 200) return;
      if (Date.now() > deadline) throw new Error(`pdns_server did not answer:\n${log()}`);
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

  try {
    // Another process may take a free port between looking and binding, so a few are tried.
    for (let attempt = 1; ; attempt++) {
      [port, dnsPort] = [await freePort(), await freePort()];
      try {
        await launch();
        break;
      } catch (failure) {
        await stop();
        if (attempt === 5 || !/in use|bind to/i.test(String(failure))) throw failure;
      }
    }
  } catch (failure) {
    await stop();
    rmSync(directory, { recursive: true, force: true });
    throw failure;
  }

  return {
    url: `http://${HOST}:${port}`,
    apiKey,
    host: HOST,
    dnsPort,
    api,
    requests: () =>
      [...log().matchAll(/"([A-Z]+ \S+) HTTP\/1\.[01]"/g)].map(([, request]) => request as string),
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
