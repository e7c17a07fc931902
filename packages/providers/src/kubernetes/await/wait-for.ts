/**
 * The annotation `pulumi.com/waitFor`: what the program says readiness is. `condition=TYPE[=STATUS]`, `jsonpath={.path}[=VALUE]`, or a JSON list of these, all of which must
 * hold. Source: `kubectl wait --for`, and `metadata/overrides.go` in pulumi/pulumi-kubernetes.
 */
import { fail } from "@orch/core/model/failure";
import { condition, type Json, type KubernetesObject, numberAt, textAt } from "../object.js";
import type { Readiness } from "./readiness.js";

export type Rule = (object: KubernetesObject) => Readiness;

const path = 'metadata.annotations["pulumi.com/waitFor"]';
const expected = "condition=TYPE[=STATUS], jsonpath={.path}[=VALUE], or a JSON list of these";

/** @throws `invalid-property` */
export function waitForRule(text: string): Rule {
  const rules = expressions(text).map(ruleOf);
  return (object) => {
    for (const rule of rules) {
      const answer = rule(object);
      if (answer.state !== "ready") return answer;
    }
    return { state: "ready" };
  };
}

function expressions(text: string): readonly string[] {
  if (!text.trim().startsWith("[")) return [text.trim()];
  try {
    const list = JSON.parse(text) as unknown;
    if (Array.isArray(list) && list.length > 0 && list.every((item) => typeof item === "string")) return list;
  } catch {
    // Refused below.
  }
  return refuse(text);
}

const refuse = (found: string): never =>
  fail({ reason: "invalid-property", message: `${path} can't be read.`, path, expected, found });

function ruleOf(expression: string): Rule {
  if (expression.startsWith("jsonpath=")) return byPath(expression);
  if (expression.startsWith("condition=")) {
    const [type = "", status = "True"] = expression.slice("condition=".length).split("=");
    if (type === "") return refuse(expression);
    return (object) => {
      const now = condition(object, type);
      return textAt(now, "status")?.toLowerCase() === status.toLowerCase()
        ? { state: "ready" }
        : { state: "waiting", what: `${expression} (now ${textAt(now, "status") ?? "not there"})` };
    };
  }
  return refuse(expression);
}

function byPath(expression: string): Rule {
  const [, query = "", , value] =
    /^jsonpath=(?:'?\{(.+?)\}'?|([^{=]+))(?:=(.*))?$/.exec(expression) ?? refuse(expression);
  const steps = stepsOf(query || (/^jsonpath=([^{=]+)/.exec(expression)?.[1] ?? ""));
  if (steps === undefined) return refuse(expression);
  const wanted = value?.replace(/^(['"])(.*)\1$/, "$2");
  return (object) => {
    const generation = numberAt(object, "metadata", "generation");
    const seen = numberAt(object, "status", "observedGeneration");
    if (seen > 0 && seen < generation) return { state: "waiting", what: `${expression} of this generation` };
    const found = select([object as Json], steps);
    const text = (one: Json): string => (typeof one === "string" ? one : JSON.stringify(one));
    const holds = wanted === undefined ? found.length > 0 : found.some((one) => text(one) === wanted);
    return holds
      ? { state: "ready" }
      : {
          state: "waiting",
          what: `${expression} (now ${found.length > 0 ? found.map(text).join(", ") : "not there"})`,
        };
  };
}

type Step =
  | { readonly key: string | number }
  | { readonly all: true }
  | { readonly where: readonly string[]; readonly is: string };

/** `.status.conditions[?(@.type=="Ready")].status`, `.spec.ports[0]`, `.items[*]`, `.metadata.annotations.a\.b`. Undefined: not understood. */
function stepsOf(text: string): readonly Step[] | undefined {
  const steps: Step[] = [];
  let rest = text.trim().replace(/^\$/, "");
  while (rest !== "") {
    const filter = /^\[\?\(@((?:\.[\w-]+)+)\s*==\s*(['"])(.*?)\2\)\]/.exec(rest);
    const index = /^\[(\d+)\]/.exec(rest);
    const all = /^(\[\*\]|\.\*)/.exec(rest);
    const quoted = /^\[(['"])(.*?)\1\]/.exec(rest);
    const key = /^\.?((?:[^.[\]\\]|\\.)+)/.exec(rest);
    const found = filter ?? index ?? all ?? quoted ?? key;
    if (found === null) return undefined;
    if (found === filter)
      steps.push({ where: (filter[1] as string).slice(1).split("."), is: filter[3] as string });
    else if (found === index) steps.push({ key: Number(index[1]) });
    else if (found === all) steps.push({ all: true });
    else if (found === quoted) steps.push({ key: quoted[2] as string });
    else steps.push({ key: (found[1] as string).replaceAll(/\\(.)/g, "$1") });
    rest = rest.slice(found[0].length);
  }
  return steps.length > 0 ? steps : undefined;
}

function select(from: readonly Json[], steps: readonly Step[]): readonly Json[] {
  return steps.reduce<readonly Json[]>(
    (values, step) =>
      values.flatMap((value): readonly Json[] => {
        if (typeof value !== "object" || value === null) return [];
        if ("key" in step) {
          const next = Object.hasOwn(value, step.key)
            ? (value as Record<string | number, Json>)[step.key]
            : undefined;
          return next === undefined ? [] : [next];
        }
        const items = Object.values(value) as readonly Json[];
        if ("all" in step) return items;
        return items.filter((item) => textAt(item, ...step.where) === step.is);
      }),
    from,
  );
}
