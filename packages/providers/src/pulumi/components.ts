/** What a plugin is asked to make or do with the run's monitor at hand: components and their methods. */

import type { Alias, ResourceOptions } from "@orch/core/model/resource";
import type { PropertyMap } from "@orch/core/model/value";
import { plainOutputMap } from "@orch/core/program/monitor/values";
import type {
  ConstructRequest,
  MethodRequest,
  ProviderTraits,
  RunContext,
} from "@orch/core/provider/contract";
import { fromStruct, toProtoValue, toStruct } from "@orch/core/wire/struct";
import aliasPb from "@pulumi/pulumi/proto/alias_pb.js";
import { type ProviderTypes, providerPb } from "./proto.js";

type Dependencies = Readonly<Record<string, readonly string[]>>;

export function constructMessage(
  request: ConstructRequest,
  traits: ProviderTraits,
): ProviderTypes.ConstructRequest {
  const message = new providerPb.ConstructRequest();
  setRun(message, request.run);
  message.setType(request.type);
  message.setName(request.name);
  message.setParent(request.parent ?? "");
  message.setInputs(args(request.inputs, traits));
  const inputs = message.getInputdependenciesMap();
  for (const [key, urns] of Object.entries(request.inputDependencies)) {
    const dependencies = new providerPb.ConstructRequest.PropertyDependencies();
    dependencies.setUrnsList([...urns]);
    inputs.set(key, dependencies);
  }
  message.setDependenciesList([...request.dependencies]);
  const providers = message.getProvidersMap();
  for (const [name, reference] of Object.entries(request.providers)) providers.set(name, reference);
  message.setAliasesList(request.aliases.map(aliasMessage));
  setOptions(message, request.options);
  return message;
}

/** Components carry secrets and references whatever the plugin says, and output values where it knows them. */
function args(properties: PropertyMap, traits: ProviderTraits) {
  return toStruct(traits.outputValues ? properties : plainOutputMap(properties), {
    secrets: "wrap",
    resourceRefs: true,
    outputValues: traits.outputValues,
  });
}

function setRun(message: ProviderTypes.ConstructRequest | ProviderTypes.CallRequest, run: RunContext): void {
  message.setProject(run.project);
  message.setStack(run.stack);
  message.setOrganization(run.organization);
  const config = message.getConfigMap();
  for (const [key, value] of Object.entries(run.config)) config.set(key, value);
  message.setConfigsecretkeysList([...run.secretKeys]);
  message.setDryrun(run.dryRun);
  message.setParallel(run.parallel);
  message.setMonitorendpoint(run.monitor);
  message.setAcceptsOutputValues(true);
}

function setOptions(message: ProviderTypes.ConstructRequest, options: ResourceOptions): void {
  if (options.protect !== undefined) message.setProtect(options.protect);
  if (options.retainOnDelete !== undefined) message.setRetainondelete(options.retainOnDelete);
  if (options.deleteBeforeReplace !== undefined) message.setDeletebeforereplace(options.deleteBeforeReplace);
  if (options.deletedWith !== undefined) message.setDeletedwith(options.deletedWith);
  message.setAdditionalsecretoutputsList([...(options.additionalSecretOutputs ?? [])]);
  message.setIgnorechangesList([...(options.ignoreChanges ?? [])]);
  message.setReplaceonchangesList([...(options.replaceOnChanges ?? [])]);
  message.setReplaceWithList([...(options.replaceWith ?? [])]);
  if (options.replacementTrigger !== undefined)
    message.setReplacementTrigger(toProtoValue(options.replacementTrigger, { secrets: "wrap" }));
  const given = options.customTimeouts;
  if (given !== undefined) {
    const timeouts = new providerPb.ConstructRequest.CustomTimeouts();
    timeouts.setCreate(given.create ?? "");
    timeouts.setUpdate(given.update ?? "");
    timeouts.setDelete(given.delete ?? "");
    message.setCustomtimeouts(timeouts);
  }
}

function aliasMessage(alias: Alias) {
  const message = new aliasPb.Alias();
  if ("urn" in alias) {
    message.setUrn(alias.urn);
    return message;
  }
  const spec = new aliasPb.Alias.Spec();
  spec.setName(alias.name);
  spec.setType(alias.type);
  spec.setStack(alias.stack);
  spec.setProject(alias.project);
  if (alias.parent === null) spec.setNoparent(true);
  else if (alias.parent !== undefined) spec.setParenturn(alias.parent);
  message.setSpec(spec);
  return message;
}

export const constructAnswer = (response: ProviderTypes.ConstructResponse) => ({
  urn: response.getUrn(),
  outputs: fromStruct(response.getState()),
  outputDependencies: dependencies(response.getStatedependenciesMap()),
});

export function methodMessage(request: MethodRequest, traits: ProviderTraits): ProviderTypes.CallRequest {
  const message = new providerPb.CallRequest();
  setRun(message, request.run);
  message.setTok(request.token);
  message.setArgs(args(request.args, traits));
  const given = message.getArgdependenciesMap();
  for (const [key, urns] of Object.entries(request.argDependencies)) {
    const dependencies = new providerPb.CallRequest.ArgumentDependencies();
    dependencies.setUrnsList([...urns]);
    given.set(key, dependencies);
  }
  return message;
}

export const methodAnswer = (response: ProviderTypes.CallResponse) => ({
  result: fromStruct(response.getReturn()),
  resultDependencies: dependencies(response.getReturndependenciesMap()),
});

function dependencies(map: {
  forEach(each: (entry: { getUrnsList(): string[] }, key: string) => void): void;
}): Dependencies {
  const out: Record<string, readonly string[]> = {};
  map.forEach((entry, key) => {
    out[key] = entry.getUrnsList();
  });
  return out;
}
