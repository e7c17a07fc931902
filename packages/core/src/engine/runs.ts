/** Beginning a run. */

import { hostname, userInfo } from "node:os";
import type { EngineContext } from "../engine-contract.js";
import type { LockSet } from "../model/lock.js";
import type { Run, RunStart } from "../state/contract.js";

/** Begins a run, alone with `locks`; whoever is in the way is waited for, and told of. */
export async function beginRun(
  { store, events, signal, lockTimeoutMs }: EngineContext,
  start: RunStart,
  locks: LockSet,
  { wait = true }: { readonly wait?: boolean } = {},
): Promise<Run> {
  if (!wait || lockTimeoutMs === 0) return store.beginRun(start, { locks });
  let waited: number | undefined;
  const run = await store.beginRun(start, {
    locks,
    wait: {
      waiting: (lockWait) => {
        waited = lockWait.waitedMs;
        events({ type: "lock-waiting", ...lockWait });
      },
      ...(signal ? { signal } : {}),
      ...(lockTimeoutMs === undefined ? {} : { atMost: lockTimeoutMs }),
    },
  });
  if (waited !== undefined) events({ type: "lock-acquired", waitedMs: waited });
  return run;
}

export const runStart = (kind: RunStart["kind"], planDigest?: string): RunStart => ({
  kind,
  startedAt: Date.now(),
  who: `${userInfo().username}@${hostname()}`,
  ...(planDigest ? { planDigest } : {}),
});
