/**
 * Property values on their way to a plugin and back: what it does not understand is taken out before, and put back after.
 * Source: pulumi/pulumi `pkg/resource/plugin/rpc.go` and `provider_plugin.go` (annotateSecrets, restoreElidedAssetContents).
 */
import {
  Archive,
  Asset,
  hasSecret,
  hasUnknown,
  isArray,
  isMap,
  map,
  type PropertyMap,
  Secret,
  Unknown,
  type Value,
} from "@orch/core/model/value";
import type { ProviderTraits } from "@orch/core/provider/contract";
import type { EncodeOptions } from "@orch/core/wire/json";
import { markTexts, secretTexts } from "../direct/secrets.js";

/** How values are written for a plugin with these traits. Output values reach no plugin but through Construct and Call. */
export function encoding(traits: Pick<ProviderTraits, "secrets" | "resourceRefs">): EncodeOptions {
  return {
    secrets: traits.secrets ? "wrap" : "reveal",
    outputValues: false,
    resourceRefs: traits.resourceRefs,
  };
}

/** Old state is compared by hash: the contents of its files need not travel, and may be gone. Without a hash they stay. */
export function elideAssets(properties: PropertyMap): PropertyMap {
  return map(properties, (value) => {
    if (value instanceof Asset && value.hash) return new Asset({ kind: "text", text: "" }, value.hash);
    if (value instanceof Archive && value.hash)
      return new Archive({ kind: "assets", assets: {} }, value.hash);
    return value;
  }) as PropertyMap;
}

/** Gives back the contents to files that a plugin only echoed by their hash. */
export function restoreAssets(original: PropertyMap, echoed: PropertyMap): PropertyMap {
  const known = new Map<string, Asset | Archive>();
  map(original, (value) => {
    if ((value instanceof Asset || value instanceof Archive) && value.hash) known.set(value.hash, value);
    return value;
  });
  if (known.size === 0) return echoed;
  return map(echoed, (value) => {
    if (!(value instanceof Asset || value instanceof Archive) || !value.hash || !isEmpty(value)) return value;
    const source = known.get(value.hash);
    return source !== undefined && source.constructor === value.constructor ? source : value;
  }) as PropertyMap;
}

function isEmpty(value: Asset | Archive): boolean {
  if (value instanceof Asset) return value.source.kind === "text" && value.source.text === "";
  return value.source.kind === "assets" && Object.keys(value.source.assets).length === 0;
}

/**
 * Marks what comes back from a plugin without secrets support: a property is secret when the input of the same name was,
 * or held a secret. Objects are gone through key by key, so that one secret does not hide the whole; lists are marked whole, because
 * plugins may reorder them.
 */
export function annotateSecrets(outputs: PropertyMap, inputs: PropertyMap): PropertyMap {
  let copy: Record<string, Value> | undefined;
  for (const key of Object.keys(outputs)) {
    const output = outputs[key] as Value;
    const input = inputs[key];
    if (input === undefined || output instanceof Secret) continue;
    let marked: Value = output;
    if (isMap(output) && isMap(input)) marked = annotateSecrets(output, input);
    else if (hasSecret(input)) marked = new Secret(output);
    if (marked !== output) {
      copy ??= { ...outputs };
      copy[key] = marked;
    }
  }
  return copy ?? outputs;
}

/** Shorter texts are found by chance: half of the outputs would be secret because a password is `dev`. */
const shortest = 8;

/** Outputs under another name that repeat a secret input, or hold its text, are secret too: `tags` come back as `tagsAll`. */
export function markRepeated(outputs: PropertyMap, inputs: PropertyMap): PropertyMap {
  if (!hasSecret(inputs)) return outputs;
  const texts = secretTexts(inputs).filter(({ length }) => length >= shortest);
  return markTexts(outputs, texts) as PropertyMap;
}

/** Every property of the map as a secret. */
export function allSecret(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      value instanceof Secret ? value : new Secret(value),
    ]),
  );
}

/** What is left without unknown values: a plugin must not answer with one once the thing is done. */
export function withoutUnknowns(properties: PropertyMap): { known: PropertyMap; dropped: string[] } {
  if (!hasUnknown(properties)) return { known: properties, dropped: [] };
  const dropped: string[] = [];
  const visit = (value: Value, path: string): Value | undefined => {
    if (value instanceof Unknown) {
      dropped.push(path);
      return undefined;
    }
    if (value instanceof Secret) {
      const inner = visit(value.value, path);
      return inner === undefined ? undefined : new Secret(inner);
    }
    if (isArray(value)) return value.map((item, i) => visit(item, `${path}[${i}]`) ?? null);
    if (!isMap(value)) return value;
    const out: Record<string, Value> = {};
    for (const key of Object.keys(value)) {
      const item = visit(value[key] as Value, path === "" ? key : `${path}.${key}`);
      if (item !== undefined) out[key] = item;
    }
    return out;
  };
  return { known: visit(properties, "") as PropertyMap, dropped };
}
