/** Renames that a program did not tell of: what is deleted and made again under another name, and is else the same. Pure. */
import type { CreateStep, DeleteStep, Step } from "../model/plan.js";
import { parseUrn, type Urn } from "../model/urn.js";
import {
  equal,
  hasUnknown,
  isArray,
  isMap,
  type PropertyMap,
  Secret,
  Unknown,
  type Value,
} from "../model/value.js";

/** A guess, never acted on: a person adds the alias, or does not. */
export interface LikelyMove {
  readonly from: Urn;
  readonly to: Urn;
  /** What to add to the options of `to` in the program. */
  readonly alias: string;
  /** The objects that would be kept: more than one below a component. */
  readonly objects: number;
}

/** Pairs of one type that are compared at most: of more, nobody reads guesses. */
const mostPairs = 1_000_000;

/** Only where there is no doubt: exactly one that goes is like exactly one that comes. In the order of the steps. */
export function likelyMoves(steps: readonly Step[]): readonly LikelyMove[] {
  const pairs = pairsOf(steps);
  if (pairs.length === 0) return [];
  const parents = new Map(
    steps.map((step) => [step.urn, step.op === "delete" ? step.prior.parent : parentOf(step)] as const),
  );
  const going = new Set(steps.filter(isGoing).map(({ urn }) => urn));
  const coming = new Set(steps.filter(isComing).map(({ urn }) => urn));
  const found = new Map<string, LikelyMove>();
  for (const pair of pairs) {
    let [from, to] = [pair.remove.urn, pair.create.urn];
    for (;;) {
      const [before, after] = [parents.get(from), parents.get(to)];
      if (before === undefined || after === undefined || before === after) break;
      // A child finds its old self through its parent's alias where only the parent's name is different, in its own as well.
      if (!going.has(before) || !coming.has(after) || !inherits(from, before, to, after)) break;
      [from, to] = [before, after];
    }
    const key = `${from} ${to}`;
    const objects = (found.get(key)?.objects ?? 0) + 1;
    found.set(key, { from, to, alias: aliasOf(from, to, parents.get(from) === parents.get(to)), objects });
  }
  return [...found.values()];
}

const parentOf = (step: Step): Urn | undefined =>
  "resource" in step ? step.resource.parent : step.prior.parent;
const isGoing = (step: Step): step is DeleteStep =>
  step.op === "delete" && step.reason?.kind === "removed-from-program" && step.forget === undefined;
const isComing = (step: Step): step is CreateStep => step.op === "create" && step.replaces === undefined;

function inherits(child: Urn, parent: Urn, otherChild: Urn, otherParent: Urn): boolean {
  const [a, b] = [parseUrn(child), parseUrn(otherChild)];
  if (a.type !== b.type) return false;
  if (a.name === b.name) return true;
  const [p, q] = [parseUrn(parent).name, parseUrn(otherParent).name];
  return a.name.startsWith(p) && b.name.startsWith(q) && a.name.slice(p.length) === b.name.slice(q.length);
}

function aliasOf(from: Urn, to: Urn, sameParent: boolean): string {
  const [old, now] = [parseUrn(from), parseUrn(to)];
  const own = sameParent && old.type === now.type;
  return `aliases: [${own ? `{ name: ${JSON.stringify(old.name)} }` : JSON.stringify(from)}]`;
}

interface Pair {
  readonly create: CreateStep;
  readonly remove: DeleteStep;
}

function pairsOf(steps: readonly Step[]): readonly Pair[] {
  const types = new Map<string, { creates: CreateStep[]; removes: DeleteStep[] }>();
  const of = (type: string) => {
    const known = types.get(type) ?? { creates: [], removes: [] };
    types.set(type, known);
    return known;
  };
  for (const step of steps) {
    if (isComing(step) && step.resource.custom) of(step.resource.type).creates.push(step);
    else if (isGoing(step) && step.prior.custom) of(step.prior.type).removes.push(step);
  }
  const pairs: Pair[] = [];
  for (const { creates, removes } of types.values()) {
    if (creates.length * removes.length > mostPairs) continue;
    const likeness = creates.map((create) => removes.filter((remove) => isLike(create, remove)));
    const taken = new Map<DeleteStep, number>();
    for (const remove of likeness.flat()) taken.set(remove, (taken.get(remove) ?? 0) + 1);
    for (const [i, [remove, ...more]] of likeness.entries())
      if (remove && more.length === 0 && taken.get(remove) === 1)
        pairs.push({ create: creates[i] as CreateStep, remove });
  }
  return pairs.sort((a, b) => a.create.id - b.create.id);
}

/** Equal inputs, their own names aside; what is not known yet may be equal, but something that is known has to be. */
function isLike({ resource, inputs }: CreateStep, { prior }: DeleteStep): boolean {
  const names: Names = { now: resource.name, before: prior.name };
  const own = (properties: PropertyMap): string[] =>
    Object.keys(properties).filter((key) => !key.startsWith("__"));
  const keys = own(inputs);
  if (keys.length !== own(prior.inputs).length) return false;
  let evidence = 0;
  for (const key of keys) {
    const [now, before] = [inputs[key] as Value, prior.inputs[key]];
    if (before === undefined || !alike(now, before, names)) return false;
    if (!hasUnknown(now) && equal(now, before)) evidence++;
  }
  return evidence > 0;
}

interface Names {
  readonly now: string;
  readonly before: string;
}

function alike(now: Value, before: Value, names: Names): boolean {
  if (now instanceof Unknown) return true;
  if (now instanceof Secret || before instanceof Secret)
    return now instanceof Secret && before instanceof Secret && alike(now.value, before.value, names);
  if (typeof now === "string" && typeof before === "string")
    return now === before || withoutName(now, names.now) === withoutName(before, names.before);
  if (isArray(now) && isArray(before))
    return now.length === before.length && now.every((item, i) => alike(item, before[i] as Value, names));
  if (isMap(now) && isMap(before)) {
    const keys = Object.keys(now);
    return (
      keys.length === Object.keys(before).length &&
      keys.every((key) => Object.hasOwn(before, key) && alike(now[key] as Value, before[key] as Value, names))
    );
  }
  return equal(now, before);
}

/** Undefined where the name is not in it. A generated name is the resource's own with random hex digits behind it. */
function withoutName(text: string, name: string): string | symbol {
  if (!text.includes(name)) return Symbol();
  const generated = text.startsWith(name) && /^-?[0-9a-f]{6,10}$/.test(text.slice(name.length));
  return generated ? "*" : text.replaceAll(name, "*");
}
