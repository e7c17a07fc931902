/**
 * Finds, loads and tunes the `@pulumi/pulumi` that the program itself uses. Any version from 3.100 on; every patch is applied
 * only where the version has what it patches.
 */
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { serveCallbacks } from "./callbacks.js";
import type { Exports } from "./exports.js";
import { lazyModules, standIn } from "./lazy.js";
import { traceOutputs } from "./origins.js";
import { type Pipe, pipeClient, type ServiceTable } from "./pipe.js";
import { countCalls, placePositions, quieten, shortenPaths, speedUpMessages } from "./tuning.js";

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
      return standIn(request, () => original.apply(this, args) as object);
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
    traceOutputs(load);
  }
  placePositions(load("resource.js"));
  return { version, load };
}

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
