/**
 * What is kept of an object, and what of it counts when it is read again. Controllers write into objects all day: a replica count of a status, an
 * annotation of a rollout, the version that changes with each of these. That is no drift. What counts: fields that the program gives, fields that somebody else set, and the
 * few parts of a status that other resources are made of (an address, a volume's size).
 */
import type { PropertyPath } from "@orch/core/model/path";
import { getPath } from "@orch/core/model/path";
import { isMap, type PropertyMap, reveal, Secret, unknown, type Value } from "@orch/core/model/value";
import { markLike, markOutputs } from "../direct/secrets.js";
import { asProperties, markSecretData } from "./inputs.js";
import { isBuiltIn, isSecretKind, type Kind } from "./kinds.js";
import { isController, managersOf, ownedPaths } from "./managed-fields.js";
import { isObject, type Json, type JsonObject, type KubernetesObject, sameJson } from "./object.js";

/** Beside the object in outputs, as Pulumi's plugin keeps them: the field manager, and the version it was made with. */
export const fieldManagerKey = "__fieldManager";
export const initialApiVersionKey = "__initialApiVersion";

/** Annotations that the program did not write and that say nothing about what is wanted. */
const noise =
  /^(kubectl\.kubernetes\.io\/last-applied-configuration|deployment\.kubernetes\.io\/(revision|desired-replicas|max-replicas)|deprecated\.daemonset\.template\.generation|pv\.kubernetes\.io\/.*|volume\.(beta\.)?kubernetes\.io\/.*|control-plane\.alpha\.kubernetes\.io\/.*|batch\.kubernetes\.io\/job-tracking)$/;

/** The object without what is only of use to the server. */
export function kept(live: KubernetesObject): KubernetesObject {
  const {
    managedFields: _,
    generation: _generation,
    selfLink: _link,
    annotations,
    ...metadata
  } = live.metadata;
  const own = Object.entries(annotations ?? {}).filter(([key]) => !noise.test(key));
  return {
    ...live,
    metadata: { ...metadata, ...(own.length > 0 ? { annotations: Object.fromEntries(own) } : {}) },
  };
}

export interface Remembered {
  readonly manager: string;
  readonly initialApiVersion: string;
}

/** Outputs after a creation or change: the object as the server gave it. */
export function outputsOf(
  kind: Kind,
  live: KubernetesObject,
  inputs: PropertyMap,
  { manager, initialApiVersion }: Remembered,
): PropertyMap {
  const outputs = {
    ...asProperties(kept(live)),
    [initialApiVersionKey]: initialApiVersion,
    [fieldManagerKey]: manager,
  };
  return marked(kind, outputs, inputs);
}

const marked = (kind: Kind, outputs: PropertyMap, inputs: PropertyMap): PropertyMap =>
  markSecretData(kind, markOutputs(outputs, withData(kind, inputs), []));

/** `stringData` comes back as `data`: its texts must not be looked for anywhere else, they are secret there anyway. */
const withData = (kind: Kind, inputs: PropertyMap): PropertyMap => {
  if (!isSecretKind(kind)) return inputs;
  const { data: _data, stringData: _text, ...rest } = inputs;
  return rest;
};

/** Outputs of an object that was read: as they were, but for what counts. */
export function readOutputs(
  kind: Kind,
  live: KubernetesObject,
  inputs: PropertyMap,
  before: PropertyMap,
  remembered: Remembered,
): PropertyMap {
  const fresh = outputsOf(kind, live, inputs, remembered);
  const prior = reveal(before) as PropertyMap;
  // An import, a `.get()`, or the same name again: nothing is known of this object.
  if (getPath(prior, ["metadata", "uid"]) !== live.metadata.uid) return fresh;
  const wanted = reveal(inputs);
  const others = managersOf(live)
    .filter((entry) => entry.manager !== remembered.manager && !isController(entry))
    .flatMap((entry) => ownedPaths(entry.fieldsV1, live));
  const counts = (path: PropertyPath): boolean =>
    (path[0] === "status" && statusCounts(kind, path)) ||
    (path[0] !== "status" &&
      (getPath(wanted, path) !== undefined || others.some((owned) => related(owned, path)))) ||
    path[1] === "deletionTimestamp";
  const merged = merge(prior, reveal(fresh) as PropertyMap, [], counts);
  // It counts every write of anybody: as it was when orch wrote last.
  const version = getPath(prior, ["metadata", "resourceVersion"]);
  const whole =
    isMap(merged.metadata) && version !== undefined
      ? { ...merged, metadata: { ...merged.metadata, resourceVersion: version } }
      : merged;
  const hidden = Object.fromEntries(Object.entries(prior).filter(([key]) => key.startsWith("__")));
  const outputs = { ...whole, ...hidden };
  return markLike(marked(kind, outputs, inputs), before) as PropertyMap;
}

