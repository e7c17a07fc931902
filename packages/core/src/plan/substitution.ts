/** Values that were taken from an object which is made anew, found again where they were handed to others. */
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import {
  equal,
  hasUnknown,
  isArray,
  isMap,
  ResourceRef,
  reveal,
  Secret,
  Unknown,
  unknown,
  type Value,
} from "../model/value.js";
import type { RegistrationAnswer } from "../program/contract.js";

interface Change {
  readonly then: Value;
  readonly now: Value;
}

/** Shorter texts are only taken for an object's when nothing stands beside them. */
const shortestPart = 6;

export class Substitution {
  readonly #changes = new Map<Urn, readonly Change[]>();
  readonly #ids = new Map<Urn, Value>();
  readonly #dryRun: boolean;

  /** `dryRun`: what an answer does not hold is not known yet. Later it is what it was. */
  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  /** An object as it was then, and what is known of it now. */
  learn(then: ResourceState, now: RegistrationAnswer): void {
    // What a component gives out is its children's.
    if (!then.custom) return;
    const changes: Change[] = [];
    if (then.id !== undefined && now.id !== undefined) {
      collect(then.id, now.id, changes);
      if (now.id !== then.id) this.#ids.set(then.urn, now.id);
    }
    for (const [key, value] of Object.entries(then.outputs)) {
      const next = now.outputs[key] ?? (this.#dryRun ? unknown : undefined);
      if (next !== undefined) collect(reveal(value), next, changes);
    }
    if (changes.length > 0) this.#changes.set(then.urn, changes);
  }

  /** The value with what came from these resources (all of them, when not told) as it is now. Unchanged parts are shared. */
  in(value: Value, from: readonly Urn[] = [...this.#changes.keys()]): Value {
    const changes = from.flatMap((urn) => this.#changes.get(urn) ?? []);
    return changes.length === 0 && this.#ids.size === 0 ? value : this.#in(value, changes, true);
  }

  #in(value: Value, changes: readonly Change[], whole: boolean): Value {
    if (value instanceof Secret) {
      const inner = this.#in(value.value, changes, whole);
      return inner === value.value ? value : inner instanceof Secret ? inner : new Secret(inner);
    }
    if (value instanceof ResourceRef) {
      const id = this.#ids.get(value.urn);
      if (id === undefined || value.id === undefined) return value;
      return new ResourceRef(value.urn, id instanceof Unknown ? id : String(id), value.packageVersion);
    }
    if (canBeFound(value, whole)) {
      const plain = reveal(value);
      const found = changes.find(({ then }) => equal(then, plain));
      if (found) return found.now;
    }
    if (typeof value === "string") return inText(value, changes);
    if (isArray(value)) {
      const items = value.map((item) => this.#in(item, changes, false));
      return items.every((item, i) => item === value[i]) ? value : items;
    }
    if (!isMap(value)) return value;
    const entries = Object.entries(value).map(
      ([key, item]) => [key, this.#in(item, changes, false)] as const,
    );
    return entries.every(([key, item]) => item === value[key]) ? value : Object.fromEntries(entries);
  }
}

/** Numbers are too alike to be told apart inside of something; `true`, `null` and empty things always are. */
function canBeFound(value: Value, whole: boolean): boolean {
  if (typeof value === "string") return value !== "";
  if (typeof value === "number") return whole;
  if (isArray(value)) return value.length > 0;
  return isMap(value) && Object.keys(value).length > 0;
}

/** `http://${address}/`: the parts of a text. */
function inText(text: string, changes: readonly Change[]): Value {
  let secret = false;
  let result = text;
  const parts = changes
    .filter(({ then }) => typeof then === "string" && then.length >= shortestPart && text.includes(then))
    .sort((a, b) => (b.then as string).length - (a.then as string).length);
  for (const { then, now } of parts) {
    if (hasUnknown(now)) return now instanceof Secret ? new Secret(unknown) : unknown;
    const plain = reveal(now);
    if (typeof plain !== "string") continue;
    secret ||= now instanceof Secret;
    result = result.replaceAll(then as string, () => plain);
  }
  return secret ? new Secret(result) : result;
}

/** Every difference, the whole before its parts. Of something unknown every part is. */
function collect(then: Value, now: Value, changes: Change[]): void {
  const secret = now instanceof Secret;
  const plain = secret ? now.value : now;
  const open = plain instanceof Unknown;
  if (!open && equal(then, reveal(plain))) return;
  changes.push({ then, now });
  const part = (item: Value, next: Value | undefined): void => {
    if (open) collect(item, now, changes);
    else if (next !== undefined) collect(item, secret ? new Secret(next) : next, changes);
  };
  if (isArray(then))
    for (const [i, item] of then.entries()) part(item, isArray(plain) ? plain[i] : undefined);
  else if (isMap(then))
    for (const [key, item] of Object.entries(then)) part(item, isMap(plain) ? plain[key] : undefined);
}
