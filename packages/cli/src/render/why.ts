/** Why a step is planned, in lines: from what is seen here back to the first change. */

import type { PropertyChange } from "@orch/core/model/diff";
import { formatPath, type PropertyPath } from "@orch/core/model/path";
import type { Plan, Step } from "@orch/core/model/plan";
import type { Urn } from "@orch/core/model/urn";
import {
  type Cause,
  causeChain,
  changeSources,
  changesOf,
  outputSources,
  type StepIndex,
  type Through,
  type UnknownSource,
  unknownOrigins,
} from "@orch/core/plan/why";
import { renderChanges } from "./changes.js";
import { nameOf, shortUrn } from "./names.js";
import { count, visible } from "./text.js";
import { sign, type Theme } from "./theme.js";
import { unknownText, type ValueView } from "./value.js";

/** Sources that a value that is not known yet is named by. */
const fewSources = 2;

/** `(known after apply, from db → endpoint)`: what stands for a value of the step that is not known yet, by its place. */
export function unknownOf(step: Step, index: StepIndex, theme: Theme): (path: PropertyPath) => string {
  return (path) => fromText(unknownOrigins(step, path, index), index, theme);
}

/** The same for an output of the stack. */
export function unknownOutput(plan: Plan, index: StepIndex, theme: Theme): (path: PropertyPath) => string {
  return (path) => fromText(outputSources(plan, path, index), index, theme);
}

function fromText(sources: readonly UnknownSource[], index: StepIndex, theme: Theme): string {
  if (sources.length === 0) return unknownText;
  const more = sources.length - fewSources;
  const from = sources.slice(0, fewSources).map((source) => sourceText(source, index, theme));
  return `(known after apply, from ${from.join(" and ")}${more > 0 ? ` and ${more} more` : ""})`;
}

/** Outputs of one resource that are named. */
const fewOutputs = 3;

/** `db → endpoint`: the resource by its name alone, where no other in the plan has it, and its outputs where they are known. */
function sourceText({ step, outputs }: UnknownSource, index: StepIndex, theme: Theme): string {
  if (outputs.length === 0) return shortUrn(step.urn);
  const name = ambiguousNames(index).has(nameOf(step.urn)) ? shortUrn(step.urn) : nameOf(step.urn);
  const more = outputs.length > fewOutputs ? " and more" : "";
  const text = `${outputs.slice(0, fewOutputs).map(visible).join(", ")}${more}`;
  return theme.words ? `${text} of ${name}` : `${name} → ${text}`;
}

const ambiguous = new WeakMap<StepIndex, ReadonlySet<string>>();

/** Names that several resources of the plan have. */
function ambiguousNames(index: StepIndex): ReadonlySet<string> {
  let names = ambiguous.get(index);
  if (names === undefined) {
    const seen = new Set<string>();
    const twice = new Set<string>();
    for (const urn of index.keys()) (seen.has(nameOf(urn)) ? twice : seen).add(nameOf(urn));
    ambiguous.set(index, twice);
    names = twice;
  }
  return names;
}

/**
 * What made the step so, when it is a consequence: one line per link, each further in. Nothing where the changes of the step itself,
 * which are shown below it, are the first.
 */
export function whyLines(step: Step, index: StepIndex, view: ValueView): string[] {
  const [, second] = causeChain(step, index);
  // Steps that another one draws along: `reason` names it.
  if (second?.through !== undefined && second.through.by !== "property")
    return chainLines(second, causeChain(second.step, index), index, view);
  const bySource = new Map<Urn, { source: Step; properties: Set<string> }>();
  for (const change of changesOf(step)) {
    if (change.effect === "suppressed") continue;
    const property = String(change.path[0]);
    const [source] = changeSources(step, change, index);
    if (source === undefined) continue;
    const known = bySource.get(source.urn);
    if (known === undefined) bySource.set(source.urn, { source, properties: new Set([property]) });
    else known.properties.add(property);
  }
  return [...bySource.values()].flatMap(({ source, properties }) => {
    const chain = causeChain(source, index);
    const first = {
      step: source,
      through: { by: "property", property: [...properties].join(", ") },
    } as const;
    return chainLines(first, chain, index, view);
  });
}

/** Links of a chain that a folded one shows at its beginning. */
const fewLinks = 3;

function chainLines(
  first: Pick<Cause, "step" | "through">,
  chain: readonly Cause[],
  index: StepIndex,
  view: ValueView,
): string[] {
  const { theme } = view;
  const texts = [linkText(first.step, first.through, "")];
  for (const cause of chain.slice(1)) texts.push(linkText(cause.step, cause.through, "its "));
  const end = chain.at(-1);
  const last = end === undefined ? undefined : endText(end, index, view);
  const hidden = view.full ? 0 : texts.length - fewLinks - 1;
  if (hidden > 1)
    texts.splice(fewLinks, hidden, theme.dim(`… ${count(hidden, "more link")} (--diff shows them)`));
  if (last !== undefined) texts.push(last);
  return texts.map((text, depth) => `${"  ".repeat(depth)}${theme.dim(sign(theme, "←"))} ${text}`);
}

function linkText(step: Step, through: Through | undefined, whose: string): string {
  const it = `${shortUrn(step.urn)}, which is ${fateOf(step)}`;
  switch (through?.by) {
    case "property":
      return `${whose}${visible(through.property)} ${through.property.includes(", ") ? "come" : "comes"} from ${it}`;
    case "dependency":
      return `it is built on ${it}`;
    case "replace-with":
      return `it goes together with ${it} (replaceWith)`;
    case "provider":
      return `its provider is ${it}`;
    case undefined:
      return it;
  }
}

/** What happens to the resource, as a participle. */
export function fateOf(step: Step): string {
  switch (step.op) {
    case "create":
      return step.replaces === undefined ? "created" : "replaced";
    case "update":
      return "updated";
    case "delete":
      return step.forget === undefined ? "deleted" : "forgotten";
    case "import":
      return "imported";
    case "read":
      return "read";
    case "refresh":
      return "refreshed";
    case "same":
      return "unchanged";
  }
}

/** The first change of all. Undefined where the link says it already: something is made because it is new. */
function endText({ step, changes, reason }: Cause, index: StepIndex, view: ValueView): string | undefined {
  switch (reason?.kind) {
    case "requested":
      return "as asked for with --replace";
    case "replacement-trigger":
      return "its replacementTrigger changes";
    case "provider-changed":
      return "its provider changes";
    case "half-done":
      return "its last creation or update ended half-done";
    case "gone":
      return `it is gone: ${visible(reason.detail)}`;
    default:
      break;
  }
  const [first, ...more] = changes;
  if (first === undefined) return undefined;
  const others = more.length > 0 ? ` and ${count(more.length, "more property", "more properties")}` : "";
  return `${changeText(first, step, index, view)}${others}`;
}

/** `its engine changes: "postgres" → "mysql"`: on one line, so long values only by their names. */
function changeText(change: PropertyChange, step: Step, index: StepIndex, view: ValueView): string {
  const name = change.path.length === 0 ? "state" : visible(formatPath(change.path));
  const resource = "resource" in step ? step.resource : step.prior;
  const { hideDiffs = [] } = resource.options;
  const [line = "", ...rest] = renderChanges([{ ...change, effect: "update" }], {
    ...view,
    hideDiffs,
    unknown: unknownOf(step, index, view.theme),
  });
  const value = line.slice(line.indexOf(": ") + 2);
  return rest.length > 0 || !line.includes(": ") ? `its ${name} changes` : `its ${name} changes: ${value}`;
}
