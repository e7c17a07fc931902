/** Comparing two values property by property. */
import type { PropertyChange } from "./diff.js";
import type { PathSegment, PropertyPath } from "./path.js";
import { equal, isArray, isMap, type PropertyMap, Secret, type Value } from "./value.js";

export type Difference = Pick<PropertyChange, "path" | "before" | "after">;

/** The smallest differing parts, in the order of the keys of `before`, then of `after`. Empty when both are equal. */
export function compare(before: PropertyMap, after: PropertyMap): Difference[] {
  const found: Difference[] = [];
  compareMaps(before, after, [], false, found);
  return found;
}

function compareMaps(
  before: PropertyMap,
  after: PropertyMap,
  at: PropertyPath,
  secret: boolean,
  found: Difference[],
): void {
  for (const key of Object.keys(before)) {
    compareValues(
      before[key],
      Object.hasOwn(after, key) ? after[key] : undefined,
      [...at, key],
      secret,
      found,
    );
  }
  for (const key of Object.keys(after)) {
    if (!Object.hasOwn(before, key)) compareValues(undefined, after[key], [...at, key], secret, found);
  }
}

function compareValues(
  before: Value | undefined,
  after: Value | undefined,
  at: readonly PathSegment[],
  secret: boolean,
  found: Difference[],
): void {
  if (before === after) return;
  if (before instanceof Secret || after instanceof Secret) {
    const was = before instanceof Secret ? before.value : before;
    const is = after instanceof Secret ? after.value : after;
    compareValues(was, is, at, true, found);
    return;
  }
  if (isMap(before) && isMap(after)) {
    compareMaps(before, after, at, secret, found);
    return;
  }
  if (isArray(before) && isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      compareValues(before[i], after[i], [...at, i], secret, found);
    }
    return;
  }
  if (before !== undefined && after !== undefined && equal(before, after)) return;
  const wrap = (value: Value): Value => (secret ? new Secret(value) : value);
  found.push({
    path: at,
    ...(before === undefined ? {} : { before: wrap(before) }),
    ...(after === undefined ? {} : { after: wrap(after) }),
  });
}
