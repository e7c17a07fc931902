/** The published schemas let later members pass; here what they do not name is an error. */
import { readFileSync } from "node:fs";

interface Schema {
  readonly properties?: object;
  readonly additionalProperties?: unknown;
  readonly [key: string]: unknown;
}

export const readSchema = (name: string): Schema =>
  JSON.parse(readFileSync(new URL(`../docs/schemas/${name}`, import.meta.url), "utf8")) as Schema;

export function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict);
  if (typeof node !== "object" || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => [
    key,
    key === "properties" || key === "$defs"
      ? Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, strict(inner)]))
      : strict(value),
  ]);
  const { properties, additionalProperties, type } = node as Schema;
  if (type === "object" && properties !== undefined && additionalProperties === undefined)
    entries.push(["additionalProperties", false]);
  return Object.fromEntries(entries);
}
