/**
 * Every effect of an apply: what one step does to the outside world and what it means for the state. The only code that calls a provider's create, update and
 * delete. Journalling around it is the caller's (execution.ts).
 */
import type { Failure } from "../model/failure.js";
import { OrchError } from "../model/failure.js";
import type { CreateStep, DeleteStep, ImportStep, ReadStep, Step, UpdateStep } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import type { PropertyMap } from "../model/value.js";
import type { PartialFailure } from "../provider/contract.js";
import type { ConfiguredProvider } from "../provider/registry.js";
import { forProvider, fromProvider } from "../provider/secrets.js";
import { timeouts } from "../provider/timeouts.js";
import { updateRequest } from "../provider/verbs.js";

/** What came of a step. A row to keep even when it failed half-way. */
export interface Effect {
  readonly row?: ResourceState;
  readonly failure?: Failure;
}

/** The row for a resource as it is now. `before` gives what only the past knows. */
export function rowOf(
  resource: Resource,
  id: string | undefined,
  inputs: PropertyMap,
  outputs: PropertyMap,
  before: ResourceState | undefined,
  now: number,
): ResourceState {
  const { urn, type, name, custom, parent, provider, dependencies, propertyDependencies, options, source } =
    resource;
  return {
    urn,
    type,
    name,
    custom,
    inputs,
    outputs,
    dependencies,
    propertyDependencies,
    options,
    createdAt: before?.createdAt ?? now,
    modifiedAt: now,
    ...(id === undefined ? {} : { id }),
    ...(parent ? { parent } : {}),
    ...(provider ? { provider } : {}),
    ...(resource.package ? { package: resource.package } : {}),
    ...(source ? { source } : {}),
    // What was only read stays so: a row without this would be deleted with its program.
    ...(before?.external ? { external: true } : {}),
  };
}

export async function create(
  { provider, traits }: ConfiguredProvider,
  step: Pick<CreateStep, "urn">,
  resource: Resource,
  inputs: PropertyMap,
  token: string,
): Promise<Effect> {
  const { urn, type, name, options } = resource;
  const made = await provider.create({
    urn,
    type,
    name,
    inputs: forProvider(inputs, traits),
    preview: false,
    token,
    ...timeouts(resource, "create"),
  });
  if (made.id === "") {
    throw new OrchError({
      reason: "provider-error",
      message: `The provider says it created ${name} (${type}) but gave no id.`,
      urn: step.urn,
      next: [
        "Report this to the provider's authors; look in the system itself for the object before trying again.",
      ],
    });
  }
  const outputs = fromProvider(made.outputs, inputs, traits, options.additionalSecretOutputs);
  return half(rowOf(resource, made.id, inputs, outputs, undefined, Date.now()), made.partial);
}

export async function update(
  { provider, traits }: ConfiguredProvider,
  step: Pick<UpdateStep, "prior">,
  resource: Resource,
  inputs: PropertyMap,
): Promise<Effect> {
  const { prior } = step;
  const changed = await provider.update(updateRequest(resource, prior, inputs, traits, false));
  const secrets = resource.options.additionalSecretOutputs;
  const outputs = fromProvider(changed.outputs, inputs, traits, secrets);
  return half(rowOf(resource, prior.id, inputs, outputs, prior, Date.now()), changed.partial);
}

/** Creation or update that ended half-done: the row is kept with the reasons, and the step has failed. */
function half(row: ResourceState, partial: PartialFailure | undefined): Effect {
  if (partial === undefined) return { row };
  return {
    row: { ...row, initErrors: partial.reasons },
    failure: {
      reason: "provider-error",
      message: `${row.name} (${row.type}) exists but is not finished: ${partial.reasons.join("; ")}`,
      urn: row.urn,
      next: ["It is in the state; the next apply tries to finish it."],
    },
  };
}

export async function remove({ provider, traits }: ConfiguredProvider, step: DeleteStep): Promise<void> {
  const { urn, type, name, id, inputs, outputs } = step.prior;
  await provider.delete({
    urn,
    type,
    name,
    id: id as string,
    inputs: forProvider(inputs, traits),
    outputs: forProvider(outputs, traits),
    ...timeouts(step.prior, "delete"),
  });
}

/** Reads an object that somebody else manages, or one that is taken over. */
export async function read(
  { provider, traits }: ConfiguredProvider,
  step: ReadStep | ImportStep,
  resource: Resource,
  id: string,
  inputs: PropertyMap,
): Promise<Effect> {
  const { urn, type, name, options } = resource;
  const { object } = await provider.read({
    urn,
    type,
    name,
    id,
    inputs: {},
    outputs: step.op === "read" ? forProvider(inputs, traits) : {},
    ...timeouts(resource, "read"),
  });
  if (object === undefined) {
    throw new OrchError({
      reason: "provider-error",
      message: `There is no ${type} with the id ${JSON.stringify(id)} any more.`,
      urn,
      expected: "the object that was there when the plan was made",
      found: "nothing",
    });
  }
  const outputs = fromProvider(object.outputs, inputs, traits, options.additionalSecretOutputs);
  const row = rowOf(resource, object.id, inputs, outputs, undefined, Date.now());
  return { row: step.op === "read" ? { ...row, external: true } : row };
}

/** Does the step ask a provider for an effect, so that its intent must be on disk first? */
export function hasEffect(step: Step): boolean {
  switch (step.op) {
    case "create":
    case "update":
      return step.resource.custom && step.resource.provider !== undefined;
    case "delete":
      return step.prior.custom && step.prior.provider !== undefined && step.forget === undefined;
    default:
      return false;
  }
}

/** After one of these nobody can say whether the effect took place: the intent stays open, for `resume` to find out. */
export const isAmbiguous = (failure: Failure): boolean =>
  failure.reason === "provider-crashed" ||
  failure.reason === "timeout" ||
  failure.reason === "interrupted" ||
  failure.reason === "connection-lost" ||
  // Something broke in the middle of the call: nobody knows before or after what.
  failure.reason === "internal";
