/**
 * A machine as the resources see it: files and scripts, the same over SSH and locally. POSIX systems; a path is absolute and names
 * bytes in UTF-8.
 */
import { OrchError } from "@orch/core/model/failure";

export interface FileInfo {
  readonly kind: "file" | "directory" | "link" | "other";
  /** Bytes. */
  readonly size: number;
  /** Permission bits, including setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface ScriptRequest {
  /** Shell text; goes over the standard input, never in an argument. */
  readonly script: string;
  /** Program and arguments that get a file with the script as last argument. Default: the script is evaluated by `/bin/sh`. */
  readonly interpreter?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text or bytes. */
  readonly stdin?: string | Buffer;
  /** Bytes of output that are kept, the last ones. Default {@link outputLimit}. */
  readonly limit?: number;
  /** Fires: the script's process group gets SIGTERM and, {@link ScriptRequest.killAfterMs} later, SIGKILL. */
  readonly signal: AbortSignal;
  /** Milliseconds that the script has to clean up when it is ended. Default 5000. */
  readonly killAfterMs?: number;
  /**
   * Called when the script begins, which over SSH is after waiting for a channel and the login's shell, with its process group where
   * that is known.
   */
  readonly started?: (group: number | undefined) => void;
}
export interface ScriptResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal?: string;
  /** The last bytes of each, up to the request's limit, as UTF-8. */
  readonly stdout: string;
  readonly stderr: string;
  /** The bytes of `stdout`. */
  readonly bytes: Buffer;
}
export const outputLimit = 256 * 1024;

/** File operations reject with {@link MachineError}; a lost connection with `connection-lost`. */
export interface Machine {
  /** `this machine`, or `root@web1:22`. */
  readonly name: string;
  /** Does not follow a link. Undefined: there is nothing. */
  stat(path: string): Promise<FileInfo | undefined>;
  readLink(path: string): Promise<string>;
  read(path: string): Promise<Buffer>;
  /** Makes a new file (it must not exist) with the content on the disk, not only in its cache. */
  writeNew(path: string, content: Buffer, mode: number): Promise<void>;
  /** -1 keeps the user or the group. */
  chown(path: string, uid: number, gid: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Replaces what is there in one step. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  makeDirectory(path: string, mode: number): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  run(request: ScriptRequest): Promise<ScriptResult>;
}

export type MachineErrorCode = "ENOENT" | "EACCES" | "EEXIST" | "ENOTEMPTY" | "ENOSPC" | "EOTHER";

const words: Record<Exclude<MachineErrorCode, "EOTHER">, string> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EEXIST: "it exists already",
  ENOTEMPTY: "it is not empty",
  ENOSPC: "no space left on the device",
};

/** A file operation that a machine refused, as the failure it becomes when nobody handles it. */
export class MachineError extends OrchError {
  constructor(
    readonly code: MachineErrorCode,
    what: string,
    path: string,
    machine: string,
    detail?: string,
  ) {
    const why = code === "EOTHER" ? (detail ?? "refused") : words[code];
    super({
      reason: code === "ENOSPC" ? "disk-full" : code === "EACCES" ? "permission-denied" : "provider-error",
      message: `Could not ${what} ${path} on ${machine}: ${why}`,
      ...(code === "EACCES"
        ? {
            next: [
              "Log in as a user who may do that, become one (`connection.become`), or change who owns the folder.",
            ],
          }
        : code === "ENOENT"
          ? { next: ["Make its folder first: a `host.Directory` that this resource depends on."] }
          : code === "ENOSPC"
            ? { next: ["Free some space on that machine and apply again."] }
            : {}),
    });
    this.name = "MachineError";
  }
}

/** Single quotes for a POSIX shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Fires after so many seconds, with a `timeout` as its reason. For orch's own short scripts, which have no limit of the user's. */
export function within(seconds: number, what: string): AbortSignal {
  const timer = new AbortController();
  setTimeout(
    () =>
      timer.abort(
        new OrchError({
          reason: "timeout",
          message: `${what} did not end within ${seconds} s`,
          expected: "an answer at once",
          found: "none",
          next: ["Check the login: does its shell's start-up file (.bashrc, .profile) wait for something?"],
        }),
      ),
    seconds * 1000,
  ).unref();
  return timer.signal;
}
