/** Every call of a provider as a span. */
import type { Attributes } from "@opentelemetry/api";
import { toFailure } from "../model/failure.js";
import { failSpan, inSpan, startSpan } from "../trace/span.js";
import type { ListedObject, ListRequest, Provider } from "./contract.js";

const verbs = [
  ...["checkConfig", "diffConfig", "configure", "check", "diff", "create", "read", "update", "delete"],
  ...["invoke", "construct", "call", "readMany", "find"],
] as const;
const isVerb = (name: string | symbol): boolean => (verbs as readonly (string | symbol)[]).includes(name);

/** The same provider; its calls are spans with what they are about, never with what is sent. */
export function traced(provider: Provider): Provider {
  const { name, version } = provider.package;
  const { source } = provider.origin;
  const common: Attributes = {
    "orch.provider.package": name,
    "orch.provider.source": source,
    ...(version === undefined ? {} : { "orch.provider.version": version }),
  };
  const attributesOf = (verb: string, request: unknown): Attributes => ({
    ...common,
    "orch.provider.verb": verb,
    ...(source === "plugin"
      ? { "rpc.system.name": "grpc", "rpc.method": `pulumirpc.ResourceProvider/${rpcMethod(verb)}` }
      : {}),
    ...about(request),
  });
  const calls = new Map<string | symbol, unknown>();
  const wrapped = (key: string | symbol, call: unknown): unknown => {
    if (typeof call !== "function") return call;
    const bare = call.bind(provider) as (request: unknown) => unknown;
    if (isVerb(key))
      return (request: unknown) =>
        inSpan(
          `provider ${String(key)}`,
          attributesOf(String(key), request),
          async () => (await bare(request)) as unknown,
          {
            client: true,
          },
        );
    if (key === "list")
      return (request: ListRequest) =>
        listed(bare(request) as AsyncIterable<ListedObject>, attributesOf("list", request));
    return bare;
  };
  return new Proxy(provider, {
    get(target, key) {
      const now: unknown = Reflect.get(target, key, target);
      if (typeof now !== "function") return now;
      if (!calls.has(key)) calls.set(key, wrapped(key, now));
      return calls.get(key);
    },
  });
}

/** A span from the first page to the last. */
async function* listed(
  objects: AsyncIterable<ListedObject>,
  attributes: Attributes,
): AsyncIterable<ListedObject> {
  const span = startSpan("provider list", attributes, { client: true });
  let count = 0;
  try {
    for await (const object of objects) {
      count++;
      yield object;
    }
  } catch (error) {
    failSpan(span, toFailure(error));
    throw error;
  } finally {
    span.setAttribute("orch.resource.count", count);
    span.end();
  }
}

interface About {
  readonly urn?: string;
  readonly type?: string;
  readonly token?: string;
  readonly preview?: boolean;
  readonly reads?: readonly unknown[];
}

function about(request: unknown): Attributes {
  const { urn, type, token, preview, reads } = (request ?? {}) as About;
  return {
    ...(urn === undefined ? {} : { "orch.resource.urn": urn }),
    ...(type === undefined ? {} : { "orch.resource.type": type }),
    // A creation's token is its own; that of an invoke is the function's name.
    ...(token === undefined || urn !== undefined ? {} : { "orch.function": token }),
    ...(preview === undefined ? {} : { "orch.preview": preview }),
    ...(reads === undefined ? {} : { "orch.resource.count": reads.length }),
  };
}

/** Source: pulumi/pulumi proto/pulumi/provider.proto. */
const rpcMethod = (verb: string): string => verb.charAt(0).toUpperCase() + verb.slice(1);
