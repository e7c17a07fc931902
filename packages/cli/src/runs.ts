/** Runs as a person names them, and who begins one. */
import { hostname, userInfo } from "node:os";
import { OrchError } from "@orch/core/model/failure";
import type { RunInfo, StackStore } from "@orch/core/state/contract";

/** Fails with `invalid-flag` when there is no run of that number in the stack. */
export async function findRun(store: StackStore, wanted: string, stack: string): Promise<RunInfo> {
  const next = ["See what there is with `orch history`."];
  if (!/^[1-9]\d{0,14}$/.test(wanted))
    throw new OrchError({
      reason: "invalid-flag",
      message: "A run is named by its number.",
      expected: "a whole number",
      found: wanted,
      next,
    });
  const [run] = await store.runs(1, { id: Number(wanted) });
  if (run !== undefined) return run;
  throw new OrchError({ reason: "invalid-flag", message: `Stack ${stack} has no run ${wanted}.`, next });
}

/** user@host */
export const who = (): string => `${userInfo().username}@${hostname()}`;
