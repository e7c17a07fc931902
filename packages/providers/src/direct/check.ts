/**
 * Inputs against a schema, with unknowns and secrets in them. An unknown satisfies any schema; a secret is judged by its content and
 * stays one. Defaults and secret marks are put in by walking the schema, so that zod only ever says yes or no.
 */
import { formatPath, type PathSegment, type PropertyPath } from "@orch/core/model/path";
import {
  isArray,
  isMap,
  isSpecial,
  type PropertyMap,
  reveal,
  Secret,
  some,
  Unknown,
  type Value,
} from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { closest } from "@orch/core/state/closest";
import type { z } from "zod";
import { defOf, isSecretSchema, layers } from "./schema.js";

/** The given properties with defaults filled in and secrets marked, and what is wrong with them. Never throws. */
export function checkAgainst(
  schema: z.ZodObject,
  given: PropertyMap,
): { readonly inputs: PropertyMap; readonly failures: readonly CheckFailure[] } {
  const inputs = complete(schema, given) as PropertyMap;
  const unknowns = unknownPaths(inputs);
  const result = schema.safeParse(reveal(inputs));
  if (result.success) return { inputs, failures: [] };
  const issues = result.error.issues.flatMap((issue) => flatten(issue, []));
  const failures = issues
    .filter((issue) => !excused(issue, unknowns))
    .map((issue) => toFailure(issue, inputs, schema));
  return { inputs, failures };
}

/** Defaults and secret marks, at any depth. Values that do not fit the schema are left as they are. */
function complete(schema: z.ZodType, value: Value | undefined): Value | undefined {
  let inner = schema;
  for (const layer of layers(schema)) {
    inner = layer;
    const def = defOf(layer);
    if (value === undefined && (def.type === "default" || def.type === "prefault"))
      value = def.defaultValue as Value;
  }
  if (value === undefined) return undefined;
  const plain = value instanceof Secret ? value.value : value;
  const completed = completeInside(inner, plain);
  if (value instanceof Secret) return completed === plain ? value : new Secret(completed);
  return isSecretSchema(schema) && completed !== null ? new Secret(completed) : completed;
}

function completeInside(schema: z.ZodType, value: Value): Value {
  const def = defOf(schema);
  if (def.type === "object" && isMap(value)) {
    const out: Record<string, Value> = {};
    for (const [key, item] of Object.entries(value)) if (item !== undefined) out[key] = item;
    for (const [key, property] of Object.entries(def.shape ?? {})) {
      const next = complete(property, Object.hasOwn(value, key) ? value[key] : undefined);
      if (next !== undefined) out[key] = next;
    }
    return out;
  }
  const each = (item: z.ZodType, of: Value): Value => complete(item, of) ?? of;
  if (def.type === "array" && def.element && isArray(value)) {
    const { element } = def;
    return value.map((item) => each(element, item));
  }
  if (def.type === "record" && def.valueType && isMap(value)) {
    const { valueType } = def;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(valueType, item)]));
  }
  if (def.type === "union") {
    const option = chooseOption(def.options ?? [], def.discriminator, value);
    if (option) return each(option, value);
  }
  return value;
}

function chooseOption(
  options: readonly z.ZodType[],
  discriminator: string | undefined,
  value: Value,
): z.ZodType | undefined {
  if (discriminator !== undefined) {
    if (!isMap(value)) return undefined;
    const tag = reveal(value[discriminator] ?? null);
    return options.find((option) => defOf(option).shape?.[discriminator]?.safeParse(tag).success);
  }
  return (
    options.find((option) => option.safeParse(reveal(value)).success) ??
    options.find((option) =>
      defOf(option).type === "array" ? isArray(value) : defOf(option).type === "object" && isMap(value),
    )
  );
}

function unknownPaths(value: Value, at: PropertyPath = [], found: PropertyPath[] = []): PropertyPath[] {
  if (value instanceof Unknown) found.push(at);
  else if (value instanceof Secret) unknownPaths(value.value, at, found);
  else if (isArray(value)) for (const [i, item] of value.entries()) unknownPaths(item, [...at, i], found);
  else if (isMap(value))
    for (const [key, item] of Object.entries(value)) unknownPaths(item, [...at, key], found);
  return found;
}

interface Issue {
  readonly path: PropertyPath;
  readonly issue: z.core.$ZodIssue;
}

/** One issue per wrong place: of a union's branches the one that came furthest, of unrecognised keys each. */
function flatten(issue: z.core.$ZodIssue, base: PropertyPath): Issue[] {
  const path = [...base, ...(issue.path as PathSegment[])];
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const depth = (branch: readonly z.core.$ZodIssue[]): number =>
      Math.max(0, ...branch.map((inner) => inner.path.length));
    const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
    if (best && depth(best) > 0) return best.flatMap((inner) => flatten(inner, path));
  }
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...path, key], issue: { ...issue, keys: [key] } }));
  return [{ path, issue }];
}

