/**
 * Plans a program's resources one by one as they are registered: finds what was there before, asks the provider what it would do, and answers the program as far as is
 * known. `finish` adds the deletions and gives out the steps. Makes no change anywhere.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { Limit } from "../graph/limit.js";
import type { Diff } from "../model/diff.js";
import type { EventSink } from "../model/event.js";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import { mistakenOutput, mistakenPromise, refuseMistakenText } from "../model/mistaken-text.js";
import type { StepReason } from "../model/plan.js";
import type { ReadResource, Resource, ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import { hasUnknown, type PropertyMap, unknown, type Value } from "../model/value.js";
import type {
  ProgramCall,
  ProgramConstruct,
  ProgramInvoke,
  ProgramSink,
  RegistrationAnswer,
} from "../program/contract.js";
import { callThrough, constructThrough } from "../provider/components.js";
import type { ConstructResponse, MethodResponse } from "../provider/contract.js";
import { diffInputs, needsReplace, needsUpdate, noDiff } from "../provider/diff.js";
import { about } from "../provider/failures.js";
import { ignoreChanges } from "../provider/ignore.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { forProvider, fromProvider } from "../provider/secrets.js";
import { timeouts } from "../provider/timeouts.js";
import {
  askDiff,
  check,
  checkProvider,
  descriptorOf,
  invokeProvider,
  readExisting,
  updateRequest,
} from "../provider/verbs.js";
import { importObject } from "./import.js";
import type { Prior } from "./prior.js";
import { configureProvider, type PlannedProvider, ProviderUnavailable } from "./providers.js";
import { forcedReplacements } from "./replace-order.js";
import type { Patterns, Selection } from "./selection.js";
import type { Left } from "./settle.js";
import { type Draft, differsInState } from "./steps.js";

export interface PlannerOptions {
  /** What to replace whatever the diff says. */
  readonly replace: Patterns;
  /** Absent: everything. */
  readonly selection?: Selection;
  /** Rows that reading found gone: what will be made again, and why. */
  readonly gone: ReadonlyMap<Urn, string>;
  /** Rows that reading found changed: what is there now must be written even if nothing else is done. */
  readonly refreshed: ReadonlySet<Urn>;
  /** Resources that are planned at the same time. */
  readonly parallel: number;
  readonly events: EventSink;
}

export class Planner implements ProgramSink {
  readonly drafts = new Map<Urn, Draft>();
  readonly failures: Failure[] = [];
  /** What is not part of the selection. */
  readonly left = new Map<Urn, Left>();
  /** Providers that functions, methods or components were asked of. */
  readonly called = new Set<Urn>();
  /** To be replaced whatever the comparison says. */
  readonly asked = new Set<Urn>();
  readonly #providers = new Map<Urn, Promise<PlannedProvider>>();
  /** A program registers thousands at once; a plugin that is asked about all of them together only holds them in memory. */
  readonly #calls: Limit;
  /** Rows that must be replaced because something they stand on is deleted first; the value is that something. */
  readonly forced = new Map<Urn, Urn>();

  constructor(
    readonly prior: Prior,
    readonly registry: ProviderRegistry,
    readonly options: PlannerOptions,
  ) {
    this.#calls = new Limit(options.parallel);
  }

  async register(resource: Resource): Promise<RegistrationAnswer> {
    const { urn, type, custom } = resource;
    const prior = this.prior.claim(resource);
    const before = prior?.external ? undefined : prior;
    if (custom && !isProviderType(type) && this.options.replace.names(resource)) this.asked.add(urn);
    const plan = async (selected: boolean): Promise<Draft> => {
      refuseMistakenText(resource);
      if (isProviderType(type)) return this.#planProvider(resource, before);
      if (!custom) return planComponent(resource, before);
      return this.#calls.run(() => this.#planCustom(resource, before, selected));
    };
    if (this.options.selection?.take(resource, prior) === false) {
      // Told before it is planned: what is registered next may already ask.
      return this.#leave(resource, prior, plan(false));
    }
    const doubtful = mistakenPromise(resource);
    if (doubtful !== undefined) this.options.events(doubtful);
    try {
      const draft = await plan(true);
      this.drafts.set(urn, draft);
      this.#progress();
      return answer(draft);
    } catch (error) {
      return this.#failed(resource, error);
    }
  }

