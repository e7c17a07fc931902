/**
 * CONTRACT. The values that flow through orch: JSON data, plus a few things that JSON has no word for.
 *
 * The special ones are instances of the classes below and carry a symbol, never a property that user data could hold: a
 * Kubernetes object may well have `kind: "Secret"`. On the wire and on disk they use Pulumi's signature keys (wire/struct.ts).
 */
const mark: unique symbol = Symbol.for("orch.value") as never;

export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | PropertyMap
  | Unknown
  | Secret
  | Asset
  | Archive
  | ResourceRef
  | OutputValue;

/** Named properties. Plain objects; a missing key means "not given". */
export interface PropertyMap {
  readonly [key: string]: Value;
}

/** A value that is only known once something has been created or changed. */
export class Unknown {
  get [mark](): "unknown" {
    return "unknown";
  }
}
/** The one instance that orch itself makes; decoded ones are the same object. */
export const unknown = new Unknown();

/** A value that must never be shown or stored in clear. It may hold an {@link Unknown}. */
export class Secret {
  constructor(readonly value: Value) {}
  get [mark](): "secret" {
    return "secret";
  }
  /** Whatever prints or serialises it by accident shows nothing; wire/json.ts is the way to write one on purpose. */
  toJSON(): string {
    return "[secret]";
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}

export type AssetSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "uri"; readonly uri: string };

/** A blob, named by where it is. `hash` is the SHA-256 of its content in lower-case hex, once computed. */
export class Asset {
  constructor(
    readonly source: AssetSource,
    readonly hash?: string,
  ) {}
  get [mark](): "asset" {
    return "asset";
  }
}

export type ArchiveSource =
  | { readonly kind: "assets"; readonly assets: Readonly<Record<string, Asset | Archive>> }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "uri"; readonly uri: string };

/** A tree of blobs. `hash` as in {@link Asset}. */
export class Archive {
  constructor(
    readonly source: ArchiveSource,
    readonly hash?: string,
  ) {}
  get [mark](): "archive" {
    return "archive";
  }
}

/** A resource handed over as a value. `id` is undefined for components, {@link Unknown} while it does not exist yet. */
export class ResourceRef {
  constructor(
    readonly urn: string,
    readonly id?: string | Unknown,
    readonly packageVersion?: string,
  ) {}
  get [mark](): "resource" {
    return "resource";
  }
}

/**
 * A value with the resources it came from, as the SDK's output values carry it. Only on the way between programs and
 * component plugins; the plan and the state never hold one. `value` is undefined while it is not known.
 */
export class OutputValue {
  constructor(
    readonly value: Value | undefined,
    readonly secret: boolean,
    readonly dependencies: readonly string[],
  ) {}
  get [mark](): "output" {
    return "output";
  }
}

export type Special = Unknown | Secret | Asset | Archive | ResourceRef | OutputValue;

export function isSpecial(value: unknown): value is Special {
  return typeof value === "object" && value !== null && mark in value;
}
export const isUnknown = (value: unknown): value is Unknown => value instanceof Unknown;
export const isSecret = (value: unknown): value is Secret => value instanceof Secret;
export const isArray = (value: Value | undefined): value is readonly Value[] => Array.isArray(value);

/** A plain object of properties: not an array and not one of the special values. */
export function isMap(value: Value | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(mark in value);
}

/** True when the value is, or holds at any depth, an unknown. */
export function hasUnknown(value: Value | undefined): boolean {
  return some(value, isUnknown);
}

/** True when the value is, or holds at any depth, a secret. */
export function hasSecret(value: Value | undefined): boolean {
  return some(value, isSecret);
}

/** Does any value in the tree, the root included, satisfy the test? Looks into secrets, outputs and archives. */
export function some(value: Value | undefined, test: (value: Value) => boolean): boolean {
  if (value === undefined) return false;
  if (test(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  if (value instanceof Secret || value instanceof OutputValue) return some(value.value, test);
  if (value instanceof ResourceRef) return value.id !== undefined && some(value.id, test);
  if (isSpecial(value)) return false;
  for (const key in value) if (some((value as PropertyMap)[key], test)) return true;
  return false;
}

/** A copy of the tree with `change` applied bottom-up to each value; parts that do not change are shared, not copied. */
export function map(value: Value, change: (value: Value) => Value): Value {
  if (typeof value !== "object" || value === null) return change(value);
  if (Array.isArray(value)) {
    let copy: Value[] | undefined;
    value.forEach((item: Value, i) => {
      const next = map(item, change);
      if (next !== item) {
        copy ??= value.slice();
        copy[i] = next;
      }
    });
    return change(copy ?? value);
  }
  if (value instanceof Secret) {
    const inner = map(value.value, change);
    return change(inner === value.value ? value : new Secret(inner));
  }
  if (isSpecial(value)) return change(value);
  let copy: Record<string, Value> | undefined;
  for (const key of Object.keys(value)) {
    const item = (value as PropertyMap)[key] as Value;
    const next = map(item, change);
    if (next !== item) {
      copy ??= { ...(value as PropertyMap) };
      copy[key] = next;
    }
  }
  return change(copy ?? value);
}

/** The value without its secret wrappers, at every depth. For handing to providers and for comparing, never for showing. */
export function reveal(value: Value): Value {
  return map(value, (v) => (v instanceof Secret ? v.value : v));
}
export const revealMap = (properties: PropertyMap): PropertyMap => reveal(properties) as PropertyMap;

/** Deep equality. Unknowns equal nothing, not even each other. Secrets compare by content and by being secret. */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equal(item, b[i]));
  }
  if (isSpecial(a) || isSpecial(b)) return equalSpecial(a as Special, b as Special);
  const x = a as PropertyMap;
  const y = b as PropertyMap;
  const keys = Object.keys(x);
  if (keys.length !== Object.keys(y).length) return false;
  return keys.every((key) => Object.hasOwn(y, key) && equal(x[key], y[key]));
}

function equalSpecial(a: Special, b: Special): boolean {
  if (a instanceof Secret) return b instanceof Secret && equal(a.value, b.value);
  if (a instanceof OutputValue)
    return b instanceof OutputValue && a.secret === b.secret && equal(a.value, b.value);
  if (a instanceof ResourceRef) return b instanceof ResourceRef && a.urn === b.urn && equal(a.id, b.id);
  if (a instanceof Asset)
    return b instanceof Asset && (a.hash && b.hash ? a.hash === b.hash : sameSource(a.source, b.source));
  if (a instanceof Archive)
    return b instanceof Archive && (a.hash && b.hash ? a.hash === b.hash : sameSource(a.source, b.source));
  return false;
}

function sameSource(a: AssetSource | ArchiveSource, b: AssetSource | ArchiveSource): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "assets" && b.kind === "assets") {
    const names = Object.keys(a.assets);
    return (
      names.length === Object.keys(b.assets).length &&
      names.every((name) => equal(a.assets[name] as Value, b.assets[name] as Value))
    );
  }
  return JSON.stringify(a) === JSON.stringify(b);
}