const related = (a: PropertyPath, b: PropertyPath): boolean => {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).every((segment, i) => segment === b[i]);
};

/** `prior` with the parts of `fresh` that count; lists of other lengths are taken whole if anything in them counts. */
function merge(
  prior: PropertyMap,
  fresh: PropertyMap,
  path: PropertyPath,
  counts: (path: PropertyPath) => boolean,
): PropertyMap {
  const out: Record<string, Value> = {};
  for (const key of new Set([...Object.keys(prior), ...Object.keys(fresh)])) {
    const value = mergeValue(prior[key], fresh[key], [...path, key], counts);
    if (value !== undefined) out[key] = value;
  }
  return out;
}

function mergeValue(
  prior: Value | undefined,
  fresh: Value | undefined,
  path: PropertyPath,
  counts: (path: PropertyPath) => boolean,
): Value | undefined {
  if (prior !== undefined && fresh !== undefined && sameJson(prior, fresh)) return prior;
  if (isMap(prior) && isMap(fresh)) return merge(prior, fresh, path, counts);
  if (Array.isArray(prior) && Array.isArray(fresh) && prior.length === fresh.length)
    return prior.map((item, i) => mergeValue(item, fresh[i], [...path, i], counts) as Value);
  // What somebody else put into an object that was not there: only their part of it.
  if (prior === undefined && isMap(fresh) && !counts(path)) {
    const part = merge({}, fresh, path, counts);
    return Object.keys(part).length > 0 ? part : undefined;
  }
  return counts(path) ? fresh : prior;
}

const statusParts: Readonly<Record<string, readonly string[]>> = {
  "/Service": ["loadBalancer"],
  "networking.k8s.io/Ingress": ["loadBalancer"],
  "/PersistentVolumeClaim": ["phase", "capacity", "accessModes"],
  "/PersistentVolume": ["phase"],
  "/Node": ["addresses"],
};

function statusCounts(kind: Kind, path: PropertyPath): boolean {
  const part = String(path[1] ?? "");
  if (isBuiltIn(kind)) return statusParts[`${kind.group}/${kind.kind}`]?.includes(part) ?? false;
  // Of a custom resource it may be all there is (a password's secret, an address); conditions and times change by themselves.
  return (
    part !== "conditions" &&
    part !== "observedGeneration" &&
    !path.some((segment) => /(time|timestamp|heartbeat)$/i.test(String(segment)))
  );
}

/**
 * Inputs of an object that was read: as the program gave them, with what is really there where that is not any more what came of them. A quantity that the
 * server writes in another way (`1000m`, `1`), a default, an item that a webhook adds: these came of the inputs.
 */
export function readInputs(
  kind: Kind,
  live: KubernetesObject,
  inputs: PropertyMap,
  before: PropertyMap,
): PropertyMap {
  const fresh = asProperties(kept(live));
  const { data, stringData, ...rest } = inputs;
  const strings = stringData === undefined ? undefined : reveal(stringData);
  const secret = isSecretKind(kind) && isMap(strings);
  const now = follow(secret ? rest : inputs, reveal(before), fresh) as PropertyMap;
  const together = secret ? { ...now, ...followStrings(data, strings, fresh.data) } : now;
  return markSecretData(kind, markLike(together, inputs) as PropertyMap);
}

