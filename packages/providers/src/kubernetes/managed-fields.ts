/**
 * Who owns which fields of an object, from `metadata.managedFields`.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and structured-merge-diff's `fieldpath/serialize.go`.
 */
import { formatPath, type PropertyPath } from "@orch/core/model/path";
import type { ObjectChange } from "@orch/core/provider/contract";
import {
  isObject,
  type Json,
  type JsonObject,
  type KubernetesObject,
  type ManagedFields,
  sameJson,
} from "./object.js";

/** The paths of a fields set, down to its leaves, with list items at the places that they have in `object` (left out when they are not there). */
export function ownedPaths(fields: JsonObject | undefined, object: unknown): readonly PropertyPath[] {
  const found: PropertyPath[] = [];
  walk(fields ?? {}, object as Json, [], found);
  return found;
}

function walk(fields: JsonObject, value: Json | undefined, path: PropertyPath, found: PropertyPath[]): void {
  let leaf = true;
  for (const [key, inner] of Object.entries(fields)) {
    if (key === ".") continue;
    const step = stepOf(key, value);
    if (step === undefined) continue;
    leaf = false;
    walk(isObject(inner) ? inner : {}, step.value, [...path, step.segment], found);
  }
  if (leaf && path.length > 0) found.push(path);
}

/** `f:name` a field, `k:{…}` the list item with these keys, `v:…` the list item of this value, `i:…` by place. */
function stepOf(
  key: string,
  value: Json | undefined,
): { readonly segment: string | number; readonly value: Json | undefined } | undefined {
  const [tag, rest] = [key.slice(0, 2), key.slice(2)];
  if (tag === "f:") return { segment: rest, value: isObject(value) ? value[rest] : undefined };
  if (!Array.isArray(value)) return undefined;
  const list = value as readonly Json[];
  const index =
    tag === "i:"
      ? Number(rest)
      : tag === "v:"
        ? list.findIndex((item) => sameJson(item, JSON.parse(rest)))
        : list.findIndex((item) => hasKeys(item, JSON.parse(rest) as JsonObject));
  return index < 0 ? undefined : { segment: index, value: list[index] };
}

/** A default of a key (`protocol: TCP`) is not in every list item. */
const hasKeys = (item: Json, keys: JsonObject): boolean =>
  isObject(item) &&
  Object.entries(keys).every(([key, wanted]) => item[key] === undefined || sameJson(item[key], wanted));

/** Parts of Kubernetes that write what nobody asks them for. What they own outside of a program's inputs is no drift. */
const controllers =
  /^(kube-(controller-manager|scheduler|apiserver)|kubelet|k3s|k0s|cloud-controller-manager|kwok|(kube-)?apiserver)$/;

export const isController = ({ manager = "", subresource }: ManagedFields): boolean =>
  (subresource ?? "") !== "" || controllers.test(manager);

export const managersOf = (object: KubernetesObject): readonly ManagedFields[] =>
  (object.metadata.managedFields ?? []) as readonly ManagedFields[];

/** Did a field manager make this object by server-side apply? */
export const isManagedBy = (object: KubernetesObject, manager: string): boolean =>
  managersOf(object).some((entry) => entry.manager === manager && entry.operation === "Apply");

/** Who changed the object last, newest first; `own` is left out. */
export function changesOf(object: KubernetesObject, own?: string): readonly ObjectChange[] {
  return managersOf(object)
    .filter(({ manager, subresource }) => (own === undefined || manager !== own) && subresource !== "status")
    .map((entry) => {
      const time = Date.parse(entry.time ?? "");
      return {
        ...(entry.manager ? { by: entry.manager } : {}),
        ...(Number.isNaN(time) ? {} : { at: time }),
        how: `${entry.operation ?? "Update"}${entry.subresource ? ` of ${entry.subresource}` : ""}`,
        paths: ownedPaths(entry.fieldsV1, object).map(formatPath),
      };
    })
    .sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
}