/** Is the issue only there because something is not known yet? */
function excused({ path, issue }: Issue, unknowns: readonly PropertyPath[]): boolean {
  const wholly = issue.code === "custom" || issue.code === "invalid_union";
  return unknowns.some(
    (at) => isPrefix(at, path) || (wholly && (isPrefix(path, at) || isPrefix(path.slice(0, -1), at))),
  );
}
const isPrefix = (prefix: PropertyPath, path: PropertyPath): boolean =>
  prefix.length <= path.length && prefix.every((segment, i) => segment === path[i]);

function toFailure({ path, issue }: Issue, inputs: PropertyMap, schema: z.ZodObject): CheckFailure {
  const text = formatPath(path);
  const value = lookUp(inputs, path);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path.slice(0, -1));
    const [near] = closest(String(path.at(-1)), known, 1);
    return {
      path: text,
      message: `${text} is not a property here${near ? `; did you mean ${near}?` : ""}`,
      expected: known.length > 0 ? `one of ${known.join(", ")}` : "no such property",
      found: String(path.at(-1)),
    };
  }
  const expected = expectation(issue);
  if (issue.code === "invalid_key") {
    const key = JSON.stringify(path.at(-1));
    return { path: text, message: `the name of ${text} must be ${expected}`, expected, found: key };
  }
  if (value === undefined)
    return { path: text, message: `${text} is missing: expected ${expected}`, expected, found: "nothing" };
  const found = describe(value);
  const subject = text === "" ? "the value" : text;
  return { path: text, message: `${subject} must be ${expected}, not ${found}`, expected, found };
}

function lookUp(root: Value | undefined, path: PropertyPath): Value | undefined {
  let value: Value | undefined = root;
  let secret = false;
  for (const segment of path) {
    if (value instanceof Secret) {
      secret = true;
      value = value.value;
    }
    if (isArray(value)) value = value[segment as number];
    else if (isMap(value)) value = Object.hasOwn(value, segment) ? value[segment] : undefined;
    else return undefined;
  }
  return secret && value !== undefined && !(value instanceof Secret) ? new Secret(value) : value;
}

/** The keys of the object schema at a path; empty where it takes any. */
function keysAt(schema: z.ZodType, path: PropertyPath): readonly string[] {
  const inner = [...layers(schema)].at(-1) as z.ZodType;
  const def = defOf(inner);
  const [segment, ...rest] = path;
  if (def.type === "union") {
    const all = (def.options ?? []).flatMap((option) => keysAt(option, path));
    return [...new Set(all)];
  }
  if (segment === undefined) return Object.keys(def.shape ?? {});
  const next = def.shape?.[String(segment)] ?? def.element ?? def.valueType;
  return next ? keysAt(next, rest) : [];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return article(issue.expected);
    case "invalid_value":
      return issue.values.length === 1
        ? JSON.stringify(issue.values[0])
        : `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_big":
      return `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unit(issue.origin)}`;
    case "too_small":
      return issue.minimum === 1 && issue.origin !== "number"
        ? `not empty`
        : `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unit(issue.origin)}`;
    case "invalid_format":
      // zod's own words, of a schema that has none: one that came as JSON Schema, for instance.
      if (!issue.message.startsWith("Invalid ")) return issue.message;
      return issue.format === "regex"
        ? `text that matches ${issue.pattern}`
        : `text in the format ${issue.format}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_key":
      return issue.issues.map(expectation).join(" and ");
    case "invalid_union": {
      const options = (issue as { options?: readonly unknown[] }).options;
      if (options) return `one of ${options.map((value) => JSON.stringify(value)).join(", ")}`;
      return [...new Set(issue.errors.flatMap((branch) => branch.map(expectation)))].join(" or ");
    }
    default:
      return issue.message;
  }
}
const unit = (origin: string): string =>
  origin === "string" ? " characters" : origin === "array" ? " items" : "";
const article = (type: string): string =>
  type === "record" || type === "object"
    ? "an object"
    : type === "int"
      ? "a whole number"
      : `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;

/** A value in a few words, for messages. Secrets are named, not shown. */
export function describe(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (some(value, (v) => v instanceof Secret))
    return value instanceof Secret ? "a secret" : "a value with secrets";
  if (isArray(value)) return `a list of ${value.length}`;
  if (isSpecial(value)) return `an ${value.constructor.name.toLowerCase()}`;
  if (isMap(value)) return "an object";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
}

/** Strings of stack configuration as the values that the schema wants: JSON text for everything but strings. */
export function fromConfiguration(schema: z.ZodObject, given: PropertyMap): PropertyMap {
  const read = (key: string, value: Value): Value => {
    if (value instanceof Secret) {
      const inner = read(key, value.value);
      return inner === value.value ? value : new Secret(inner);
    }
    const property = schema.shape[key] as z.ZodType | undefined;
    if (typeof value !== "string" || property === undefined || property.safeParse(value).success)
      return value;
    try {
      return JSON.parse(value) as Value;
    } catch {
      return value; // Not JSON: the check says what it should have been.
    }
  };
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, read(key, value)]));
}
