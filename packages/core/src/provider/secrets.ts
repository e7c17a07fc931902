/** Keeping secrets secret across providers that know nothing of them. */

import { getPath, parsePath, setPath } from "../model/path.js";
import {
  isArray,
  isMap,
  map,
  type PropertyMap,
  ResourceRef,
  reveal,
  Secret,
  unknown,
  type Value,
} from "../model/value.js";
import type { ProviderTraits } from "./contract.js";

/** Properties in the form that a provider takes. */
export function forProvider(properties: PropertyMap, traits: ProviderTraits): PropertyMap {
  let out: Value = properties;
  if (!traits.secrets) out = reveal(out);
  if (!traits.resourceRefs) {
    out = map(out, (v) => (v instanceof ResourceRef ? (v.id === undefined ? v.urn : v.id) : v));
  }
  return out as PropertyMap;
}

/**
 * Outputs as orch keeps them: what went in as a secret comes out as one, and so do the properties that the program named. For a
 * provider that handles secrets itself only the latter is added.
 * Source: `annotateSecrets` in pulumi/pulumi `sdk/go/common/resource/plugin/provider_plugin.go`.
 */
export function fromProvider(
  outputs: PropertyMap,
  inputs: PropertyMap,
  traits: Pick<ProviderTraits, "secrets">,
  additionalSecretOutputs: readonly string[] = [],
): PropertyMap {
  let out = traits.secrets ? outputs : (markLike(outputs, inputs) as PropertyMap);
  for (const name of additionalSecretOutputs) {
    const path = parsePath(name);
    const value = getPath(out, path);
    if (value !== undefined && !(value instanceof Secret)) out = setPath(out, path, new Secret(value));
  }
  return out;
}

/** Secrets of `like` are secrets of `value` at the same places. */
function markLike(value: Value, like: Value | undefined): Value {
  if (like instanceof Secret) return value instanceof Secret ? value : new Secret(reveal(value));
  if (isMap(value) && isMap(like)) {
    let copy: Record<string, Value> | undefined;
    for (const key of Object.keys(value)) {
      const before = value[key] as Value;
      const after = markLike(before, like[key]);
      if (after !== before) {
        copy ??= { ...value };
        copy[key] = after;
      }
    }
    return copy ?? value;
  }
  if (isArray(value) && isArray(like) && value.length === like.length) {
    return value.map((item, i) => markLike(item, like[i]));
  }
  return value;
}

/** Every property unknown: what a preview knows of an object whose provider is not configured yet. */
export function allUnknown(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      value instanceof Secret ? new Secret(unknown) : unknown,
    ]),
  );
}
