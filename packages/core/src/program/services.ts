/** The messages of the SDK's services, loaded once a program runs: they take a tenth of a second. */
import { createRequire } from "node:module";
import type * as CallbackMessages from "@pulumi/pulumi/proto/callback_pb.js";
import type * as EngineMessages from "@pulumi/pulumi/proto/engine_pb.js";
import type * as ProviderMessages from "@pulumi/pulumi/proto/provider_pb.js";
import type * as ResourceMessages from "@pulumi/pulumi/proto/resource_pb.js";

const require = createRequire(import.meta.url);
const once = <T>(path: string): (() => T) => {
  let loaded: T | undefined;
  return () => {
    loaded ??= require(`@pulumi/pulumi/proto/${path}`) as T;
    return loaded;
  };
};

export const resourceMessages = once<typeof ResourceMessages>("resource_pb.js");
export const providerMessages = once<typeof ProviderMessages>("provider_pb.js");
export const engineMessages = once<typeof EngineMessages>("engine_pb.js");
export const callbackMessages = once<typeof CallbackMessages>("callback_pb.js");

interface MonitorServiceModule {
  readonly ResourceMonitorService: Readonly<Record<string, { readonly path: string }>>;
}
const monitorGrpc = once<MonitorServiceModule>("resource_grpc_pb.js");
/** Method name → gRPC path. */
export const monitorService = () => monitorGrpc().ResourceMonitorService;

export type { CallbackMessages, EngineMessages, ProviderMessages, ResourceMessages };

/** gRPC status codes that are used here. */
export const status = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  unimplemented: 12,
  unavailable: 14,
} as const;
