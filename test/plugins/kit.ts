/**
 * What a plugin written in TypeScript needs: the protocol's server, its port on stdout, the engine's log. Runs under Node as it is (types are
 * stripped), and shares no code with orch, so that both sides of the protocol are not wrong in the same way.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: properties are free-form JSON, read here as a plugin's author would.
import { createRequire } from "node:module";
import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";

const require = createRequire(import.meta.url);
const sdk = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const grpc = require("@grpc/grpc-js") as typeof import("@grpc/grpc-js");
const structs = sdk(
  "google-protobuf/google/protobuf/struct_pb.js",
) as typeof import("google-protobuf/google/protobuf/struct_pb.js");
const empties = sdk(
  "google-protobuf/google/protobuf/empty_pb.js",
) as typeof import("google-protobuf/google/protobuf/empty_pb.js");
const anys = sdk(
  "google-protobuf/google/protobuf/any_pb.js",
) as typeof import("google-protobuf/google/protobuf/any_pb.js");
const statuses = sdk("./proto/status_pb.js") as typeof import("@pulumi/pulumi/proto/status_pb.js");
const engineGrpc = sdk(
  "./proto/engine_grpc_pb.js",
) as typeof import("@pulumi/pulumi/proto/engine_grpc_pb.js");
const enginePb = sdk("./proto/engine_pb.js") as typeof import("@pulumi/pulumi/proto/engine_pb.js");
const providerGrpc = sdk(
  "./proto/provider_grpc_pb.js",
) as typeof import("@pulumi/pulumi/proto/provider_grpc_pb.js");
export const pluginPb = sdk("./proto/plugin_pb.js") as typeof import("@pulumi/pulumi/proto/plugin_pb.js");
export const pb = sdk("./proto/provider_pb.js") as typeof import("@pulumi/pulumi/proto/provider_pb.js");

export const Empty = empties.Empty;
type Struct = import("google-protobuf/google/protobuf/struct_pb.js").Struct;

/** Properties as the wire has them: plain JSON, special values by their signature keys. */
export type Props = Record<string, any>;
export const signature = "4dabf18193072939515e22adb298388d";
export const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
export const unknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const toStruct = (props: Props): Struct => structs.Struct.fromJavaScript(props);
export const fromStruct = (struct: Struct | undefined): Props => (struct?.toJavaScript() ?? {}) as Props;
export const isSecret = (value: unknown): value is { value: any } =>
  typeof value === "object" && value !== null && (value as Props)[signature] === secretSignature;
export const secret = (value: unknown): Props => ({ [signature]: secretSignature, value });
/** The value without its secret marks, at any depth. */
export function reveal(value: any): any {
  if (isSecret(value)) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reveal(item)]));
  return value;
}
export const hasUnknown = (value: unknown): boolean => JSON.stringify(value ?? null).includes(unknownText);

/** An error with a gRPC code, and messages packed into its status as Go plugins do. */
export class RpcError extends Error {
  readonly code: number;
  readonly details: readonly { type: string; bytes: Uint8Array }[];
  constructor(
    message: string,
    code: number = grpc.status.UNKNOWN,
    details: { type: string; bytes: Uint8Array }[] = [],
  ) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
export const codes = grpc.status;

function asServiceError(error: Error): Partial<import("@grpc/grpc-js").ServiceError> {
  if (!(error instanceof RpcError)) return { code: grpc.status.UNKNOWN, details: error.message };
  const metadata = new grpc.Metadata();
  if (error.details.length > 0) {
    const status = new statuses.Status();
    status.setCode(error.code);
    status.setMessage(error.message);
    for (const { type, bytes } of error.details) {
      const any = new anys.Any();
      any.pack(bytes, type);
      status.addDetails(any);
    }
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: error.code, details: error.message, metadata };
}

/** `ErrorResourceInitFailed`: the object exists, but is not in order. */
export function initFailed(id: string, properties: Props, reasons: string[], inputs?: Props): RpcError {
  const detail = new pb.ErrorResourceInitFailed();
  detail.setId(id);
  detail.setProperties(toStruct(properties));
  detail.setReasonsList(reasons);
  if (inputs) detail.setInputs(toStruct(inputs));
  return new RpcError(reasons.join("; "), grpc.status.UNKNOWN, [
    { type: "pulumirpc.ErrorResourceInitFailed", bytes: detail.serializeBinary() },
  ]);
}

export type Methods = Record<string, (request: any) => Promise<any> | any>;

export interface Host {
  log(
    level: "debug" | "info" | "warning" | "error",
    message: string,
    urn?: string,
    ephemeral?: boolean,
  ): Promise<void>;
}

/** Starts the server; prints the port unless `announce` does otherwise. Methods that are missing are unimplemented. */
export async function serve(
  methods: Methods,
  announce: (port: number) => void = (port) => console.log(String(port)),
): Promise<void> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": 400 << 20,
    "grpc.max_send_message_length": 400 << 20,
  });
  const implementation: Record<string, (call: ServerUnaryCall<any, any>, done: sendUnaryData<any>) => void> =
    {};
  for (const name of Object.keys(providerGrpc.ResourceProviderService)) {
    const method = methods[name];
    implementation[name] = (call, done) => {
      if (method === undefined)
        return done({ code: grpc.status.UNIMPLEMENTED, details: `${name} is not implemented` });
      Promise.resolve()
        .then(() => method(call.request))
        .then(
          (answer) => done(null, answer),
          (error: Error) => done(asServiceError(error)),
        );
    };
  }
  server.addService(providerGrpc.ResourceProviderService as any, implementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  announce(port);
}

/** The engine that started this plugin: its address is the last argument. */
export function connectHost(address = process.argv.at(-1) as string): Host {
  const client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure());
  const levels = { debug: 0, info: 1, warning: 2, error: 3 } as const;
  return {
    log: (level, message, urn = "", ephemeral = false) => {
      const request = new enginePb.LogRequest();
      request.setSeverity(levels[level]);
      request.setMessage(message);
      request.setUrn(urn);
      request.setEphemeral(ephemeral);
      return new Promise((resolve, reject) =>
        client.log(request, (error) => (error ? reject(error) : resolve())),
      );
    },
  };
}
