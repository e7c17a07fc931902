import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { labBin } from "./requirements.js";

/** A real PocketBase (https://pocketbase.io) with an empty collection `assets`, in a folder of its own. */
export interface LabPocketbase {
  readonly url: string;
  /** A superuser's token. */
  readonly token: string;
  /** A request past the provider; fails with the answer when that is no success. */
  ask(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** All records of `assets`, by tag. */
  assets(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  remove(): Promise<void>;
}

const run = promisify(execFile);

export async function startPocketbase(): Promise<LabPocketbase> {
  const program = join(labBin(), "pocketbase");
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-pocketbase-"));
  // The others of its folders would be beside that of the data, which is everybody's.
  const folders = ["data", "migrations", "hooks", "public"].map(
    (name) => `--${name === "data" ? "dir" : `${name}Dir`}=${join(directory, name)}`,
  );
  const login = { identity: "lab@orch.example", password: randomBytes(12).toString("hex") };
  await run(program, ["superuser", "create", login.identity, login.password, ...folders]);
  const port = await freePort();
  const url = `http://${HOST}:${port}`;
  const child = spawn(program, ["serve", `--http=${HOST}:${port}`, ...folders, "--automigrate=false"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWithThisProcess(child);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += String(text)));
  await untilHealthy(child, url, () => log);

  let token = "";
  const ask: LabPocketbase["ask"] = async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  const session = await ask("POST", "/api/collections/_superusers/auth-with-password", login);
  token = String(session.token);
  const text = (name: string) => ({ name, type: "text" });
  await ask("POST", "/api/collections", {
    name: "assets",
    type: "base",
    fields: ["tag", "kind", "model", "holder", "status", "note"].map(text),
    indexes: ["CREATE UNIQUE INDEX assets_tag ON assets (tag)"],
  });
  return {
    url,
    token,
    ask,
    assets: async () =>
      (await ask("GET", "/api/collections/assets/records?perPage=200&sort=tag")).items as Record<
        string,
        unknown
      >[],
    remove: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function untilHealthy(child: ChildProcess, url: string, log: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  const healthy = () =>
    fetch(`${url}/api/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await healthy())) {
    if (child.exitCode !== null) throw new Error(`pocketbase ended with ${child.exitCode}:\n${log()}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`pocketbase did not answer within 60 s:\n${log()}`);
    }
    await sleep(50);
  }
}
