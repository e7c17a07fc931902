/**
 * Makes the SDK cheaper without changing what a program sees. Measured with 10,000 resources (see the comments); each patch is
 * left out where a version of the SDK does not have what it replaces.
 */
import { originsKey } from "../protocol.js";
import { type Exports, optional, replace } from "./exports.js";
import { type Origin, originsIn, originsOf } from "./origins.js";
import { resourcePosition } from "./positions.js";
import type { Sdk, Store } from "./sdk.js";

let openCalls = 0;
/** Calls that the SDK has begun and not ended: it waits for a value, or for the engine. */
export const callsUnderWay = (): number => openCalls;

/**
 * The SDK strings its open calls together in a chain of promises, a link or two per resource, to know when all are done. A count
 * says the same, and at any moment.
 */
export function countCalls(sdk: Sdk, made: Store): void {
  let idle: Promise<void> | undefined;
  let wake = () => {};
  const replaced = replace(sdk.load("runtime/settings.js"), "rpcKeepAlive", () => {
    if (openCalls++ === 0) {
      idle = new Promise((resolve) => {
        wake = resolve;
      });
    }
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      if (--openCalls === 0) wake();
    };
  });
  if (!replaced) return;
  Object.defineProperty(made.settings, "rpcDone", { get: () => idle ?? Promise.resolve(), set: () => {} });
}

/** Switches off what the SDK does per resource only to diagnose itself: 13 s → 3.8 s for 10,000 resources. */
export function quieten(load: (path: string) => Exports): void {
  // Wraps every promise and keeps a stack trace with it, to report leaks at exit. What hangs is reported from
  // `pendingResourceRegistrations` here, and ORCH_PROGRAM_DEBUG=1 brings the wrapping back.
  const debuggable = load("runtime/debuggable.js");
  replace(debuggable, "debuggablePromise", <T>(promise: T) => promise);
  // Three messages per resource, each a request of its own, one after the other. The program's own `pulumi.log.debug` stays.
  const log = load("log/index.js");
  const { debug } = log;
  if (replace(load("index.js"), "log", Object.create(log, { debug: { value: debug, enumerable: true } }))) {
    replace(log, "debug", () => Promise.resolve());
  }
}

type Serialized = [Record<string, unknown>, Map<string, Set<unknown>>];
type Serialize = (label: string, props: Record<string, unknown>, ...rest: unknown[]) => Promise<Serialized>;
type Reach = (resources: Set<unknown>, ...rest: unknown[]) => Promise<Set<unknown>>;

/** Several promises and sets per property, where there is nothing to wait for: plain values, and no resources to look into. */
export function shortenPaths(load: Sdk["load"]): void {
  const dependsOn = optional(load, "runtime/dependsOn.js");
  const reach = dependsOn?.getAllTransitivelyReferencedResourceURNs as Reach | undefined;
  if (dependsOn !== undefined && reach !== undefined) {
    const quickly: Reach = (resources, ...rest) =>
      resources.size === 0 ? Promise.resolve(new Set()) : reach(resources, ...rest);
    replace(dependsOn, "getAllTransitivelyReferencedResourceURNs", quickly);
  }
  const rpc = load("runtime/rpc.js");
  const serialize = rpc.serializeResourceProperties as Serialize | undefined;
  if (serialize === undefined) return;
  const { isDryRun } = load("runtime/settings.js") as { isDryRun: () => boolean };
  const plainFirst: Serialize = async (label, props, ...rest) => {
    // Only plans name what is not known yet.
    const told = isDryRun();
    const result: Record<string, unknown> & { [originsOf]?: Origin[] } = {};
    const origins: Origin[] = [];
    const dependencies = new Map<string, Set<unknown>>();
    for (const key of Object.keys(props)) {
      const value = props[key];
      if (value === undefined || key === "id" || key === "urn") continue;
      if (
        (typeof value === "object" && value !== null) ||
        typeof value === "function" ||
        key === "__proto__"
      ) {
        const [part, partDependencies] = await serialize(label, { [key]: value }, ...rest);
        Object.assign(result, part);
        for (const [name, resources] of partDependencies) dependencies.set(name, resources);
        if (told && partDependencies.get(key)?.size) origins.push(...(await originsIn(value, [key])));
      } else {
        result[key] = value;
        dependencies.set(key, new Set());
      }
    }
    if (origins.length > 0) result[originsOf] = origins;
    return [result, dependencies];
  };
  replace(rpc, "serializeResourceProperties", plainFirst);
}

