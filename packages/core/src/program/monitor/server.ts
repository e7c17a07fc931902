/**
 * The monitor as a gRPC server (`pulumirpc.ResourceMonitor`), for plugins that make components: what they make is registered like
 * what the program makes. Started when the first one is asked for.
 */
import type { Client, Server, ServerUnaryCall, ServiceDefinition, sendUnaryData } from "@grpc/grpc-js";
import { type Failure, toFailure } from "../../model/failure.js";
import { channelOptions, listenOnLoopback, rawMethod } from "../../wire/grpc.js";
import { callbackMessages, monitorService, status } from "../services.js";
import { type CallBack, type Monitor, RpcError, unimplemented } from "./monitor.js";

export class MonitorServer {
  #started: Promise<{ readonly server: Server; readonly address: string }> | undefined;
  /** Token of a plugin's callback → the plugin's server for them. */
  readonly #targets = new Map<string, string>();
  readonly #clients = new Map<string, Client>();

  /** `refused` hears of what a plugin asked for in vain: the plugin tells it on in words of its own. */
  constructor(
    readonly monitor: () => Monitor,
    readonly refused: (failure: Failure) => void,
  ) {}

  /** `host:port`, on loopback. */
  async address(): Promise<string> {
    this.#started ??= this.#start();
    return (await this.#started).address;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    const started = await this.#started?.catch(() => undefined);
    started?.server.forceShutdown();
  }

  /** Undefined for tokens that are not a plugin's. */
  callBack(token: string, request: Uint8Array): ReturnType<CallBack> | undefined {
    const target = this.#targets.get(token);
    return target === undefined ? undefined : this.#call(target, token, request);
  }

  async #call(target: string, token: string, request: Uint8Array): Promise<Uint8Array> {
    const grpc = await import("@grpc/grpc-js");
    let client = this.#clients.get(target);
    if (client === undefined) {
      client = new grpc.Client(target, grpc.credentials.createInsecure(), channelOptions);
      this.#clients.set(target, client);
    }
    const { CallbackInvokeRequest, CallbackInvokeResponse } = callbackMessages();
    const message = new CallbackInvokeRequest();
    message.setToken(token);
    message.setRequest(request);
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        "/pulumirpc.Callbacks/Invoke",
        (sent: typeof message) => Buffer.from(sent.serializeBinary()),
        (bytes: Buffer) => CallbackInvokeResponse.deserializeBinary(bytes).getResponse_asU8(),
        message,
        (error, response) => (error ? reject(error) : resolve(response as Uint8Array)),
      );
    });
  }

  async #start(): Promise<{ server: Server; address: string }> {
    const { Server, ServerCredentials } = await import("@grpc/grpc-js");
    const server = new Server(channelOptions);
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, (call: Call, answer: sendUnaryData<Buffer>) => void> = {};
    for (const [name, { path }] of Object.entries(monitorService())) {
      definition[name] = rawMethod(path);
      handlers[name] = ({ request }, answer) => {
        this.#handle(name, request).then(
          (response) => answer(null, response),
          (error) => answer(this.#refusal(error)),
        );
      };
    }
    server.addService(definition, handlers);
    return { server, address: await listenOnLoopback(server, ServerCredentials.createInsecure()) };
  }

  async #handle(name: string, request: Buffer): Promise<Buffer> {
    const method = this.monitor().methods[name];
    if (method === undefined) throw unimplemented(name);
    const decoded = method.decode(request);
    this.#learnTargets(decoded as WithCallbacks);
    return Buffer.from((await method.handle(decoded as never)).serializeBinary());
  }

  #learnTargets(request: WithCallbacks): void {
    for (const callback of [...(request.getTransformsList?.() ?? []), request])
      if (callback.getToken && callback.getTarget)
        this.#targets.set(callback.getToken(), callback.getTarget());
  }

  #refusal(error: unknown): { code: number; details: string } {
    if (error instanceof RpcError) return { code: error.code, details: error.message };
    const failure = toFailure(error);
    this.refused(failure);
    return {
      code: failure.reason === "interrupted" ? status.cancelled : status.unknown,
      details: failure.message,
    };
  }
}

type Call = ServerUnaryCall<Buffer, Buffer>;
interface Callback {
  getToken?(): string;
  getTarget?(): string;
}
interface WithCallbacks extends Callback {
  getTransformsList?(): readonly Callback[];
}
