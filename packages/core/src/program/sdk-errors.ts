/**
 * Errors that the SDK tells in words alone, as failures with what was expected, found and near. Source of the words: pulumi/pulumi `sdk/nodejs/config.ts` and
 * `stackReference.ts`.
 */
import type { Failure } from "../model/failure.js";
import type { SourcePosition } from "../model/resource.js";
import { closest, didYouMean } from "../state/closest.js";

/** What the run knows that the program's error does not say. */
export interface Known {
  readonly project: string;
  /** By full key. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  /** Names of what another stack gives out, by the reference that the program wrote; undefined for one that was not read. */
  readonly outputsOf: (reference: string) => readonly string[] | undefined;
}

interface Where {
  readonly source?: SourcePosition;
}

/** Undefined for an error in other words. */
export function sdkFailure(message: string, where: Where, known: Known): Failure | undefined {
  const inside = /^error serializing property "([^"]*)": (?:Error: )?(.*)$/s.exec(message);
  const text = inside?.[2] ?? message;
  const failure =
    wrongValue(text, where, known) ??
    missingOutput(text, where, known) ??
    notSendable(text, where, inside?.[1]);
  return failure === undefined || inside === null ? failure : { path: inside[1] as string, ...failure };
}

/** A required configuration value that is not set. */
export function missingConfig(key: string, secret: boolean, where: Where, known: Known): Failure {
  return {
    reason: "config-missing",
    message: `The program requires the configuration value ${key}, which is not set.`,
    path: key,
    ...where,
    next: [
      ...nearKeys(key, known).map((name) => `Did you mean ${name}, which is set?`),
      `orch config set ${shortKey(key, known)} <value>${secret ? " --secret" : ""}`,
    ],
  };
}

/** Keys that are set: of the same namespace with a name that is near, of others with the same or a near one, of a near namespace. */
function nearKeys(key: string, { project, config }: Known): string[] {
  const [space = "", name = ""] = parts(key);
  const keys = Object.keys(config);
  const own = closest(
    name,
    keys.filter((each) => parts(each)[0] === space).map((each) => parts(each)[1] as string),
  ).map((near) => `${space}:${near}`);
  const elsewhere = keys.filter(
    (each) => parts(each)[0] !== space && closest(name, [parts(each)[1] as string]).length > 0,
  );
  // The name as it stands in another namespace is nearer than one that is only like it.
  const same = elsewhere.filter((each) => parts(each)[1] === name);
  return [...new Set([...own, ...same, ...elsewhere, ...closest(key, keys)])]
    .slice(0, 2)
    .map((each) => shortKey(each, { project }));
}

const parts = (key: string): [space: string, name: string] => {
  const colon = key.indexOf(":");
  return [key.slice(0, colon), key.slice(colon + 1)];
};

/** As people write it: the project's own keys by their name alone. */
const shortKey = (key: string, { project }: Pick<Known, "project">): string =>
  key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key;

function wrongValue(message: string, where: Where, known: Known): Failure | undefined {
  const match =
    /^Configuration '([^']+)' value '(.*)' (is not a valid|is not a legal enum value|is outside of|does not match)\b(.*)$/s.exec(
      message,
    );
  if (match === null) return undefined;
  const [, key = "", value = "", how = "", rest = ""] = match;
  const secret = known.secretKeys.includes(key);
  const legal = how.endsWith("enum value") ? legalValues(rest) : undefined;
  const expected =
    legal !== undefined
      ? `one of ${legal.join(", ")}`
      : how === "is not a valid"
        ? `a ${rest.trim()}`
        : `a value that ${`${how}${rest}`.replace("is outside of", "is in").replace("does not match", "matches")}`;
  return {
    reason: "config-invalid",
    message: `The configuration value ${key} is not what the program can use.`,
    path: key,
    expected,
    found: secret ? "a secret" : JSON.stringify(value),
    ...where,
    next: [
      ...(legal === undefined || secret ? [] : didYouMean(value, legal)),
      `orch config set ${shortKey(key, known)} <value>${secret ? " --secret" : ""}`,
    ],
  };
}

/** Inputs are sent as JSON has them. */
function notSendable(message: string, where: Where, path: string | undefined): Failure | undefined {
  const circle = path !== undefined && message.includes("Maximum call stack size exceeded");
  if (!circle && !/^Unexpected struct type\b/.test(message)) return undefined;
  return {
    reason: "invalid-property",
    message: circle
      ? `${path} holds itself, directly or through what is in it, or is nested too deep to be sent.`
      : `${path ?? "An input of a resource"} is of a kind that can't be sent.`,
    ...where,
    expected:
      "text, numbers, booleans, lists and plain objects of them, assets, archives, resources, and outputs of all these",
    found: circle ? "an object that holds itself" : "a bigint, or another value that JSON does not have",
    next: [
      circle
        ? "Name the properties that are meant, in place of the whole object."
        : "Turn it into a text or a number first: String(value), Number(value).",
    ],
  };
}

function legalValues(text: string): readonly string[] | undefined {
  const list = /\((\[.*\])\)$/s.exec(text)?.[1];
  if (list === undefined) return undefined;
  try {
    return (JSON.parse(list) as unknown[]).map(String);
  } catch {
    return undefined; // Another SDK's words.
  }
}

function missingOutput(message: string, where: Where, { project, outputsOf }: Known): Failure | undefined {
  const match = /^Required output '(.*)' does not exist on stack '(.*)'\.$/s.exec(message);
  if (match === null) return undefined;
  const [, name = "", reference = ""] = match;
  const outputs = outputsOf(reference);
  const [stack = "", other = project] = reference.split("/").reverse();
  const there = other === project || other === "organization" ? "" : ` in the project ${other}`;
  return {
    reason: "config-missing",
    message: `The stack ${reference} gives out no ${name}, which the program requires.`,
    ...where,
    ...(outputs === undefined
      ? {}
      : {
          expected:
            outputs.length === 0 ? "an output: it has none" : `one of its outputs: ${outputs.join(", ")}`,
        }),
    found: name,
    next: [
      ...didYouMean(name, outputs ?? []),
      `See what it gives out with \`orch stack output --stack ${stack}\`${there}; what it does not yet, it does after its next \`orch apply\`.`,
    ],
  };
}