function follow(input: Value, before: Value | undefined, live: Value | undefined): Value | undefined {
  const given = reveal(input);
  if (live !== undefined && before !== undefined && sameJson(before, live)) return input;
  if (sameJson(given, live)) return input;
  if (isMap(given) && isMap(live)) {
    const out: Record<string, Value> = {};
    for (const [key, item] of Object.entries(given)) {
      const next = follow(item, isMap(before) ? before[key] : undefined, live[key]);
      if (next !== undefined) out[key] = next;
    }
    return out;
  }
  if (Array.isArray(given) && Array.isArray(live)) return followList(given, before, live);
  // Empty texts, lists and objects are the same as nothing to the server.
  if (live === undefined && isEmpty(given)) return input;
  return live;
}

const isEmpty = (value: Value): boolean =>
  value === null ||
  value === "" ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0) ||
  (isMap(value) && Object.keys(value).length === 0);

/** What tells one item of a list from another. Source: the `patchMergeKey`s and `listMapKey`s of Kubernetes' types. */
const itemKeys = [
  "name",
  "mountPath",
  "devicePath",
  "containerPort",
  "port",
  "key",
  "ip",
  "host",
  "path",
  "topologyKey",
  "type",
];

function followList(given: readonly Value[], before: Value | undefined, live: readonly Value[]): Value {
  const old = Array.isArray(before) ? (before as readonly Value[]) : undefined;
  const key = itemKeys.find((name) => [given, live, old ?? []].every((list) => tells(name, list)));
  if (key !== undefined) {
    const find = (list: readonly Value[], item: Value): Value | undefined =>
      list.find((other) => sameJson((other as PropertyMap)[key], (item as PropertyMap)[key]));
    const kept = given.flatMap((item) => follow(item, old && find(old, item), find(live, item)) ?? []);
    // Items that were not there when the list was written last: somebody added them.
    const added = old ? live.filter((item) => !find(old, item) && !find(given, item)) : [];
    return [...kept, ...added];
  }
  if (given.length === live.length) return given.map((item, i) => follow(item, old?.[i], live[i]) ?? null);
  return live;
}
const tells = (key: string, list: readonly Value[]): boolean =>
  list.every((item) => isMap(item) && (typeof item[key] === "string" || typeof item[key] === "number")) &&
  new Set(list.map((item) => (item as PropertyMap)[key])).size === list.length;

/** A Secret's texts come back as base64 among its `data`. */
function followStrings(
  data: Value | undefined,
  stringData: PropertyMap,
  live: Value | undefined,
): PropertyMap {
  const there = isMap(live) ? live : {};
  const strings: Record<string, Value> = {};
  for (const key of Object.keys(stringData)) {
    const encoded = there[key];
    if (typeof encoded !== "string") continue;
    strings[key] = Buffer.from(encoded, "base64").toString("utf8");
  }
  const bytes = data === undefined ? undefined : follow(reveal(data), undefined, there);
  return { stringData: strings, ...(bytes === undefined ? {} : { data: bytes }) };
}

/** In the inputs of what is imported: that they are the object's own and no program's. The diff asks for less then. */
export const importedKey = "__imported";

/** All of an object that a program could have given: of server-side applied objects what people applied, of others everything. */
export function importedInputs(kind: Kind, live: KubernetesObject): PropertyMap {
  const { status: _, ...object } = kept(live);
  const { name, namespace, labels, annotations } = object.metadata;
  const metadata = Object.fromEntries(
    Object.entries({ name, namespace, labels, annotations }).filter(([, value]) => value !== undefined),
  ) as JsonObject;
  const applied = managersOf(live).filter((entry) => !isController(entry));
  const own =
    applied.length > 0 && applied.every((entry) => entry.operation === "Apply")
      ? onlyOwned(
          { ...object, metadata },
          applied.flatMap((entry) => ownedPaths(entry.fieldsV1, live)),
        )
      : { ...object, metadata };
  const whole = {
    ...own,
    apiVersion: live.apiVersion,
    kind: live.kind,
    metadata: { ...(own.metadata as JsonObject), name, namespace },
  };
  return {
    ...markSecretData(kind, asProperties(JSON.parse(JSON.stringify(whole)) as JsonObject)),
    [importedKey]: true,
  };
}

