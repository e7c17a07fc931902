/** CONTRACT. Who is alone with what: a run holds locks on the resources that it changes and reads, and others wait for it. */
import type { Urn } from "./urn.js";

/** What a run must be alone with. Many may read a resource together; who writes it is alone with it. */
export type LockSet = "stack" | { readonly write: ReadonlySet<Urn>; readonly read: ReadonlySet<Urn> };

/** A run that holds locks, or waits for its turn. */
export interface LockHolder {
  /** Of the lock, for taking it away. */
  readonly id: number;
  /** Absent while it waits. */
  readonly runId?: number;
  readonly kind: string;
  /** user@host */
  readonly who: string;
  readonly pid: number;
  readonly machine: string;
  /** When it got its locks, or began to wait; milliseconds since the epoch. */
  readonly since: number;
}

/** Said while a run waits, whenever it looks again. */
export interface LockWait {
  readonly waitedMs: number;
  /** Those before it in the queue that it shares resources with, the longest first. */
  readonly holders: readonly LockHolder[];
  /** Some of what it shares with them, for people; empty when it is the whole stack. */
  readonly on: readonly Urn[];
}
