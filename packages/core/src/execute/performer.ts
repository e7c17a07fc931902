/** What each kind of step does: the provider is called, and what came of it is journalled. */
import { randomUUID } from "node:crypto";
import { OrchError } from "../model/failure.js";
import type { CreateStep, DeleteStep, SameStep, Step, StepId, UpdateStep } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import { hasUnknown, type PropertyMap, type Value } from "../model/value.js";
import type { ConfiguredProvider } from "../provider/registry.js";
import type { StateWrite } from "../state/contract.js";
import type { LiveRows } from "./live-rows.js";
import { create, type Effect, hasEffect, read, remove, rowOf, update } from "./operations.js";
import type { Registered } from "./program-sink.js";
import { resolveInputs, resolveUpdate } from "./resolve.js";
import type { StepJournal } from "./step-journal.js";

export interface PerformerContext {
  readonly steps: readonly Step[];
  readonly runId: number;
  readonly rows: LiveRows;
  readonly journal: StepJournal;
  /** What the program says now, when the step needs to know. Rejects when the program did not, or contradicts the plan. */
  readonly registered: (id: StepId) => Promise<Registered | undefined>;
}

export class Performer {
  /** URN of a live row of the plan → key of the deposed object that it became. By URN: in a plan that comes from a file each step has a copy of its own. */
  readonly #deposed = new Map<Urn, string>();
  /** Planned as a replace, but what was unknown turned out not to need one: nothing is left to delete. */
  readonly #kept = new Set<Urn>();

  constructor(private readonly context: PerformerContext) {}

