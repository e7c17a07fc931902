/** Configuration values as YAML holds them, and as programs get them: text, with objects and lists as JSON. */
import { isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from "yaml";
import { failAt, type YamlFile, type YamlPath } from "./yaml-file.js";

export type ConfigJson = null | boolean | number | string | ConfigJson[] | { [key: string]: ConfigJson };

/** `name` → `project:name`; the old form `ns:config:name` → `ns:name`. Undefined when it is no key at all. */
export function fullKey(project: string, key: string): string | undefined {
  const parts = key.split(":");
  if (parts.length === 3 && parts[1] === "config") parts.splice(1, 1);
  if (parts.length === 1) parts.unshift(project);
  return parts.length === 2 && parts.every((part) => part !== "") ? parts.join(":") : undefined;
}

/**
 * A YAML value as data. Secrets (`secure: <ciphertext>`) are given to `open`, which gives back their plaintext. Numbers that would lose
 * digits (`012`, 20 digits) stay the text that the person wrote.
 */
export function readNode(
  node: unknown,
  open: (ciphertext: string, secure: Node) => string,
): { value: ConfigJson; secret: boolean } {
  if (isMap(node)) {
    const secure = node.items.length === 1 ? node.get("secure", true) : undefined;
    if (isScalar(secure) && typeof secure.value === "string") {
      return { value: open(secure.value, secure), secret: true };
    }
    const value: { [key: string]: ConfigJson } = {};
    let secret = false;
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      const item = readNode(pair.value, open);
      Object.defineProperty(value, key, {
        value: item.value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      secret ||= item.secret;
    }
    return { value, secret };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => readNode(item, open));
    return { value: items.map(({ value }) => value), secret: items.some(({ secret }) => secret) };
  }
  return { value: isScalar(node) ? scalarValue(node) : null, secret: false };
}

function scalarValue(scalar: Scalar): ConfigJson {
  const { value, source } = scalar;
  if (typeof value === "number") {
    const losesDigits =
      /^[-+]?0\d/.test(source ?? "") ||
      (Number.isInteger(value) && !Number.isSafeInteger(value)) ||
      !Number.isFinite(value);
    return losesDigits ? (source ?? String(value)) : value;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  return source ?? String(value);
}

/** As the SDK's `config.get` wants it. */
export const configText = (value: ConfigJson): string =>
  typeof value === "string"
    ? value
    : value === null
      ? ""
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);

/** Keys of a declaration (`{ type: string, default: x }`) as opposed to a value that happens to be an object. */
const declarationKeys = new Set(["type", "description", "default", "value", "items", "secret"]);
const isDeclaration = (node: unknown): node is YAMLMap =>
  isMap(node) && node.items.length > 0 && node.items.every(({ key }) => declarationKeys.has(String(key)));

/** The `config:` of a project file: values, or declarations with `value` or `default`. */
export function defaultsOf(yaml: YamlFile, project: string): Record<string, string> {
  const config = yaml.document.get("config", true);
  if (!isMap(config)) return {};
  const defaults: Record<string, string> = {};
  for (const pair of config.items) {
    const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
    const path: YamlPath = ["config", key];
    const full = fullKey(project, key) ?? failAt(yaml, path, badKey(key));
    if (Object.hasOwn(defaults, full)) failAt(yaml, path, { message: `${full} is given twice` });
    const node = isDeclaration(pair.value)
      ? (pair.value.get("value", true) ?? pair.value.get("default", true))
      : pair.value;
    if (node === undefined) continue;
    const { value } = readNode(node, () =>
      failAt(yaml, path, {
        message: "a secret can't be encrypted in the project file: it belongs to a stack",
        next: [`Set it on the stack: \`orch config set --secret ${key}\`.`],
      }),
    );
    if (value !== null) defaults[full] = configText(value);
  }
  return defaults;
}

export const badKey = (key: string) => ({
  message: `${JSON.stringify(key)} is not a configuration key`,
  expected: "name, or namespace:name (aws:region)",
  found: key,
});
