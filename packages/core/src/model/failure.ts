/**
 * CONTRACT. Everything that can go wrong and is expected to. A failure says what, where, what was expected and found, and
 * what to do next. Secrets never enter one.
 */
import type { SourcePosition } from "./resource.js";
import type { Urn } from "./urn.js";

/** Reason → exit code. 1 failed; 3 the plan does not fit any more; 4 a person must answer; 64 wrong usage; 130 interrupted. */
export const exitCodes = {
  // usage
  "unknown-command": 64,
  "invalid-flag": 64,
  "needs-confirmation": 64,
  // project, configuration, secrets
  "project-missing": 1,
  "project-invalid": 1,
  "stack-unknown": 1,
  "stack-exists": 1,
  "stack-not-empty": 1,
  "stack-not-selected": 1,
  "config-invalid": 1,
  "config-missing": 1,
  "key-missing": 1,
  "wrong-passphrase": 1,
  "secret-unreadable": 1,
  // program
  "program-missing": 1,
  "program-error": 1,
  "program-exited": 1,
  "program-hanging": 1,
  "module-missing": 1,
  "duplicate-urn": 1,
  "resource-cycle": 1,
  "invalid-option": 1,
  unsupported: 1,
  // providers
  "plugin-missing": 1,
  "plugin-checksum": 1,
  "plugin-install": 1,
  "plugin-start": 1,
  "provider-crashed": 1,
  "provider-error": 1,
  "provider-config": 1,
  "invalid-property": 1,
  "invoke-failed": 1,
  /** Never reached: nothing was done there. */
  "connection-failed": 1,
  /** Cut off while something was under way: what it was may or may not have been done. */
  "connection-lost": 1,
  "host-key-mismatch": 1,
  "authentication-failed": 1,
  /** Known, but not allowed to. */
  "permission-denied": 1,
  /** Refused for now, and still after waiting and trying again. */
  throttled: 1,
  /** Somebody else changed, made or holds the object meanwhile. */
  conflict: 1,
  timeout: 1,
  // state
  "state-newer": 1,
  "state-invalid": 1,
  /** The file of `orch stack import` is not what Pulumi exports. */
  "checkpoint-invalid": 1,
  "state-locked": 1,
  "disk-full": 1,
  "backend-error": 1,
  // plan and execution
  protected: 1,
  "plan-invalid": 3,
  "plan-stale": 3,
  "plan-applied": 3,
  "plan-broken": 3,
  "step-failed": 1,
  "step-skipped": 1,
  "unfinished-steps": 4,
  "not-found-again": 4,
  /** A warning of plans that were to read everything first: what could not be read is planned from the state. */
  "not-refreshed": 1,
  /** A plan of some resources alone: something that is not among them stands in its way, or is left behind by it. */
  "not-targeted": 1,
  /** A warning of plans that go back: what an object held can't be brought back with it. */
  "not-restored": 1,
  interrupted: 130,
  internal: 1,
} as const satisfies Record<string, number>;

export type FailureReason = keyof typeof exitCodes;

export interface Failure {
  readonly reason: FailureReason;
  /** One sentence: what went wrong. */
  readonly message: string;
  readonly urn?: Urn;
  /** Property path in text form. */
  readonly path?: string;
  readonly expected?: string;
  readonly found?: string;
  /** Where in the user's files. */
  readonly source?: SourcePosition;
  /** The user's own stack frames or a provider's last words, already redacted. */
  readonly detail?: string;
  /** What to do next, an instruction or a command per entry. */
  readonly next?: readonly string[];
  readonly causes?: readonly Failure[];
}

/** Carries a {@link Failure} through code that throws. The engine's callers turn it back into a value once. */
export class OrchError extends Error {
  constructor(
    readonly failure: Failure,
    options?: { cause?: unknown },
  ) {
    super(failure.message, options);
    this.name = "OrchError";
  }
}

export const fail = (failure: Failure, cause?: unknown): never => {
  throw new OrchError(failure, cause === undefined ? undefined : { cause });
};

/** Any thrown thing as a failure. What orch did not expect becomes `internal` with its stack, so that it can be reported. */
export function toFailure(error: unknown): Failure {
  if (error instanceof OrchError) return error.failure;
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC" || /database or disk is full/.test(error.message)) {
      return {
        reason: "disk-full",
        message: `There is no space left on the disk: ${error.message}`,
        next: ["Free some space and run the same command again; nothing that was finished is lost."],
      };
    }
    return { reason: "internal", message: error.message, ...(error.stack ? { detail: error.stack } : {}) };
  }
  return { reason: "internal", message: String(error) };
}

export const exitCodeOf = (failure: Failure): number => exitCodes[failure.reason];
