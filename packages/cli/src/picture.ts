/** How a picture is made and where it goes: standard output, a file, and in front of the person. */
import { mkdtemp, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";
import type { Drawing } from "./render/graph/layout.js";
import { grouped } from "./render/text.js";
import { note, session, shownOn, write } from "./session.js";

export interface PictureFlags {
  readonly out?: string | undefined;
  readonly open?: boolean | undefined;
}

/** Pictures that are there sooner need no word on how far they are, in ms. */
const patience = 500;

/**
 * Makes a picture, and tells a person who waits how far it is. Rejects with `interrupted` at once when the command is told to end (Ctrl-C): nothing was
 * written then.
 */
async function drawn<T>(what: string, draw: (drawing: Drawing) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const interrupted = (): void =>
    stop.abort(new OrchError({ reason: "interrupted", message: "Interrupted: nothing was drawn." }));
  for (const name of signals) process.on(name, interrupted);
  const { stderr } = process;
  const told = stderr.isTTY === true && !session.plain && process.env.TERM !== "dumb";
  const began = Date.now();
  let parts = "";
  const tell = (): void => {
    const seconds = (Date.now() - began) / 1000;
    if (seconds * 1000 < patience) return;
    stderr.write(`\r\x1b[K${shownOn(stderr, `Drawing ${what}${parts}, ${seconds.toFixed(1)} s`)}`);
  };
  const timer = told ? setInterval(tell, 100) : undefined;
  try {
    return await draw({
      signal: stop.signal,
      progress: (done, all) => {
        parts = `: ${grouped(done)} of ${grouped(all)} parts`;
      },
    });
  } finally {
    clearInterval(timer);
    if (told) stderr.write("\r\x1b[K");
    for (const name of signals) process.off(name, interrupted);
  }
}

/**
 * Draws it, and writes it to `out`, or with `open` alone to a file that only this user can read, and shows it with the program that the user has for such files.
 * Without a display the path is told instead. Rejects as `drawn` does.
 */
export async function give(
  draw: (drawing: Drawing) => Promise<string>,
  ending: string,
  flags: PictureFlags,
  what: string,
): Promise<void> {
  if (flags.out === undefined && !flags.open) {
    write(await drawn(what, draw));
    return;
  }
  const file = await drawn(what, async (drawing) => {
    const text = await draw(drawing);
    // What was asked meanwhile is only heard between two pieces of work.
    await setImmediate();
    drawing.signal?.throwIfAborted();
    const own = flags.out === undefined;
    const path = own
      ? join(await mkdtemp(join(tmpdir(), "orch-picture-")), `picture${ending}`)
      : resolve(flags.out as string);
    await writeWhole(path, `${text}\n`, own ? 0o600 : undefined).catch((error: Error) => {
      throw new OrchError(
        { reason: "invalid-flag", message: `--out: ${path} cannot be written`, found: error.message },
        { cause: error },
      );
    });
    return path;
  });
  note(`Drew ${what} into ${flags.out ?? file}.`);
  if (!flags.open) return;
  if (!hasDisplay(process.platform, process.env)) {
    note("There is no display here: open the file where you have one.");
    return;
  }
  const { default: open } = await import("open");
  await open(file).catch((error: Error) => {
    note(`It could not be opened (${error.message}): open the file yourself.`);
  });
}

/**
 * All of it or nothing: whoever looks at the file meanwhile finds no half of one. What is no file (a pipe, `/dev/stdout`) is written to. `mode`: of a new file.
 */
async function writeWhole(file: string, text: string, mode: number | undefined): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there !== undefined && !there.isFile()) return writeFile(file, text);
  // A link stays one.
  const final = there === undefined ? file : await realpath(file);
  const part = `${final}.${process.pid}.part`;
  try {
    await writeFile(part, text, { mode: there === undefined ? mode : there.mode & 0o777 });
    await rename(part, final);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** A browser over SSH, or none, is of no use. */
export const hasDisplay = (
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
): boolean =>
  platform === "darwin" || platform === "win32"
    ? env.SSH_CONNECTION === undefined
    : Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME);
