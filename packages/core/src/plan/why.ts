/** Why a plan does what it does: from a step back to the first change. Pure functions over a plan's steps. */
import type { PropertyChange } from "../model/diff.js";
import { covers, type PropertyPath } from "../model/path.js";
import type { Plan, Step, StepReason } from "../model/plan.js";
import type { Origin, Resource, ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { equal, hasUnknown, reveal, some, type Value } from "../model/value.js";

/** The step that says what happens to the object under each URN; the deleting half of a replace says nothing of its own. */
export type StepIndex = ReadonlyMap<Urn, Step>;

export function indexSteps(steps: readonly Step[]): StepIndex {
  const index = new Map<Urn, Step>();
  for (const step of steps) {
    const half = step.op === "delete" && (step.replaced !== undefined || step.prior.deposed !== undefined);
    if (!half) index.set(step.urn, step);
  }
  return index;
}

/** One link of the chain from a consequence to the first change. */
export interface Cause {
  readonly step: Step;
  /** What decides: the changes that force a replace, or those of an update. Empty where `reason` says it all. */
  readonly changes: readonly PropertyChange[];
  readonly reason?: StepReason;
  /** How the link before this one depends on it. */
  readonly through?: Through;
}

/** By the value of a property, by being built on it, by an option, or by being served by it. */
export type Through =
  | { readonly by: "property"; readonly property: string }
  | { readonly by: "dependency" | "replace-with" | "provider" };

/** What a resource is, as the step has it. */
export const subjectOf = (step: Step): Resource | ResourceState =>
  "resource" in step ? step.resource : step.prior;

/** What differs, of a step that has a comparison. */
export function changesOf(step: Step): readonly PropertyChange[] {
  if (step.op === "update") return step.diff.changes;
  return step.op === "create" && step.replaces !== undefined ? step.replaces.diff.changes : [];
}

/** The changes that make a step what it is: of a replace those that force it, of an update all that count. */
function decisive(step: Step): readonly PropertyChange[] {
  const changes = changesOf(step).filter(({ effect }) => effect !== "suppressed");
  return step.op === "create" ? changes.filter(({ effect }) => effect === "replace") : changes;
}

/**
 * The step itself and, link by link, what made it so; the last one is the first change: something that the program, a person or the
 * world outside did. Of several causes the chain takes one that is not itself a consequence, if there is any.
 */
export function causeChain(start: Step, index: StepIndex): readonly Cause[] {
  const chain: Cause[] = [];
  const seen = new Set<Urn>();
  let step: Step | undefined = start;
  let through: Through | undefined;
  while (step !== undefined && !seen.has(step.urn)) {
    seen.add(step.urn);
    const changes = decisive(step);
    chain.push({
      step,
      changes,
      ...(step.reason === undefined ? {} : { reason: step.reason }),
      ...(through === undefined ? {} : { through }),
    });
    const next: Before | undefined = before(step, changes, index);
    step = next?.step;
    through = next?.through;
  }
  return chain;
}

interface Before {
  readonly step: Step;
  readonly through: Through;
}

function before(step: Step, changes: readonly PropertyChange[], index: StepIndex): Before | undefined {
  const found = (urn: Urn | undefined, by: Exclude<Through["by"], "property">): Before | undefined => {
    const other = urn === undefined ? undefined : index.get(urn);
    return other === undefined || !acts(other) ? undefined : { step: other, through: { by } };
  };
  const { reason } = step;
  if (reason?.kind === "dependency-replaced") return found(reason.urn, "dependency");
  if (reason?.kind === "replace-with") return found(reason.urn, "replace-with");
  if (reason?.kind === "provider-changed") return found(subjectOf(step).provider, "provider");
  // A change that comes from no other step is the program's own: the chain ends here.
  let first: Before | undefined;
  for (const change of changes) {
    const [source] = changeSources(step, change, index);
    if (source === undefined) return undefined;
    first ??= { step: source, through: { by: "property", property: String(change.path[0]) } };
  }
  return first;
}

/** The steps that a change's new value comes from: what it is may be known already, and is then found in what they give out. */
export function changeSources(
  step: Step,
  { path, after }: PropertyChange,
  index: StepIndex,
): readonly Step[] {
  const sources = unknownSources(step, String(path[0]), index);
  return hasUnknown(after)
    ? sources
    : sources.filter((source) => after !== undefined && carries(source, after));
}

/** Shorter texts are found by chance. */
const shortest = 4;

/** Is something that the source gives out now, and did not before, in the value? */
function carries(source: Step, value: Value): boolean {
  if (!("outputs" in source)) return false;
  const before =
    source.op === "create" ? source.replaces?.prior : "prior" in source ? source.prior : undefined;
  const fresh = Object.entries({ ...source.inputs, ...source.outputs })
    .filter(([key, now]) => !equal(now, before?.outputs[key] ?? before?.inputs[key]))
    .map(([, now]) => reveal(now));
  return some(reveal(value), (part) =>
    fresh.some((now) =>
      typeof now === "string" && typeof part === "string"
        ? now.length >= shortest && part.includes(now)
        : typeof now === "number" && now === part,
    ),
  );
}

const acts = (step: Step): boolean => step.op !== "same" && step.op !== "delete";

/**
 * The steps of the resources that an unknown property's value may come from: of those that the program took it from, the ones of
 * which something is not known yet. What is replaced comes first, then what is created, then what is updated.
 */
export function unknownSources(step: Step, property: string, index: StepIndex): readonly Step[] {
  const from = subjectOf(step).propertyDependencies[property] ?? [];
  const steps = from.map((urn) => index.get(urn)).filter((source) => source !== undefined);
  return steps.filter(acts).sort((a, b) => rank(a) - rank(b));
}

function rank(step: Step): number {
  if (step.op !== "create") return 2;
  return step.replaces === undefined ? 1 : 0;
}

/** A resource that a value which is not known yet comes from, and the names of its outputs, where the program's side told them. */
export interface UnknownSource {
  readonly step: Step;
  readonly outputs: readonly string[];
}

/** What the unknown value at the path comes from: as near to it as the program told, else whatever its property comes from. */
export function unknownOrigins(step: Step, path: PropertyPath, index: StepIndex): readonly UnknownSource[] {
  const steps = unknownSources(step, String(path[0]), index);
  const subject = subjectOf(step);
  const named = namedSources("origins" in subject ? subject.origins : undefined, path, steps);
  return named.length > 0 ? named : steps.map((source) => ({ step: source, outputs: [] }));
}

/** The same of the stack's outputs, of which only what the program told is known. */
export function outputSources(plan: Plan, path: PropertyPath, index: StepIndex): readonly UnknownSource[] {
  const urns = new Set((plan.outputOrigins ?? []).map(({ urn }) => urn));
  const steps = [...urns].map((urn) => index.get(urn)).filter((step) => step !== undefined);
  return namedSources(plan.outputOrigins, path, steps.filter(acts));
}

function namedSources(
  origins: readonly Origin[] = [],
  path: PropertyPath,
  steps: readonly Step[],
): readonly UnknownSource[] {
  const here = origins.filter((origin) => covers(origin.path, path));
  const named = steps.flatMap((step): UnknownSource[] => {
    const outputs = here.filter(({ urn }) => urn === step.urn).map(({ output }) => output);
    return outputs.length === 0 ? [] : [{ step, outputs: [...new Set(outputs)] }];
  });
  const open = named.flatMap(({ step, outputs }): UnknownSource[] => {
    const unknown = outputs.filter((output) => isOpen(step, output));
    return unknown.length === 0 ? [] : [{ step, outputs: unknown }];
  });
  // What the plan knows by its end was not known yet when the program asked, where a selection drew a resource along.
  return open.length > 0 ? open : named;
}

/** Is the output, as the plan has it, not known yet? */
function isOpen(source: Step, output: string): boolean {
  if (output === "id" || !("outputs" in source)) return true;
  const planned = source.outputs[output];
  return planned === undefined || hasUnknown(planned);
}
