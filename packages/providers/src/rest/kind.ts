/** A definition at work: paths, ids, bodies and what answers say. Pure functions. */
import { isDeepStrictEqual } from "node:util";
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import type { Definition } from "./definition.js";
import { fill, getAt, isObject, type Json, namesIn, setAt } from "./template.js";

export interface Kind {
  readonly name: string;
  readonly definition: Definition;
  readonly schema: z.ZodType;
  readonly itemPath: string;
  /** Properties that stand in paths only: they say where the object is. */
  readonly places: readonly string[];
  /** All properties that the schema names. */
  readonly known: readonly string[];
}

/** Rejects (throws `provider-config`) a schema that is no JSON Schema. */
export function kindOf(name: string, definition: Definition): Kind {
  let schema: z.ZodType;
  try {
    schema = z.fromJSONSchema(definition.schema as never);
  } catch (error) {
    return fail(
      {
        reason: "provider-config",
        message: `The schema of ${name} can't be used: ${(error as Error).message}`,
        path: `resources.${name}.schema`,
        expected: "JSON Schema of an object",
      },
      error,
    );
  }
  const itemPath = definition.itemPath ?? `${definition.path.replace(/\/$/, "")}/{id}`;
  const places = [...new Set([...namesIn(definition.path), ...namesIn(itemPath)])].filter(
    (one) => one !== "id",
  );
  const known = Object.keys((definition.schema.properties ?? {}) as object);
  return { name, definition, schema, itemPath, places, known };
}

/** `Ticket/<places>/<id>`: what leads back to the object, whatever else is known. */
export function fullId(kind: Kind, properties: Json, id: string): string {
  const places = kind.places.map((place) => String(getAt(properties, place)));
  return [kind.name, ...places, id].map(encodeURIComponent).join("/");
}

export interface Place {
  readonly kind: Kind;
  readonly id: string;
  /** What paths are filled in with. */
  readonly values: Json;
}

export function placeOf(kinds: ReadonlyMap<string, Kind>, full: string): Place {
  const [name = "", ...parts] = full.split("/").map(decodeURIComponent);
  const kind = kindNamed(kinds, name, full);
  const id = parts.at(-1);
  if (id === undefined || parts.length !== kind.places.length + 1)
    return fail({
      reason: "invalid-property",
      message: `${JSON.stringify(full)} is no id of a ${name}.`,
      expected: [name, ...kind.places.map((place) => `<${place}>`), "<id>"].join("/"),
      found: full,
    });
  let values: Json = {};
  for (const [i, place] of kind.places.entries()) values = setAt(values, place, parts[i]);
  return { kind, id, values: { ...values, id } };
}

export function kindNamed(kinds: ReadonlyMap<string, Kind>, name: string, found = name): Kind {
  return (
    kinds.get(name) ??
    fail({
      reason: "provider-config",
      message: `The provider does not know the kind ${JSON.stringify(name)}.`,
      path: "kind",
      expected: `one of ${[...kinds.keys()].join(", ") || "none"}`,
      found,
      next: ["Give its definition to the provider: new rest.Provider(…, { resources: [Ticket] })."],
    })
  );
}

const pathInBody = ({ definition }: Kind, property: string): string =>
  definition.fields[property] ?? property;
const inBody = (kind: Kind, property: string): boolean => !kind.places.includes(property);

/** Properties at their places in a body. */
export function bodyOf(kind: Kind, properties: Json, start: Json = {}): Json {
  let body = start;
  for (const [property, value] of Object.entries(properties))
    if (inBody(kind, property)) body = setAt(body, pathInBody(kind, property), value);
  return body;
}
export const wrapped = ({ definition: { wrap } }: Kind, body: unknown): unknown =>
  wrap === undefined ? body : setAt({}, wrap, body);
export const unwrapped = ({ definition: { wrap } }: Kind, answer: unknown): Json => {
  const object = wrap === undefined ? answer : (getAt(answer, wrap) ?? answer);
  return isObject(object) ? object : {};
};

