/**
 * Transforms: functions of the program that see, and may change, each registration or call before it counts. They change the
 * request itself, so that all else goes on as if the program had asked for the result.
 * Source: pulumi/pulumi `pkg/resource/deploy/source_eval.go` (wrapTransformCallback).
 */
import { type ResourceMessages, resourceMessages } from "../services.js";
import type { CallBack } from "./monitor.js";

type Register = ResourceMessages.RegisterResourceRequest;
type Options = ResourceMessages.TransformResourceOptions;

/** Runs the transforms one after the other. Rejects with what one threw; then the request must not be used. */
export async function transformResource(
  request: Register,
  tokens: readonly string[],
  callBack: CallBack,
): Promise<void> {
  const messages = resourceMessages();
  let options = readOptions(request);
  for (const token of tokens) {
    const message = new messages.TransformRequest();
    message.setType(request.getType());
    message.setName(request.getName());
    message.setCustom(request.getCustom());
    message.setParent(request.getParent());
    message.setProperties(request.getObject());
    message.setOptions(options);
    const answer = messages.TransformResponse.deserializeBinary(
      await callBack(token, message.serializeBinary()),
    );
    options = answer.getOptions() ?? options;
    if (answer.hasProperties()) request.setObject(answer.getProperties());
  }
  const dependencies = keepDependencies(request);
  writeOptions(request, options);
  request.setDependenciesList([...new Set([...options.getDependsOnList(), ...dependencies])]);
}

/** The same for a call. */
export async function transformInvoke(
  request: ResourceMessages.ResourceInvokeRequest,
  tokens: readonly string[],
  callBack: CallBack,
): Promise<void> {
  const messages = resourceMessages();
  let options = new messages.TransformInvokeOptions();
  options.setProvider(request.getProvider());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  options.setVersion(request.getVersion());
  for (const token of tokens) {
    const message = new messages.TransformInvokeRequest();
    message.setToken(request.getTok());
    message.setArgs(request.getArgs());
    message.setOptions(options);
    const answer = messages.TransformInvokeResponse.deserializeBinary(
      await callBack(token, message.serializeBinary()),
    );
    options = answer.getOptions() ?? options;
    if (answer.hasArgs()) request.setArgs(answer.getArgs());
  }
  request.setProvider(options.getProvider());
  request.setPlugindownloadurl(options.getPluginDownloadUrl());
  request.setVersion(options.getVersion());
}

/**
 * The SDK gives back plain properties, without where they came from. A property that was there keeps its dependencies; one
 * that is new may be made of any of the old ones, so it gets all. Gives the union.
 */
function keepDependencies(request: Register): Set<string> {
  const messages = resourceMessages();
  const map = request.getPropertydependenciesMap();
  const before = new Map<string, string[]>();
  const all = new Set<string>();
  map.forEach((entry, key) => {
    before.set(key, entry.getUrnsList());
    for (const urn of entry.getUrnsList()) all.add(urn);
  });
  if (before.size === 0) return new Set(request.getDependenciesList());
  map.clear();
  request
    .getObject()
    ?.getFieldsMap()
    .forEach((_, key) => {
      const entry = new messages.RegisterResourceRequest.PropertyDependencies();
      entry.setUrnsList(before.get(key) ?? [...all]);
      map.set(key, entry);
    });
  return all;
}

function readOptions(request: Register): Options {
  const options = new (resourceMessages().TransformResourceOptions)();
  options.setDependsOnList(request.getDependenciesList());
  if (request.hasProtect()) options.setProtect(request.getProtect() === true);
  options.setIgnoreChangesList(request.getIgnorechangesList());
  options.setReplaceOnChangesList(request.getReplaceonchangesList());
  options.setVersion(request.getVersion());
  options.setAliasesList(request.getAliasesList());
  options.setProvider(request.getProvider());
  options.setCustomTimeouts(request.getCustomtimeouts());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  if (request.hasRetainondelete()) options.setRetainOnDelete(request.getRetainondelete() === true);
  options.setDeletedWith(request.getDeletedwith());
  if (request.getDeletebeforereplacedefined() || request.getDeletebeforereplace())
    options.setDeleteBeforeReplace(request.getDeletebeforereplace());
  options.setAdditionalSecretOutputsList(request.getAdditionalsecretoutputsList());
  request.getProvidersMap().forEach((reference, name) => {
    options.getProvidersMap().set(name, reference);
  });
  options.setHooks(request.getHooks());
  options.setImport(request.getImportid());
  options.setHideDiffList(request.getHidediffsList());
  options.setReplaceWithList(request.getReplaceWithList());
  if (request.hasReplacementTrigger()) options.setReplacementTrigger(request.getReplacementTrigger());
  return options;
}

function writeOptions(request: Register, options: Options): void {
  if (options.hasProtect()) request.setProtect(options.getProtect() === true);
  else request.clearProtect();
  request.setIgnorechangesList(options.getIgnoreChangesList());
  request.setReplaceonchangesList(options.getReplaceOnChangesList());
  request.setVersion(options.getVersion());
  request.setAliasesList(options.getAliasesList());
  request.setProvider(options.getProvider());
  request.setCustomtimeouts(options.getCustomTimeouts());
  request.setPlugindownloadurl(options.getPluginDownloadUrl());
  if (options.hasRetainOnDelete()) request.setRetainondelete(options.getRetainOnDelete() === true);
  else request.clearRetainondelete();
  request.setDeletedwith(options.getDeletedWith());
  request.setDeletebeforereplacedefined(options.hasDeleteBeforeReplace());
  request.setDeletebeforereplace(options.getDeleteBeforeReplace() === true);
  request.setAdditionalsecretoutputsList(options.getAdditionalSecretOutputsList());
  const providers = request.getProvidersMap();
  if (options.getProvidersMap().getLength() > 0) {
    providers.clear();
    options.getProvidersMap().forEach((reference, name) => {
      providers.set(name, reference);
    });
  }
  request.setHooks(options.getHooks());
  request.setImportid(options.getImport());
  request.setReplaceWithList(options.getReplaceWithList());
  // The SDK does not know hideDiffs in transforms and would drop them.
  if (options.getHideDiffList().length > 0) request.setHidediffsList(options.getHideDiffList());
  if (options.hasReplacementTrigger()) request.setReplacementTrigger(options.getReplacementTrigger());
}
