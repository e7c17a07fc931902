/** A stack's configuration: read, and changed by `orch config`. Plaintext of secrets never reaches a file. */
import { isCollection, isMap, isScalar, isSeq, type Node, YAMLMap, YAMLSeq } from "yaml";
import { type Failure, fail } from "../model/failure.js";
import { formatPath, type PathSegment, parsePath } from "../model/path.js";
import { didYouMean } from "../state/closest.js";
import { badKey, configText, fullKey, readNode } from "./config-values.js";
import type { ConfigValue } from "./contract.js";
import type { ConfigCipher } from "./keyring.js";
import type { StackFile } from "./stack-file.js";
import { failAt } from "./yaml-file.js";

/** All values of the file, decrypted, by full key. Fails with `config-invalid` or `secret-unreadable`. */
export function readConfig(file: StackFile, cipher: ConfigCipher): Record<string, ConfigValue> {
  const values: Record<string, ConfigValue> = {};
  const config = file.yaml.document.get("config", true);
  if (!isMap(config)) return values;
  for (const pair of config.items) {
    const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
    const full = fullKey(file.project, key) ?? failAt(file.yaml, ["config", key], badKey(key));
    if (Object.hasOwn(values, full)) {
      failAt(file.yaml, ["config", key], {
        message: `${full} is given twice: with and without its namespace`,
        next: ["Remove one of them."],
      });
    }
    const { value, secret } = readNode(pair.value, (ciphertext) => cipher.decrypt(ciphertext, full));
    values[full] = { value: configText(value), secret };
  }
  return values;
}

export interface SetOptions {
  /** Encrypt it. Absent: as the value is that it replaces. */
  readonly secret?: boolean;
  /** The key goes into an object or a list: `servers[0].name`. `true`, `false` and integers then become booleans and numbers. */
  readonly path?: boolean;
}

/** Sets a value in the file's document; `saveStackFile` then writes it. Fails with `config-invalid`. */
export function setConfig(
  file: StackFile,
  cipher: ConfigCipher,
  key: string,
  value: string,
  options: SetOptions = {},
): void {
  const place = placeOf(file, key, options.path ?? false);
  const { document } = file.yaml;
  if (!isMap(document.contents)) document.contents = new YAMLMap() as never;
  if (!isMap(document.get("config", true))) document.set("config", new YAMLMap());
  const before = document.getIn(place.path, true);
  const secret = options.secret ?? (before !== undefined && readNode(before, () => "").secret);
  const node = document.createNode(
    secret ? { secure: cipher.encrypt(value) } : options.path ? scalarOf(value) : value,
  );
  if (isScalar(before) && isScalar(node)) {
    if (before.comment) node.comment = before.comment;
    if (before.commentBefore) node.commentBefore = before.commentBefore;
  }
  setNode(file, place, node);
}

/** Removes a value. Fails with `config-missing` when there is none. */
export function removeConfig(file: StackFile, key: string, options: { readonly path?: boolean } = {}): void {
  const { path } = placeOf(file, key, options.path ?? false);
  if (!file.yaml.document.hasIn(path)) failNoValue(file, key);
  file.yaml.document.deleteIn(path);
}

/** One value, or with `path` what an object or list holds. Fails with `config-missing`, naming similar keys and how to set it. */
export function getConfig(
  values: Readonly<Record<string, ConfigValue>>,
  project: string,
  key: string,
  options: { readonly path?: boolean } = {},
): ConfigValue {
  const { full, rest } = splitKey(project, key, options.path ?? false);
  const found = values[full];
  if (found !== undefined && rest.length === 0) return found;
  let inner: unknown = found === undefined ? undefined : parseJson(found.value);
  for (const segment of rest) {
    const fits = Array.isArray(inner)
      ? typeof segment === "number"
      : typeof inner === "object" && inner !== null;
    inner =
      fits && Object.hasOwn(inner as object, segment)
        ? (inner as Record<PathSegment, unknown>)[segment]
        : undefined;
  }
  if (found === undefined || inner === undefined) return failMissing(project, key, Object.keys(values));
  return { value: configText(inner as never), secret: found.secret };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Plain text has nothing inside.
    return undefined;
  }
}

