/** What binds a plan to its program and its configuration. */

import { join, relative } from "node:path";
import type { EngineContext } from "../engine-contract.js";
import type { ProgramResult } from "../program/contract.js";

/** The program's own files, the project file, and the locks that say which packages and plugins it runs with. */
export function boundFiles(context: EngineContext, program: ProgramResult): string[] {
  const { dir, file, programDir } = context.project;
  const locks = ["package-lock.json", "yarn.lock", "pnpm-lock.yaml"].map((name) => join(programDir, name));
  return [file, join(dir, "orch.lock.json"), ...locks, ...program.files].map((path) => relative(dir, path));
}

export function fingerprintConfig({ config }: EngineContext): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config.values)
      .map(([key, { value, secret }]) => [key, config.crypter.fingerprint(`${secret} ${value}`)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