/**
 * Two things that the SDK does with messages for every resource. It builds and reads property structs one setter at a time (19 µs
 * for nine small values; the array form takes 1), and for its debug log it turns answers into text, in vain.
 */
export function speedUpMessages(require: NodeJS.Require): void {
  const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js") as {
    Struct: {
      new (data: unknown[]): { toArray(): unknown[] };
      fromJavaScript: unknown;
      prototype: { toJavaScript: unknown };
    };
  };
  const { Message } = require("google-protobuf") as { Message?: { prototype: { toString: unknown } } };
  if (Message === undefined || typeof Struct.prototype.toJavaScript !== "function") return;
  // Only a runtime that takes and gives the array form as expected.
  const probe = new Struct([entries({ a: [1, { b: null }], c: "d" })]);
  const same = (Struct.prototype.toJavaScript as (this: unknown) => unknown).call(probe);
  if (JSON.stringify(same) !== '{"a":[1,{"b":null}],"c":"d"}') return;
  Struct.fromJavaScript = (properties: object & { readonly [originsOf]?: readonly Origin[] }) => {
    const all = entries(properties);
    const origins = properties[originsOf];
    if (origins !== undefined) all.push([originsKey, valueArray(origins)]);
    return new Struct([all]);
  };
  Struct.prototype.toJavaScript = function (this: { toArray(): unknown[] }) {
    return readEntries(this.toArray()[0] as Entry[] | undefined);
  };
  Message.prototype.toString = () => "[message]";
}

/** `google.protobuf.Value` as protobuf's array: null 1, number 2, string 3, bool 4, struct 5, list 6. */
type ValueArray = unknown[];
type Entry = [key: string, value: ValueArray];

const entries = (properties: object): Entry[] =>
  Object.entries(properties).map(([key, value]) => [key, valueArray(value)]);

function valueArray(value: unknown): ValueArray {
  switch (typeof value) {
    case "string":
      return [null, null, value];
    case "number":
      return [null, value];
    case "boolean":
      return [null, null, null, value];
    case "object":
      if (value === null) return [0];
      if (Array.isArray(value)) return [null, null, null, null, null, [value.map(valueArray)]];
      return [null, null, null, null, [entries(value)]];
    default:
      throw new Error("Unexpected struct type.");
  }
}

function readEntries(list: Entry[] | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of list ?? []) out[key] = readValue(value);
  return out;
}

function readValue(value: ValueArray | null | undefined): unknown {
  if (!value) return null;
  if (value[2] !== null && value[2] !== undefined) return value[2];
  if (value[1] !== null && value[1] !== undefined) return Number(value[1]);
  if (value[3] !== null && value[3] !== undefined) return Boolean(value[3]);
  const struct = value[4] as [Entry[]?] | null | undefined;
  if (struct) return readEntries(struct[0]);
  const list = value[5] as [ValueArray[]?] | null | undefined;
  return list ? (list[0] ?? []).map(readValue) : null;
}

interface ResourceModule {
  Resource?: { stackTrace?: unknown; sourcePosition?: unknown };
}

/** The SDK formats and parses whole stack traces for each resource, unmapped; one mapped position is all that is used. */
export function placePositions({ Resource }: ResourceModule): void {
  if (Resource === undefined) return;
  if (Resource.stackTrace !== undefined) {
    Resource.stackTrace = function stackTrace() {
      const position = resourcePosition(stackTrace);
      // Has the first frame for the request's position, and no others for its stack trace.
      return position === undefined ? [] : { length: 1, 0: position, map: () => [] };
    };
  }
  if (Resource.sourcePosition !== undefined) {
    Resource.sourcePosition = function sourcePosition() {
      return resourcePosition(sourcePosition);
    };
  }
}
