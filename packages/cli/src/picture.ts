/** Where a picture goes: standard output, a file, and in front of the person. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import { note, write } from "./session.js";

export interface PictureFlags {
  readonly out?: string | undefined;
  readonly open?: boolean | undefined;
}

/**
 * Writes it to `out`, or with `open` alone to a file that only this user can read, and shows it with the program that the user has for such files. Without
 * a display the path is told instead.
 */
export async function give(text: string, ending: string, flags: PictureFlags, what: string): Promise<void> {
  if (flags.out === undefined && !flags.open) {
    write(text);
    return;
  }
  const file =
    flags.out === undefined
      ? join(await mkdtemp(join(tmpdir(), "orch-picture-")), `picture${ending}`)
      : resolve(flags.out);
  await writeFile(file, `${text}\n`, flags.out === undefined ? { mode: 0o600 } : {}).catch((error: Error) => {
    throw new OrchError(
      { reason: "invalid-flag", message: `--out: ${file} cannot be written`, found: error.message },
      { cause: error },
    );
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

/** A browser over SSH, or none, is of no use. */
export const hasDisplay = (
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
): boolean =>
  platform === "darwin" || platform === "win32"
    ? env.SSH_CONNECTION === undefined
    : Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME);