interface Place {
  readonly full: string;
  /** In the document, with the key as the file spells it. */
  readonly path: readonly PathSegment[];
}

function splitKey(
  project: string,
  key: string,
  nested: boolean,
): { full: string; rest: readonly PathSegment[] } {
  const colon = nested ? key.indexOf(":") : -1;
  let segments: readonly PathSegment[] = [key];
  if (nested) {
    try {
      segments = parsePath(key.slice(colon + 1));
    } catch (error) {
      return fail({ ...invalid((error as Error).message), next: ["Write it as in servers[0].name."] }, error);
    }
  }
  const [name, ...rest] = segments;
  const full =
    typeof name === "string" ? fullKey(project, nested ? key.slice(0, colon + 1) + name : name) : undefined;
  if (full === undefined)
    return fail({
      ...invalid(badKey(key).message),
      ...badKey(key),
      next: ["Write it as in aws:region, or name alone for the project's own."],
    });
  return { full, rest };
}

function placeOf(file: StackFile, key: string, nested: boolean): Place {
  const { full, rest } = splitKey(file.project, key, nested);
  const config = file.yaml.document.get("config", true);
  const spelled = isMap(config)
    ? config.items
        .map((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key))
        .find((candidate) => fullKey(file.project, candidate) === full)
    : undefined;
  return { full, path: ["config", spelled ?? full, ...rest] };
}

/** Like Document.setIn, but makes lists where an index stands, and refuses to go through a value that holds nothing. */
function setNode(file: StackFile, { path }: Place, node: Node): void {
  const { document } = file.yaml;
  for (let depth = 2; depth < path.length; depth++) {
    const outer = path.slice(0, depth);
    const segment = path[depth] as PathSegment;
    const here = document.getIn(outer, true);
    const shown = formatPath(outer.slice(1));
    if (here === undefined || (isScalar(here) && here.value === null)) {
      document.setIn(outer, typeof segment === "number" ? new YAMLSeq() : new YAMLMap());
    } else if (isMap(here) && here.items.length === 1 && here.has("secure")) {
      fail({
        ...invalid(`${shown} is encrypted as a whole, so nothing can be set inside it.`),
        next: [`Remove it first, with \`orch config rm\`, and set its parts with \`--path --secret\`.`],
      });
    } else if (!isCollection(here) || isSeq(here) !== (typeof segment === "number")) {
      fail({
        ...invalid(
          `${shown} is ${isSeq(here) ? "a list" : isMap(here) ? "an object" : "a single value"}, so ${JSON.stringify(segment)} can't be set inside it.`,
        ),
        next: ["Remove it first with `orch config rm`, or correct the path."],
      });
    }
    const list = document.getIn(outer, true);
    if (isSeq(list) && typeof segment === "number" && segment > list.items.length) {
      fail({
        ...invalid(`${shown} has ${list.items.length} items; item ${segment} would leave a gap.`),
        expected: `an index from 0 to ${list.items.length}`,
        found: String(segment),
        next: [`Use ${formatPath([...outer.slice(1), list.items.length])} to add an item.`],
      });
    }
  }
  document.setIn(path, node);
}

const invalid = (message: string): Failure => ({ reason: "config-invalid", message });

/** As Pulumi does with `--path`. */
function scalarOf(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

function failNoValue(file: StackFile, key: string): never {
  const config = file.yaml.document.get("config", true);
  const keys = isMap(config)
    ? config.items.map((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key))
    : [];
  return failMissing(file.project, key, keys);
}

function failMissing(project: string, key: string, known: readonly string[]): never {
  const own = known.map((name) => (name.startsWith(`${project}:`) ? name.slice(project.length + 1) : name));
  return fail({
    reason: "config-missing",
    message: `The stack has no configuration value ${key}.`,
    path: key,
    next: [
      ...didYouMean(key, [...own, ...known]),
      `Set it with \`orch config set ${key} VALUE\` (\`--secret\` if nobody may see it).`,
    ],
  });
}
