/** A plugin's process: started in a group of its own, heard out for its port, watched until it ends. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { type Failure, OrchError } from "@orch/core/model/failure";
import { guardGroup, killGroup } from "./guard.js";
import type { Redactor } from "./redact.js";

export interface SpawnOptions {
  /** Of the package, for messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until the port must be there. */
  readonly startTimeout: number;
  readonly redactor: Redactor;
  /** Every line it prints, redacted, but the port. */
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
}

export interface PluginProcess {
  readonly pid: number;
  readonly port: number;
  /** How it ended; undefined while it runs. */
  readonly ended: () => string | undefined;
  /** Resolves when it has ended and all it printed was read. */
  readonly exit: Promise<void>;
  /** The last lines it printed on stderr (stdout where there are none), redacted. */
  readonly lastWords: () => string;
  /** Asks it to end, and after `graceMs` ends the whole group. */
  readonly stop: (graceMs: number) => Promise<void>;
}

const keptLines = 20;
/** Progress marks that `dotnet run` prints even where there is no terminal (dotnet/sdk#44610). */
const dotnetMarks = ["\x1b]9;4;3;\x1b\\", "\x1b]9;4;0;\x1b\\"];

/** Rejects with `plugin-start`. */
export async function startProcess(options: SpawnOptions): Promise<PluginProcess> {
  const { name, command, redactor } = options;
  const child = spawn(command, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: process.platform !== "win32",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: Record<"stdout" | "stderr", string[]> = { stdout: [], stderr: [] };
  let ended: string | undefined;

  const spawned = new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        startFailure(name, command, {
          message: `could not be started: ${error.code === "EACCES" ? "the file may not be executed" : error.message}`,
          next:
            error.code === "EACCES"
              ? [`chmod +x ${command}`]
              : [
                  "Look whether the file is there, is made for this machine, and what it starts with (#!) exists.",
                ],
        }),
      ),
    );
  });
  await spawned;
  const pid = child.pid as number;
  const release = guardGroup(pid);

  // The exit and the last output come in any order; "close" comes after both. A child of the plugin may hold the output open
  // for ever, so that is waited for only a moment.
  const exit = new Promise<void>((resolve) => {
    let done = false;
    const finish = () => {
      if (done) return;
      done = true;
      // What the plugin started itself goes with it: the Terraform bridge leaves its Terraform child behind.
      killGroup(pid, "SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      release();
      resolve();
    };
    child.once("exit", (code, signal) => {
      ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
      setTimeout(finish, 500);
    });
    child.once("close", finish);
  });

  let onPort: (line: string) => void;
  const firstLine = new Promise<string>((resolve) => {
    onPort = resolve;
  });
  let heardPort = false;
  for (const stream of ["stdout", "stderr"] as const) {
    createInterface({ input: child[stream] }).on("line", (line) => {
      if (stream === "stdout" && !heardPort) {
        heardPort = true;
        onPort(line);
        return;
      }
      if (line.trim() === "") return;
      const text = redactor.redact(line);
      const kept = lines[stream];
      kept.push(text);
      if (kept.length > keptLines) kept.shift();
      options.onLine(text, stream);
    });
  }

  const plugin = {
    pid,
    ended: () => ended,
    exit,
    // Redacted once more: what is secret may have become known after the line was printed.
    lastWords: () => redactor.redact((lines.stderr.length > 0 ? lines.stderr : lines.stdout).join("\n")),
    stop: (graceMs: number) => stop(pid, exit, graceMs, () => ended !== undefined),
  };

  const timeout = new AbortController();
  const first = await Promise.race([
    firstLine.then((line) => ({ kind: "line" as const, line })),
    exit.then(() => ({ kind: "exit" as const })),
    delay(options.startTimeout, { kind: "timeout" as const }, { signal: timeout.signal, ref: true }).catch(
      () => ({
        kind: "timeout" as const,
      }),
    ),
  ]);
  timeout.abort();
  const words = (): Pick<Failure, "detail"> =>
    plugin.lastWords() === "" ? {} : { detail: plugin.lastWords() };
  if (first.kind === "exit") {
    throw startFailure(name, command, {
      message: `ended (${ended}) before it said on which port it listens.`,
      ...words(),
    });
  }
  if (first.kind === "timeout") {
    await plugin.stop(0);
    throw startFailure(name, command, {
      message: `did not say on which port it listens within ${options.startTimeout / 1000} s.`,
      ...words(),
      next: ["Set ORCH_PLUGIN_START_TIMEOUT (seconds) higher where the machine is slow."],
    });
  }
  const port = parsePort(first.line);
  if (port === undefined) {
    // What comes after the wrong line often says why.
    await Promise.race([exit, delay(300)]);
    await plugin.stop(0);
    throw startFailure(name, command, {
      message: "did not begin with the port it listens on.",
      expected: "a port number as the first line of its standard output",
      found: JSON.stringify(redactor.redact(first.line.slice(0, 200))),
      ...words(),
      next: [`Look whether ${command} is a resource plugin of Pulumi, made for this machine.`],
    });
  }
  return { ...plugin, port };
}

function parsePort(line: string): number | undefined {
  let text = line;
  for (const mark of dotnetMarks) text = text.replaceAll(mark, "");
  text = text.trim();
  const port = Number(text);
  return /^\d+$/.test(text) && port > 0 && port <= 65535 ? port : undefined;
}

async function stop(pid: number, exit: Promise<void>, graceMs: number, gone: () => boolean): Promise<void> {
  if (!gone() && graceMs > 0) {
    killGroup(pid, "SIGINT");
    const timer = new AbortController();
    await Promise.race([exit, delay(graceMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }
  if (!gone()) killGroup(pid, "SIGKILL");
  await exit;
}

export function startFailure(
  name: string,
  command: string,
  rest: Pick<Failure, "message" | "expected" | "found" | "detail" | "next">,
): OrchError {
  return new OrchError({
    ...rest,
    reason: "plugin-start",
    message: `The plugin of ${name} (${command}) ${rest.message}`,
  });
}
