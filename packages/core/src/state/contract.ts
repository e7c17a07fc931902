/**
 * CONTRACT. Where state lives. A row per resource with history, never one blob; intent before effect and outcome after, each appended durably.
 */

import type { LockHolder, LockSet, LockWait } from "../model/lock.js";
import type { StepId, StepOp } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { PropertyMap } from "../model/value.js";
import type { StackArchive } from "./archive/format.js";

/** Authenticated encryption for secrets on disk. Synchronous: a key-management service unwraps the data key once, at opening. */
export interface Crypter {
  /** Text that holds everything needed to decrypt but the key. Never the same twice. */
  encrypt(plaintext: string): string;
  /** Rejects (throws `secret-unreadable`) on any changed byte or another key. */
  decrypt(ciphertext: string): string;
  /** Keyed fingerprint (HMAC-SHA-256, hex): equal for equal text, useless without the key. */
  fingerprint(text: string): string;
}

export interface StackInfo {
  readonly project: string;
  readonly stack: string;
  /** Random, made once; a stack removed and made again is another one. */
  readonly lineage: string;
  readonly createdAt: number;
}
export interface StackSummary extends StackInfo {
  readonly resources: number;
  readonly lastRunAt?: number;
}

/** A step that was begun and of which no outcome is known: the process died in between. */
export interface UnfinishedStep {
  readonly runId: number;
  readonly intent: Intent;
}

export interface Snapshot {
  /** In the order in which they were last written by a run's program order: dependencies before dependents. */
  readonly resources: readonly ResourceState[];
  readonly outputs: PropertyMap;
  readonly unfinished: readonly UnfinishedStep[];
  /** Increases with every write. */
  readonly serial: number;
}

/** Written before a provider is called. */
export interface Intent {
  readonly kind: "intent";
  readonly step: StepId;
  readonly op: StepOp;
  readonly urn: Urn;
  readonly deposed?: string;
  readonly type: string;
  /** Of the object that is changed or deleted, or the id to be when it is known beforehand. */
  readonly id?: string;
  readonly provider?: Urn;
  /** Sent to the provider, so that creation can be recognised. */
  readonly token?: string;
  /** Planned as the creating half of a replace, but the object with this id is changed in place. */
  readonly changes?: true;
  readonly inputs: PropertyMap;
  /** What the effect means for the state once it has taken place: lets another process record it after a crash. */
  readonly expected?: ExpectedOutcome;
  readonly at: number;
}
export interface ExpectedOutcome {
  /** Come before the row: a rename, the old half of a replace put aside; for a deletion the removal. */
  readonly writes: readonly StateWrite[];
  /** The row to be, but for what is the intent's (inputs) or only the provider can tell. Absent for a deletion. */
  readonly row?: Omit<ResourceState, "id" | "inputs" | "outputs">;
}
/** Written after a provider answered, in one transaction with what it means for the state. */
export interface Outcome {
  readonly kind: "outcome";
  readonly step: StepId;
  readonly op: StepOp;
  readonly urn: Urn;
  readonly result: "done" | "failed";
  /** For people: why it failed. Redacted. */
  readonly message?: string;
  readonly writes: readonly StateWrite[];
  readonly at: number;
}
export type JournalRecord = Intent | Outcome;

export type StateWrite =
  | {
      readonly put: ResourceState /** Position in the program's order; keeps dependencies before dependents. */;
      readonly order: number;
    }
  | { readonly remove: { readonly urn: Urn; readonly deposed?: string } }
  /** The live row becomes a deposed one beside its replacement. */
  | { readonly depose: Urn; readonly deposed: string }
  | { readonly rename: Urn; readonly to: Urn }
  | { readonly outputs: PropertyMap };

export interface RunStart {
  readonly kind: "apply" | "destroy" | "refresh" | "resume" | "edit" | "import";
  readonly planDigest?: string;
  readonly startedAt: number;
  /** user@host */
  readonly who: string;
}
export interface RunInfo extends RunStart {
  readonly id: number;
  readonly endedAt?: number;
  readonly outcome?: "succeeded" | "failed" | "interrupted";
  readonly done: number;
  readonly failed: number;
}

/** A step that a run began: an intent with its outcome. Steps that only write (renames, options) have no intent. */
export interface JournalEntry {
  readonly step: StepId;
  readonly op: StepOp;
  readonly urn: Urn;
  readonly deposed?: string;
  /** Milliseconds since the epoch. */
  readonly beganAt?: number;
  readonly endedAt?: number;
  /** Absent while it runs, and when the run was cut off in it. */
  readonly result?: "done" | "failed";
  /** Why it failed. Redacted. */
  readonly message?: string;
  /** There was a live row of that URN before the run. */
  readonly existed: boolean;
  /** That row was a component's: nothing outside is called for those. */
  readonly component?: true;
}

export interface RunFilter {
  readonly id?: number;
  readonly planDigest?: string;
}

/** An open run: the only way to write. */
export interface Run {
  readonly id: number;
  /** Resolves once the records are durable. Calls made in the same turn may share one commit; order is kept. */
  append(records: readonly JournalRecord[]): Promise<void>;
  finish(outcome: "succeeded" | "failed" | "interrupted"): Promise<void>;
}

