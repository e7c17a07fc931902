/** Attribute values: bytes in the directory, text or base64 in programs. */
import { isDn, sameDn } from "./dn.js";

export interface Base64 {
  readonly base64: string;
}
export type AttributeValue = string | Base64;
export type AttributeValues = AttributeValue | readonly AttributeValue[];

const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString("utf8")).equals(bytes);
const list = (values: AttributeValues | undefined): readonly AttributeValue[] =>
  values === undefined ? [] : Array.isArray(values) ? values : [values as AttributeValue];

export const toBytes = (values: AttributeValues | undefined): Buffer[] =>
  list(values).map((value) =>
    typeof value === "string" ? Buffer.from(value) : Buffer.from(value.base64, "base64"),
  );

const isSame = (a: Buffer, b: Buffer): boolean => {
  if (a.equals(b)) return true;
  if (!isText(a) || !isText(b)) return false;
  const [one, other] = [a.toString(), b.toString()];
  return isDn(one) && isDn(other) && sameDn(one, other);
};

/** Do they hold the same values, in whatever order? Names of entries are the same however they are spelt. */
export const sameValues = (a: readonly Buffer[], b: readonly Buffer[]): boolean =>
  a.length === b.length && minus(a, b).length === 0 && minus(b, a).length === 0;

/** The values of `a` that are not in `b`. */
export const minus = (a: readonly Buffer[], b: readonly Buffer[]): Buffer[] =>
  a.filter((value) => !b.some((other) => isSame(value, other)));

/**
 * What was found, written as the program wrote it: its order and spelling where a value is the same, its form (one value or a list,
 * text or base64). What is new comes after, sorted. Undefined: nothing is there.
 */
export function writeLike(
  found: readonly Buffer[],
  given: AttributeValues | undefined,
): AttributeValues | undefined {
  const wanted = list(given);
  const bytes = toBytes(given);
  if (found.length === 0) return Array.isArray(given) && wanted.length === 0 ? [] : undefined;
  const binary = wanted.some((value) => typeof value !== "string") || !found.every(isText);
  const write = (value: Buffer): AttributeValue =>
    binary ? { base64: value.toString("base64") } : value.toString();
  const kept = wanted.filter((_, i) => found.some((value) => isSame(value, bytes[i] as Buffer)));
  const added = minus(found, bytes).sort(Buffer.compare).map(write);
  const all = [...kept, ...added];
  const [first] = all;
  return all.length === 1 && first !== undefined && !Array.isArray(given) ? first : all;
}
