/** A stack as one file, and from one backend to another. */
import { readFile } from "node:fs/promises";
import { type Failure, fail, OrchError, toFailure } from "../model/failure.js";
import { readStateFile, type StackArchive, sameArchive, writeStateFile } from "../state/archive/format.js";
import type { Backend } from "../state/contract.js";
import { chooseBackend, openBackendAt } from "./backend.js";
import {
  type ContextOptions,
  keyOfState,
  openProjectContext,
  openStackContext,
  type ProjectContext,
  sourcesOf,
} from "./context.js";
import { openKeyring } from "./keyring.js";
import { refusePassword } from "./login.js";
import { readStackFile } from "./stack-file.js";
import { writeFileAtomically } from "./yaml-file.js";

export interface StackMoved {
  readonly project: string;
  readonly stack: string;
  readonly resources: number;
  readonly runs: number;
  readonly unfinished: number;
  readonly serial: number;
}

const summaryOf = ({ project, stack, resources, runs, unfinished, serial }: StackArchive): StackMoved => ({
  ...{ project, stack, serial },
  resources: resources.length,
  runs: runs.length,
  unfinished: unfinished.length,
});

/** Writes the stack to a file (mode 0600). Rejects as {@link openStackContext}. */
export async function pullStack(options: ContextOptions, file: string): Promise<StackMoved> {
  const context = await openStackContext(options);
  try {
    const archive = await context.backend.exportStack(context.project.name, context.stack);
    const text = writeStateFile(archive, context.store.crypter, options.orchVersion ?? "0.1.0");
    await writeFileAtomically(file, text, 0o600);
    return summaryOf(archive);
  } finally {
    await context.close();
  }
}

/**
 * Writes a file of {@link pullStack} into the project's backend. Rejects with `state-invalid` and `state-newer` for a file that is not right or
 * not this project's, and as `Backend.importStack`.
 */
export async function pushStack(
  options: ContextOptions & { readonly force?: boolean },
  file: string,
): Promise<StackMoved> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) =>
    fail({ reason: "invalid-flag", message: `The state file can't be read: ${error.message}` }, error),
  );
  const context = await openProjectContext(options);
  try {
    const { archive, checkSeal } = readStateFile(text, file);
    checkStack(context, options, archive, file);
    const read = await readStackFile(context.project, archive.stack);
    const own = await openKeyring(read, sourcesOf(options));
    if (own === undefined && archive.key === null) {
      fail({
        reason: "key-missing",
        message: `The settings file of the stack ${archive.stack} does not hold the key that the state in ${file} is encrypted with.`,
        expected: `${read.encryptionPath.join(".")} in ${read.yaml.path}`,
        found: read.exists ? "a file without it" : "no such file",
        next: [`Restore ${read.yaml.path} from version control or a copy.`],
      });
    }
    const { keyring } = await keyOfState(read, own, archive.key ?? undefined, sourcesOf(options));
    checkSeal(keyring.crypter);
    await context.backend.importStack(archive, { force: options.force === true });
    await verify(context.backend, archive, options.force === true);
    return summaryOf(archive);
  } finally {
    await context.close();
  }
}

const samePlace = (target: Backend, locked: Failure): OrchError =>
  new OrchError({
    reason: "state-locked",
    message: `${target.description} has the stack, and a run writes to it there.`,
    causes: [locked],
    next: [
      `If that run is of this process (${process.pid}), --to names the backend that the stack is in already.`,
      "Otherwise wait until it ends, then run the same command again.",
    ],
  });

/** URNs hold the names of project and stack: state under another name would be another stack's. */
function checkStack(
  { project }: ProjectContext,
  options: ContextOptions,
  archive: StackArchive,
  file: string,
): void {
  const wanted = { project: project.name, stack: options.stack ?? archive.stack };
  if (wanted.project === archive.project && wanted.stack === archive.stack) return;
  fail({
    reason: "state-invalid",
    message: `${file} is the state of another stack. Nothing was written.`,
    expected: `${wanted.project}/${wanted.stack}`,
    found: `${archive.project}/${archive.stack}`,
    next: [`Run this in the project ${archive.project}, with --stack ${archive.stack} or without --stack.`],
  });
}

/** Reads it back. A stack that is written over gets another serial when what it gets is older. */
async function verify(backend: Backend, archive: StackArchive, forced: boolean): Promise<void> {
  const back = await backend.exportStack(archive.project, archive.stack);
  if (sameArchive(forced ? { ...back, serial: archive.serial } : back, archive)) return;
  fail({
    reason: "backend-error",
    message: `What ${backend.description} holds of ${archive.project}/${archive.stack} is not what was written to it.`,
    expected: "the same, read back",
    found:
      back.serial === archive.serial
        ? "something else"
        : `serial ${back.serial} instead of ${archive.serial}`,
    next: ["If somebody has changed the stack there already, all is well there. Otherwise report it."],
  });
}

export interface Migrated extends StackMoved {
  /** For people. */
  readonly from: string;
  readonly to: string;
  /** Is the backend that the project uses now the new one? */
  readonly inUse: boolean;
}

/**
 * Moves a stack to another backend (`who`: user@host): copies it with its lineage, its history and its unfinished steps, reads the copy back, and only then
 * removes it where it was, unless it was written to meanwhile. Killed anywhere, the old one is still there, or only the new one;
 * the same command again goes on. `from`: default the project's backend.
 */
export async function migrateStack(
  options: ContextOptions & { readonly from?: string; readonly to: string; readonly who: string },
): Promise<Migrated> {
  for (const url of [options.from, options.to])
    if (url !== undefined) refusePassword(url, "orch state migrate");
  const env = options.env ?? process.env;
  const source = await openStackContext(
    options.from === undefined ? options : { ...options, env: { ...env, ORCH_BACKEND: options.from } },
  );
  try {
    const { project, stack, backend } = source;
    const choice = { url: options.to, by: "ORCH_BACKEND", dir: project.dir, place: "--to" } as const;
    const target = await openBackendAt(choice, { ...options, env });
    try {
      if (target.description === backend.description) {
        fail({
          reason: "invalid-flag",
          message: `The stack ${project.name}/${stack} is in ${target.description} already.`,
          next: ["Name another backend with --to."],
        });
      }
      const archive = await backend.exportStack(project.name, stack, { quiet: true });
      // Holds others off. And where the target is the same place under another name, it is locked there, too: copying the stack
      // over itself and removing it would be the end of it.
      const run = await source.store.beginRun({ kind: "edit", startedAt: Date.now(), who: options.who });
      try {
        await target.importStack(archive).catch((error: unknown) => {
          throw toFailure(error).reason === "state-locked" ? samePlace(target, toFailure(error)) : error;
        });
        await verify(target, archive, false);
      } catch (error) {
        await run.finish("failed");
        throw error;
      }
      await run.finish("succeeded");
      await backend.removeStack(project.name, stack, true, archive);
      const used = await chooseBackend(project, env);
      const current = await openBackendAt(used, { ...options, env });
      await current.close();
      return {
        ...summaryOf(archive),
        from: backend.description,
        to: target.description,
        inUse: current.description === target.description,
      };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
