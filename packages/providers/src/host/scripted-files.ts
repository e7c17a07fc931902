/** File operations by scripts, for where there is no SFTP with the right user: one short script each. */
import { parseListing, plainListing } from "./listing.js";
import {
  type Machine,
  MachineError,
  type MachineErrorCode,
  quote,
  type ScriptRequest,
  type ScriptResult,
  within,
} from "./machine.js";
import { ending, lastLines } from "./shell.js";

/** Bytes of a file that is read whole. */
const readLimit = 1024 ** 3;

export function scriptedFiles(
  name: string,
  run: (request: ScriptRequest) => Promise<ScriptResult>,
): Omit<Machine, "name" | "run"> {
  const tried = async (
    what: string,
    path: string,
    script: string,
    more: { readonly stdin?: Buffer; readonly limit?: number } = {},
  ): Promise<ScriptResult> => {
    const result = await run({
      script: `${plainListing}; p=${quote(path)}; ${script}`,
      signal: within(600, `To ${what} ${path} on ${name}`),
      ...more,
    });
    if (result.exitCode === 0) return result;
    const said = lastLines(result.stderr, 3) || ending(result);
    throw new MachineError(codeOf(said), what, path, name, said);
  };
  const quietly = async (what: string, path: string, script: string): Promise<void> => {
    await tried(what, path, script);
  };
  return {
    async stat(path) {
      try {
        return parseListing((await tried("look at", path, 'ls -ldn -- "$p"')).stdout);
      } catch (error) {
        if (error instanceof MachineError && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    readLink: async (path) =>
      (await tried("read the link", path, 'readlink -- "$p"')).stdout.replace(/\n$/, ""),
    read: async (path) => (await tried("read", path, 'cat -- "$p"', { limit: readLimit })).bytes,
    async writeNew(path, content, mode) {
      // With -C the shell refuses to write over something; nobody may read it before it has its mode.
      const script = `umask 077; set -Ce; cat >"$p"; chmod ${mode.toString(8)} -- "$p"; sync -- "$p" 2>/dev/null || sync`;
      await tried("write", path, script, { stdin: content });
    },
    chown: (path, uid, gid) =>
      quietly(
        "change the owner of",
        path,
        `chown -h ${uid < 0 ? "" : uid}${gid < 0 ? "" : `:${gid}`} -- "$p"`,
      ),
    chmod: (path, mode) => quietly("change the mode of", path, `chmod ${mode.toString(8)} -- "$p"`),
    rename: (from, to) =>
      // A folder in the place would be moved into.
      quietly(
        "put in place",
        to,
        `if [ -d "$p" ] && [ ! -h "$p" ]; then echo 'it is a folder' >&2; exit 1; fi; mv -f -- ${quote(from)} "$p"`,
      ),
    remove: (path) => quietly("remove", path, 'rm -f -- "$p"'),
    list: async (path) =>
      (await tried("list", path, 'ls -A1 -- "$p"', { limit: readLimit })).stdout.split("\n").filter(Boolean),
    makeDirectory: (path, mode) =>
      quietly("make the folder", path, `mkdir -- "$p" && chmod ${mode.toString(8)} -- "$p"`),
    removeDirectory: (path) => quietly("remove the folder", path, 'rmdir -- "$p"'),
  };
}

/** From the words of strerror(3) in the C locale, which all tools repeat. */
export function codeOf(said: string): MachineErrorCode {
  const known: readonly (readonly [RegExp, MachineErrorCode])[] = [
    [/No such file or directory|Not a directory|nonexistent directory/i, "ENOENT"],
    [/Permission denied|Operation not permitted/i, "EACCES"],
    [/File exists|cannot overwrite existing/i, "EEXIST"],
    [/not empty/i, "ENOTEMPTY"],
    [/No space left|quota exceeded/i, "ENOSPC"],
  ];
  return known.find(([words]) => words.test(said))?.[1] ?? "EOTHER";
}
