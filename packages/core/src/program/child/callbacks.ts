/** Functions of the program that the engine calls: transforms. */
import { optional, replace } from "./exports.js";
import type { Pipe } from "./pipe.js";
import type { Sdk, Store } from "./sdk.js";

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
export function serveCallbacks(sdk: Sdk, made: Store, pipe: Pipe): void {
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