  #progress(): void {
    this.options.events({ type: "plan-progress", done: this.drafts.size + this.left.size });
  }

  /**
   * Not part of the selection: planned all the same, to tell what is left undone and because something may need it. The program sees what is there.
   */
  async #leave(
    resource: Resource,
    prior: ResourceState | undefined,
    planned: Promise<Draft>,
  ): Promise<RegistrationAnswer> {
    const { urn, type, custom } = resource;
    const base = { resource, ...(prior ? { prior } : {}) };
    let draft: Draft | undefined;
    try {
      draft = await planned;
      this.left.set(urn, { ...base, draft });
    } catch (error) {
      const failure =
        error instanceof ProviderUnavailable ? error.failure : about(resource, toFailure(error));
      this.left.set(urn, { ...base, failure });
    }
    this.#progress();
    if (prior && !isProviderType(type)) {
      return custom
        ? { outputs: prior.outputs, ...(prior.id === undefined ? {} : { id: prior.id }) }
        : { outputs: {} };
    }
    // Most likely it will not come to be, and then nothing may be made of what it would have been: the stack's outputs, for one.
    if (draft === undefined || (custom && draft.op !== "read" && !isProviderType(type)))
      return { outputs: {}, ...(custom ? { id: unknown } : {}) };
    return answer(draft);
  }

  /** The program goes on with nothing known of the resource, so that one run finds all that is wrong. */
  #failed(resource: Pick<Resource, "urn" | "source" | "custom">, error: unknown): RegistrationAnswer {
    if (!(error instanceof ProviderUnavailable)) this.failures.push(about(resource, toFailure(error)));
    else if (resource.source !== undefined) {
      // A default provider is made nowhere in the program: the first resource that needs it is where to look.
      const { urn } = error.failure;
      const index = this.failures.findIndex((known) => known.urn === urn && known.source === undefined);
      const known = this.failures[index];
      if (known !== undefined) this.failures[index] = { ...known, source: resource.source };
    }
    return { outputs: {}, ...(resource.custom ? { id: unknown } : {}) };
  }

  async registerOutputs(urn: Urn, outputs: PropertyMap): Promise<void> {
    const draft = this.drafts.get(urn) ?? this.left.get(urn)?.draft;
    const mistaken = mistakenOutput(urn, outputs);
    if (mistaken !== undefined) this.failures.push(mistaken);
    if (draft) draft.outputs = outputs;
  }

  async read(resource: ReadResource): Promise<RegistrationAnswer> {
    const full: Resource = { ...resource, aliases: [] };
    const prior = this.prior.claim(full);
    if (this.options.selection?.take(full, prior) === false)
      return this.#leave(full, prior, this.#planRead(resource, full, prior));
    try {
      const draft = await this.#planRead(resource, full, prior);
      this.drafts.set(resource.urn, draft);
      return { id: draft.id as Value, outputs: draft.outputs };
    } catch (error) {
      return this.#failed(resource, error);
    }
  }

  async #planRead(resource: ReadResource, full: Resource, prior: ResourceState | undefined): Promise<Draft> {
    const provider = await this.#provider(resource.provider);
    const draft: Draft = {
      op: "read",
      resource: full,
      inputs: resource.inputs,
      outputs: {},
      id: resource.id,
      replaced: false,
      reason: { kind: "new" },
      ...(prior ? { prior } : {}),
    };
    if (typeof resource.id === "string" && provider.configured) {
      draft.outputs = await readExisting(provider.configured, full, resource.id);
    }
    return prior && isAsRead(draft, prior) ? { ...draft, op: "same" } : draft;
  }

  async invoke(request: ProgramInvoke): Promise<PropertyMap> {
    const configured = await this.#configured(request.provider);
    // Like every engine of this protocol: an empty answer in a preview means "not known yet" to the program.
    if (configured === undefined || hasUnknown(request.args)) return {};
    return invokeProvider(configured, request);
  }

  async construct(request: ProgramConstruct): Promise<ConstructResponse> {
    return constructThrough(await this.#configured(request.provider), request);
  }

  async call(request: ProgramCall): Promise<Omit<MethodResponse, "failures">> {
    return callThrough(await this.#configured(request.provider), request);
  }

  /** Undefined while its configuration is not known. */
  async #configured(urn: Urn): Promise<ConfiguredProvider | undefined> {
    this.called.add(urn);
    try {
      return (await this.#provider(urn)).configured;
    } catch (error) {
      throw error instanceof ProviderUnavailable ? new OrchError(error.failure) : error;
    }
  }

  async #provider(urn: Urn | undefined): Promise<PlannedProvider> {
    const planned = urn === undefined ? undefined : this.#providers.get(urn);
    if (planned === undefined) {
      throw new OrchError({
        reason: "internal",
        message: `The provider ${urn ?? "(none)"} was used before it was registered.`,
      });
    }
    return planned;
  }

  #planProvider(resource: Resource, prior: ResourceState | undefined): Promise<Draft> {
    const work = this.#planProviderOnce(resource, prior);
    this.#providers.set(
      resource.urn,
      work.then(
        ({ planned }) => planned,
        (error: unknown) => {
          throw new ProviderUnavailable(about(resource, toFailure(error)));
        },
      ),
    );
    // Nobody may ever ask for it; its failure is reported by this registration.
    this.#providers.get(resource.urn)?.catch(() => undefined);
    return work.then(({ draft }) => draft);
  }

  async #planProviderOnce(
    resource: Resource,
    prior: ResourceState | undefined,
  ): Promise<{ draft: Draft; planned: PlannedProvider }> {
    const { inputs, diff } = await checkProvider(this.registry, resource, prior);
    const replaced = needsReplace(diff);
    const id = prior?.id !== undefined && !replaced ? prior.id : randomUUID();
    const configured = await configureProvider(this.registry, resource, id, inputs);
    const draft: Draft = {
      op: prior === undefined || replaced ? "create" : needsUpdate(diff) ? "update" : "same",
      resource,
      inputs,
      outputs: inputs,
      id,
      replaced,
      reason: { kind: prior === undefined ? "new" : "changed" },
      diff,
      ...(prior ? { prior } : {}),
    };
    if (replaced) draft.order = "create-before-delete";
    const planned: PlannedProvider = {
      urn: resource.urn,
      package: descriptorOf(resource),
      inputs,
      replaced,
      id,
      ...(configured ? { configured } : {}),
    };
    return { draft, planned };
  }

  /** `selected`: it will be in the plan, and so others may have to follow it. */
  async #planCustom(resource: Resource, prior: ResourceState | undefined, selected: boolean): Promise<Draft> {
    const provider = await this.#provider(resource.provider);
    const wanted =
      prior && resource.options.ignoreChanges?.length
        ? ignoreChanges(resource.urn, resource.inputs, prior.inputs, resource.options.ignoreChanges)
        : resource.inputs;
    const { importId } = resource.options;
    if (importId !== undefined && prior?.id !== importId) {
      return importObject(resource, importId, provider.configured, prior);
    }
    if (provider.configured === undefined) return this.#planBlind(resource, prior, provider, wanted);

    if (prior === undefined) {
      const gone = this.options.gone.get(resource.urn);
      return this.#planCreate(resource, undefined, provider.configured, wanted, noDiff, selected, {
        ...(gone === undefined ? { kind: "new" } : { kind: "gone", detail: gone }),
      } as StepReason);
    }
    const seed = randomBytes(32);
    const checked = await check(provider.configured, resource, wanted, prior.inputs, seed);
    const diff = await askDiff(provider.configured, resource, prior, checked);
    const replace = this.#replaceReason(resource, prior, provider, diff);
    if (replace) {
      // A generated name must not be taken over from the object that is still there: checked afresh, without old inputs.
      return this.#planCreate(resource, prior, provider.configured, wanted, diff, selected, replace);
    }
    if (!needsUpdate(diff) && !prior.initErrors?.length) {
      return {
        op: "same",
        resource,
        prior,
        inputs: checked,
        outputs: fromProvider(
          prior.outputs,
          checked,
          { secrets: true },
          resource.options.additionalSecretOutputs,
        ),
        id: prior.id as string,
        replaced: false,
        reason: { kind: "changed" },
        diff,
        write: this.options.refreshed.has(prior.urn),
      };
    }
    return this.#planUpdate(resource, prior, provider.configured, checked, diff);
  }

  async #planCreate(
    resource: Resource,
    prior: ResourceState | undefined,
    { provider, traits }: ConfiguredProvider,
    wanted: PropertyMap,
    diff: Diff,
    selected: boolean,
    reason: StepReason,
  ): Promise<Draft> {
    const seed = randomBytes(32);
    const inputs = await check({ provider, traits }, resource, wanted, undefined, seed);
    const { urn, type, name, options } = resource;
    let outputs = inputs;
    let id: Value = unknown;
    if (traits.preview) {
      const preview = await provider.create({
        urn,
        type,
        name,
        inputs: forProvider(inputs, traits),
        preview: true,
        ...timeouts(resource, "create"),
      });
      outputs = fromProvider(preview.outputs, inputs, traits, options.additionalSecretOutputs);
      if (preview.id !== "") id = preview.id;
    }
    const draft: Draft = {
      op: "create",
      resource,
      inputs,
      outputs,
      id,
      replaced: prior !== undefined,
      reason,
      diff,
      seed: seed.toString("base64"),
      ...(prior ? { prior } : {}),
    };
    if (prior) {
      this.#refuseProtected(resource, prior, "replace");
      const first = options.deleteBeforeReplace ?? (diff.deleteBeforeReplace || this.forced.has(prior.urn));
      draft.order = first || this.forced.has(prior.urn) ? "delete-before-create" : "create-before-delete";
      if (draft.order === "delete-before-create" && selected) {
        for (const urn of await forcedReplacements(this.prior, this.registry, prior)) {
          if (!this.forced.has(urn)) this.forced.set(urn, prior.urn);
        }
      }
    }
    return draft;
  }

  async #planUpdate(
    resource: Resource,
    prior: ResourceState,
    { provider, traits }: ConfiguredProvider,
    inputs: PropertyMap,
    diff: Diff,
  ): Promise<Draft> {
    const { options } = resource;
    let outputs: PropertyMap;
    if (traits.preview) {
      const preview = await provider.update(updateRequest(resource, prior, inputs, traits, true));
      outputs = fromProvider(preview.outputs, inputs, traits, options.additionalSecretOutputs);
    } else {
      const stable = diff.stables.filter((key) => Object.hasOwn(prior.outputs, key));
      outputs = { ...inputs, ...Object.fromEntries(stable.map((key) => [key, prior.outputs[key] as Value])) };
    }
    return {
      op: "update",
      resource,
      prior,
      inputs,
      outputs,
      id: prior.id as string,
      replaced: false,
      reason: needsUpdate(diff) ? { kind: "changed" } : { kind: "half-done", errors: prior.initErrors ?? [] },
      diff,
    };
  }

  /** Without a configured provider: inputs are compared by orch, and no output is known. */
  #planBlind(
    resource: Resource,
    prior: ResourceState | undefined,
    provider: PlannedProvider,
    inputs: PropertyMap,
  ): Draft {
    const diff = prior ? diffInputs(prior.inputs, inputs) : noDiff;
    const replace = prior && this.#replaceReason(resource, prior, provider, diff);
    if (prior && replace) this.#refuseProtected(resource, prior, "replace");
    const op = prior === undefined || replace ? "create" : needsUpdate(diff) ? "update" : "same";
    const draft: Draft = {
      op,
      resource,
      inputs,
      outputs: op === "same" && prior ? prior.outputs : {},
      id: op === "create" ? unknown : ((prior as ResourceState).id as string),
      replaced: replace !== undefined,
      reason: replace ?? { kind: prior ? "changed" : "new" },
      diff,
      blind: true,
      ...(prior ? { prior } : {}),
      ...(op === "create" ? { seed: randomBytes(32).toString("base64") } : {}),
    };
    if (replace)
      draft.order = resource.options.deleteBeforeReplace ? "delete-before-create" : "create-before-delete";
    return draft;
  }

  #replaceReason(
    resource: Resource,
    prior: ResourceState,
    provider: PlannedProvider,
    diff: Diff,
  ): StepReason | undefined {
    const forcedBy = this.forced.get(prior.urn);
    if (forcedBy !== undefined) return { kind: "dependency-replaced", urn: forcedBy };
    if (needsReplace(diff)) return { kind: "changed" };
    if (provider.replaced || madeByAnother(prior, provider)) return { kind: "provider-changed" };
    if (this.asked.has(resource.urn)) return { kind: "requested" };
    const { replaceWith = [], replacementTrigger } = resource.options;
    for (const urn of replaceWith) {
      if (this.drafts.get(urn)?.replaced) return { kind: "replace-with", urn };
    }
    const before = prior.options.replacementTrigger;
    if (before !== undefined && replacementTrigger !== undefined) {
      if (diffInputs({ trigger: before }, { trigger: replacementTrigger }).changes.length > 0) {
        return { kind: "replacement-trigger" };
      }
    }
    return undefined;
  }

  #refuseProtected(resource: Resource, prior: ResourceState, what: "replace"): void {
    if (prior.options.protect && resource.options.protect !== false) {
      throw new OrchError(protectedFailure(prior, what));
    }
  }
}

