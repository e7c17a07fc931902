/** Placeholders in paths and texts, and places in JSON. Pure functions. */
import { fail } from "@orch/core/model/failure";

export type Json = Readonly<Record<string, unknown>>;

const placeholder = /\{([A-Za-z_$][\w$.-]*)\}/g;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `fields.summary`: own keys only. Undefined where there is nothing. */
export function getAt(value: unknown, path: string): unknown {
  let at = value;
  for (const key of path.split(".")) {
    if (Array.isArray(at) && /^\d+$/.test(key)) at = at[Number(key)];
    else if (isObject(at) && Object.hasOwn(at, key)) at = at[key];
    else return undefined;
  }
  return at;
}

/** A copy with the value there; objects on the way are made. */
export function setAt(value: Json, path: string, to: unknown): Json {
  const [key = "", ...rest] = path.split(".");
  const inner =
    rest.length === 0 ? to : setAt(isObject(value[key]) ? (value[key] as Json) : {}, rest.join("."), to);
  return { ...value, [key]: inner };
}

/** The names of the placeholders, in their order. */
export const namesIn = (template: string): readonly string[] => [
  ...new Set([...template.matchAll(placeholder)].map(([, name]) => name as string)),
];

/**
 * `/projects/{project}/tickets`, filled in. In a path each value is encoded and can't lead elsewhere. Rejects (throws `invalid-property`) what has no value or is
 * no text.
 */
export function fill(template: string, values: Json, inPath: boolean): string {
  return template.replaceAll(placeholder, (_, name: string) => {
    const value = getAt(values, name);
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      return fail({
        reason: "invalid-property",
        message: `${template} needs ${name}.`,
        path: name === "id" ? "" : `properties.${name}`,
        expected: "a text or a number",
        found:
          value === undefined || value === null ? "nothing" : Array.isArray(value) ? "a list" : "an object",
      });
    const text = String(value);
    if (!inPath) return text;
    if (text === "" || text === "." || text === "..")
      return fail({
        reason: "invalid-property",
        message: `${JSON.stringify(text)} can't be part of ${template}.`,
        path: `properties.${name}`,
        expected: "a name",
        found: JSON.stringify(text),
      });
    return encodeURIComponent(text);
  });
}
