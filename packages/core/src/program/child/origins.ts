/**
 * Where the program took a value from: `db` → `endpoint`, also through `apply`, `all`, `interpolate` and the like. The SDK itself
 * keeps only which resources an output came from. What was made in another way has no name here, and is told by its resources alone.
 */
import { replace } from "./exports.js";
import type { Sdk } from "./sdk.js";

/** An output of the SDK; `resources` is one function per output, the same seen through the proxy around it and from within. */
interface Output {
  readonly __pulumiOutput: true;
  readonly resources: () => Iterable<object>;
}
interface OutputClass {
  readonly prototype: { apply: (...args: unknown[]) => Output };
}

/** Symbol-keyed on serialized properties, so that only our own way of sending them sees it. */
export const originsOf: unique symbol = Symbol("origins");

/** The place in the properties, the resource's URN, and the name of its output. */
export type Origin = readonly [path: Path, urn: string, output: string];
type Path = readonly (string | number)[];

const madeFrom = new WeakMap<object, readonly Output[]>();

const isOutput = (value: unknown): value is Output =>
  typeof value === "object" && value !== null && (value as Partial<Output>).__pulumiOutput === true;

/** Makes the SDK's functions that make one output of others say so, and sends that along. Each is left alone where a version does not have it. */
export function traceOutputs(load: Sdk["load"]): void {
  const module = load("output.js");
  const { prototype } = module.Output as OutputClass;
  const { apply } = prototype;
  prototype.apply = function (this: Output, ...args) {
    const made = apply.apply(this, args);
    madeFrom.set(made.resources, [this]);
    return made;
  };
  const index = load("index.js");
  for (const name of ["output", "all", "concat", "interpolate", "jsonStringify", "secret", "unsecret"]) {
    const original = module[name];
    if (typeof original !== "function") continue;
    const traced = (...args: unknown[]): unknown => {
      const made = original(...args) as unknown;
      if (isOutput(made)) madeFrom.set(made.resources, outputsIn(args));
      return made;
    };
    replace(module, name, traced);
    // It holds copies of what the other modules export.
    if (index[name] === original) replace(index, name, traced);
  }
  traceRegisteredOutputs(load);
}

/** Values may be any graph of objects; deeper than this nobody nests outputs. */
const deepest = 8;

function outputsIn(value: unknown): Output[] {
  const found: Output[] = [];
  eachOutput(value, [], (output) => found.push(output));
  return found;
}

/** Calls back for every output in the value, with its place. */
function eachOutput(value: unknown, path: Path, found: (output: Output, path: Path) => void): void {
  if (isOutput(value)) found(value, path);
  else if (typeof value === "object" && value !== null && path.length < deepest) {
    const entries = Array.isArray(value) ? value.entries() : isPlain(value) ? Object.entries(value) : [];
    for (const [key, item] of entries) eachOutput(item, [...path, key], found);
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Where the value at the place comes from. Call it when the value is serialized: the URNs of what it came from are known then. */
export async function originsIn(value: unknown, place: Path = []): Promise<Origin[]> {
  const named: { path: Path; resource: object; output: string }[] = [];
  eachOutput(value, place, (output, path) => {
    for (const name of namesOf(output)) named.push({ path, ...name });
  });
  return Promise.all(
    named.map(async ({ path, resource, output }): Promise<Origin> => {
      const { urn } = resource as { readonly urn: { promise(): Promise<string> } };
      return [path, await urn.promise(), output];
    }),
  );
}

/** The outputs of resources that the output was made of, as far as they have names; each once. */
function namesOf(output: Output): { resource: object; output: string }[] {
  const named: { resource: object; output: string }[] = [];
  const seen = new Set<object>();
  const todo = [output];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { resources } = next;
    if (seen.has(resources)) continue;
    seen.add(resources);
    let found = false;
    for (const resource of resources()) {
      const name = nameOn(resource, resources);
      if (name === undefined) continue;
      named.push({ resource, output: name });
      found = true;
    }
    if (!found) todo.push(...(madeFrom.get(resources) ?? []));
  }
  return named.reverse();
}

/** What the resource calls the output. */
function nameOn(resource: object, resources: Output["resources"]): string | undefined {
  for (const [name, value] of Object.entries(resource))
    if (isOutput(value) && value.resources === resources) return name;
  return undefined;
}

type SerializeOnly = (
  label: string,
  props: { readonly outputs?: unknown },
  ...rest: unknown[]
) => Promise<{ readonly outputs?: object & { [originsOf]?: readonly Origin[] } }>;

/** Outputs that a stack or a component registers are sent with where they come from, as properties of resources are. */
function traceRegisteredOutputs(load: Sdk["load"]): void {
  const rpc = load("runtime/rpc.js");
  const serialize = rpc.serializeProperties as SerializeOnly | undefined;
  if (serialize === undefined) return;
  const { isDryRun } = load("runtime/settings.js") as { isDryRun: () => boolean };
  const traced: SerializeOnly = async (label, props, ...rest) => {
    const serialized = await serialize(label, props, ...rest);
    if (label.startsWith("monitor.registerResourceOutputs") && isDryRun() && serialized.outputs) {
      const origins = await originsIn(props.outputs);
      if (origins.length > 0) serialized.outputs[originsOf] = origins;
    }
    return serialized;
  };
  replace(rpc, "serializeProperties", traced);
}
