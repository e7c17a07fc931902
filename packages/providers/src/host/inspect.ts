/** Many files of a machine looked at by one script: kind, mode, owner and hash of each, and the content of those that are not as last known. */
import type { Failure } from "@orch/core/model/failure";
import { sha256 } from "./content.js";
import { parseListing, plainListing } from "./listing.js";
import { type FileInfo, type Machine, MachineError, quote } from "./machine.js";
import { codeOf } from "./scripted-files.js";
import { ending, lastLines } from "./shell.js";

export interface Inspected {
  readonly info: FileInfo;
  /** Of a regular file: lower-case hex. */
  readonly sha256?: string;
  /** Of a regular file whose hash is not the known one. */
  readonly content?: Buffer;
}

/** Bytes that one script may print. */
const limit = 1024 ** 3;
/** Paths in one script; as arguments of one command they stay far below what systems allow. */
const most = 500;

/** Without symbolic links, devices and pipes: reading those could last for ever. A few programs for all files, not a few for each. */
const functions = `
${plainListing}
hash() { if command -v sha256sum >/dev/null 2>&1; then sha256sum -- "$@"; else shasum -a 256 -- "$@"; fi; }
look() {
  ls -ldn -- "$@" 2>&1
  for p; do shift; if [ -f "$p" ] && [ ! -h "$p" ]; then set -- "$@" "$p"; fi; done
  echo @hashes
  [ $# -eq 0 ] || hash "$@" 2>&1
}
`;

/**
 * One answer per path, in order; undefined: there is nothing. `known` hashes save their content the way. What can't be looked at is a
 * failure by itself. Rejects where the script could not run.
 */
export async function inspect(
  machine: Machine,
  wanted: readonly { readonly path: string; readonly known?: string | undefined }[],
  signal: AbortSignal,
): Promise<readonly (Inspected | { readonly failure: Failure } | undefined)[]> {
  const answers = new Map<string, Inspected | { readonly failure: Failure } | undefined>();
  // Names that a listing might show in another way are asked for one by one, without one.
  const [plain, strange] = [
    wanted.filter((one) => isPlain(one.path)),
    wanted.filter((one) => !isPlain(one.path)),
  ];
  for (let from = 0; from < plain.length; from += most)
    await some(machine, plain.slice(from, from + most), signal, answers);
  await Promise.all(
    strange.map(async ({ path, known }) => {
      try {
        const info = await machine.stat(path);
        if (info?.kind !== "file") return answers.set(path, info && { info });
        const content = await machine.read(path);
        const hash = sha256(content);
        return answers.set(path, { info, sha256: hash, ...(hash === known ? {} : { content }) });
      } catch (error) {
        if (!(error instanceof MachineError)) throw error;
        return answers.set(path, { failure: error.failure });
      }
    }),
  );
  return wanted.map(({ path }) => answers.get(path));
}

const isPlain = (path: string): boolean => /^\/[!-[\]-~]*$/.test(path);

async function some(
  machine: Machine,
  wanted: readonly { readonly path: string; readonly known?: string | undefined }[],
  signal: AbortSignal,
  answers: Map<string, Inspected | { readonly failure: Failure } | undefined>,
): Promise<void> {
  const paths = [...new Set(wanted.map(({ path }) => path))];
  const result = await machine.run({
    script: `${functions}look ${paths.map(quote).join(" ")}; exit 0`,
    signal,
    limit,
  });
  if (result.exitCode !== 0)
    throw new MachineError("EOTHER", "look at", paths[0] ?? "", machine.name, ending(result));
  const [listed = "", hashed = ""] = result.stdout.split("@hashes\n");
  const infos = new Map<string, FileInfo>();
  const said: string[] = [];
  for (const line of listed.split("\n")) {
    const info = parseListing(line);
    // The name begins at the first slash: neither numbers nor dates have one.
    if (info) infos.set((line.slice(line.indexOf(" /") + 1).split(" -> ")[0] as string).trim(), info);
    else said.push(line);
  }
  const hashes = new Map(
    hashed.split("\n").flatMap((line) => {
      const match = /^([0-9a-f]{64}) [ *](\/.*)$/.exec(line);
      if (!match) said.push(line);
      return match ? [[match[2] as string, match[1] as string] as const] : [];
    }),
  );
  const changed: string[] = [];
  for (const { path, known } of wanted) {
    const info = infos.get(path);
    const hash = hashes.get(path);
    if (info === undefined || (info.kind === "file" && hash === undefined)) {
      const words = said.filter((line) => line.includes(path)).join("\n");
      answers.set(
        path,
        words === "" || codeOf(words) === "ENOENT"
          ? undefined
          : {
              failure: new MachineError(codeOf(words), "look at", path, machine.name, lastLines(words, 2))
                .failure,
            },
      );
    } else {
      answers.set(path, { info, ...(hash === undefined ? {} : { sha256: hash }) });
      if (info.kind === "file" && hash !== known) changed.push(path);
    }
  }
  if (changed.length === 0) return;
  const contents = await machine.run({
    script: `${functions}for p in ${changed.map(quote).join(" ")}; do base64 <"$p" | tr -d '\\n'; echo; done; exit 0`,
    signal,
    limit,
  });
  for (const [i, line] of contents.stdout.split("\n").slice(0, changed.length).entries()) {
    const path = changed[i] as string;
    const content = Buffer.from(line, "base64");
    answers.set(path, { ...(answers.get(path) as Inspected), sha256: sha256(content), content });
  }
}
