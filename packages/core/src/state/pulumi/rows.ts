/** A resource of a checkpoint as a row of the state, and back. Pure; values are decoded and encoded by the caller's functions. */
import type {
  PackageDescriptor,
  ResourceOptions,
  ResourceState,
  SourcePosition,
} from "../../model/resource.js";
import { formatProviderRef, isProviderType, packageOf, parseProviderRef, parseUrn } from "../../model/urn.js";
import { isMap, isSecret, type PropertyMap, type Value } from "../../model/value.js";
import type { CheckpointResource } from "./checkpoint.js";
import { parseSeconds, secondsText } from "./duration.js";

/**
 * What Pulumi's engine keeps of a provider among its inputs. Source: pulumi/pulumi `pkg/resource/deploy/providers/registry.go` and
 * `provider.go` (versionKey, internalKey).
 */
const internalKey = "__internal";

export type DecodeMap = (map: Readonly<Record<string, unknown>>, path: string) => PropertyMap;
export type DecodeValue = (value: unknown, path: string) => Value;

export function rowOfCheckpoint(
  given: CheckpointResource,
  decode: { readonly map: DecodeMap; readonly value: DecodeValue },
): ResourceState {
  const { urn, type, custom, id, parent, external, created, modified, initErrors } = given;
  let inputs = decode.map(given.inputs ?? {}, "inputs");
  let outputs = decode.map(given.outputs ?? {}, "outputs");
  let descriptor: PackageDescriptor | undefined;
  if (isProviderType(type)) {
    descriptor = packageOfInputs(type, inputs);
    inputs = withoutPackage(inputs);
    outputs = withoutPackage(outputs);
  }
  const provider = given.provider ? parseProviderRef(given.provider) : undefined;
  const source = sourceOf(given.sourcePosition);
  const dependencies = given.propertyDependencies ?? {};
  return {
    urn,
    type,
    name: parseUrn(urn).name,
    custom,
    ...(external ? { external: true } : {}),
    ...(id ? { id } : {}),
    ...(parent ? { parent } : {}),
    inputs,
    outputs,
    ...(provider ? { provider: provider.urn, providerId: provider.id } : {}),
    ...(descriptor ? { package: descriptor } : {}),
    dependencies: given.dependencies ?? [],
    propertyDependencies: Object.fromEntries(
      Object.entries(dependencies).map(([key, urns]) => [key, urns ?? []]),
    ),
    options: optionsOf(given, decode.value),
    ...(initErrors?.length ? { initErrors } : {}),
    ...(created ? { createdAt: Date.parse(created) } : {}),
    ...(modified ? { modifiedAt: Date.parse(modified) } : {}),
    ...(source ? { source } : {}),
  };
}

const text = (value: Value | undefined): string | undefined => {
  const plain = isSecret(value as Value) ? (value as { value: Value }).value : value;
  return typeof plain === "string" && plain !== "" ? plain : undefined;
};

function packageOfInputs(type: string, inputs: PropertyMap): PackageDescriptor {
  const internal = isMap(inputs[internalKey]) ? (inputs[internalKey] as PropertyMap) : {};
  const version = text(inputs.version) ?? text(internal.version);
  const downloadUrl = text(internal.pluginDownloadURL) ?? text(inputs.pluginDownloadURL);
  const checksums = isMap(internal.pluginChecksums)
    ? (internal.pluginChecksums as Readonly<Record<string, string>>)
    : undefined;
  const base = {
    name: text(internal.name) ?? packageOf(type),
    ...(version ? { version } : {}),
    ...(downloadUrl ? { downloadUrl } : {}),
    ...(checksums ? { checksums } : {}),
  };
  const given = internal.parameterization;
  if (!isMap(given)) return base;
  return {
    ...base,
    parameterization: {
      name: packageOf(type),
      version: text(given.version) ?? "",
      value: text(given.value) ?? "",
    },
  };
}

function withoutPackage(map: PropertyMap): PropertyMap {
  const { [internalKey]: _internal, version: _version, pluginDownloadURL: _url, ...rest } = map;
  return rest;
}

function withPackage(
  map: PropertyMap,
  descriptor: PackageDescriptor,
  type: string,
  internals: boolean,
): PropertyMap {
  const { version, downloadUrl, checksums, parameterization, name } = descriptor;
  const internal: Record<string, Value> = {
    ...(downloadUrl ? { pluginDownloadURL: downloadUrl } : {}),
    ...(checksums ? { pluginChecksums: checksums } : {}),
    ...(name === packageOf(type) ? {} : { name }),
    ...(parameterization
      ? { parameterization: { version: parameterization.version, value: parameterization.value } }
      : {}),
  };
  return {
    ...map,
    ...(version ? { version } : {}),
    ...(internals && Object.keys(internal).length > 0 ? { [internalKey]: internal } : {}),
  };
}

