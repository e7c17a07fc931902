/** How long steps took before, for times on screen. */
import type { StackStore } from "@orch/core/state/contract";
import { type Durations, readDurations } from "@orch/core/state/durations";
import { session } from "./session.js";

/** Nothing is read for JSON, which holds no times. Rejects as the backend does. */
export async function durationsOf(store: StackStore): Promise<Durations | undefined> {
  return session.json ? undefined : readDurations(store);
}