/** Its provider was replaced by a run that did not come to it: what made it is another provider than the one that has the name now. */
const madeByAnother = (prior: ResourceState, provider: PlannedProvider): boolean =>
  prior.provider === provider.urn && prior.providerId !== undefined && prior.providerId !== provider.id;

export function protectedFailure(prior: ResourceState, what: "replace" | "delete"): Failure {
  return {
    reason: "protected",
    message: `${prior.name} (${prior.type}) is protected, and the plan would ${what} it.`,
    urn: prior.urn,
    expected: "no step that removes the object",
    found:
      what === "replace"
        ? "a change that the provider can only make by replacing it"
        : "it is no longer wanted",
    next: [
      what === "replace"
        ? "Undo the change that needs the replace, or ignore it with ignoreChanges."
        : "Put it back into the program.",
      "Or set `protect: false` on it, apply that, and then go on.",
    ],
  };
}

/** What was read is what the state has of it already: there is nothing to do, and nothing new to tell. */
const isAsRead = (draft: Draft, prior: ResourceState): boolean =>
  prior.external === true && prior.id === draft.id && !differsInState(draft, prior);

function planComponent(resource: Resource, prior: ResourceState | undefined): Draft {
  const diff = prior ? diffInputs(prior.inputs, resource.inputs) : noDiff;
  return {
    op: prior === undefined ? "create" : diff.changes.length > 0 ? "update" : "same",
    resource,
    inputs: resource.inputs,
    outputs: {},
    replaced: false,
    reason: { kind: prior ? "changed" : "new" },
    diff,
    ...(prior ? { prior } : {}),
  };
}

function answer(draft: Draft): RegistrationAnswer {
  // A component's outputs are its own to tell, by registerOutputs.
  if (!draft.resource.custom) return { outputs: {} };
  return { id: draft.id as Value, outputs: draft.blind && draft.op !== "same" ? {} : draft.outputs };
}
