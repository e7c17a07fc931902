/**
 * Finds, loads and tunes the `@pulumi/pulumi` that the program itself uses. Any version from 3.100 on; every patch is applied
 * only where the version has what it patches.
 */
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Pipe, pipeClient, type ServiceTable } from "./pipe.js";
import { resourcePosition } from "./positions.js";

type Exports = Record<string, unknown>;

export interface Sdk {
  readonly version: string;
  /** Requires one of the SDK's own modules, e.g. `runtime/stack`. */
  readonly load: (path: string) => Exports;
}

/** The SDK's `LocalStore`: what one run of a program keeps. */
export interface Store {
  readonly settings: { monitor?: unknown; engine?: unknown };
  readonly logErrorCount: number;
  readonly pendingResourceRegistrations?: Map<unknown, PendingEntry>;
}
export interface PendingEntry {
  readonly res: unknown;
  readonly parent?: unknown;
  readonly label: string;
  readonly type?: string;
  readonly name?: string;
  readonly phase: string;
  readonly inputProperty?: string;
}

/**
 * Loaded when first touched. Closure serialisation, which a plan seldom uses, loads TypeScript and npm's arborist; the
 * automation API loads most of the rest; gRPC is not used at all here, but for its table of status codes. The SDK takes 680 ms
 * of CPU and 135 MB with them, 130 ms and 67 MB without.
 */
const grpc = "@grpc/grpc-js";
const lazyModules = new Set([
  "typescript",
  "../../typescript-shim",
  "@npmcli/arborist",
  "read-package-tree",
  "normalize-package-data",
  "./automation",
  "@opentelemetry/api",
  grpc,
]);

export class SdkMissing extends Error {}

/** Where the SDK is, seen from the program. Throws {@link SdkMissing}. */
function find(programDir: string): string {
  try {
    return dirname(createRequire(join(programDir, "program.js")).resolve("@pulumi/pulumi/package.json"));
  } catch (error) {
    throw new SdkMissing("@pulumi/pulumi", { cause: error });
  }
}

