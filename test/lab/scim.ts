import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { pypiProgram } from "./requirements.js";

/** A real SCIM 2.0 server (PyPI `scim2-server`) that keeps everything in memory. */
export interface LabScim {
  readonly url: string;
  readonly token: string;
  /** A request past the provider; answers with the status and what was said. */
  ask(method: string, path: string, body?: object): Promise<{ status: number; body: Record<string, never> }>;
  /** The requests that it has logged so far: `GET /v2/Users`. */
  requests(): string[];
  /** Ends it, with everything in it. */
  stop(): Promise<void>;
}

export async function startScim(): Promise<LabScim> {
  const token = "token-of-the-scim-lab";
  const port = await freePort();
  const child = spawn(
    pypiProgram("scim", "scim2-server"),
    ["--hostname", HOST, "--port", String(port), "--bearer-token", token],
    { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH ?? "", PYTHONUNBUFFERED: "1" } },
  );
  endWithThisProcess(child);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += String(data)));
  const url = `http://${HOST}:${port}/v2`;
  const ask: LabScim["ask"] = async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? {} : JSON.parse(text) };
  };
  await untilAnswering(
    child,
    async () => (await ask("GET", "/ServiceProviderConfig")).status === 200,
    () => log,
  );
  return {
    url,
    token,
    ask,
    requests: () => [...log.matchAll(/"([A-Z]+ \S+) HTTP/g)].map(([, request]) => request as string),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function untilAnswering(
  child: ChildProcess,
  answers: () => Promise<boolean>,
  log: () => string,
): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`scim2-server ended with ${child.exitCode}:\n${log()}`);
    if (await answers().catch(() => false)) return;
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`scim2-server did not answer within 30 s:\n${log()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
