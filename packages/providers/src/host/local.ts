/** The machine that orch runs on. */
import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import { OrchError } from "@orch/core/model/failure";
import {
  type FileInfo,
  type Machine,
  MachineError,
  type MachineErrorCode,
  type ScriptRequest,
  type ScriptResult,
} from "./machine.js";
import { bootstrap, Capture, compose, drainMs, killAfterMs } from "./shell.js";

const name = "this machine";

/** `cwd`: where scripts run that name no folder. */
export function localMachine(cwd: string): Machine {
  if (process.platform === "win32")
    throw new OrchError({
      reason: "unsupported",
      message: 'The connection {type: "local"} needs a POSIX system',
      found: process.platform,
      next: ["Run orch in WSL, or use an SSH connection."],
    });
  return {
    name,
    stat: (path) => tried("look at", path, async () => info(await fs.lstat(path)), "ENOENT"),
    readLink: (path) => tried("read the link", path, () => fs.readlink(path)),
    read: (path) => tried("read", path, () => fs.readFile(path)),
    writeNew: (path, content, mode) =>
      tried("write", path, async () => {
        const file = await fs.open(path, "wx", mode);
        try {
          await file.writeFile(content);
          await file.chmod(mode); // The umask took some away.
          await file.sync();
        } finally {
          await file.close();
        }
      }),
    chown: (path, uid, gid) =>
      tried("change the owner of", path, () => fs.lchown(path, unset(uid), unset(gid))),
    chmod: (path, mode) => tried("change the mode of", path, () => fs.chmod(path, mode)),
    rename: (from, to) => tried("put in place", to, () => fs.rename(from, to)),
    remove: (path) => tried("remove", path, () => fs.unlink(path)),
    list: (path) => tried("list", path, () => fs.readdir(path)),
    makeDirectory: (path, mode) =>
      tried("make the folder", path, async () => {
        await fs.mkdir(path, mode);
        await fs.chmod(path, mode);
      }),
    removeDirectory: (path) => tried("remove the folder", path, () => fs.rmdir(path)),
    run: (request) => run(request, cwd),
  };
}

/** POSIX's "leave it" for an id is -1 as an unsigned 32-bit number. */
const unset = (id: number): number => (id < 0 ? 0xffffffff : id);

function info(stats: Awaited<ReturnType<typeof fs.lstat>>): FileInfo {
  return {
    kind: stats.isFile()
      ? "file"
      : stats.isDirectory()
        ? "directory"
        : stats.isSymbolicLink()
          ? "link"
          : "other",
    size: Number(stats.size),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  };
}

async function tried<T>(what: string, path: string, work: () => Promise<T>): Promise<T>;
async function tried<T>(
  what: string,
  path: string,
  work: () => Promise<T>,
  absent: "ENOENT",
): Promise<T | undefined>;
async function tried<T>(
  what: string,
  path: string,
  work: () => Promise<T>,
  absent?: "ENOENT",
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (absent !== undefined && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    throw new MachineError(codes[code] ?? "EOTHER", what, path, name, message);
  }
}
const codes: Readonly<Record<string, MachineErrorCode>> = {
  ENOENT: "ENOENT",
  EACCES: "EACCES",
  EPERM: "EACCES",
  EEXIST: "EEXIST",
  ENOTEMPTY: "ENOTEMPTY",
  ENOSPC: "ENOSPC",
  EDQUOT: "ENOSPC",
};

/** What orch itself was started with may hold its passphrases; a script gets the rest of the environment. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(ORCH|PULUMI)_/.test(key)));
}

async function run(request: ScriptRequest, cwd: string): Promise<ScriptResult> {
  request.signal.throwIfAborted();
  const { token, input } = compose(request);
  // A group of its own, so that ending it ends what it started.
  const child = spawn("/bin/sh", ["-c", bootstrap], { detached: true, cwd, env: environment() });
  const stdout = new Capture(token, request.limit, () => request.started?.(child.pid));
  const stderr = new Capture(token);
  child.stdout.on("data", (chunk: Buffer) => stdout.add(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
  child.stdin.on("error", () => {}); // A script need not read its input.
  child.stdin.end(input);

  const killGroup = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  let kill: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killGroup("SIGTERM");
    kill = setTimeout(() => killGroup("SIGKILL"), request.killAfterMs ?? killAfterMs);
  };
  request.signal.addEventListener("abort", stop, { once: true });
  try {
    const result = await new Promise<ScriptResult>((resolve, reject) => {
      child.once("error", (error) =>
        reject(
          new OrchError({
            reason: "provider-error",
            message: `/bin/sh could not be started in ${cwd}: ${error.message}`,
          }),
        ),
      );
      child.once("exit", (exitCode, signal) => {
        const done = (): void => {
          clearTimeout(drain);
          child.stdout.destroy();
          child.stderr.destroy();
          resolve({
            exitCode,
            ...(signal ? { signal } : {}),
            stdout: stdout.text(),
            stderr: stderr.text(),
            bytes: stdout.bytes(),
          });
        };
        const drain = setTimeout(done, drainMs);
        child.once("close", done);
      });
    });
    request.signal.throwIfAborted();
    return result;
  } finally {
    clearTimeout(kill);
    request.signal.removeEventListener("abort", stop);
    // The leader ended when asked to; what it started and that did not is ended too.
    if (request.signal.aborted) killGroup("SIGKILL");
  }
}
