/**
 * Starts the process that runs a program. The child always runs from `dist` (Node runs no TypeScript of ours): tests that run
 * this file from `src` need a build first, which `npm test` does.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { withoutOwnSecrets } from "../provider/environment.js";
import type { ProgramHost } from "./contract.js";

/** A process that has begun to load the SDK and waits for the options. Serves one run. */
export interface ChildHost extends ProgramHost {
  readonly child: ChildProcess;
  /** The engine's end of the pipe. */
  readonly socket: Socket;
  /** What keeps this process alive while the child is in use; let go until then. */
  readonly handles: readonly { ref(): void; unref(): void }[];
  /** The process could not be started. */
  readonly startError?: Error;
}

const entry = fileURLToPath(
  new URL("./child/main.js", import.meta.url.replace(/\/src\/program\/host\.ts$/, "/dist/program/host.js")),
);

/**
 * Spawns the process. Cheap (a few ms): call it first thing, then load state and configuration while the SDK loads there.
 * Never throws; what goes wrong is reported by `runProgram`.
 */
export function startProgramHost(options: { readonly programDir: string }): ChildHost {
  const wrapper = endsWithParent();
  const watched = wrapper.length > 0 ? [] : [String(process.pid)];
  const [command, ...args] = [
    ...wrapper,
    process.execPath,
    ...nodeFlags(),
    entry,
    options.programDir,
    ...watched,
  ];
  const child = spawn(command as string, args, {
    // A folder that does not exist would look like a missing Node; the child changes to its folder once it has its options.
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: withoutOwnSecrets(process.env),
    windowsHide: true,
  });
  const socket = child.stdio[3] as Socket;
  const host: ChildHost & { startError?: Error } = {
    programDir: options.programDir,
    child,
    socket,
    handles: [child, socket, child.stdout as Socket, child.stderr as Socket],
    close: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    },
  };
  child.on("error", (error) => {
    host.startError = error;
  });
  // How the process ended says more than that its pipe broke.
  socket.on("error", () => {});
  // A command that ends without running the program does not wait for it; the child leaves when its pipe closes.
  for (const handle of host.handles) handle.unref();
  return host;
}

/**
 * What makes the kernel end a process with the one that started it (prctl PR_SET_PDEATHSIG), for a millisecond. A program that keeps its only thread busy would
 * not hear that its pipe closed. Where there is no such command, a thread in the child looks (child/watchdog.ts): 60 ms of CPU more.
 */
function endsWithParent(): readonly string[] {
  if (process.platform !== "linux") return [];
  try {
    // BusyBox has one of that name, which can't do this.
    if (!realpathSync("/usr/bin/setpriv").endsWith("/setpriv")) return [];
  } catch {
    return [];
  }
  return ["/usr/bin/setpriv", "--pdeathsig", "KILL"];
}

/** ORCH_PROGRAM_NODE_FLAGS adds what NODE_OPTIONS does not allow (`--cpu-prof`); both win over the flags here. */
function nodeFlags(): string[] {
  const own = (process.env.ORCH_PROGRAM_NODE_FLAGS ?? "").split(/\s+/).filter((flag) => flag !== "");
  return [
    "--no-warnings=ExperimentalWarning",
    // Everything that a program registers stays alive until it is answered, so early collections find nothing: without these,
    // 10,000 resources cost 1 s of CPU and 50 MB more.
    "--initial-old-space-size=512",
    "--min-semi-space-size=16",
    "--max-semi-space-size=16",
    ...own,
  ];
}
