/** A machine over SSH: files over SFTP, scripts over channels with everything they need on standard input. */
import { setTimeout as sleep } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";
import type { ClientChannel, SFTPWrapper } from "ssh2";
import {
  type FileInfo,
  type Machine,
  MachineError,
  type MachineErrorCode,
  quote,
  type ScriptRequest,
  type ScriptResult,
  within,
} from "../machine.js";
import { bootstrap, Capture, compose, drainMs, killAfterMs, lastLines } from "../shell.js";
import type { Link } from "./pool.js";

/** The file type in a mode, POSIX <sys/stat.h>. */
function kindOf(mode: number): FileInfo["kind"] {
  switch (mode & 0o170000) {
    case 0o100000:
      return "file";
    case 0o040000:
      return "directory";
    case 0o120000:
      return "link";
    default:
      return "other";
  }
}

/** `connected` gives the live connection, making it where there is none. */
export function sshMachine(name: string, connected: () => Promise<Link>): Machine {
  /** One SFTP request. */
  const request = async <T>(
    what: string,
    path: string,
    ask: (sftp: SFTPWrapper, done: (error: Error | null | undefined, value?: T) => void) => void,
  ): Promise<T> => {
    const link = await connected();
    const work = (async () => {
      const sftp = await link.sftp();
      return new Promise<T>((resolve, reject) => {
        ask(sftp, (error, value) => (error ? reject(refusal(error, what, path)) : resolve(value as T)));
      });
    })();
    return Promise.race([work, link.lost]);
  };
  const refusal = (error: Error & { code?: number | string }, what: string, path: string): Error =>
    // Without a status code the channel itself has ended.
    typeof error.code === "number"
      ? new MachineError(codes[error.code] ?? "EOTHER", what, path, name, sftpWords(error))
      : new MachineError("EOTHER", what, path, name, error.message);

  const stat = async (path: string): Promise<FileInfo | undefined> => {
    try {
      const stats = await request<{ mode: number; size: number; uid: number; gid: number }>(
        "look at",
        path,
        (sftp, done) => sftp.lstat(path, done as never),
      );
      return {
        kind: kindOf(stats.mode),
        size: stats.size,
        mode: stats.mode & 0o7777,
        uid: stats.uid,
        gid: stats.gid,
      };
    } catch (error) {
      if (error instanceof MachineError && error.code === "ENOENT") return undefined;
      throw error;
    }
  };
  const run = (script: ScriptRequest): Promise<ScriptResult> => runOver(connected, name, script);
  const helper = (script: string): Promise<ScriptResult> =>
    run({ script, signal: within(60, `A look at ${name}`) });

  return {
    name,
    stat,
    run,
    readLink: (path) =>
      request<string>("read the link", path, (sftp, done) => sftp.readlink(path, done as never)),
    read: (path) => request<Buffer>("read", path, (sftp, done) => sftp.readFile(path, done as never)),
    async writeNew(path, content, mode) {
      const handle = await request<Buffer>("write", path, (sftp, done) =>
        sftp.open(path, "wx", { mode }, done as never),
      );
      try {
        if (content.length > 0)
          await request("write", path, (sftp, done) => writeAll(sftp, handle, content, done));
        await request("set the mode of", path, (sftp, done) => sftp.fchmod(handle, mode, done));
        await request("write", path, (sftp, done) => fsync(sftp, handle, done));
      } finally {
        await request("close", path, (sftp, done) => sftp.close(handle, done));
      }
    },
    async chown(path, uid, gid) {
      // SFTP has no "keep it": both ids are always set.
      const now = uid < 0 || gid < 0 ? await stat(path) : undefined;
      await request("change the owner of", path, (sftp, done) =>
        sftp.chown(path, uid < 0 ? (now?.uid ?? uid) : uid, gid < 0 ? (now?.gid ?? gid) : gid, done),
      );
    },
    chmod: (path, mode) => request("change the mode of", path, (sftp, done) => sftp.chmod(path, mode, done)),
    async rename(from, to) {
      try {
        await request("put in place", to, (sftp, done) => sftp.ext_openssh_rename(from, to, done));
      } catch (error) {
        if (error instanceof OrchError || !/extended request|not supported/i.test(String(error))) throw error;
        // SFTP's own rename does not replace; servers without OpenSSH's get the tool for it.
        const { exitCode, stderr } = await helper(`mv -f -- ${quote(from)} ${quote(to)}`);
        if (exitCode !== 0) throw new MachineError("EOTHER", "put in place", to, name, lastLines(stderr, 3));
      }
    },
    remove: (path) => request("remove", path, (sftp, done) => sftp.unlink(path, done)),
    async list(path) {
      const found = await request<readonly { filename: string }[]>("list", path, (sftp, done) =>
        sftp.readdir(path, done as never),
      );
      return found.map((entry) => entry.filename).filter((entry) => entry !== "." && entry !== "..");
    },
    async makeDirectory(path, mode) {
      await request("make the folder", path, (sftp, done) => sftp.mkdir(path, { mode }, done));
      await request("set the mode of", path, (sftp, done) => sftp.chmod(path, mode, done));
    },
    removeDirectory: (path) => request("remove the folder", path, (sftp, done) => sftp.rmdir(path, done)),
  };
}

