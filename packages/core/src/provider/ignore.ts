/** `ignoreChanges`: the program's inputs with the named properties put back to what they were. Applied before the provider checks them. */

import { fail } from "../model/failure.js";
import {
  formatPath,
  getPath,
  type PathSegment,
  type PropertyPath,
  parsePath,
  setPath,
} from "../model/path.js";
import type { Urn } from "../model/urn.js";
import { isArray, isMap, type PropertyMap, Secret, type Value } from "../model/value.js";

export function ignoreChanges(
  urn: Urn,
  inputs: PropertyMap,
  before: PropertyMap,
  paths: readonly string[],
): PropertyMap {
  let out = inputs;
  for (const text of paths) {
    for (const path of expand(parse(urn, text), before, inputs)) {
      out = setPath(out, path, getPath(before, path));
    }
  }
  return out;
}

function parse(urn: Urn, text: string): PropertyPath {
  try {
    return parsePath(text);
  } catch (error) {
    return fail({
      reason: "invalid-option",
      message: `ignoreChanges: ${(error as Error).message}.`,
      urn,
      expected: 'a property path such as "tags.owner", "ports[0]" or "spec.*.image"',
      found: JSON.stringify(text),
    });
  }
}

/** The concrete paths that a pattern with `*` stands for in either tree. A removed list item shifts nothing: wildcards over lists go by index. */
function expand(pattern: PropertyPath, before: PropertyMap, after: PropertyMap): PropertyPath[] {
  const star = pattern.indexOf("*");
  if (star < 0) return [pattern];
  const head = pattern.slice(0, star);
  const keys = new Map<string, PathSegment>();
  for (const root of [before, after]) {
    for (const key of keysOf(head.length === 0 ? root : getPath(root, head)))
      keys.set(formatPath([key]), key);
  }
  return [...keys.values()].flatMap((key) =>
    expand([...head, key, ...pattern.slice(star + 1)], before, after),
  );
}

function keysOf(value: Value | undefined): PathSegment[] {
  const bare = value instanceof Secret ? value.value : value;
  if (isArray(bare)) return bare.map((_, i) => i);
  return isMap(bare) ? Object.keys(bare) : [];
}
