/**
 * The protocol's message classes and service tables, from `@pulumi/pulumi/proto/*`; orch carries no `.proto` files.
 * Values come from the default imports (they are CommonJS modules), types from the namespaces.
 */
import type * as ErrorsTypes from "@pulumi/pulumi/proto/errors_pb.js";
import errorsPb from "@pulumi/pulumi/proto/errors_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import type * as ProviderTypes from "@pulumi/pulumi/proto/provider_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";

export type { ErrorsTypes, ProviderTypes };
export { errorsPb, pluginPb, providerPb, statusPb };
export const service = providerGrpc.ResourceProviderService;