// Status codes of SFTP version 3, draft-ietf-secsh-filexfer-02 §7.
const codes: Readonly<Record<number, MachineErrorCode>> = { 2: "ENOENT", 3: "EACCES" };
const sftpWords = (error: Error): string =>
  error.message === "Failure"
    ? "the server says only “Failure”: the disk may be full or read-only, the name taken, or the folder not empty"
    : error.message;

function writeAll(
  sftp: SFTPWrapper,
  handle: Buffer,
  content: Buffer,
  done: (error: Error | null | undefined) => void,
): void {
  // ssh2 splits what is larger than the server takes in one packet.
  sftp.write(handle, content, 0, content.length, 0, done);
}

/** On the disk before it is renamed into place; servers without the extension are trusted to write in order. */
function fsync(sftp: SFTPWrapper, handle: Buffer, done: (error: Error | null | undefined) => void): void {
  try {
    sftp.ext_openssh_fsync(handle, done);
  } catch (error) {
    if (!/not support/i.test((error as Error).message)) throw error;
    done(undefined);
  }
}

/** `exec` replaces the login shell, so that the process id that the bootstrap tells is the group's. */
const command = `exec /bin/sh -c '${bootstrap}'`;

async function runOver(
  connected: () => Promise<Link>,
  machine: string,
  request: ScriptRequest,
): Promise<ScriptResult> {
  request.signal.throwIfAborted();
  const { token, input } = compose(request);
  const link = await connected();
  await link.channels.take();
  try {
    const channel = await open(link, machine);
    return await Promise.race([talk(link, channel, machine, request, token, input), link.lost]);
  } finally {
    link.channels.give();
  }
}

/** A channel with the bootstrap running in it. When the server allows fewer than are open, waits for one to end. */
async function open(link: Link, machine: string): Promise<ClientChannel> {
  for (;;) {
    try {
      return await Promise.race([
        new Promise<ClientChannel>((resolve, reject) => {
          link.client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
        }),
        link.lost,
      ]);
    } catch (error) {
      if (error instanceof OrchError) throw error;
      if (!/open fail/i.test((error as Error).message) || !link.channels.shrink())
        throw new OrchError({
          reason: "connection-failed",
          message: `${machine} refused to run a script: ${(error as Error).message}`,
          expected: "a login that may run commands",
          found: (error as Error).message,
          next: ["Check the user's shell and sshd's ForceCommand and MaxSessions."],
        });
      link.channels.give();
      await link.channels.take();
    }
  }
}

