/** A value in one line, for messages: secrets masked, unknowns named, long things cut. Never for machines. */
import { Archive, Asset, isMap, OutputValue, ResourceRef, Secret, Unknown, type Value } from "./value.js";

export function showValue(value: Value | undefined, maxLength = 200): string {
  const text = value === undefined ? "nothing" : show(value);
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

function show(value: Value): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (value instanceof Secret) return "[secret]";
  if (value instanceof Unknown) return "(known after apply)";
  if (value instanceof ResourceRef) return value.urn;
  if (value instanceof OutputValue) return value.secret ? "[secret]" : showValue(value.value);
  if (value instanceof Asset || value instanceof Archive) {
    const { source } = value;
    const name = source.kind === "file" ? source.path : source.kind === "uri" ? source.uri : source.kind;
    return `${value instanceof Asset ? "asset" : "archive"}(${name})`;
  }
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (!isMap(value)) return String(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${key}: ${show(item)}`)
    .join(", ")}}`;
}
