/** CONTRACT. Everything that happens while orch works, in order: enough to rebuild any view. Plain data; never a secret in clear. */
import type { Failure } from "./failure.js";
import type { LockWait } from "./lock.js";
import type { Plan, PlanSummary, Step, StepId, StepOp } from "./plan.js";
import type { Resource } from "./resource.js";
import type { Urn } from "./urn.js";
import type { PropertyMap } from "./value.js";

export type LogLevel = "debug" | "info" | "warning" | "error";

export type Event =
  | {
      readonly type: "run-started";
      readonly run: "plan" | "apply" | "destroy" | "refresh" | "drift";
      readonly at: number;
    }
  /** The program's own standard output and error, line by line. */
  | { readonly type: "program-output"; readonly stream: "stdout" | "stderr"; readonly line: string }
  | { readonly type: "program-ended"; readonly elapsedMs: number }
  | {
      readonly type: "resource-registered";
      readonly resource: Pick<Resource, "urn" | "type" | "name" | "parent" | "custom">;
    }
  /** From `log.*` in programs and from providers. `ephemeral` ones replace each other on screen. */
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly urn?: Urn;
      readonly ephemeral?: boolean;
    }
  | { readonly type: "plan-progress"; readonly done: number }
  | { readonly type: "plan-made"; readonly plan: Plan; readonly summary: PlanSummary }
  /** Another run is in the way; said again and again while it is. */
  | ({ readonly type: "lock-waiting" } & LockWait)
  | { readonly type: "lock-acquired"; readonly waitedMs: number }
  | { readonly type: "apply-started"; readonly runId: number; readonly steps: number }
  | {
      readonly type: "step-started";
      readonly step: StepId;
      readonly op: StepOp;
      readonly urn: Urn;
      readonly at: number;
    }
  | {
      readonly type: "step-finished";
      readonly step: StepId;
      readonly op: StepOp;
      readonly urn: Urn;
      readonly elapsedMs: number;
      readonly id?: string;
    }
  | {
      readonly type: "step-failed";
      readonly step: StepId;
      readonly op: StepOp;
      readonly urn: Urn;
      readonly elapsedMs: number;
      readonly failure: Failure;
    }
  /** Not tried: something that it needs failed, or the run was stopped. */
  | {
      readonly type: "step-skipped";
      readonly step: StepId;
      readonly op: StepOp;
      readonly urn: Urn;
      readonly because: Urn | "interrupted";
    }
  /** Reading begins: so many `resource-read` follow, but for those that can't be read. */
  | { readonly type: "read-started"; readonly resources: number }
  | { readonly type: "resource-read"; readonly urn: Urn; readonly drift: "none" | "changed" | "gone" }
  | { readonly type: "apply-ended"; readonly result: ApplyResult };

export interface ApplyResult {
  readonly runId: number;
  readonly outcome: "succeeded" | "failed" | "interrupted";
  readonly elapsedMs: number;
  readonly done: number;
  readonly failed: readonly { readonly step: Step; readonly failure: Failure }[];
  readonly skipped: readonly Step[];
  /** What went wrong outside of any step: the program, the state's disk. */
  readonly problem?: Failure;
  readonly summary: PlanSummary;
  readonly outputs: PropertyMap;
}

export type EventSink = (event: Event) => void;
