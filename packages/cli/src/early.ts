/**
 * Starting the program's child process before anything else is loaded. It needs a few tenths of a second to load the SDK, in
 * which this process loads oclif and the engine, reads the project and opens the state.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ProgramHost } from "@orch/core/program/contract";

const projectFiles = ["orch.yaml", "orch.yml", "Pulumi.yaml", "Pulumi.yml"];

let started: Promise<ProgramHost | undefined> | undefined;
let host: ProgramHost | undefined;

/** Begins to start the host for the project around the current folder. Where there is none, nothing happens: the command will say so. */
export function startProgramEarly(): void {
  const programDir = guessProgramDir(process.cwd());
  if (programDir === undefined) return;
  started = import("@orch/core/program/host").then(
    ({ startProgramHost }) => {
      host = startProgramHost({ programDir });
      return host;
    },
    () => undefined,
  );
}

/** The host, if one was started for exactly this folder; any other is ended. The caller closes it. */
export async function takeProgramHost(programDir: string): Promise<ProgramHost | undefined> {
  await started;
  const taken = host;
  host = undefined;
  if (taken === undefined || taken.programDir === programDir) return taken;
  taken.close();
  return undefined;
}

/** Ends a host that nobody took, as when the command failed before it needed one. */
export async function endProgramHost(): Promise<void> {
  await started;
  host?.close();
  host = undefined;
}

/** The project file's `main`, read without a YAML parser: a wrong guess costs time, never correctness. */
function guessProgramDir(cwd: string): string | undefined {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const file = projectFiles.map((name) => join(dir, name)).find((path) => existsSync(path));
    if (file !== undefined) {
      const main = /^main:[ \t]*["']?([^"'#\n]+?)["']?[ \t]*(?:#.*)?$/m.exec(readFileSync(file, "utf8"))?.[1];
      if (main === undefined) return dir;
      const path = resolve(dir, main);
      if (!existsSync(path)) return undefined;
      return statSync(path).isDirectory() ? path : dirname(path);
    }
    if (dirname(dir) === dir) return undefined;
  }
}
