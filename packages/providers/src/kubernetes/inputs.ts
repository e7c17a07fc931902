/** Inputs of a program: made complete by check, turned into the object that is sent, and put together again from what is there. */
import { formatPath } from "@orch/core/model/path";
import { isMap, isUnknown, map, type PropertyMap, reveal, Secret, type Value } from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { describe } from "../direct/check.js";
import { plain } from "../direct/secrets.js";
import { isNamespaced, isSecretKind, type Kind } from "./kinds.js";
import { autonamed, generatedName, nameFailure } from "./naming.js";
import type { JsonObject, KubernetesObject } from "./object.js";

/** Set by the server; in manifests that were read from one they are left over. */
const readOnly = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
];

export interface Checking {
  readonly kind: Kind;
  readonly name: string;
  readonly oldInputs?: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly randomSeed: Uint8Array;
  /** Of objects that name none; undefined leaves it to the server. */
  readonly namespace?: string;
  /** By the program's own definitions of custom resources. */
  readonly namespaced?: boolean;
}

/** Names, namespace and secrets put in, and what is wrong. Asks no server. */
export function checkInputs(request: Checking): {
  readonly inputs: PropertyMap;
  readonly failures: readonly CheckFailure[];
} {
  const { kind } = request;
  const failures: CheckFailure[] = [];
  const given = request.newInputs;
  const inputs: Record<string, Value> = {
    ...given,
    apiVersion: given.apiVersion ?? kind.apiVersion,
    kind: given.kind ?? kind.kind,
  };
  for (const [key, expected] of [
    ["apiVersion", kind.apiVersion],
    ["kind", kind.kind],
  ] as const) {
    const value = reveal(inputs[key] as Value);
    // Older tokens are aliases of newer ones: the token is what is asked for.
    if (!isUnknown(value) && typeof value !== "string")
      failures.push(wrong(key, `the text ${JSON.stringify(expected)}`, inputs[key]));
  }
  if (kind.kind.endsWith("List") && given.items !== undefined)
    failures.push({
      path: "items",
      message: "a list is no object of its own: make a resource of each item",
      expected: "an object",
      found: kind.kind,
    });
  const metadata = checkMetadata(request, failures);
  if (metadata !== undefined) inputs.metadata = metadata;
  for (const key of ["spec", "data", "stringData", "binaryData"] as const) {
    const value = given[key];
    const content = value instanceof Secret ? value.value : value;
    if (
      content !== undefined &&
      content !== null &&
      !isUnknown(content) &&
      !isMap(content) &&
      (key !== "spec" || isNamespaced(kind) !== undefined)
    )
      failures.push(wrong(key, "an object", value));
  }
  return { inputs: markSecretData(kind, inputs), failures };
}

const wrong = (path: string, expected: string, value: Value | undefined): CheckFailure => ({
  path,
  message: `${path} must be ${expected}, not ${describe(value)}`,
  expected,
  found: describe(value),
});

function checkMetadata(request: Checking, failures: CheckFailure[]): Value | undefined {
  const { kind, namespace } = request;
  const given = request.newInputs.metadata ?? {};
  const content = given instanceof Secret ? given.value : given;
  if (isUnknown(content)) return given;
  if (!isMap(content)) {
    failures.push(wrong("metadata", "an object", given));
    return given;
  }
  const metadata: Record<string, Value> = Object.fromEntries(
    Object.entries(content).filter(
      ([key, value]) => !readOnly.includes(key) && value !== undefined && value !== null,
    ),
  );
  for (const key of ["labels", "annotations"] as const)
    checkTexts(`metadata.${key}`, metadata[key], failures);
  const generate = metadata.generateName;
  if (metadata.name === undefined && generate !== undefined) {
    failures.push({
      path: "metadata.generateName",
      message:
        "metadata.generateName gives a name that nobody knows beforehand: leave it out, and orch generates one",
      expected: "metadata.name, or neither",
      found: describe(generate),
    });
  } else if (metadata.name === undefined && kind.patch) {
    failures.push({
      path: "metadata.name",
      message: "metadata.name is missing: a patch changes an object that is there",
      expected: "the name of an existing object",
      found: "nothing",
    });
  } else if (metadata.name === undefined) nameIt(request, metadata);
  const name = metadata.name === undefined ? undefined : reveal(metadata.name);
  if (name !== undefined && !isUnknown(name)) {
    if (typeof name !== "string") failures.push(wrong("metadata.name", "a text", metadata.name));
    else {
      const failure = nameFailure(
        kind,
        name,
        request.newInputs.metadata === undefined || content.name === undefined,
      );
      if (failure) failures.push(failure);
    }
  }
  const own = metadata.namespace === undefined ? undefined : reveal(metadata.namespace);
  if (own !== undefined && !isUnknown(own) && typeof own !== "string")
    failures.push(wrong("metadata.namespace", "a text", metadata.namespace));
  const namespaced = request.namespaced ?? isNamespaced(kind);
  if (namespaced === false && (own === undefined || typeof own === "string")) delete metadata.namespace;
  else if (own === undefined || own === "") {
    // A custom resource of which nothing is known stays without: the server says what it is.
    delete metadata.namespace;
    if (namespace !== undefined && namespaced !== undefined) metadata.namespace = namespace;
  }
  return given instanceof Secret ? new Secret(metadata) : metadata;
}

