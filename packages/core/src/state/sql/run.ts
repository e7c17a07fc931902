/** An open run: group commit of journal records, and the lease that it holds meanwhile. */
import { OrchError } from "../../model/failure.js";
import type { JournalRecord, Run } from "../contract.js";
import { explained, type SqlDatabase } from "./database.js";
import { dropLease, heartbeat, type Lease, type LeaseTiming, releaseOf } from "./lease.js";
import { statementsOf } from "./records.js";
import type { RowCodec } from "./rows.js";
import { type BoundStatement, StaleWriteError } from "./statement.js";

interface Waiting {
  readonly statements: readonly BoundStatement[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface OpenRun extends Run {
  /** Ends a run that nobody finished: what it had appended is kept, its lease is given up. */
  abandon(): Promise<void>;
}

export interface RunContext {
  readonly database: SqlDatabase;
  readonly codec: RowCodec;
  readonly stackId: number;
  readonly lease: Lease;
  readonly timing: LeaseTiming;
  /** Called once the run has ended in any way. */
  readonly ended: () => void;
}

export function openRun({ database, codec, stackId, lease, timing, ended }: RunContext): OpenRun {
  const { statements } = database;
  const context = { statements, codec, stackId, runId: lease.runId };
  const guard = statements.guard({ stackId, token: lease.token });
  let waiting: Waiting[] = [];
  let committing: Promise<void> | undefined;
  /** Why nothing more is written: a commit failed, the lease is lost, or the run has ended. */
  let closed: OrchError | undefined;

  const stopHeart = heartbeat({ database, stackId, timing }, lease.token, () => {
    closed ??= leaseLost(lease);
  });

  /** One transaction for all that waits; what is appended meanwhile goes into the next. */
  async function commitAll(): Promise<void> {
    // The rest of this turn of the event loop may append more.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        if (closed !== undefined) throw closed;
        await database.write([guard, ...group.flatMap((entry) => entry.statements)], stackId);
      } catch (error) {
        closed ??= error instanceof StaleWriteError ? leaseLost(lease) : database.explain(error);
        for (const entry of group) entry.reject(closed);
        continue;
      }
      for (const entry of group) entry.resolve();
    }
    committing = undefined;
  }

  function append(records: readonly JournalRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (closed !== undefined) throw closed;
      // Encoded now: what the caller changes later is not what it appended.
      waiting.push({
        statements: records.flatMap((record) => statementsOf(context, record)),
        resolve,
        reject,
      });
      committing ??= commitAll();
    });
  }

  async function end(outcome: "succeeded" | "failed" | "interrupted"): Promise<void> {
    await committing;
    stopHeart();
    dropLease(lease.token);
    ended();
    closed ??= new OrchError({
      reason: "internal",
      message: `Run ${lease.runId} has ended; nothing can be appended to it.`,
    });
    await explained(database, () =>
      database.write(
        [
          statements.endRun({ runId: lease.runId, at: Date.now(), outcome }),
          ...releaseOf(statements, lease.token),
        ],
        stackId,
      ),
    );
  }

  let ending: Promise<void> | undefined;
  return {
    id: lease.runId,
    append,
    finish: (outcome) => (ending ??= end(outcome)),
    abandon: () => (ending ??= end("interrupted")),
  };
}

const leaseLost = (lease: Lease): OrchError =>
  new OrchError({
    reason: "state-locked",
    message: `Run ${lease.runId} no longer holds its locks: another run has taken them over, or somebody took them away.`,
    next: [
      "Run `orch plan` to see what is left to do; steps of this run that were begun are resolved by the run that took over.",
    ],
  });
