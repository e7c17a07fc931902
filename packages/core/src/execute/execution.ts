/**
 * Applies a plan: walks its steps, calls the providers, and journals intent before each effect and the outcome after it. The only code that writes state
 * during an apply.
 */

import { randomUUID } from "node:crypto";
import { type TaskEnd, walk } from "../graph/schedule.js";
import { compare } from "../model/compare.js";
import type { ApplyResult, EventSink } from "../model/event.js";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import {
  type CreateStep,
  type DeleteStep,
  type Plan,
  type SameStep,
  type Step,
  type StepId,
  summarize,
  type UpdateStep,
} from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { isProviderType, packageOf, type Urn } from "../model/urn.js";
import { equal, hasUnknown, type PropertyMap, type Value } from "../model/value.js";
import type { ProgramInvoke, ProgramResult, ProgramSink } from "../program/contract.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { invokeProvider } from "../provider/verbs.js";
import type { ExpectedOutcome, Run, Snapshot, StateWrite } from "../state/contract.js";
import { blockedSteps } from "./blocked.js";
import { create, type Effect, hasEffect, isAmbiguous, read, remove, rowOf, update } from "./operations.js";
import { tasksOf } from "./order.js";
import {
  ApplySink,
  isProgramStep,
  type ProgramStep,
  type Registered,
  waitsForProgram,
} from "./program-sink.js";
import { resolveInputs, resolveProvider, resolveUpdate } from "./resolve.js";
import { together } from "./resume.js";

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
  /** Live rows as they become. */
  readonly #rows = new Map<Urn, ResourceState>();
  /** URN of a live row of the plan → key of the deposed object that it became. By URN: in a plan that comes from a file each step has a copy of its own. */
  readonly #deposed = new Map<Urn, string>();
  /** Planned as a replace, but what was unknown turned out not to need one: nothing is left to delete. */
  readonly #kept = new Set<Urn>();
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
    for (const row of request.snapshot.resources) if (!row.deposed) this.#rows.set(row.urn, row);
    this.#sink = new ApplySink(request.plan.needsProgram ? this.#steps : [], {
      outputs: (step, outputs) => this.#componentOutputs(step, outputs),
      invoke: (invoke) => this.#invoke(invoke),
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
      outputs: outcome === "succeeded" ? (ended?.outputs ?? this.#plan.outputs) : this.#plan.priorOutputs,
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

  async #run(step: Step): Promise<TaskEnd> {
    const { events } = this.#request;
    const startedAt = Date.now();
    events({ type: "step-started", step: step.id, op: step.op, urn: step.urn, at: startedAt });
    try {
      const effect = await this.#perform(step);
      if (effect.failure) return this.#fail(step, effect.failure, startedAt);
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
      return this.#fail(step, toFailure(error), startedAt);
    }
  }

  #fail(step: Step, failure: Failure, startedAt: number, list = this.#failed): TaskEnd {
    const named: Failure = failure.urn === undefined ? { ...failure, urn: step.urn } : failure;
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

  async #perform(step: Step): Promise<Effect> {
    switch (step.op) {
      case "same":
        return this.#same(step);
      case "create":
        return this.#create(step);
      case "update":
        return this.#update(step);
      case "read":
      case "import":
        return this.#read(step);
      case "delete":
        return this.#delete(step);
      case "refresh": {
        const { observed, prior } = step;
        await this.#record(
          step,
          observed ? [this.#put(observed, step.id)] : [{ remove: { urn: prior.urn } }],
        );
        if (observed) this.#rows.set(prior.urn, observed);
        return observed ? { row: observed } : {};
      }
    }
  }

  /** Planned unchanged although something was unknown: what it turned out to be is recorded as the provider checks it. */
  async #same(step: SameStep): Promise<Effect> {
    const { resource, prior } = step;
    const registered = await this.#registered(step);
    let { inputs } = step;
    if (registered && resource.custom && !isProviderType(resource.type)) {
      inputs = await resolveInputs(await this.#provider(resource.provider), step, registered.resource, prior);
    }
    return this.#keep(step.id, resource, inputs, prior, step.outputs, step.movedFrom);
  }

  /** Nothing is asked of anybody; orch's own record is brought up to date. */
  async #keep(
    id: StepId,
    resource: Resource,
    inputs: PropertyMap,
    prior: ResourceState,
    outputs: PropertyMap,
    movedFrom: Urn | undefined,
  ): Promise<Effect> {
    const step = this.#steps[id] as Step;
    const registered = await this.#registered(step);
    const now = registered?.resource ?? resource;
    const row = {
      ...rowOf(
        now,
        prior.id,
        this.#known(inputs, now.inputs),
        this.#known(outputs, prior.outputs),
        prior,
        Date.now(),
      ),
      ...(prior.initErrors ? { initErrors: prior.initErrors } : {}),
    };
    await this.#record(step, [...moved(movedFrom, resource.urn), this.#put(row, id)]);
    return { row };
  }

  /** The first where it is wholly known, else the second: state never holds an unknown. */
  #known(wanted: PropertyMap, fallback: PropertyMap): PropertyMap {
    return hasUnknown(wanted) ? fallback : wanted;
  }

  async #create(step: CreateStep): Promise<Effect> {
    const registered = await this.#registered(step);
    const resource = registered?.resource ?? step.resource;
    const writes = step.replaces ? this.#depose(step, step.replaces.prior) : [];
    if (!resource.custom) {
      const row = rowOf(
        resource,
        undefined,
        resource.inputs,
        this.#known(step.outputs, {}),
        undefined,
        Date.now(),
      );
      await this.#record(step, [...writes, this.#put(row, step.id)]);
      return { row };
    }
    if (isProviderType(resource.type)) {
      const row = await this.#providerRow(
        resource,
        step.objectId as string,
        registered ? undefined : step.inputs,
        undefined,
      );
      await this.#record(step, [...writes, this.#put(row, step.id)]);
      return { row };
    }
    const configured = await this.#provider(resource.provider);
    const inputs =
      registered || step.unchecked ? await resolveInputs(configured, step, resource, undefined) : step.inputs;
    if (
      step.replaces &&
      registered &&
      step.replaces.order === "create-before-delete" &&
      step.reason?.kind === "changed"
    ) {
      const lesser = await this.#lesserThanReplace(step, resource, configured);
      if (lesser) return lesser;
    }
    // Random, and kept in the journal: a state that was put back from a copy counts its runs anew, and must not meet an old token.
    const token = randomUUID();
    // Drawn from what was known in the plan, which is all that was sent.
    const id = registered === undefined && !step.unchecked ? step.objectId : undefined;
    await this.#intend(step, inputs, {
      token,
      ...(id === undefined ? {} : { id }),
      expected: this.#expect(writes, rowOf(resource, undefined, {}, {}, undefined, Date.now())),
    });
    return this.#effect(step, writes, () => create(configured, step, resource, inputs, token));
  }

  /** It was a replace because something was unknown. Now that it is known, the provider may be content with an update, or with nothing. */
  async #lesserThanReplace(
    step: CreateStep,
    resource: Resource,
    configured: ConfiguredProvider,
  ): Promise<Effect | undefined> {
    const { prior } = step.replaces as NonNullable<CreateStep["replaces"]>;
    const lesser = await resolveUpdate(configured, step, resource, prior);
    if (lesser.kind === "replace") return undefined;
    this.#kept.add(prior.urn);
    this.#deposed.delete(prior.urn);
    const movedFrom = prior.urn === step.urn ? undefined : prior.urn;
    if (lesser.kind === "same")
      return this.#keep(step.id, resource, lesser.inputs, prior, prior.outputs, movedFrom);
    const writes = moved(movedFrom, step.urn);
    await this.#intend(step, lesser.inputs, {
      id: prior.id as string,
      changes: true,
      expected: this.#expect(writes, rowOf(resource, undefined, {}, {}, prior, Date.now())),
    });
    return this.#effect(step, writes, () => update(configured, { prior }, resource, lesser.inputs));
  }

  /** The old half of a replace makes room: as a deposed object beside the new one. Deleted first, it is gone already. */
  #depose(step: CreateStep, prior: ResourceState): StateWrite[] {
    if (step.replaces?.order === "delete-before-create") return [];
    const key = `${this.#request.run.id}-${step.id}`;
    this.#deposed.set(prior.urn, key);
    return [
      ...moved(prior.urn === step.urn ? undefined : prior.urn, step.urn),
      { depose: step.urn, deposed: key },
    ];
  }

  async #update(step: UpdateStep): Promise<Effect> {
    const registered = await this.#registered(step);
    const resource = registered?.resource ?? step.resource;
    const writes = moved(step.movedFrom, step.urn);
    if (!resource.custom) {
      const row = rowOf(
        resource,
        undefined,
        resource.inputs,
        this.#known(step.outputs, step.prior.outputs),
        step.prior,
        Date.now(),
      );
      await this.#record(step, [...writes, this.#put(row, step.id)]);
      return { row };
    }
    if (isProviderType(resource.type)) {
      const row = await this.#providerRow(
        resource,
        step.prior.id as string,
        registered ? undefined : step.inputs,
        step.prior,
      );
      await this.#record(step, [...writes, this.#put(row, step.id)]);
      return { row };
    }
    const configured = await this.#provider(resource.provider);
    let { inputs } = step;
    if (registered || step.unchecked) {
      const resolved = await resolveUpdate(configured, step, resource, step.prior);
      if (resolved.kind === "replace") throw new OrchError(resolved.failure);
      if (resolved.kind === "same" && !step.prior.initErrors?.length) {
        return this.#keep(step.id, resource, resolved.inputs, step.prior, step.prior.outputs, step.movedFrom);
      }
      inputs = resolved.inputs;
    }
    await this.#intend(step, inputs, {
      id: step.prior.id as string,
      expected: this.#expect(writes, rowOf(resource, undefined, {}, {}, step.prior, Date.now())),
    });
    return this.#effect(step, writes, () => update(configured, step, resource, inputs));
  }

  async #read(step: Extract<Step, { op: "read" | "import" }>): Promise<Effect> {
    const registered = await this.#registered(step);
    const resource = registered?.resource ?? step.resource;
    const id = (registered?.id ?? step.objectId) as Value;
    const configured = await this.#provider(resource.provider);
    const inputs = step.op === "read" ? resource.inputs : step.inputs;
    const effect = await read(configured, step, resource, String(id), inputs);
    await this.#record(step, effect.row ? [this.#put(effect.row, step.id)] : []);
    return effect;
  }

  async #delete(step: DeleteStep): Promise<Effect> {
    if (step.replaced && this.#kept.has(step.prior.urn)) return {};
    const deposed = step.prior.deposed ?? this.#deposed.get(step.prior.urn);
    // The replacement was not made after all; the object is still the live one.
    const urn =
      deposed !== undefined && !step.prior.deposed ? (this.#newUrn(step.prior.urn) ?? step.urn) : step.urn;
    const writes: StateWrite[] = [{ remove: { urn, ...(deposed === undefined ? {} : { deposed }) } }];
    if (!hasEffect(step)) {
      await this.#record(step, writes);
      return {};
    }
    const configured = await this.#providerOf(step.prior);
    await this.#intend(step, step.prior.inputs, {
      id: step.prior.id as string,
      ...(deposed === undefined ? {} : { deposed }),
      expected: { writes },
    });
    return this.#effect(step, writes, async () => {
      await remove(configured, step);
      return {};
    });
  }

  /** The URN under which a replaced row stands now: its own, or the one that it moved to. */
  #newUrn(prior: Urn): Urn | undefined {
    return this.#steps.find((s) => s.op === "create" && s.replaces?.prior.urn === prior)?.urn;
  }

  async #providerRow(
    resource: Resource,
    id: string,
    inputs: PropertyMap | undefined,
    prior: ResourceState | undefined,
  ): Promise<ResourceState> {
    const checked = inputs ?? (await resolveProvider(this.#request.registry, resource, prior));
    await this.#request.registry.configured(
      resource.urn,
      id,
      resource.package ?? { name: packageOf(resource.type) },
      checked,
    );
    return rowOf(resource, id, checked, checked, prior, Date.now());
  }

  async #provider(urn: Urn | undefined): Promise<ConfiguredProvider> {
    const row = urn === undefined ? undefined : this.#rows.get(urn);
    if (row === undefined) throw new TypeError(`no provider ${urn ?? "(none)"} in the state`);
    return this.#request.registry.fromState(row);
  }

  /** For a deletion: the provider that made the object, even if it is being replaced or is leaving too. */
  async #providerOf(prior: ResourceState): Promise<ConfiguredProvider> {
    const urn = prior.provider as Urn;
    const before = this.#request.snapshot.resources.filter((r) => r.urn === urn);
    const live = this.#rows.get(urn);
    const row =
      [...(live ? [live] : []), ...before].find((r) => r.id === prior.providerId) ?? live ?? before[0];
    if (row === undefined) {
      throw new OrchError({
        reason: "state-invalid",
        message: `The state does not hold the provider of ${prior.name} (${prior.type}), so it can't be deleted.`,
        urn: prior.urn,
        expected: urn,
        found: "no such resource",
      });
    }
    return this.#request.registry.fromState(row);
  }

  /** What the program says now, when the step needs to know. Rejects when the program did not, or contradicts the plan. */
  async #registered(step: Step): Promise<Registered | undefined> {
    return this.#sink.registration(step.id);
  }

  #answer(step: ProgramStep, row: ResourceState): void {
    this.#rows.set(row.urn, row);
    this.#sink.answer(step.id, {
      outputs: row.custom ? row.outputs : {},
      ...(row.id === undefined ? {} : { id: row.id }),
    });
  }

  #put(row: ResourceState, order: number): StateWrite {
    return { put: this.#withProviderId(row), order };
  }

  #withProviderId(row: ResourceState): ResourceState {
    const providerId = row.provider === undefined ? undefined : this.#rows.get(row.provider)?.id;
    return providerId === undefined ? row : { ...row, providerId };
  }

  #expect(writes: readonly StateWrite[], row: ResourceState): ExpectedOutcome {
    const { id: _id, inputs: _inputs, outputs: _outputs, ...rest } = this.#withProviderId(row);
    return { writes, row: rest };
  }

  async #intend(
    step: Step,
    inputs: PropertyMap,
    more: {
      readonly token?: string;
      readonly id?: string;
      readonly deposed?: string;
      readonly changes?: true;
      readonly expected: ExpectedOutcome;
    },
  ): Promise<void> {
    const provider =
      step.op === "delete" ? step.prior.provider : isProgramStep(step) ? step.resource.provider : undefined;
    await this.#append({
      kind: "intent",
      step: step.id,
      op: step.op,
      urn: step.urn,
      type: typeOf(step),
      inputs,
      at: Date.now(),
      ...(provider ? { provider } : {}),
      ...more,
    });
  }

  /** Runs what was intended and writes what came of it. `writes` come before the row. */
  async #effect(step: Step, writes: readonly StateWrite[], run: () => Promise<Effect>): Promise<Effect> {
    let effect: Effect;
    try {
      effect = await run();
    } catch (error) {
      const failure = toFailure(error);
      if (!isAmbiguous(failure)) {
        await this.#append({
          kind: "outcome",
          step: step.id,
          op: step.op,
          urn: step.urn,
          result: "failed",
          message: failure.message,
          writes: [],
          at: Date.now(),
        });
      }
      throw error;
    }
    await this.#record(
      step,
      effect.row ? [...writes, this.#put(effect.row, step.id)] : writes,
      effect.failure?.message,
    );
    if (effect.row) this.#rows.set(effect.row.urn, effect.row);
    return effect;
  }

  async #record(step: Step, writes: readonly StateWrite[], failed?: string): Promise<void> {
    await this.#append({
      kind: "outcome",
      step: step.id,
      op: step.op,
      urn: step.urn,
      result: failed === undefined ? "done" : "failed",
      writes,
      at: Date.now(),
      ...(failed === undefined ? {} : { message: failed }),
    });
  }

  /** A state that can't be written stops the run: what is not recorded must not happen. */
  async #append(record: Parameters<Run["append"]>[0][number]): Promise<void> {
    try {
      await this.#request.run.append([record]);
    } catch (error) {
      this.#problem ??= toFailure(error);
      throw error;
    }
  }

  async #componentOutputs(step: ProgramStep, outputs: PropertyMap): Promise<void> {
    if (hasUnknown(outputs)) return;
    const row = this.#rows.get(step.urn);
    if (row === undefined || compare(row.outputs, outputs).length === 0) return;
    const next = { ...row, outputs, modifiedAt: Date.now() };
    this.#rows.set(step.urn, next);
    await this.#record(step, [this.#put(next, step.id)]);
  }

  async #invoke(request: ProgramInvoke): Promise<PropertyMap> {
    return invokeProvider(await this.#provider(request.provider), request);
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

  async #writeOutputs(program: ProgramResult | undefined): Promise<void> {
    const outputs = this.#plan.needsProgram ? program?.outputs : this.#plan.outputs;
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

const moved = (from: Urn | undefined, to: Urn): StateWrite[] =>
  from === undefined ? [] : [{ rename: from, to }];
const typeOf = (step: Step): string =>
  step.op === "delete" || step.op === "refresh" ? step.prior.type : step.resource.type;

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
