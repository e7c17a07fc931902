/**
 * What comes before everything else. The program's child process is started: it needs a few tenths of a second to load the SDK, in
 * which this process loads oclif and the engine, reads the project and opens the state. `bin/orch.js` loads this file first,
 * so it imports nothing that is large.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { ProgramHost } from "@orch/core/program/contract";
import { startProgramHost } from "@orch/core/program/host";
import { readGlobalFlags } from "./global-flags.js";
import { route, takesValue } from "./route.js";

const projectFiles = ["orch.yaml", "orch.yml", "Pulumi.yaml", "Pulumi.yml"];

/** The host for the project around the working folder, when the command will run its program. Never throws: what is wrong, the command will say. */
export function startEarly(argv: readonly string[]): ProgramHost | undefined {
  const { id, argv: rest } = route(argv);
  if (id === undefined || !runsProgram(id, rest) || rest.includes("--help") || rest.includes("-h"))
    return undefined;
  try {
    const programDir = guessProgramDir(resolve(readGlobalFlags(argv).cwd ?? "."));
    return programDir === undefined ? undefined : startProgramHost({ programDir });
  } catch {
    return undefined; // A folder that may not be read, for instance.
  }
}

/** V8's compiled code is kept between runs: it halves the time to load oclif and the engine. */
export function cacheCompiledCode(): void {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  module.enableCompileCache(join(base, "orch", "node"));
}

/** Will the command run the program to make a plan? `apply FILE` has its plan already. */
function runsProgram(id: string, argv: readonly string[]): boolean {
  if (id === "plan") return true;
  if (id === "graph") return argv.includes("--plan");
  return id === "apply" && !argv.some((arg, i) => !arg.startsWith("-") && !takesValue.has(argv[i - 1] ?? ""));
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
