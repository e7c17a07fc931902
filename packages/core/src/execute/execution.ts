/**
 * Applies a plan: walks its steps, calls the providers, and journals intent before each effect and the outcome after it. The only code that writes state
 * during an apply.
 */

import type { Span } from "@opentelemetry/api";
import { type TaskEnd, walk } from "../graph/schedule.js";
import { compare } from "../model/compare.js";
import type { ApplyResult, EventSink } from "../model/event.js";
import { type Failure, toFailure } from "../model/failure.js";
import { type Plan, type Step, type StepId, settledOutputs, summarize } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { equal, hasUnknown, type PropertyMap } from "../model/value.js";
import type { ProgramResult, ProgramSink } from "../program/contract.js";
import { callThrough, constructThrough } from "../provider/components.js";
import { about } from "../provider/failures.js";
import type { ProviderRegistry } from "../provider/registry.js";
import { invokeProvider } from "../provider/verbs.js";
import type { Run, Snapshot } from "../state/contract.js";
import { failSpan, here, inSpan } from "../trace/span.js";
import { blockedSteps } from "./blocked.js";
import { LiveRows } from "./live-rows.js";
import { hasEffect } from "./operations.js";
import { tasksOf } from "./order.js";
import { Performer } from "./performer.js";
import { ApplySink, isProgramStep, type ProgramStep, waitsForProgram } from "./program-sink.js";
import { together } from "./resume.js";
import { StepJournal } from "./step-journal.js";

export interface ExecuteRequest {
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  readonly run: Run;
  readonly registry: ProviderRegistry;
  /** Runs the program again against the sink; only called when the plan needs it. */
  readonly runProgram: (sink: ProgramSink, signal: AbortSignal) => Promise<ProgramResult>;
  readonly parallel: number;
  readonly continueOnError: boolean;
  /** URNs whose last step was cut off, and of which nobody knows yet what became: they are left alone, and so is what needs them. */
  readonly open?: ReadonlyMap<Urn, Failure>;
  readonly events: EventSink;
  readonly signal?: AbortSignal;
  readonly cancelSignal?: AbortSignal;
}

export function execute(request: ExecuteRequest): Promise<ApplyResult> {
  return new Execution(request).run();
}

class Execution {
  readonly #plan: Plan;
  readonly #request: ExecuteRequest;
  readonly #steps: readonly Step[];
  readonly #sink: ApplySink;
  /** A step is part of the apply, not of the step whose end let it begin. */
  readonly #parent = here();
  readonly #rows: LiveRows;
  readonly #journal: StepJournal;
  readonly #performer: Performer;
  readonly #failed: { step: Step; failure: Failure }[] = [];
  readonly #skipped: Step[] = [];
  readonly #blocked: ReadonlyMap<StepId, Failure>;
  /** Those of the blocked ones whose turn came. They stop nothing that does not need them. */
  readonly #left: { step: Step; failure: Failure }[] = [];
  #done = 0;
  /** Why nothing new may start. */
  #problem: Failure | undefined;
  #startedAt = Date.now();

