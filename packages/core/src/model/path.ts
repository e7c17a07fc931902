/**
 * CONTRACT. Property paths, in Pulumi's syntax: `spec.ports[0].name`, `tags["a.b"]`, and `*` for every key or index.
 * Source: pulumi/pulumi `sdk/go/common/resource/property_path.go`.
 */
import { isArray, isMap, type PropertyMap, Secret, type Value } from "./value.js";

export type PathSegment = string | number;
export type PropertyPath = readonly PathSegment[];

/** Reads `a.b[0]["c.d"].*`. Throws a SyntaxError that says where it stopped. */
export function parsePath(text: string): PropertyPath {
  const path: PathSegment[] = [];
  let i = 0;
  while (i < text.length) {
    if (text[i] === ".") {
      i++;
      continue;
    }
    if (text[i] === "[") {
      if (text[i + 1] === '"') {
        let key = "";
        i += 2;
        for (;;) {
          if (i >= text.length)
            throw new SyntaxError(`property path ${JSON.stringify(text)}: missing closing quote`);
          if (text[i] === "\\" && (text[i + 1] === '"' || text[i + 1] === "\\")) {
            key += text[i + 1];
            i += 2;
          } else if (text[i] === '"') break;
          else key += text[i++];
        }
        if (text[i + 1] !== "]")
          throw new SyntaxError(`property path ${JSON.stringify(text)}: missing "]" at ${i + 1}`);
        path.push(key);
        i += 2;
        continue;
      }
      const end = text.indexOf("]", i);
      if (end < 0) throw new SyntaxError(`property path ${JSON.stringify(text)}: missing "]" after ${i}`);
      const index = text.slice(i + 1, end);
      if (index === "*") path.push("*");
      else if (/^\d+$/.test(index)) path.push(Number(index));
      else throw new SyntaxError(`property path ${JSON.stringify(text)}: "${index}" is not an index`);
      i = end + 1;
      continue;
    }
    let end = i;
    while (end < text.length && text[end] !== "." && text[end] !== "[") end++;
    path.push(text.slice(i, end));
    i = end;
  }
  return path;
}

/** The text form of a path; the inverse of {@link parsePath}. */
export function formatPath(path: PropertyPath): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (segment === "*") text += text === "" ? "*" : ".*";
    else if (/^[^.[\]"\s]+$/.test(segment)) text += text === "" ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}

/** The value at a path without wildcards, looking through secrets. Undefined when any part of the way is missing. */
export function getPath(root: Value | undefined, path: PropertyPath): Value | undefined {
  let value = root;
  for (const segment of path) {
    while (value instanceof Secret) value = value.value;
    if (typeof segment === "number") {
      if (!isArray(value)) return undefined;
      value = value[segment];
    } else {
      if (!isMap(value) || !Object.hasOwn(value, segment)) return undefined;
      value = value[segment];
    }
  }
  return value;
}

/** Does `pattern`, which may hold `*`, match `path` or a prefix of it? */
export function covers(pattern: PropertyPath, path: PropertyPath): boolean {
  return (
    pattern.length <= path.length &&
    pattern.every((segment, i) => segment === "*" || String(segment) === String(path[i]))
  );
}

/** A copy of `root` with the value at `path` replaced, or removed when `value` is undefined. Missing parents are made. */
export function setPath(root: PropertyMap, path: PropertyPath, value: Value | undefined): PropertyMap {
  return set(root, path, 0, value) as PropertyMap;
}

function set(
  node: Value | undefined,
  path: PropertyPath,
  depth: number,
  value: Value | undefined,
): Value | undefined {
  if (depth === path.length) return value;
  if (node instanceof Secret) {
    const inner = set(node.value, path, depth, value);
    return inner === undefined ? undefined : new Secret(inner);
  }
  const segment = path[depth] as PathSegment;
  if (typeof segment === "number") {
    const copy = isArray(node) ? [...node] : [];
    const next = set(copy[segment], path, depth + 1, value);
    if (next === undefined) {
      if (segment < copy.length) copy.splice(segment, 1);
    } else copy[segment] = next;
    return copy;
  }
  const copy: Record<string, Value> = isMap(node) ? { ...node } : {};
  if (value === undefined && !Object.hasOwn(copy, segment)) return copy;
  const next = set(copy[segment], path, depth + 1, value);
  if (next === undefined) delete copy[segment];
  else copy[segment] = next;
  return copy;
}