function checkTexts(path: string, value: Value | undefined, failures: CheckFailure[]): void {
  const content = value === undefined ? undefined : reveal(value);
  if (content === undefined || isUnknown(content)) return;
  if (!isMap(content)) {
    failures.push(wrong(path, "an object of texts", value));
    return;
  }
  for (const [key, item] of Object.entries(content))
    if (typeof item !== "string" && !isUnknown(item))
      failures.push(wrong(formatPath([...path.split("."), key]), "a text", item));
}

/** A generated name stays as long as the object does. */
function nameIt({ name, oldInputs, randomSeed }: Checking, metadata: Record<string, Value>): void {
  const { annotations = {} } = metadata;
  const old = oldInputs?.metadata;
  const kept =
    isMap(old) && isMap(old.annotations) && old.annotations[autonamed] === "true" ? old.name : undefined;
  metadata.name = kept ?? generatedName(name, randomSeed);
  if (isMap(annotations)) metadata.annotations = { ...annotations, [autonamed]: "true" };
}

/** What a Secret holds is secret, whether or not the program says so. Its keys are not: a plan shows which one changes. */
export function markSecretData(kind: Kind, properties: PropertyMap): PropertyMap {
  if (!isSecretKind(kind)) return properties;
  const marked: Record<string, Value> = { ...properties };
  for (const key of ["data", "stringData"]) {
    const value = marked[key];
    if (isMap(value))
      marked[key] = Object.fromEntries(
        Object.entries(value).map(([name, item]) => [
          name,
          item instanceof Secret || isUnknown(item) ? item : new Secret(item),
        ]),
      );
  }
  return marked;
}

/** TypeScript has no `-` in names: the SDK writes these with `_`. Source: `underscoreToDashMap` in pulumi/pulumi-kubernetes. */
const dashed = [
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
];
const toDashes = new Map(dashed.map((name) => [name.replaceAll("-", "_"), name]));
const toUnderscores = new Map(dashed.map((name) => [name, name.replaceAll("-", "_")]));

function renamed(value: Value, names: ReadonlyMap<string, string>): Value {
  return map(value, (item) =>
    isMap(item) && Object.keys(item).some((key) => names.has(key))
      ? Object.fromEntries(Object.entries(item).map(([key, inner]) => [names.get(key) ?? key, inner]))
      : item,
  );
}
/** As the SDK's types have them. */
export const asProperties = (object: JsonObject): PropertyMap =>
  renamed(object as PropertyMap, toUnderscores) as PropertyMap;

/** The object to send: secrets opened. `inputs` are checked and hold no unknown. */
export function toObject(kind: Kind, inputs: PropertyMap): KubernetesObject {
  const object = plain(renamed(inputs, toDashes) as PropertyMap) as Record<string, unknown>;
  delete object.status;
  const metadata = { ...(object.metadata as JsonObject) };
  if (kind.patch) metadata.annotations = withoutOrders(metadata.annotations as JsonObject | undefined);
  if (metadata.annotations === undefined) delete metadata.annotations;
  return { ...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata } as KubernetesObject;
}

/** With the uid of the object that is known: applied to another one of its name, or to none, it is refused. */
export const withUid = (object: KubernetesObject, uid: string | undefined): KubernetesObject =>
  uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };

/** Two patches of one object must not fight over annotations that are meant for orch. */
function withoutOrders(annotations: JsonObject | undefined): JsonObject | undefined {
  if (annotations === undefined) return undefined;
  const left = Object.entries(annotations).filter(([key]) => !key.startsWith("pulumi.com/"));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/** Name and namespace as far as they are known. */
export function whereOf(inputs: PropertyMap): { readonly name?: string; readonly namespace?: string } {
  const { metadata } = inputs;
  const content = metadata instanceof Secret ? metadata.value : metadata;
  if (!isMap(content)) return {};
  const text = (key: string): string | undefined => {
    const value = content[key];
    const inner = value instanceof Secret ? value.value : value;
    return typeof inner === "string" && inner !== "" ? inner : undefined;
  };
  const [name, namespace] = [text("name"), text("namespace")];
  return { ...(name ? { name } : {}), ...(namespace ? { namespace } : {}) };
}
