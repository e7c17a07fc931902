/**
 * The engine's side of the plugin protocol: where plugins send their log and status lines. One server serves all plugins that
 * log to the same place; it is started for the first and stopped with the last. Each plugin gets a port of its own, by which
 * its messages are told from those of others: what is secret to one may be an everyday word to the next.
 */
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from "@grpc/grpc-js";
import type { LogLevel } from "@orch/core/model/event";
import { rootStackType } from "@orch/core/model/urn";
import type { LoadContext } from "@orch/core/provider/contract";
import { channelOptions, listenOnLoopback, rawMethod } from "@orch/core/wire/grpc";
import { EmptyMessage } from "@orch/core/wire/protobuf";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type * as EngineTypes from "@pulumi/pulumi/proto/engine_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import type { Redactor } from "./redact.js";

type Log = LoadContext["log"];
const levels: readonly LogLevel[] = ["debug", "info", "warning", "error"];

interface Running {
  readonly server: Server;
  /** By address. */
  readonly redactors: Map<string, Redactor>;
  /** Plugins that have, or are about to get, an address. */
  users: number;
}
const running = new Map<Log, Running>();

export interface EngineAddress {
  readonly address: string;
  readonly release: () => void;
}

/** The address that a plugin gets as its argument. Its messages go to `context.log`, redacted. */
export async function engineAddress(
  context: Pick<LoadContext, "log" | "project" | "stack">,
  redactor: Redactor,
): Promise<EngineAddress> {
  const engine = running.get(context.log) ?? start(context);
  running.set(context.log, engine);
  engine.users++;
  const { server, redactors } = engine;
  let address: string | undefined;
  const release = () => {
    if (address !== undefined) {
      redactors.delete(address);
      server.unbind(address);
    }
    if (--engine.users > 0) return;
    if (running.get(context.log) === engine) running.delete(context.log);
    server.forceShutdown();
  };
  try {
    address = await listenOnLoopback(server, ServerCredentials.createInsecure());
  } catch (error) {
    release();
    throw error;
  }
  redactors.set(address, redactor);
  return { address, release };
}

type Handler<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  answer: sendUnaryData<Response>,
) => void;

function start(context: Pick<LoadContext, "log" | "project" | "stack">): Running {
  const redactors = new Map<string, Redactor>();
  const server = new Server(channelOptions);
  let root = `urn:pulumi:${context.stack}::${context.project}::${rootStackType}::${context.project}-${context.stack}`;
  const ok = (
    _call: ServerUnaryCall<unknown, unknown>,
    answer: (e: null, m: unknown, t?: Metadata) => void,
  ) => answer(null, new EmptyMessage());
  const log: Handler<EngineTypes.LogRequest, unknown> = (call, answer) => {
    const request = call.request;
    let message = request.getMessage();
    // The authority that the plugin connected to. One that cannot be placed is redacted for all.
    const own = redactors.get(call.getHost());
    for (const redactor of own ? [own] : redactors.values()) message = redactor.redact(message);
    const urn = request.getUrn();
    context.log({
      level: levels[request.getSeverity()] ?? "info",
      message,
      ...(urn === "" ? {} : { urn }),
      ...(request.getEphemeral() ? { ephemeral: true } : {}),
    });
    answer(null, new EmptyMessage());
  };
  server.addService(engineGrpc.EngineService as unknown as ServiceDefinition, {
    log,
    getRootResource: ((_call, answer) => {
      const response = new enginePb.GetRootResourceResponse();
      response.setUrn(root);
      answer(null, response);
    }) satisfies Handler<EngineTypes.GetRootResourceRequest, EngineTypes.GetRootResourceResponse>,
    setRootResource: ((call, answer) => {
      root = call.request.getUrn();
      answer(null, new enginePb.SetRootResourceResponse());
    }) satisfies Handler<EngineTypes.SetRootResourceRequest, EngineTypes.SetRootResourceResponse>,
    startDebugging: ok,
    requirePulumiVersion: ((_call, answer) =>
      answer(null, new enginePb.RequirePulumiVersionResponse())) satisfies Handler<
      EngineTypes.RequirePulumiVersionRequest,
      EngineTypes.RequirePulumiVersionResponse
    >,
  });
  // Go plugins look every few minutes whether the engine is alive, and end themselves when it is not.
  server.addService(health, {
    check: (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, Buffer.from([0x08, 0x01])),
  });
  return { server, redactors, users: 0 };
}

/** `grpc.health.v1.Health/Check`, whose only answer here is `SERVING` (field 1, value 1). */
const health: ServiceDefinition = { check: rawMethod("/grpc.health.v1.Health/Check") };
