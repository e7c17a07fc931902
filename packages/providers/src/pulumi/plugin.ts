/** A running plugin: process, channel, handshake. Nothing here knows of resources. */
import { type Client, credentials } from "@grpc/grpc-js";
import { OrchError } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import type { LoadContext } from "@orch/core/provider/contract";
import { channelOptions } from "@orch/core/wire/grpc";
import { EmptyMessage } from "@orch/core/wire/protobuf";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { isServiceError, isUnimplemented, unary } from "./call.js";
import { type EngineAddress, engineAddress } from "./engine-service.js";
import { crashed, type Death, type Subject, toOrchError } from "./errors.js";
import { type PluginProcess, startFailure, startProcess } from "./process.js";
import { pluginPb, providerPb, service } from "./proto.js";
import { Redactor } from "./redact.js";

/** What to run. `port`: it runs already (PULUMI_DEBUG_PROVIDERS), and is neither started nor ended by orch. */
export type PluginTarget =
  | {
      readonly command: string;
      /** Before the engine's address. */
      readonly args: readonly string[];
      readonly cwd: string;
      readonly env: NodeJS.ProcessEnv;
      /** Folder that the plugin is told it lives in. */
      readonly rootDir: string;
      /** What it prints is for people (the dynamic host runs their code), rather than for its makers. */
      readonly outputLevel: "info" | "debug";
    }
  | { readonly port: number };

/** What a plugin announced of itself when it was greeted. */
export interface Protocol {
  readonly secrets: boolean;
  readonly resourceRefs: boolean;
  readonly outputValues: boolean;
  readonly preview: boolean;
}

export interface Plugin extends Subject {
  readonly descriptor: PackageDescriptor;
  /** As it says itself. */
  readonly version?: string;
  readonly client: Client;
  /** Undefined: it knows no handshake, and says the same when it is configured. */
  readonly protocol?: Protocol;
  readonly close: () => Promise<void>;
}

/** Milliseconds. The plugins of the large clouds need some seconds on a cold disk. */
function startTimeout(): number {
  const seconds = Number(process.env.ORCH_PLUGIN_START_TIMEOUT);
  return seconds > 0 ? seconds * 1000 : 60_000;
}
/** Milliseconds between the interrupt and the kill of a plugin that is no longer needed. */
const stopGrace = 5000;

