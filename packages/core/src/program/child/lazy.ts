/** Modules of the SDK that are loaded only when they are used. */

/**
 * Loaded when first touched. Closure serialisation, which a plan seldom uses, loads TypeScript and npm's arborist; the
 * automation API loads most of the rest; gRPC is not used at all here, but for its table of status codes. The SDK takes 680 ms
 * of CPU and 135 MB with them, 130 ms and 67 MB without.
 */
const grpc = "@grpc/grpc-js";
export const lazyModules = new Set([
  "typescript",
  "../../typescript-shim",
  "@npmcli/arborist",
  "read-package-tree",
  "normalize-package-data",
  "./automation",
  "@opentelemetry/api",
  grpc,
]);

/** Stands in for one of {@link lazyModules} until `load` is needed. */
export const standIn = (name: string, load: () => object): object =>
  lazy(load, name === grpc ? clientClasses : () => ({}));

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
