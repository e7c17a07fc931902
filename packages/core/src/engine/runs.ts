/** Beginning a run. */

import { hostname, userInfo } from "node:os";
import type { Span } from "@opentelemetry/api";
import type { EngineContext } from "../engine-contract.js";
import { toFailure } from "../model/failure.js";
import type { LockSet } from "../model/lock.js";
import type { Run, RunStart } from "../state/contract.js";
import { failSpan, here, startSpan } from "../trace/span.js";

/** Begins a run, alone with `locks`; whoever is in the way is waited for, and told of. */
export async function beginRun(
  { store, events, signal, lockTimeoutMs }: EngineContext,
  start: RunStart,
  locks: LockSet,
  { wait = true }: { readonly wait?: boolean } = {},
): Promise<Run> {
  if (!wait || lockTimeoutMs === 0) return store.beginRun(start, { locks });
  const parent = here();
  let waited: number | undefined;
  let span: Span | undefined;
  const beginning = store.beginRun(start, {
    locks,
    wait: {
      waiting: (lockWait) => {
        waited = lockWait.waitedMs;
        span ??= startSpan("wait for locks", {}, { parent, startedAt: Date.now() - waited });
        events({ type: "lock-waiting", ...lockWait });
      },
      ...(signal ? { signal } : {}),
      ...(lockTimeoutMs === undefined ? {} : { atMost: lockTimeoutMs }),
    },
  });
  const run = await beginning
    .catch((error: unknown) => {
      if (span) failSpan(span, toFailure(error));
      throw error;
    })
    .finally(() => span?.end());
  if (waited !== undefined) events({ type: "lock-acquired", waitedMs: waited });
  return run;
}

export const runStart = (kind: RunStart["kind"], planDigest?: string): RunStart => ({
  kind,
  startedAt: Date.now(),
  who: `${userInfo().username}@${hostname()}`,
  ...(planDigest ? { planDigest } : {}),
});
