/**
 * Texts that nobody can have meant: what JavaScript makes of an output inside a text. Each would be sent, and be found in a file or a name much later.
 * Source of the words: pulumi/pulumi `sdk/nodejs/output.ts`.
 */
import type { LogLevel } from "./event.js";
import { type Failure, OrchError } from "./failure.js";
import { formatPath, type PropertyPath } from "./path.js";
import type { Resource, SourcePosition } from "./resource.js";
import type { Urn } from "./urn.js";
import { isArray, isMap, type PropertyMap, Secret, type Value } from "./value.js";

const mark = "Calling [to";
const outputText = /Calling \[to(String|JSON)\] on an \[Output<T>\] is not supported/;
const objectText = /\[object (Promise|Object)\]/;

/** Rejects a resource with an output inside the text of a property. */
export function refuseMistakenText({ urn, inputs, source }: Resource): void {
  const where = find(inputs, outputText, mark);
  if (where !== undefined)
    throw new OrchError({
      ...failure(where.path, where.how),
      urn,
      ...(source === undefined ? {} : { source }),
    });
}

/** Rejects a name with an output inside. */
export function refuseMistakenName(name: string, type: string, source: SourcePosition | undefined): void {
  if (!name.includes(mark) || !outputText.test(name)) return;
  throw new OrchError({
    reason: "invalid-option",
    message: `The name of a resource of the type ${type} has an output inside.`,
    ...(source === undefined ? {} : { source }),
    expected: "a text that is known when the program runs",
    found: inText,
    next: [
      "Name resources by what the program knows itself; an output is known only once its resource is made.",
    ],
  });
}

/** The same of what the stack gives out; undefined where there is none. */
export function mistakenOutput(urn: Urn, outputs: PropertyMap): Failure | undefined {
  const where = find(outputs, outputText, mark);
  return where === undefined ? undefined : { ...failure(where.path, where.how), urn };
}

/** What may be meant as it is, and mostly is not. */
export function mistakenPromise({
  urn,
  inputs,
}: Resource):
  | { readonly type: "log"; readonly level: LogLevel; readonly urn: Urn; readonly message: string }
  | undefined {
  const where = find(inputs, objectText, "[object ");
  if (where === undefined) return undefined;
  const promise = where.how.includes("Promise");
  return {
    ...{ type: "log", level: "warning", urn },
    message: promise
      ? `${where.path} holds the text [object Promise]: a promise was put into a text. Await it first, or use pulumi.interpolate.`
      : `${where.path} holds the text [object Object]: an object was put into a text. Name one of its properties, or use JSON.stringify.`,
  };
}

const inText = `a text with an output in \${…} or behind +`;
const interpolate = `Write pulumi.interpolate\`…\${x}…\` in place of \`…\${x}…\`, or x.apply((value) => \`…\${value}…\`).`;

function failure(path: string, how: string): Failure {
  const json = outputText.exec(how)?.[1] === "JSON";
  return {
    reason: "invalid-property",
    message: json
      ? `${path} has an output in what JSON.stringify made, which does not know its value yet.`
      : `${path} has an output inside a text, which JavaScript can't fill in yet.`,
    path,
    expected: "an output that is made of the other one",
    found: json ? "JSON.stringify of an output" : inText,
    next: [json ? "Use pulumi.jsonStringify(…) in place of JSON.stringify(…)." : interpolate],
  };
}

/** The first text at any depth that matches. `some`: a part of what matches, which is looked for first. */
function find(
  value: Value | undefined,
  wanted: RegExp,
  some: string,
  at: PropertyPath = [],
): { readonly path: string; readonly how: string } | undefined {
  if (typeof value === "string")
    return value.includes(some) && wanted.test(value) ? { path: formatPath(at), how: value } : undefined;
  if (value instanceof Secret) return find(value.value, wanted, some, at);
  if (isArray(value)) {
    for (const [i, item] of value.entries()) {
      const found = find(item, wanted, some, [...at, i]);
      if (found !== undefined) return found;
    }
  } else if (isMap(value)) {
    for (const key in value) {
      const found = find(value[key], wanted, some, [...at, key]);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