export interface BeginOptions {
  /** Default: the whole stack. */
  readonly locks?: LockSet;
  /** Absent: whoever is in the way is an error at once. */
  readonly wait?: {
    readonly signal?: AbortSignal;
    /** Milliseconds. Absent: as long as it takes. */
    readonly atMost?: number;
    readonly waiting: (wait: LockWait) => void;
  };
}

/** A lock as another command sees it. */
export interface LockInfo extends LockHolder {
  /** Its process runs, or its last sign of life is not too old. */
  readonly alive: boolean;
  readonly renewedAt: number;
  /** The whole stack, whatever the numbers say. */
  readonly wholeStack: boolean;
  readonly writes: number;
  readonly reads: number;
  /** Steps that it has begun and not ended. */
  readonly underWay: number;
}

/** The data key that a stack's state is encrypted with, kept beside it since the key was first changed. */
export interface StackKey {
  /** `keyIdOf` its crypter. */
  readonly id: string;
  /** How the data key is wrapped: an `encryption` block of a settings file. */
  readonly block: unknown;
}

export interface StackStore {
  readonly info: StackInfo;
  readonly crypter: Crypter;
  snapshot(): Promise<Snapshot>;
  /**
   * Waits in a fair queue for what it must be alone with: nobody who came later and shares a resource goes first. Rejects with `state-locked` (who, since
   * when) when it may not wait any longer, `interrupted` when it is told to stop. A dead holder's locks fall by its lease.
   */
  beginRun(start: RunStart, options?: BeginOptions): Promise<Run>;
  /** Who holds locks and who waits, in the order of the queue. */
  locks(): Promise<readonly LockInfo[]>;
  /** Takes a lock away. Whatever its run still wants to write is refused, and what it had begun is unfinished. False: there is no such lock. */
  breakLock(id: number): Promise<boolean>;
  /** Newest first. Limit: default 100. `only`: those that applied that plan, the one with that id. */
  runs(limit?: number, only?: RunFilter): Promise<readonly RunInfo[]>;
  /** What a run did, in the order in which it was begun. Empty for a run that there is not. */
  journal(runId: number): Promise<readonly JournalEntry[]>;
  /** Every object as that run, or the last one before it, left it; by URN. */
  rowsAt(runId: number): Promise<readonly ResourceState[]>;
  /** The row as it was after that run. */
  history(
    urn: Urn,
  ): Promise<readonly { readonly runId: number; readonly state?: ResourceState; readonly at: number }[]>;
  /**
   * Re-encrypts the state, its history and what is unfinished, in one transaction, and keeps `block`, the wrapped new data key. The number
   * of secrets. Rejects with `state-locked`. The store is of no use afterwards: it has the old key.
   */
  rekey(crypter: Crypter, block: unknown, who: string): Promise<number>;
  close(): Promise<void>;
}

/** What a stack was when it was looked at. */
export interface StackVersion {
  readonly lineage: string;
  readonly serial: number;
}

export interface StackOutputs {
  readonly values: PropertyMap;
  /** Names of outputs whose secrets are encrypted with a key that is not at hand. */
  readonly unreadable: readonly string[];
}

export interface Backend {
  /** For people: `SQLite .orch/state.db`. */
  readonly description: string;
  listStacks(project?: string): Promise<readonly StackSummary[]>;
  /** Rejects with `stack-exists`. */
  createStack(project: string, stack: string): Promise<StackInfo>;
  /** Rejects with `stack-unknown`, with `stack-not-empty` unless forced, and with `conflict` when it is not as `expected` any more. */
  removeStack(project: string, stack: string, force: boolean, expected?: StackVersion): Promise<void>;
  /**
   * What a stack gives out, for another stack. `crypter` absent: without its key. Outputs that hold a secret which can't be read are named, not given.
   * Rejects with `stack-unknown` as `openStack`.
   */
  readOutputs(project: string, stack: string, crypter: Crypter | undefined): Promise<StackOutputs>;
  /** Rejects with `stack-unknown` (with close names in `next`). */
  openStack(project: string, stack: string, crypter: Crypter): Promise<StackStore>;
  /** Undefined while the stack has the key that it was made with, or when there is no such stack. */
  stackKey(project: string, stack: string): Promise<StackKey | undefined>;
  /** Its clock, in milliseconds since the epoch; undefined where that is this machine's, or nothing is there yet. */
  clock(): Promise<number | undefined>;
  /** Everything of a stack, as it is at one time. Rejects with `stack-unknown`, and with `state-locked` where `quiet` and a run writes. */
  exportStack(project: string, stack: string, options?: { readonly quiet?: boolean }): Promise<StackArchive>;
  /**
   * Makes the stack as it is in the archive, or writes it over one of the same lineage; all of it or nothing. Rejects with `stack-exists` when
   * there is another of its name, with `state-locked`, and with `conflict` when what is there is newer, unless forced.
   */
  importStack(archive: StackArchive, options?: { readonly force?: boolean }): Promise<void>;
  close(): Promise<void>;
}