/** What is really there, in the form that the program gave it. `given` empty: all that the schema names. */
export function observe(kind: Kind, object: Json, given: Json | undefined, values: Json): Json {
  const seen: Record<string, unknown> = {};
  for (const property of given === undefined ? kind.known : Object.keys(given)) {
    const wanted = given?.[property];
    if (kind.definition.writeOnly.includes(property)) {
      if (wanted !== undefined) seen[property] = wanted;
    } else if (!inBody(kind, property)) {
      const place = getAt(values, property);
      if (place !== undefined) seen[property] = typeof wanted === "number" ? Number(place) : place;
    } else {
      const value = project(wanted, getAt(object, pathInBody(kind, property)));
      if (value !== undefined) seen[property] = value;
      else if (isNothing(wanted) && wanted !== undefined) seen[property] = wanted;
    }
  }
  return seen;
}

/** Of objects only what was given is looked at, also within lists: services add what they like. */
function project(wanted: unknown, there: unknown): unknown {
  if (there === null || there === undefined) return undefined;
  if (Array.isArray(there))
    return there.map((item, i) => project(Array.isArray(wanted) ? wanted[i] : undefined, item) ?? null);
  if (!isObject(there) || !isObject(wanted)) return there;
  const entries = Object.keys(wanted)
    .map((key) => [key, project(wanted[key], Object.hasOwn(there, key) ? there[key] : undefined)] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}
const isNothing = (value: unknown): boolean =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0);

/** What else programs may use of an answer. */
export const resultOf = (kind: Kind, object: Json): Json =>
  Object.fromEntries(
    kind.definition.outputs
      .map((name) => [name, getAt(object, pathInBody(kind, name))] as const)
      .filter(([, value]) => value !== undefined && value !== null),
  );

export interface UpdateBody {
  readonly body: unknown;
  readonly contentType: string;
}

/** The body of an update from `before` to `after`; `object` is what is there. */
export function updateBody(kind: Kind, before: Json, after: Json, object: Json): UpdateBody {
  const { update, writeOnly } = kind.definition;
  const format = update.format ?? (update.method === "PUT" ? "whole" : "changed");
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) =>
    inBody(kind, name),
  );
  const changed = names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  switch (format) {
    case "whole": {
      const start = update.keepOthers ? object : {};
      let body = bodyOf(kind, after, start);
      if (update.keepOthers)
        for (const name of names) if (!(name in after)) body = setAt(body, pathInBody(kind, name), undefined);
      return { body: wrapped(kind, body), contentType: "application/json" };
    }
    case "json-patch":
      return {
        body: changed.map((name) => {
          const path = `/${pathInBody(kind, name)
            .split(".")
            .map((key) => key.replaceAll("~", "~0").replaceAll("/", "~1"))
            .join("/")}`;
          const there = writeOnly.includes(name) || getAt(object, pathInBody(kind, name)) !== undefined;
          return name in after
            ? { op: there ? "replace" : "add", path, value: after[name] }
            : { op: "remove", path };
        }),
        contentType: "application/json-patch+json",
      };
    case "merge-patch":
    case "changed": {
      const merge = format === "merge-patch";
      const part = Object.fromEntries(
        changed.map((name) => [name, merge ? mergePatch(before[name], after[name]) : (after[name] ?? null)]),
      );
      return {
        body: wrapped(kind, bodyOf(kind, part)),
        contentType: merge ? "application/merge-patch+json" : "application/json",
      };
    }
  }
}

/** RFC 7396: null removes. */
function mergePatch(before: unknown, after: unknown): unknown {
  if (after === undefined) return null;
  if (!isObject(before) || !isObject(after)) return after;
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    if (!isDeepStrictEqual(before[key], after[key])) patch[key] = mergePatch(before[key], after[key]);
  return patch;
}

export const fillQuery = (query: Readonly<Record<string, string>> | undefined, values: Json) =>
  Object.fromEntries(Object.entries(query ?? {}).map(([key, value]) => [key, fill(value, values, false)]));