/** Starts a plugin, greets it, and gives it the parameters of the package that it is to be. Rejects with `plugin-start`. */
export async function startPlugin(
  descriptor: PackageDescriptor,
  target: PluginTarget,
  context: LoadContext,
): Promise<Plugin> {
  const name = descriptor.parameterization?.name ?? descriptor.name;
  const redactor = new Redactor();
  const engine = await engineAddress(context, redactor);
  let running: PluginProcess | undefined;
  let client: Client | undefined;
  // Ended by orch itself is no crash.
  let closing = false;
  const close = once(async () => {
    closing = true;
    client?.close();
    await running?.stop(stopGrace);
    engine.release();
  });
  try {
    const timeout = startTimeout();
    if (!("port" in target)) {
      running = await startProcess({
        name,
        command: target.command,
        args: [...target.args, engine.address],
        cwd: target.cwd,
        env: target.env,
        startTimeout: timeout,
        redactor,
        onLine: (message) => context.log({ level: target.outputLevel, message }),
      });
    }
    const where = "port" in target ? `port ${target.port}` : target.command;
    const port = "port" in target ? target.port : (running as PluginProcess).port;
    client = new providerGrpc.ResourceProviderClient(
      `127.0.0.1:${port}`,
      credentials.createInsecure(),
      channelOptions,
    ) as unknown as Client;
    const subject = {
      name,
      redactor,
      died: () => died(running),
      gone: () => (closing ? undefined : gone(running)),
    };
    await ready(client, running, subject, where, timeout);
    const protocol = await handshake(client, target, engine, subject);
    if ("port" in target) await attach(client, engine, subject);
    const version = await pluginVersion(client, subject);
    if (descriptor.parameterization) await parameterize(client, descriptor.parameterization, subject);
    return {
      ...subject,
      descriptor,
      client,
      close,
      ...(version === "" ? {} : { version }),
      ...(protocol === undefined ? {} : { protocol }),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Waits a moment, as the channel breaks before the process has ended. */
async function died(running: PluginProcess | undefined): Promise<Death | undefined> {
  if (running === undefined) return undefined;
  await Promise.race([running.exit, new Promise((resolve) => setTimeout(resolve, 1500).unref())]);
  return gone(running);
}

function gone(running: PluginProcess | undefined): Death | undefined {
  const how = running?.ended();
  return running === undefined || how === undefined ? undefined : { how, lastWords: running.lastWords() };
}

async function ready(
  client: Client,
  running: PluginProcess | undefined,
  subject: Subject,
  where: string,
  timeout: number,
): Promise<void> {
  const connected = new Promise<"ready" | "timeout">((resolve) => {
    client.waitForReady(Date.now() + timeout, (error) => resolve(error ? "timeout" : "ready"));
  });
  const ended = running?.exit.then(() => "ended" as const) ?? new Promise<never>(() => {});
  const state = await Promise.race([connected, ended]);
  if (state === "ready") return;
  const words = running?.lastWords() ?? "";
  throw startFailure(subject.name, where, {
    message:
      state === "ended"
        ? `ended (${running?.ended()}) before it answered.`
        : `does not answer on ${running === undefined ? "that port" : `the port it named (${running.port})`} within ${timeout / 1000} s.`,
    ...(words === "" ? {} : { detail: words }),
    ...(running === undefined ? { next: ["Look at PULUMI_DEBUG_PROVIDERS, or unset it."] } : {}),
  });
}

async function handshake(
  client: Client,
  target: PluginTarget,
  engine: EngineAddress,
  subject: Subject,
): Promise<Protocol | undefined> {
  const request = new providerPb.ProviderHandshakeRequest();
  request.setEngineAddress(engine.address);
  if ("rootDir" in target) {
    request.setRootDirectory(target.rootDir);
    request.setProgramDirectory(target.rootDir);
  }
  request.setConfigureWithUrn(true);
  const response = await optional(unary(client, service.handshake, request), subject, "greet it");
  if (response === undefined) return undefined;
  return {
    secrets: response.getAcceptSecrets(),
    resourceRefs: response.getAcceptResources(),
    outputValues: response.getAcceptOutputs(),
    // Every plugin that knows the handshake knows previews.
    preview: true,
  };
}

async function attach(client: Client, engine: EngineAddress, subject: Subject): Promise<void> {
  const request = new pluginPb.PluginAttach();
  request.setAddress(engine.address);
  await optional(unary(client, service.attach, request), subject, "attach to it");
}

async function pluginVersion(client: Client, subject: Subject): Promise<string> {
  const info = await optional(
    unary(client, service.getPluginInfo, new EmptyMessage()),
    subject,
    "ask its version",
  );
  return (info?.getVersion() ?? "").replace(/^v/, "");
}

async function parameterize(
  client: Client,
  parameters: { readonly name: string; readonly version: string; readonly value: string },
  subject: Subject,
): Promise<void> {
  const value = new providerPb.ParameterizeRequest.ParametersValue();
  value.setName(parameters.name);
  value.setVersion(parameters.version);
  value.setValue(Buffer.from(parameters.value, "base64"));
  const request = new providerPb.ParameterizeRequest();
  request.setValue(value);
  try {
    await unary(client, service.parameterize, request);
  } catch (error) {
    throw await toOrchError(error, subject, {
      what: `become ${parameters.name} ${parameters.version}`,
      verb: "other",
    });
  }
}

/**
 * Makes a plugin a package by command-line arguments, as `pulumi package add` does (the Terraform bridge: the path or the registry address of a
 * provider). Resolves to the name and version that it then serves.
 */
export async function parameterizeByArgs(
  plugin: Plugin,
  args: readonly string[],
): Promise<{ name: string; version: string }> {
  const list = new providerPb.ParameterizeRequest.ParametersArgs();
  list.setArgsList([...args]);
  const request = new providerPb.ParameterizeRequest();
  request.setArgs(list);
  try {
    const response = await unary(plugin.client, service.parameterize, request);
    return { name: response.getName(), version: response.getVersion() };
  } catch (error) {
    throw await toOrchError(error, plugin, { what: `take the parameters ${args.join(" ")}`, verb: "other" });
  }
}

/** Undefined when the plugin does not implement the request. Anything else that fails means that it did not start. */
async function optional<T>(answer: Promise<T>, subject: Subject, what: string): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    if (!isServiceError(error)) throw error;
    const gone = await subject.died();
    if (gone !== undefined) throw new OrchError(crashed(subject.name, gone, what), { cause: error });
    throw startFailure(subject.name, "gRPC", {
      message: `could not be greeted: ${subject.redactor.redact(error.details)}`,
    });
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
