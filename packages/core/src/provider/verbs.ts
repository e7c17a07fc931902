/** The provider's verbs as planning and applying both use them: values in the form that the provider takes, answers in orch's own. */
import type { Diff } from "../model/diff.js";
import { OrchError } from "../model/failure.js";
import type { PackageDescriptor, Resource, ResourceState } from "../model/resource.js";
import { packageOf } from "../model/urn.js";
import type { PropertyMap } from "../model/value.js";
import type { CheckResponse, ProviderTraits, UpdateRequest } from "./contract.js";
import { diffInputs, diffResource } from "./diff.js";
import { checkFailure, invokeFailure } from "./failures.js";
import type { ConfiguredProvider, ProviderRegistry } from "./registry.js";
import { forProvider, fromProvider } from "./secrets.js";
import { timeouts } from "./timeouts.js";

/** The provider's check. Rejects with all that it refuses. */
export async function check(
  { provider, traits }: ConfiguredProvider,
  resource: Resource,
  newInputs: PropertyMap,
  oldInputs: PropertyMap | undefined,
  randomSeed: Uint8Array,
): Promise<PropertyMap> {
  const { urn, type, name } = resource;
  const response: CheckResponse = await provider.check({
    urn,
    type,
    name,
    newInputs: forProvider(newInputs, traits),
    randomSeed,
    ...(oldInputs ? { oldInputs: forProvider(oldInputs, traits) } : {}),
  });
  if (response.failures.length > 0) throw new OrchError(checkFailure(resource, response.failures));
  return fromProvider(response.inputs, newInputs, traits);
}

export async function askDiff(
  { provider, traits }: ConfiguredProvider,
  resource: Resource,
  prior: ResourceState,
  inputs: PropertyMap,
): Promise<Diff> {
  const response = await provider.diff({
    urn: resource.urn,
    type: resource.type,
    id: prior.id as string,
    oldInputs: forProvider(prior.inputs, traits),
    oldOutputs: forProvider(prior.outputs, traits),
    newInputs: forProvider(inputs, traits),
    ignoreChanges: resource.options.ignoreChanges ?? [],
  });
  return diffResource(prior, resource, inputs, response);
}

/** `.get()`: rejects when there is no such object. */
export async function readExisting(
  { provider, traits }: ConfiguredProvider,
  resource: Resource,
  id: string,
): Promise<PropertyMap> {
  const { urn, type, name, inputs, options } = resource;
  const { object } = await provider.read({
    urn,
    type,
    name,
    id,
    inputs: {},
    outputs: forProvider(inputs, traits),
    ...timeouts(resource, "read"),
  });
  if (object === undefined) {
    throw new OrchError({
      reason: "provider-error",
      message: `There is no ${type} with the id ${JSON.stringify(id)}.`,
      urn,
      expected: "an existing object to read",
      found: "nothing",
      next: ["Check the id, and that the provider's account, region or address is the right one."],
    });
  }
  return fromProvider(object.outputs, inputs, traits, options.additionalSecretOutputs);
}

export async function invokeProvider(
  { provider, traits }: ConfiguredProvider,
  request: { readonly token: string; readonly args: PropertyMap },
): Promise<PropertyMap> {
  const { result, failures } = await provider.invoke({
    token: request.token,
    args: forProvider(request.args, traits),
  });
  if (failures.length > 0) throw new OrchError(invokeFailure(request.token, failures));
  return result;
}

export interface ProviderCheck {
  readonly inputs: PropertyMap;
  readonly diff: Diff;
}

/** Loads the code, checks the configuration and compares it with what was there. Rejects with an OrchError. */
export async function checkProvider(
  registry: ProviderRegistry,
  resource: Resource,
  prior: ResourceState | undefined,
): Promise<ProviderCheck> {
  const provider = await registry.load(resource.urn, descriptorOf(resource));
  const { urn, type, name } = resource;
  const checked = await provider.checkConfig({
    urn,
    type,
    name,
    newInputs: resource.inputs,
    ...(prior ? { oldInputs: prior.inputs } : {}),
  });
  if (checked.failures.length > 0) throw new OrchError(checkFailure(resource, checked.failures));
  const inputs = checked.inputs;
  if (prior === undefined || diffInputs(prior.inputs, inputs).changes.length === 0) {
    return { inputs, diff: diffInputs({}, {}) };
  }
  const response = await provider.diffConfig({
    urn,
    oldInputs: prior.inputs,
    oldOutputs: prior.outputs,
    newInputs: inputs,
    ignoreChanges: [],
  });
  const diff = diffResource(prior, resource, inputs, response);
  return { inputs, diff: diff.changes.length > 0 ? diff : diffInputs(prior.inputs, inputs) };
}

export const descriptorOf = (resource: Pick<Resource, "type" | "package">): PackageDescriptor =>
  resource.package ?? { name: packageOf(resource.type) };

/** The request of a real update, and of its preview: one cannot say something else than the other. */
export function updateRequest(
  resource: Resource,
  prior: ResourceState,
  inputs: PropertyMap,
  traits: ProviderTraits,
  preview: boolean,
): UpdateRequest {
  const { urn, type, name, options } = resource;
  return {
    urn,
    type,
    name,
    id: prior.id as string,
    oldInputs: forProvider(prior.inputs, traits),
    oldOutputs: forProvider(prior.outputs, traits),
    newInputs: forProvider(inputs, traits),
    ignoreChanges: options.ignoreChanges ?? [],
    preview,
    ...timeouts(resource, "update"),
  };
}
