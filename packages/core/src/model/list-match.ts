/** Which item of a list is which after a change: by what names it, not by where it stands. */
import { equal, isMap, type PropertyMap, type Value } from "./value.js";

export interface ItemPair {
  /** Index in the old list; absent for a new item. */
  readonly before?: number;
  /** Index in the new list; absent for an item that goes. */
  readonly after?: number;
}

export interface ListMatch {
  /** The property that names an item, where there is one. */
  readonly key?: string;
  /** In the order of the new list; what goes stands behind the item that it stood behind. */
  readonly pairs: readonly ItemPair[];
  /** Items that stay change their order among each other. */
  readonly reordered: boolean;
}

/** Properties that name things, surest first. */
const namingKeys = ["name", "id", "key", "uid", "sid", "Sid", "Name", "Id", "Key", "urn", "arn"];
/** Properties that only tell things apart: a change of one is as likely as another thing. */
const tellingKeys = [
  "path",
  "mountPath",
  "host",
  "hostname",
  "user",
  "email",
  "address",
  "cidr",
  "cidrBlock",
  "containerPort",
  "port",
  "type",
];

/**
 * Pairs the items of two lists. Maps that all have a naming property with different values pair by it; equal items pair with each
 * other, wherever they stand; what is left pairs in order. Secrets name nothing.
 */
export function matchItems(before: readonly Value[], after: readonly Value[]): ListMatch {
  const key = keyOf(before, after);
  const partner = key === undefined ? byContent(before, after) : byKey(before, after, key);
  const taken = new Set(partner.filter((index) => index !== undefined));
  const leaving = before.map((_, index) => index).filter((index) => !taken.has(index));
  const pairs: ItemPair[] = [];
  const leave = (upTo: number): void => {
    while (leaving.length > 0 && (leaving[0] as number) < upTo)
      pairs.push({ before: leaving.shift() as number });
  };
  let last = -1;
  let reordered = false;
  for (const [index, from] of partner.entries()) {
    if (from === undefined) {
      pairs.push({ after: index });
      continue;
    }
    leave(from);
    pairs.push({ before: from, after: index });
    if (from < last) reordered = true;
    last = Math.max(last, from);
  }
  leave(Number.POSITIVE_INFINITY);
  return { ...(key === undefined ? {} : { key }), pairs, reordered };
}

/** For each item of the new list the index of the old one that it was. */
type Partners = (number | undefined)[];

function byKey(before: readonly Value[], after: readonly Value[], key: string): Partners {
  const at = new Map(before.map((item, index) => [(item as PropertyMap)[key], index]));
  return after.map((item) => at.get((item as PropertyMap)[key]));
}

function byContent(before: readonly Value[], after: readonly Value[]): Partners {
  const free = new Set(before.keys());
  const partner: Partners = after.map((item, index) => {
    // The same place first: of several equal ones, that one stayed.
    const found =
      free.has(index) && equal(before[index], item)
        ? index
        : [...free].find((candidate) => equal(before[candidate], item));
    if (found !== undefined) free.delete(found);
    return found;
  });
  const rest = [...free];
  return partner.map((index) => index ?? rest.shift());
}

function keyOf(before: readonly Value[], after: readonly Value[]): string | undefined {
  const items = [...before, ...after];
  if (before.length === 0 || after.length === 0 || !items.every(isMap)) return undefined;
  const [was, is] = [before as PropertyMap[], after as PropertyMap[]];
  return (
    namingKeys.find((key) => names(was, key) && names(is, key)) ??
    tellingKeys.find((key) => names(was, key) && names(is, key) && mostStay(was, is, key))
  );
}

function mostStay(before: readonly PropertyMap[], after: readonly PropertyMap[], key: string): boolean {
  const values = new Set(before.map((item) => item[key]));
  const stay = after.filter((item) => values.has(item[key])).length;
  return 2 * stay >= Math.min(before.length, after.length);
}

function names(items: readonly PropertyMap[], key: string): boolean {
  const seen = new Set<Value>();
  for (const item of items) {
    const value = Object.hasOwn(item, key) ? item[key] : undefined;
    if ((typeof value !== "string" && typeof value !== "number") || seen.has(value)) return false;
    seen.add(value);
  }
  return true;
}
