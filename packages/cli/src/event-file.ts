/**
 * `--events FILE`: newline-delimited JSON, each line handed to the operating system before the engine goes on, so that a killed process
 * leaves everything up to its last line. The file serves the run and never harms it: what can't be written is told once, and the run goes on.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";

export interface EventFile {
  /** The first line; nothing when it is there. A command that works several times begins once. */
  begin(document: object): void;
  write(document: object): void;
  /** The last line, and what a slow reader has not taken yet: waits 2 s for it at most. */
  end(exitCode: number): Promise<void>;
}

/** Bytes that are kept for a reader of a pipe who is slow. */
const mostPending = 64 * 1024 * 1024;
/** ms */
const drainTime = 2_000;

/**
 * Appends to a file, or writes into a named pipe that somebody reads. `tell` is called at most once, when writing has to be given up.
 * Throws `invalid-flag` when it can't be opened.
 */
export function openEventFile(path: string, tell: (text: string) => void): EventFile {
  const fd = open(path);
  let pending: Buffer[] = [];
  let bytes = 0;
  let over = false;
  let timer: NodeJS.Timeout | undefined;

  const giveUp = (why: string): void => {
    over = true;
    pending = [];
    tell(`The events are not written to ${path} any more: ${why}. What orch does goes on.`);
  };
  /** As much as is taken now. A pipe that is full is tried again soon. */
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    try {
      for (let first = pending[0]; first !== undefined && !over; first = pending[0]) {
        const taken = writeSync(fd, first);
        bytes -= taken;
        if (taken === first.length) pending.shift();
        else pending[0] = first.subarray(taken);
      }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") {
        if (bytes > mostPending) giveUp("its reader does not keep up");
        else timer = setTimeout(flush, 20).unref();
      } else giveUp(causes[code ?? ""] ?? message);
    }
  };
  const write = (document: object): void => {
    if (over) return;
    const line = Buffer.from(`${JSON.stringify(document)}\n`);
    pending.push(line);
    bytes += line.length;
    // Behind what waits already.
    if (timer === undefined) flush();
  };
  let begun = false;
  return {
    begin(document) {
      if (!begun) write(document);
      begun = true;
    },
    write,
    async end(exitCode) {
      write({ format: 1, type: "command-ended", at: Date.now(), exitCode });
      const until = Date.now() + drainTime;
      while (pending.length > 0 && Date.now() < until) {
        await sleep(20);
        flush();
      }
      if (pending.length > 0) giveUp("its reader does not keep up");
      clearTimeout(timer);
      over = true;
      closeSync(fd);
    },
  };
}

const causes: Readonly<Record<string, string>> = {
  ENOSPC: "there is no space left on the disk",
  EDQUOT: "there is no space left for this user",
  EPIPE: "its reader has gone",
  EIO: "the disk does not take it",
};

function open(path: string): number {
  try {
    // A pipe without a reader would hold the command up for ever.
    const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK = 0 } = constants;
    const fd = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0o600);
    if (endsWithinLine(path, fd)) writeSync(fd, "\n");
    return fd;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new OrchError(
      {
        reason: "invalid-flag",
        message: `--events: ${path} cannot be written. Nothing was done.`,
        found: code === "ENXIO" ? "a pipe that nobody reads" : message,
        next: [code === "ENXIO" ? "Start its reader first." : "Name a file that can be written."],
      },
      { cause: error },
    );
  }
}

/** Was whoever wrote it last cut off in the middle of a line? */
function endsWithinLine(path: string, fd: number): boolean {
  const status = fstatSync(fd);
  if (!status.isFile() || status.size === 0) return false;
  const reader = openSync(path, "r");
  try {
    const last = Buffer.alloc(1);
    readSync(reader, last, 0, 1, status.size - 1);
    return last[0] !== 0x0a;
  } finally {
    closeSync(reader);
  }
}