/** Loads the SDK; `debug` leaves its diagnostics on. */
export function loadSdk(programDir: string, debug: boolean): Sdk {
  const dir = find(programDir);
  const require = createRequire(join(dir, "package.json"));
  const { version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as { version: string };
  const load = (path: string) => require(path === "" ? "@pulumi/pulumi" : `./${path}`) as Exports;
  fixStore();
  const loader = Module as unknown as { _load: (...args: unknown[]) => unknown };
  const original = loader._load;
  loader._load = function (this: unknown, ...args: unknown[]) {
    const [request, parent] = args as [string, { filename?: string } | undefined];
    if (lazyModules.has(request) && parent?.filename?.startsWith(dir)) {
      return lazy(() => original.apply(this, args) as object, request === grpc ? clientClasses : () => ({}));
    }
    return original.apply(this, args);
  };
  try {
    load("index.js");
  } finally {
    loader._load = original;
  }
  if (!debug) {
    quieten(load);
    shortenPaths(load);
    speedUpMessages(require);
  }
  placePositions(load("resource.js"));
  return { version, load };
}

type Properties = Readonly<Record<PropertyKey, unknown>>;

/** A stand-in for a module that is loaded when a property is first read, except for those given. */
function lazy(load: () => object, given: (load: () => object) => Properties): object {
  let loaded: object | undefined;
  const target = () => {
    loaded ??= load();
    return loaded;
  };
  // `__esModule` is asked for by the SDK's import helpers, which would otherwise copy every property at once.
  const known: Properties = { __esModule: true, ...given(target) };
  return new Proxy(
    {},
    {
      get: (_, key) => (Object.hasOwn(known, key) ? known[key] : Reflect.get(target(), key)),
      has: (_, key) => Reflect.has(target(), key),
      ownKeys: () => Reflect.ownKeys(target()),
      getOwnPropertyDescriptor: (_, key) => {
        const descriptor = Reflect.getOwnPropertyDescriptor(target(), key);
        return descriptor === undefined ? undefined : { ...descriptor, configurable: true };
      },
    },
  );
}

type ClientMaker = (service: unknown, ...rest: unknown[]) => new (...args: unknown[]) => object;

/** The generated services make their client classes while they are loaded; here gRPC is loaded when one is used. */
const clientClasses = (load: () => object): Properties => ({
  makeGenericClientConstructor: (service: unknown, ...rest: unknown[]) => {
    const client = (...args: unknown[]): object => {
      const { makeGenericClientConstructor } = load() as { makeGenericClientConstructor: ClientMaker };
      return new (makeGenericClientConstructor(service, ...rest))(...args);
    };
    return Object.assign(client, { service });
  },
});

interface Storage {
  getStore(): unknown;
  run(store: unknown, ...args: unknown[]): unknown;
}
let store: Store | undefined;
let realStorage: Storage | undefined;

/**
 * The SDK looks for its store in an AsyncLocalStorage first, and only there accepts clients from outside. A program has one
 * store, so a constant does instead: no context to carry through ten thousand promises, and every copy of the SDK that the
 * program's packages may bring along finds the same. Programs that use the automation API inline get the real thing.
 */
const storage: Storage = {
  getStore: () => realStorage?.getStore() ?? store,
  run(inner, ...args) {
    if (realStorage === undefined) {
      const { AsyncLocalStorage } = createRequire(import.meta.url)("node:async_hooks") as {
        AsyncLocalStorage: new () => Storage;
      };
      realStorage = new AsyncLocalStorage();
    }
    return realStorage.run(inner, ...args);
  },
};

function fixStore(): void {
  (globalThis as { asyncLocalStorage?: Storage }).asyncLocalStorage = storage;
}

/** Newer SDKs find the store in the global object; older ones keep the place in the module `runtime/state`. */
export function shareStore(state: { asyncLocalStorage?: Storage }): void {
  if (state.asyncLocalStorage !== undefined) state.asyncLocalStorage = storage;
}

/** Makes the store of this run; the environment must hold the options by now. */
export function openStore(sdk: Sdk, pipe: Pipe): Store {
  const state = sdk.load("runtime/state.js") as {
    LocalStore: new () => Store;
    asyncLocalStorage?: Storage;
  };
  shareStore(state);
  const made = new state.LocalStore();
  const monitor = (sdk.load("proto/resource_grpc_pb.js") as { ResourceMonitorService: ServiceTable })
    .ResourceMonitorService;
  const engine = (sdk.load("proto/engine_grpc_pb.js") as { EngineService: ServiceTable }).EngineService;
  countCalls(sdk, made);
  serveCallbacks(sdk, made, pipe);
  made.settings.monitor = pipeClient(pipe, monitor);
  made.settings.engine = pipeClient(pipe, engine);
  store = made;
  return made;
}

/** A module that older versions of the SDK do not have. */
function optional(load: Sdk["load"], path: string): Exports | undefined {
  try {
    return load(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** False where a version of the SDK has no such export, or has it fixed: then it stays as it is. */
function replace(exports: Exports, name: string, value: unknown): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(exports, name);
  if (descriptor === undefined || !(descriptor.writable || descriptor.configurable)) return false;
  Object.defineProperty(
    exports,
    name,
    descriptor.configurable ? { value, writable: true, enumerable: true, configurable: true } : { value },
  );
  return true;
}

/** The parts of the SDK's server for callbacks (transforms) that make and find them. */
interface CallbackServer {
  readonly _callbacks: Map<string, (request: Uint8Array) => Promise<{ serializeBinary(): Uint8Array }>>;
  registerTransform(transform: Transform): Promise<unknown>;
  registerStackInvokeTransformAsync?(transform: Transform): Promise<unknown>;
}
type Transform = (args: unknown) => unknown;

/**
 * Callbacks come over the pipe too. The SDK would start a gRPC server of its own for them; here it keeps only the table of
 * functions. SDKs before transforms have neither.
 */
function serveCallbacks(sdk: Sdk, made: Store, pipe: Pipe): void {
  const module = optional(sdk.load, "runtime/callbacks.js");
  if (module === undefined) return;
  const { prototype } = module.CallbackServer as { prototype: CallbackServer };
  let server: CallbackServer | undefined;
  let thrown: unknown;
  // The SDK turns what a transform throws into text; its frames are worth more.
  const watched =
    (transform: Transform): Transform =>
    async (args) => {
      try {
        return await transform(args);
      } catch (error) {
        thrown = error;
        throw error;
      }
    };
  const make = (): CallbackServer => {
    const table = new Map();
    const host: CallbackServer = Object.assign(Object.create(prototype), {
      _callbacks: table,
      _pendingRegistrations: 0,
      _awaitQueue: [],
      _monitor: made.settings.monitor,
      _server: { forceShutdown: () => {} },
      _target: Promise.resolve("pipe"),
      registerTransform: (transform: Transform) => prototype.registerTransform.call(host, watched(transform)),
    });
    return host;
  };
  const replaced = replace(sdk.load("runtime/settings.js"), "getCallbacks", () => {
    server ??= make();
    (made as { callbacks?: unknown }).callbacks = server;
    return server;
  });
  if (!replaced) return;
  pipe.onCallback = async (token, request) => {
    const callback = server?._callbacks.get(token);
    if (callback === undefined) throw new Error(`no callback ${token}`);
    thrown = undefined;
    try {
      return (await callback(request)).serializeBinary();
    } catch (error) {
      throw thrown instanceof Error && String(error).includes(thrown.message) ? thrown : error;
    }
  };
}

let openCalls = 0;
/** Calls that the SDK has begun and not ended: it waits for a value, or for the engine. */
export const callsUnderWay = (): number => openCalls;

/**
 * The SDK strings its open calls together in a chain of promises, a link or two per resource, to know when all are done. A count
 * says the same, and at any moment.
 */
function countCalls(sdk: Sdk, made: Store): void {
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
function quieten(load: (path: string) => Exports): void {
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
function shortenPaths(load: Sdk["load"]): void {
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
  const plainFirst: Serialize = async (label, props, ...rest) => {
    const result: Record<string, unknown> = {};
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
      } else {
        result[key] = value;
        dependencies.set(key, new Set());
      }
    }
    return [result, dependencies];
  };
  replace(rpc, "serializeResourceProperties", plainFirst);
}

/**
 * Two things that the SDK does with messages for every resource. It builds and reads property structs one setter at a time (19 µs
 * for nine small values; the array form takes 1), and for its debug log it turns answers into text, in vain.
 */
function speedUpMessages(require: NodeJS.Require): void {
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
  Struct.fromJavaScript = (properties: object) => new Struct([entries(properties)]);
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
