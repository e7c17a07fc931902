/** Plans and exported states as files: written whole or not at all, readable by their owner only. */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { OrchError } from "@orch/core/model/failure";
import type { Plan } from "@orch/core/model/plan";
import { openPlan, type SealedPlan, sealPlan } from "@orch/core/plan/seal";
import type { Crypter, StackStore } from "@orch/core/state/contract";

/** The plan's digest. */
export async function savePlan(file: string, plan: Plan, crypter: Crypter): Promise<string> {
  const { bytes, digest } = sealPlan(plan, crypter);
  await writePrivate(file, bytes, "The plan cannot be written");
  return digest;
}

/** `what`: the beginning of the failure, `invalid-flag`. */
export async function writePrivate(file: string, bytes: Uint8Array | string, what: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes, { mode: 0o600 });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileFailure(error, file, what);
  }
}

/** As `writePrivate`. */
export const readWhole = (file: string, what: string): Promise<Buffer> =>
  readFile(file).catch((error: unknown) => {
    throw fileFailure(error, file, what);
  });

/** Rejects with `plan-invalid` whatever is not a plan of this stack, byte for byte. */
export async function loadPlan(
  file: string,
  { info, crypter }: Pick<StackStore, "info" | "crypter">,
): Promise<SealedPlan> {
  const bytes = await readWhole(file, "The plan cannot be read");
  return openPlan(bytes, crypter, file, info);
}

function fileFailure(error: unknown, file: string, what: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const why: Record<string, string> = {
    ENOENT: "no such file or folder",
    EACCES: "not allowed",
    EISDIR: "a folder",
    ENOTDIR: "a part of the path is not a folder",
    EROFS: "the disk is read-only",
  };
  // ENOSPC and what nobody foresaw are told by toFailure.
  if (code === undefined || why[code] === undefined) return error;
  return new OrchError(
    { reason: "invalid-flag", message: `${what}: ${file}`, found: why[code] },
    { cause: error },
  );
}