/** Milliseconds that a login shell may take until it comes to the script. */
const loginMs = 60_000;

async function talk(
  link: Link,
  channel: ClientChannel,
  machine: string,
  request: ScriptRequest,
  token: string,
  input: Buffer,
): Promise<ScriptResult> {
  let group: string | undefined;
  const stdout = new Capture(token, request.limit, (pid) => {
    clearTimeout(login);
    group = /^\d+$/.test(pid) ? pid : undefined;
    request.started?.(group === undefined ? undefined : Number(group));
  });
  const stderr = new Capture(token);
  channel.on("data", (chunk: Buffer) => stdout.add(chunk));
  channel.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
  channel.on("error", () => {}); // A script need not read its input; a lost connection is told by the link.
  channel.end(input);

  /** Resolves when the signal has been sent, or could not be: what can't be ended is left when the channel closes. */
  const killGroup = (signal: string): Promise<void> =>
    new Promise((resolve) => {
      link.lost.catch(() => resolve());
      link.client.exec(`/bin/sh -c 'kill -s ${signal} -- -${group}'`, (error, killer) => {
        if (error) return resolve();
        killer.on("data", () => {});
        killer.stderr.on("data", () => {});
        killer.once("close", () => resolve());
      });
    });
  let kill: NodeJS.Timeout | undefined;
  let giveUp: NodeJS.Timeout | undefined;
  let left: () => void = () => {};
  let stuck = false;
  const login = setTimeout(() => {
    stuck = true;
    left();
  }, loginMs);
  const stop = (): void => {
    // A login shell that has not come to the script has no group that is known; sshd tells "closed" only when it ends.
    if (group === undefined) {
      left();
      return;
    }
    void killGroup("TERM");
    const patience = request.killAfterMs ?? killAfterMs;
    kill = setTimeout(() => void killGroup("KILL"), patience);
    giveUp = setTimeout(left, patience + 5_000);
  };
  request.signal.addEventListener("abort", stop, { once: true });
  try {
    const ended = await new Promise<{ code: number | null; signal?: string } | undefined>((resolve) => {
      let result: { code: number | null; signal?: string } | undefined;
      let drain: NodeJS.Timeout | undefined;
      left = () => {
        channel.close();
        resolve(result);
      };
      channel.once("exit", (code: number | null, signal?: string) => {
        result = { code, ...(signal ? { signal } : {}) };
        drain = setTimeout(left, drainMs);
      });
      channel.once("close", () => {
        clearTimeout(drain);
        resolve(result);
      });
      if (request.signal.aborted) stop();
    });
    if (request.signal.aborted) {
      // What the script started and that did not end with it.
      if (group !== undefined) await Promise.race([killGroup("KILL"), sleep(killAfterMs)]);
      request.signal.throwIfAborted();
    }
    if (ended === undefined || group === undefined)
      throw new OrchError({
        reason: group === undefined ? "connection-failed" : "connection-lost",
        message:
          group === undefined
            ? `${machine} did not start a shell for the script`
            : `${machine} closed the channel before the script had ended`,
        expected: "/bin/sh and an exit code",
        found:
          (stuck ? `nothing within ${loginMs / 1000} s` : "") ||
          lastLines(`${stdout.preamble}\n${stderr.preamble}`.trim(), 5) ||
          (ended ? `exit code ${ended.code}` : "the end of the channel"),
        next: ["Check the user's login shell, its start-up file (.bashrc), and sshd's ForceCommand."],
      });
    return {
      exitCode: ended.code,
      ...(ended.signal ? { signal: `SIG${ended.signal.replace(/^SIG/, "")}` } : {}),
      stdout: stdout.text(),
      stderr: stderr.text(),
      bytes: stdout.bytes(),
    };
  } finally {
    clearTimeout(login);
    clearTimeout(kill);
    clearTimeout(giveUp);
    request.signal.removeEventListener("abort", stop);
  }
}