function onlyOwned(object: JsonObject, owned: readonly PropertyPath[]): JsonObject {
  const pick = (value: Json | undefined, path: PropertyPath): Json | undefined => {
    if (owned.some((one) => one.length <= path.length && related(one, path))) return value;
    if (!owned.some((one) => one.length > path.length && related(path, one))) return undefined;
    if (Array.isArray(value))
      return value.map((item, i) => pick(item as Json, [...path, i])).filter((item) => item !== undefined);
    if (!isObject(value)) return undefined;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => {
        const part = pick(item, [...path, key]);
        return part === undefined ? [] : [[key, part]];
      }),
    );
  };
  return (pick(object, []) ?? {}) as JsonObject;
}

/** What a plan can tell of an object that does not exist yet: given by the server's dry run, without what the next try gives anew. */
export function previewOutputs(
  kind: Kind,
  dry: KubernetesObject,
  inputs: PropertyMap,
  before: PropertyMap | undefined,
): PropertyMap {
  const { status: _, ...object } = asProperties(kept(dry));
  const metadata: Record<string, Value> = { ...(object.metadata as PropertyMap) };
  const drawn = before === undefined ? ["uid", "creationTimestamp", "resourceVersion"] : ["resourceVersion"];
  for (const key of drawn) metadata[key] = unknown;
  const outputs: PropertyMap = { ...object, metadata, ...(hasStatus(kind) ? { status: unknown } : {}) };
  return marked(kind, before === undefined ? withoutAllocated(kind, outputs, inputs) : outputs, inputs);
}

const hasStatus = ({ kind, group }: Kind): boolean =>
  !["ConfigMap", "Secret", "ServiceAccount", "Endpoints"].includes(kind) &&
  group !== "rbac.authorization.k8s.io";

/** Addresses and ports that the server hands out: a dry run gives others than the real one. */
function withoutAllocated(kind: Kind, outputs: PropertyMap, inputs: PropertyMap): PropertyMap {
  if (kind.group !== "" || kind.kind !== "Service" || !isMap(outputs.spec)) return outputs;
  const given = isMap(inputs.spec) ? inputs.spec : {};
  const spec: Record<string, Value> = { ...outputs.spec };
  for (const key of ["clusterIP", "clusterIPs", "healthCheckNodePort"])
    if (spec[key] !== undefined && given[key] === undefined) spec[key] = unknown;
  if (Array.isArray(spec.ports))
    spec.ports = (spec.ports as readonly Value[]).map((port, i) =>
      isMap(port) && port.nodePort !== undefined && getPath(given, ["ports", i, "nodePort"]) === undefined
        ? { ...port, nodePort: unknown }
        : port,
    );
  return { ...outputs, spec };
}

/** What the server gives to each Service. */
function withAddresses(inputs: PropertyMap): PropertyMap {
  if (!isMap(inputs.spec)) return inputs;
  return { ...inputs, spec: { clusterIP: unknown, clusterIPs: unknown, ...inputs.spec } };
}

/** Without a server: the inputs, and nothing else known. */
export function predicted(kind: Kind, given: PropertyMap, before?: PropertyMap): PropertyMap {
  const { stringData, ...rest } = given;
  // What is written there comes back as `data`.
  const inputs =
    isSecretKind(kind) && stringData !== undefined ? { ...rest, data: new Secret(unknown) } : given;
  const metadata = inputs.metadata;
  const drawn = ["uid", "creationTimestamp", "resourceVersion"];
  const old = isMap(before?.metadata) ? before.metadata : {};
  const outputs: PropertyMap = {
    ...(kind.group === "" && kind.kind === "Service" ? withAddresses(inputs) : inputs),
    ...(isMap(metadata)
      ? {
          metadata: {
            ...Object.fromEntries(
              drawn.map((key) => [
                key,
                key !== "resourceVersion" && old[key] !== undefined ? (old[key] as Value) : unknown,
              ]),
            ),
            ...metadata,
          },
        }
      : {}),
    ...(hasStatus(kind) ? { status: unknown } : {}),
  };
  return markSecretData(kind, outputs);
}