function optionsOf(given: CheckpointResource, decode: DecodeValue): ResourceOptions {
  const list = <T>(items: readonly T[] | null | undefined): readonly T[] | undefined =>
    items?.length ? items : undefined;
  const timeouts = Object.entries(given.customTimeouts ?? {}).filter(([, seconds]) => seconds);
  const trigger = given.replacementTrigger;
  const options: ResourceOptions = {
    ...(given.protect ? { protect: true } : {}),
    ...(given.retainOnDelete ? { retainOnDelete: true } : {}),
    ...(given.deletedWith ? { deletedWith: given.deletedWith } : {}),
    ...(list(given.replaceOnChanges) ? { replaceOnChanges: given.replaceOnChanges as string[] } : {}),
    ...(list(given.ignoreChanges) ? { ignoreChanges: given.ignoreChanges as string[] } : {}),
    ...(list(given.hideDiff) ? { hideDiffs: given.hideDiff as string[] } : {}),
    ...(list(given.additionalSecretOutputs)
      ? { additionalSecretOutputs: given.additionalSecretOutputs as string[] }
      : {}),
    ...(timeouts.length > 0
      ? { customTimeouts: Object.fromEntries(timeouts.map(([verb, s]) => [verb, secondsText(s as number)])) }
      : {}),
    ...(given.importID ? { importId: given.importID } : {}),
    ...(list(given.replaceWith) ? { replaceWith: given.replaceWith as string[] } : {}),
    ...(trigger === undefined || trigger === null
      ? {}
      : { replacementTrigger: decode(trigger, "replacementTrigger") }),
    ...(given.envVarMappings && Object.keys(given.envVarMappings).length > 0
      ? { envVarMappings: given.envVarMappings }
      : {}),
  };
  return options;
}

/** `project:///src/index.ts#12,5`. Other schemes name files that are not the program's. */
function sourceOf(position: string | undefined): SourcePosition | undefined {
  const match = /^project:\/\/\/(.+)#(\d+)(?:,(\d+))?$/.exec(position ?? "");
  if (match === null) return undefined;
  return {
    file: decodeURI(match[1] as string),
    line: Number(match[2]),
    column: Number(match[3] ?? 0),
  };
}

/** `providerId`: of the live provider, for rows that do not say which one made them. */
export function checkpointOfRow(
  row: ResourceState,
  encode: { readonly map: (map: PropertyMap) => object; readonly value: (value: Value) => unknown },
  providerId: string | undefined,
): Record<string, unknown> {
  const { urn, type, custom, id, parent, options, deposed, external, source } = row;
  const isProvider = isProviderType(type);
  const descriptor = row.package ?? { name: packageOf(type) };
  const [inputs, outputs] = isProvider
    ? [withPackage(row.inputs, descriptor, type, true), withPackage(row.outputs, descriptor, type, false)]
    : [row.inputs, row.outputs];
  const madeBy = row.providerId ?? providerId;
  const timeouts = Object.entries(options.customTimeouts ?? {}).map(([verb, t]) => [verb, parseSeconds(t)]);
  const iso = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(ms).toISOString();
  const fields: Record<string, unknown> = {
    urn,
    custom,
    delete: deposed === undefined ? undefined : true,
    id,
    type,
    inputs: encode.map(inputs),
    outputs: encode.map(outputs),
    parent,
    protect: options.protect || undefined,
    external: external || undefined,
    dependencies: nonEmpty(row.dependencies),
    initErrors: nonEmpty(row.initErrors),
    provider: row.provider === undefined ? undefined : formatProviderRef(row.provider, madeBy ?? ""),
    propertyDependencies:
      Object.keys(row.propertyDependencies).length > 0 ? row.propertyDependencies : undefined,
    additionalSecretOutputs: nonEmpty(options.additionalSecretOutputs),
    customTimeouts: timeouts.length > 0 ? Object.fromEntries(timeouts) : undefined,
    importID: options.importId,
    retainOnDelete: options.retainOnDelete || undefined,
    deletedWith: options.deletedWith,
    created: iso(row.createdAt),
    modified: iso(row.modifiedAt),
    sourcePosition:
      source === undefined
        ? undefined
        : `project:///${encodeURI(source.file)}#${source.line},${source.column}`,
    ignoreChanges: nonEmpty(options.ignoreChanges),
    replaceOnChanges: nonEmpty(options.replaceOnChanges),
    hideDiff: nonEmpty(options.hideDiffs),
    replaceWith: nonEmpty(options.replaceWith),
    replacementTrigger:
      options.replacementTrigger === undefined ? undefined : encode.value(options.replacementTrigger),
    envVarMappings: options.envVarMappings,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const nonEmpty = <T>(items: readonly T[] | undefined): readonly T[] | undefined =>
  items?.length ? items : undefined;
