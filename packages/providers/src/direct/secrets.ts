/** Keeping secrets secret on the way through a direct provider: marked again in what comes back, redacted in what is said. */
import type { Failure } from "@orch/core/model/failure";
import { getPath, parsePath, setPath } from "@orch/core/model/path";
import {
  isArray,
  isMap,
  isSpecial,
  type PropertyMap,
  reveal,
  Secret,
  Unknown,
  type Value,
} from "@orch/core/model/value";

const shown = "[secret]";

/** Every text that is secret in the given properties, longest first. Texts under three characters would redact half of any message and are left out. */
export function secretTexts(...properties: readonly (PropertyMap | undefined)[]): readonly string[] {
  const texts = new Set<string>();
  const collect = (value: Value | undefined, secret: boolean): void => {
    if (value instanceof Secret) collect(value.value, true);
    else if (isArray(value)) for (const item of value) collect(item, secret);
    else if (isMap(value)) for (const item of Object.values(value)) collect(item, secret);
    else if (secret && (typeof value === "string" || typeof value === "number")) {
      const text = String(value);
      if (text.length >= 3) texts.add(text);
      // A long secret is seldom repeated whole: a shell quotes one line of it.
      for (const line of text.split("\n")) if (line.trim().length >= 8) texts.add(line.trim());
    }
  };
  for (const map of properties) collect(map, false);
  return [...texts].sort((a, b) => b.length - a.length);
}

export function redact(text: string, secrets: readonly string[]): string {
  let out = text;
  for (const secret of secrets) out = out.replaceAll(secret, shown);
  return out;
}

/** A failure without secrets, in any of its texts. */
export function redactFailure(failure: Failure, secrets: readonly string[]): Failure {
  if (secrets.length === 0) return failure;
  const clean = (text: string): string => redact(text, secrets);
  return {
    ...failure,
    message: clean(failure.message),
    ...(failure.expected === undefined ? {} : { expected: clean(failure.expected) }),
    ...(failure.found === undefined ? {} : { found: clean(failure.found) }),
    ...(failure.detail === undefined ? {} : { detail: clean(failure.detail) }),
    ...(failure.next === undefined ? {} : { next: failure.next.map(clean) }),
    ...(failure.causes === undefined
      ? {}
      : { causes: failure.causes.map((cause) => redactFailure(cause, secrets)) }),
  };
}

/** `value` with the parts secret that are secret in `like`, at the same places. */
export function markLike(value: Value, like: Value | undefined): Value {
  if (like instanceof Secret) return value instanceof Secret ? value : new Secret(value);
  if (isMap(value) && isMap(like))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, markLike(item, like[key])]));
  if (isArray(value) && isArray(like)) return value.map((item, i) => markLike(item, like[i]));
  return value;
}

/** Texts that hold a secret anywhere become secret. */
export function markTexts(value: Value, secrets: readonly string[]): Value {
  if (secrets.length === 0 || value instanceof Secret) return value;
  if (typeof value === "string")
    return secrets.some((secret) => value.includes(secret)) ? new Secret(value) : value;
  if (isArray(value)) return value.map((item) => markTexts(item, secrets));
  if (isMap(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, markTexts(item, secrets)]));
  return value;
}

/** Outputs with everything secret that must be: named ones, those of a secret input's name, and texts that hold a secret. */
export function markOutputs(
  outputs: PropertyMap,
  inputs: PropertyMap,
  secretOutputs: readonly string[],
): PropertyMap {
  let marked = markTexts(markLike(outputs, inputs), secretTexts(inputs)) as PropertyMap;
  for (const name of secretOutputs) {
    const path = parsePath(name);
    const value = getPath(marked, path);
    if (value !== undefined && !(value instanceof Secret)) marked = setPath(marked, path, new Secret(value));
  }
  return marked;
}

/** Plain values for a verb: secrets opened, unset properties left out. Throws a TypeError on an unknown. */
export function plain(properties: PropertyMap): Record<string, unknown> {
  const strip = (value: Value): unknown => {
    if (value instanceof Unknown) throw new TypeError("an unknown value where only known ones can be");
    if (isArray(value)) return value.map(strip);
    if (typeof value !== "object" || value === null || isSpecial(value)) return value;
    const out: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) if (item !== undefined) out[key] = strip(item);
    return out;
  };
  return strip(reveal(properties)) as Record<string, unknown>;
}

/** What a verb returned, without the properties that are `undefined`. */
export function fromPlain(value: unknown): PropertyMap {
  return plain(value as PropertyMap) as PropertyMap;
}