  constructor(request: ExecuteRequest) {
    this.#request = request;
    this.#plan = request.plan;
    this.#steps = request.plan.steps;
    this.#blocked = blockedSteps(this.#steps, request.open ?? new Map());
    this.#rows = new LiveRows(request.snapshot, request.registry);
    this.#journal = new StepJournal(request.run, this.#rows, (failure) => {
      this.#problem ??= failure;
    });
    const left = new Set(request.plan.selection?.held.map(({ urn }) => urn));
    this.#sink = new ApplySink(request.plan.needsProgram ? this.#steps : [], left, {
      outputs: (step, outputs) => this.#componentOutputs(step, outputs),
      invoke: async (invoke) => invokeProvider(await this.#rows.provider(invoke.provider), invoke),
      construct: async (construct) =>
        constructThrough(await this.#rows.provider(construct.provider), construct, this.#programStop.signal),
      call: async (call) =>
        callThrough(await this.#rows.provider(call.provider), call, this.#programStop.signal),
    });
    this.#performer = new Performer({
      steps: this.#steps,
      runId: request.run.id,
      rows: this.#rows,
      journal: this.#journal,
      registered: async (id) => this.#sink.registration(id),
    });
  }

  async run(): Promise<ApplyResult> {
    const { events, run, signal, cancelSignal, registry } = this.#request;
    events({ type: "apply-started", runId: run.id, steps: this.#steps.length });
    const cancel = (): void => void registry.cancel();
    const stop = (): void => this.#stopProgram();
    cancelSignal?.addEventListener("abort", cancel, { once: true });
    signal?.addEventListener("abort", stop, { once: true });

    const program = this.#plan.needsProgram ? this.#runProgram() : undefined;
    await walk(tasksOf(this.#steps), {
      parallel: this.#request.parallel,
      counts: (id) => this.#calls(id),
      gate: (id) => this.#sink.registration(id),
      stopped: () => this.#stopped,
      run: (id) => this.#start(id),
      skip: (id, because) => this.#skip(id, because),
    });
    if (this.#stopped) this.#stopProgram();
    const ended = await program;
    await this.#writeOutputs(ended);
    this.#tellOpen();

    cancelSignal?.removeEventListener("abort", cancel);
    signal?.removeEventListener("abort", stop);
    const outcome = signal?.aborted
      ? "interrupted"
      : this.#failed.length + this.#left.length > 0 || this.#problem !== undefined
        ? "failed"
        : "succeeded";
    const result: ApplyResult = {
      runId: run.id,
      outcome,
      elapsedMs: Date.now() - this.#startedAt,
      done: this.#done,
      failed: [...this.#failed, ...this.#left],
      skipped: this.#skipped,
      summary: summarize({ steps: this.#finished }),
      outputs:
        outcome === "succeeded" ? (this.#outputsOf(ended) ?? this.#plan.outputs) : this.#plan.priorOutputs,
      ...(this.#problem ? { problem: this.#problem } : {}),
    };
    await this.#finishRun(outcome);
    events({ type: "apply-ended", result });
    return result;
  }

  get #stopped(): boolean {
    return (
      this.#request.signal?.aborted === true ||
      this.#problem !== undefined ||
      (this.#failed.length > 0 && !this.#request.continueOnError)
    );
  }

  get #finished(): Step[] {
    const not = new Set<Step>([...this.#skipped, ...[...this.#failed, ...this.#left].map((f) => f.step)]);
    return this.#steps.filter((step) => !not.has(step));
  }

  /** What is left open is told, where no step told it and nothing worse happened. */
  #tellOpen(): void {
    const told = new Set(this.#left.map(({ failure }) => failure));
    const open = [...(this.#request.open?.values() ?? [])].filter((failure) => !told.has(failure));
    const [first] = open;
    if (first === undefined || this.#failed.length > 0) return;
    this.#problem ??= together(open, first);
  }

  /** Steps that talk to a provider take one of the parallel places. */
  #calls(id: StepId): boolean {
    const step = this.#steps[id];
    return step !== undefined && (hasEffect(step) || step.op === "read" || step.op === "import");
  }

  #start(id: StepId): Promise<TaskEnd> | undefined {
    const step = this.#steps[id];
    // The barrier before late deletes.
    if (step === undefined) return undefined;
    const blocked = this.#blocked.get(id);
    if (blocked) return Promise.resolve(this.#fail(step, blocked, Date.now(), this.#left));
    if (step.op === "same" && !step.write && !waitsForProgram(step)) {
      this.#answer(step, step.prior);
      this.#done++;
      return undefined;
    }
    return this.#run(step);
  }

  #run(step: Step): Promise<TaskEnd> {
    const { type } = "resource" in step ? step.resource : step.prior;
    return inSpan(
      `step ${step.op}`,
      { "orch.step": step.id, "orch.resource.urn": step.urn, "orch.resource.type": type },
      (span) => this.#perform(step, span),
      { parent: this.#parent },
    );
  }

  async #perform(step: Step, span: Span): Promise<TaskEnd> {
    const { events } = this.#request;
    const startedAt = Date.now();
    events({ type: "step-started", step: step.id, op: step.op, urn: step.urn, at: startedAt });
    try {
      const effect = await this.#performer.perform(step);
      if (effect.failure) {
        failSpan(span, effect.failure);
        return this.#fail(step, effect.failure, startedAt);
      }
      if (isProgramStep(step) && effect.row) this.#answer(step, effect.row);
      this.#done++;
      const id = effect.row?.id === undefined ? {} : { id: effect.row.id };
      events({
        type: "step-finished",
        step: step.id,
        op: step.op,
        urn: step.urn,
        elapsedMs: Date.now() - startedAt,
        ...id,
      });
      return "done";
    } catch (error) {
      failSpan(span, toFailure(error));
      return this.#fail(step, toFailure(error), startedAt);
    }
  }

  #fail(step: Step, failure: Failure, startedAt: number, list = this.#failed): TaskEnd {
    // The state's word for where a resource was made is older than the program; that of a deletion would be wrong.
    const made = "resource" in step ? step.resource : { urn: step.urn };
    const named = about(made, failure);
    list.push({ step, failure: named });
    this.#sink.fail(step.id);
    this.#request.events({
      type: "step-failed",
      step: step.id,
      op: step.op,
      urn: step.urn,
      elapsedMs: Date.now() - startedAt,
      failure: named,
    });
    return "failed";
  }

  #skip(id: StepId, because: StepId | "stopped"): void {
    const step = this.#steps[id];
    if (step === undefined) return;
    this.#skipped.push(step);
    this.#sink.fail(id);
    const cause = because === "stopped" ? undefined : this.#steps[because];
    this.#request.events({
      type: "step-skipped",
      step: id,
      op: step.op,
      urn: step.urn,
      because: cause?.urn ?? "interrupted",
    });
  }

  #answer(step: ProgramStep, row: ResourceState): void {
    this.#rows.set(row.urn, row);
    this.#sink.answer(step.id, {
      outputs: row.custom ? row.outputs : {},
      ...(row.id === undefined ? {} : { id: row.id }),
    });
  }

  /** What comes of something that the plan leaves out stays what it was. */
  #settled(outputs: PropertyMap, before: PropertyMap): PropertyMap {
    return this.#plan.selection ? settledOutputs(outputs, before) : outputs;
  }

  async #componentOutputs(step: ProgramStep, told: PropertyMap): Promise<void> {
    const row = this.#rows.get(step.urn);
    const outputs = this.#settled(told, row?.outputs ?? {});
    if (hasUnknown(outputs)) return;
    if (row === undefined || compare(row.outputs, outputs).length === 0) return;
    const next = { ...row, outputs, modifiedAt: Date.now() };
    this.#rows.set(step.urn, next);
    await this.#journal.record(step, [this.#journal.put(next, step.id)]);
  }

  readonly #programStop = new AbortController();
  #stopProgram(): void {
    this.#sink.end((step) => stoppedFailure(step));
    this.#programStop.abort();
  }

  async #runProgram(): Promise<ProgramResult | undefined> {
    try {
      const result = await this.#request.runProgram(this.#sink, this.#programStop.signal);
      this.#sink.end(notRegistered);
      return result;
    } catch (error) {
      const failure = toFailure(error);
      this.#sink.end((step) => ({
        reason: "step-skipped",
        message: "The program failed before it said what this resource is to be.",
        urn: step.urn,
        causes: [failure],
      }));
      // A program that fails because a resource did, or because it was stopped, is no news.
      if (this.#failed.length + this.#left.length === 0 && !this.#programStop.signal.aborted)
        this.#problem ??= failure;
      return undefined;
    }
  }

  #outputsOf(program: ProgramResult | undefined): PropertyMap | undefined {
    if (!this.#plan.needsProgram) return this.#plan.outputs;
    return program && this.#settled(program.outputs, this.#plan.priorOutputs);
  }

  async #writeOutputs(program: ProgramResult | undefined): Promise<void> {
    const outputs = this.#outputsOf(program);
    if (outputs === undefined || this.#stopped || this.#plan.kind === "refresh") return;
    if (this.#skipped.length > 0 || this.#failed.length + this.#left.length > 0 || hasUnknown(outputs))
      return;
    // A run beside this one may have changed them: what this plan does not change is not its to write.
    if (equal(outputs, this.#plan.priorOutputs)) return;
    const root = this.#steps.at(-1);
    try {
      await this.#request.run.append([
        {
          kind: "outcome",
          step: root?.id ?? 0,
          op: root?.op ?? "same",
          urn: root?.urn ?? "",
          result: "done",
          writes: [{ outputs }],
          at: Date.now(),
        },
      ]);
    } catch (error) {
      this.#problem ??= toFailure(error);
    }
  }

  async #finishRun(outcome: ApplyResult["outcome"]): Promise<void> {
    try {
      await this.#request.run.finish(outcome);
    } catch (error) {
      this.#problem ??= toFailure(error);
    }
  }
}

const notRegistered = (step: ProgramStep): Failure => ({
  reason: "plan-broken",
  message: `The program ended without registering ${step.resource.name} (${step.resource.type}), which the plan holds. It was not touched.`,
  urn: step.urn,
  expected: "the same resources as when the plan was made",
  found: "the program left it out",
  next: ["Make a new plan and review it."],
});

const stoppedFailure = (step: ProgramStep): Failure => ({
  reason: "step-skipped",
  message: "The run was stopped before this resource's inputs were known.",
  urn: step.urn,
});