  async perform(step: Step): Promise<Effect> {
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
        await this.context.journal.record(
          step,
          observed ? [this.context.journal.put(observed, step.id)] : [{ remove: { urn: prior.urn } }],
        );
        if (observed) this.context.rows.set(prior.urn, observed);
        return observed ? { row: observed } : {};
      }
    }
  }

  /** Planned unchanged although something was unknown: what it turned out to be is recorded as the provider checks it. */
  async #same(step: SameStep): Promise<Effect> {
    const { resource, prior } = step;
    const registered = await this.context.registered(step.id);
    let { inputs } = step;
    if (registered && resource.custom && !isProviderType(resource.type)) {
      inputs = await resolveInputs(
        await this.context.rows.provider(resource.provider),
        step,
        registered.resource,
        prior,
      );
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
    const step = this.context.steps[id] as Step;
    const registered = await this.context.registered(step.id);
    const now = registered?.resource ?? resource;
    const row = {
      ...rowOf(now, prior.id, known(inputs, now.inputs), known(outputs, prior.outputs), prior, Date.now()),
      ...(prior.initErrors ? { initErrors: prior.initErrors } : {}),
    };
    await this.context.journal.record(step, [
      ...moved(movedFrom, resource.urn),
      this.context.journal.put(row, id),
    ]);
    return { row };
  }

  async #create(step: CreateStep): Promise<Effect> {
    const registered = await this.context.registered(step.id);
    const resource = registered?.resource ?? step.resource;
    const writes = step.replaces ? this.#depose(step, step.replaces.prior) : [];
    if (!resource.custom) {
      const row = rowOf(resource, undefined, resource.inputs, known(step.outputs, {}), undefined, Date.now());
      await this.context.journal.record(step, [...writes, this.context.journal.put(row, step.id)]);
      return { row };
    }
    if (isProviderType(resource.type)) {
      const row = await this.context.rows.providerRow(
        resource,
        step.objectId as string,
        registered ? undefined : step.inputs,
        undefined,
      );
      await this.context.journal.record(step, [...writes, this.context.journal.put(row, step.id)]);
      return { row };
    }
    const configured = await this.context.rows.provider(resource.provider);
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
    await this.context.journal.intend(step, inputs, {
      token,
      ...(id === undefined ? {} : { id }),
      expected: this.context.journal.expect(
        writes,
        rowOf(resource, undefined, {}, {}, undefined, Date.now()),
      ),
    });
    return this.context.journal.effect(step, writes, () => create(configured, step, resource, inputs, token));
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
    await this.context.journal.intend(step, lesser.inputs, {
      id: prior.id as string,
      changes: true,
      expected: this.context.journal.expect(writes, rowOf(resource, undefined, {}, {}, prior, Date.now())),
    });
    return this.context.journal.effect(step, writes, () =>
      update(configured, { prior }, resource, lesser.inputs),
    );
  }

  /** The old half of a replace makes room: as a deposed object beside the new one. Deleted first, it is gone already. */
  #depose(step: CreateStep, prior: ResourceState): StateWrite[] {
    if (step.replaces?.order === "delete-before-create") return [];
    const key = `${this.context.runId}-${step.id}`;
    this.#deposed.set(prior.urn, key);
    return [
      ...moved(prior.urn === step.urn ? undefined : prior.urn, step.urn),
      { depose: step.urn, deposed: key },
    ];
  }

  async #update(step: UpdateStep): Promise<Effect> {
    const registered = await this.context.registered(step.id);
    const resource = registered?.resource ?? step.resource;
    const writes = moved(step.movedFrom, step.urn);
    if (!resource.custom) {
      const row = rowOf(
        resource,
        undefined,
        resource.inputs,
        known(step.outputs, step.prior.outputs),
        step.prior,
        Date.now(),
      );
      await this.context.journal.record(step, [...writes, this.context.journal.put(row, step.id)]);
      return { row };
    }
    if (isProviderType(resource.type)) {
      const row = await this.context.rows.providerRow(
        resource,
        step.prior.id as string,
        registered ? undefined : step.inputs,
        step.prior,
      );
      await this.context.journal.record(step, [...writes, this.context.journal.put(row, step.id)]);
      return { row };
    }
    const configured = await this.context.rows.provider(resource.provider);
    let { inputs } = step;
    if (registered || step.unchecked) {
      const resolved = await resolveUpdate(configured, step, resource, step.prior);
      if (resolved.kind === "replace") throw new OrchError(resolved.failure);
      if (resolved.kind === "same" && !step.prior.initErrors?.length) {
        return this.#keep(step.id, resource, resolved.inputs, step.prior, step.prior.outputs, step.movedFrom);
      }
      inputs = resolved.inputs;
    }
    await this.context.journal.intend(step, inputs, {
      id: step.prior.id as string,
      expected: this.context.journal.expect(
        writes,
        rowOf(resource, undefined, {}, {}, step.prior, Date.now()),
      ),
    });
    return this.context.journal.effect(step, writes, () => update(configured, step, resource, inputs));
  }

  async #read(step: Extract<Step, { op: "read" | "import" }>): Promise<Effect> {
    const registered = await this.context.registered(step.id);
    const resource = registered?.resource ?? step.resource;
    const id = (registered?.id ?? step.objectId) as Value;
    const configured = await this.context.rows.provider(resource.provider);
    const inputs = step.op === "read" ? resource.inputs : step.inputs;
    const effect = await read(configured, step, resource, String(id), inputs);
    await this.context.journal.record(
      step,
      effect.row ? [this.context.journal.put(effect.row, step.id)] : [],
    );
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
      await this.context.journal.record(step, writes);
      return {};
    }
    const configured = await this.context.rows.providerOf(step.prior);
    await this.context.journal.intend(step, step.prior.inputs, {
      id: step.prior.id as string,
      ...(deposed === undefined ? {} : { deposed }),
      expected: { writes },
    });
    return this.context.journal.effect(step, writes, async () => {
      await remove(configured, step);
      return {};
    });
  }

  /** The URN under which a replaced row stands now: its own, or the one that it moved to. */
  #newUrn(prior: Urn): Urn | undefined {
    return this.context.steps.find((s) => s.op === "create" && s.replaces?.prior.urn === prior)?.urn;
  }
}

const moved = (from: Urn | undefined, to: Urn): StateWrite[] =>
  from === undefined ? [] : [{ rename: from, to }];

/** The first where it is wholly known, else the second: state never holds an unknown. */
const known = (wanted: PropertyMap, fallback: PropertyMap): PropertyMap =>
  hasUnknown(wanted) ? fallback : wanted;
