/** Kubernetes objects as JSON, and what is asked of them everywhere. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
export interface Metadata extends JsonObject {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly (ManagedFields & JsonObject)[];
}

export interface KubernetesObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

/** Who set which fields last. Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: JsonObject;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value at a path of keys; undefined where the way ends before. */
export function at(value: unknown, ...path: readonly (string | number)[]): Json | undefined {
  let here = value as Json | undefined;
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as never)[key] as Json | undefined;
  }
  return here;
}

export const textAt = (value: unknown, ...path: readonly (string | number)[]): string | undefined => {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
};
/** 0 where there is no number: counters of a status are left out while they are 0. */
export const numberAt = (value: unknown, ...path: readonly (string | number)[]): number => {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
};
export const listAt = (value: unknown, ...path: readonly (string | number)[]): readonly Json[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
};

export const annotation = (object: unknown, name: string): string | undefined =>
  textAt(object, "metadata", "annotations", name);

/** A condition of the status, by its type. */
export const condition = (object: unknown, type: string): JsonObject | undefined =>
  listAt(object, "status", "conditions").find((one) => textAt(one, "type") === type) as
    | JsonObject
    | undefined;

/** Deep equality of JSON; the order of keys does not count. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => sameJson(item, b[i]))
    );
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  );
}

/** `namespace/name`, or the name alone of what is in no namespace: the id, as Pulumi's plugin makes it. */
export const idOf = (metadata: Metadata): string =>
  metadata.namespace ? `${metadata.namespace}/${metadata.name}` : String(metadata.name);

export function parseId(id: string): { readonly namespace?: string; readonly name: string } {
  const slash = id.indexOf("/");
  return slash < 0 ? { name: id } : { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}
