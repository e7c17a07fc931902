/**
 * The tables of a state database, the same for every SQL database. JSON columns are text: they are read and written whole,
 * and secrets inside them are ciphertext. Times are milliseconds since the epoch.
 */
import type { Generated, Kysely } from "kysely";

export interface Tables {
  schema_version: SchemaVersionTable;
  stacks: StacksTable;
  runs: RunsTable;
  leases: LeasesTable;
  locks: LocksTable;
  journal: JournalTable;
  unfinished: UnfinishedTable;
  resources: ResourcesTable;
  resource_history: ResourceHistoryTable;
}
export type Db = Kysely<Tables>;

/** One row per migration that has run. */
interface SchemaVersionTable {
  version: number;
  applied_at: number;
  /** The orch that ran it; named when an older orch meets the database. */
  orch_version: string;
}

interface StacksTable {
  id: Generated<number>;
  project: string;
  stack: string;
  lineage: string;
  created_at: number;
  /** Grows with every transaction that writes to the stack. */
  serial: number;
  /** JSON of the stack's outputs. */
  outputs: string;
  /** JSON `{id, block}` of the data key that the rows are encrypted with; null while that is the first one. */
  key: string | null;
}

interface RunsTable {
  id: Generated<number>;
  stack_id: number;
  kind: string;
  plan_digest: string | null;
  started_at: number;
  who: string;
  ended_at: number | null;
  outcome: string | null;
}

/**
 * A run that holds locks or waits for them, in the order of the queue (`id`). The holder renews it; writes check that it is still theirs.
 */
interface LeasesTable {
  id: Generated<number>;
  stack_id: number;
  /** Null while it waits. */
  run_id: number | null;
  /** What kind of run. */
  kind: string;
  /** Random, made by the holder: what a write proves its right with. */
  token: string;
  who: string;
  pid: number;
  /** When the process started, in the system's own unit; empty where it can't be told. Tells a process from a later one with its pid. */
  process_start: string;
  /** Machine, boot and pid namespace: equal only where pids can be compared. */
  host: string;
  /** When it began to wait, and since it got its locks when it got them. */
  acquired_at: number;
  renewed_at: number;
  /** Counts up with every renewal, so that a clock that is set back or forward cannot make a live holder look dead. */
  beat: number;
  ttl_ms: number;
}

/** What a lease is for. The URN `*` is the whole stack. */
interface LocksTable {
  lease_id: number;
  stack_id: number;
  urn: string;
  mode: "read" | "write";
}

/** What was begun and how it ended, in order; never changed. */
interface JournalTable {
  id: Generated<number>;
  run_id: number;
  kind: "intent" | "outcome";
  step: number;
  op: string;
  urn: string;
  deposed: string;
  at: number;
  /** `done` or `failed`; null for intents. */
  result: string | null;
  message: string | null;
}

/** Intents whose outcome is not known yet, with all that is needed to find out what became of them. */
interface UnfinishedTable {
  stack_id: number;
  run_id: number;
  step: number;
  op: string;
  urn: string;
  /** JSON of the intent. */
  body: string;
}

/** The current row of each object. `deposed` is empty for the live one. */
interface ResourcesTable {
  stack_id: number;
  urn: string;
  deposed: string;
  /** Position in the program's order. */
  ord: number;
  /** JSON of the resource state without urn and deposed. */
  body: string;
}

/** What a run left of an object; `body` is null when it left nothing. */
interface ResourceHistoryTable {
  stack_id: number;
  urn: string;
  deposed: string;
  run_id: number;
  at: number;
  body: string | null;
}
