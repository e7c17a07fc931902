import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { labBin } from "./requirements.js";
import bridge from "./tools/bridge.json" with { type: "json" };
import random from "./tools/random.json" with { type: "json" };
import tls from "./tools/tls.json" with { type: "json" };

const require = createRequire(import.meta.url);
/** The SDK's own copy of google-protobuf: messages of another copy are refused. */
const requireOfPulumi = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const START_TIMEOUT_MS = 30_000;

/** A Terraform provider that `install.mjs` builds. */
export type TerraformProviderName = "random" | "tls";

const plugin = bridge;
const terraformProviders = { random, tls };

/** The name and version under which the bridge plugin is installed and asked for. */
export const BRIDGE_NAME = "terraform-provider";
export const BRIDGE_VERSION = plugin.version;

/** The built `pulumi-resource-terraform-provider`. */
export function bridgePluginPath(): string {
  return join(labBin(), plugin.output);
}

/** The built provider binary. What the bridge is parameterised with; it must be absolute or begin with a dot. */
export function terraformProviderPath(name: TerraformProviderName): string {
  return join(labBin(), terraformProviders[name].output);
}

/**
 * Lays out a plugin cache as Pulumi does in `~/.pulumi/plugins`: a folder `resource-<name>-v<version>` with the
 * executable, and an empty `.lock` file beside it. (A plugin that is an executable has no PulumiPlugin.yaml; that
 * file tells a runtime for plugins made of source code.) Returns the folder of the plugin.
 */
export function makePluginCache(cache: string): string {
  const folder = join(cache, `resource-${BRIDGE_NAME}-v${BRIDGE_VERSION}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}.lock`, "");
  placeBinary(bridgePluginPath(), join(folder, plugin.output));
  return folder;
}

/** Puts a binary at another path without copying its megabytes, where the file system allows. */
export function placeBinary(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // On another file system, where there can be no link.
    copyFileSync(from, to);
  }
}

/** The SDK's generated messages of the provider protocol, and `Struct` for property maps. */
export function providerMessages() {
  const messages = require("@pulumi/pulumi/proto/provider_pb.js");
  const { Struct } = requireOfPulumi("google-protobuf/google/protobuf/struct_pb.js");
  const { Empty } = requireOfPulumi("google-protobuf/google/protobuf/empty_pb.js");
  return { ...messages, Struct, Empty };
}

/** A started bridge plugin and a client to talk to it. */
export interface RunningBridge {
  readonly port: number;
  /** `pulumirpc.ResourceProvider` (the message classes are in `@pulumi/pulumi/proto/provider_pb.js`). */
  // biome-ignore lint/suspicious/noExplicitAny: the messages come from generated JavaScript.
  call(method: string, request: unknown): Promise<any>;
  /** What the plugin logged through the engine. */
  messages(): readonly string[];
  stderr(): string;
  /** Ends the plugin and the Terraform provider that it started. */
  stop(): Promise<void>;
}

/**
 * Starts the plugin as an engine does: its argument is the address of the engine's log service (without it the plugin
 * crashes at its first log line), and its first line on standard output is the port that it serves on loopback.
 */
export async function startBridge(): Promise<RunningBridge> {
  const messages: string[] = [];
  const engine = await startEngine(messages);
  // A process group of its own: killing only the plugin would leave its Terraform provider running.
  const child = spawn(bridgePluginPath(), [`127.0.0.1:${engine.port}`], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stderr = "";
  child.stderr?.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const port = await firstLine(child, () => stderr).then(Number, (failure) => {
    engine.server.forceShutdown();
    throw failure;
  });
  const { ResourceProviderClient } = require("@pulumi/pulumi/proto/provider_grpc_pb.js");
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
  });
  return {
    port,
    call: (method, request) =>
      new Promise((resolve, reject) => {
        client[method](request, (failure: Error | null, response: unknown) =>
          failure ? reject(failure) : resolve(response),
        );
      }),
    messages: () => messages,
    stderr: () => stderr,
    stop: async () => {
      client.close();
      engine.server.forceShutdown();
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      process.kill(-child.pid, "SIGKILL");
      await ended;
    },
  };
}

/** The engine's side of the protocol as far as a plugin needs it to log. */
async function startEngine(messages: string[]): Promise<{ server: Server; port: number }> {
  const { EngineService } = require("@pulumi/pulumi/proto/engine_grpc_pb.js");
  const { Empty } = requireOfPulumi("google-protobuf/google/protobuf/empty_pb.js");
  const server = new Server();
  server.addService(EngineService, {
    log: (call: { request: { getMessage(): string } }, answer: (failure: null, empty: unknown) => void) => {
      messages.push(call.request.getMessage());
      answer(null, new Empty());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failure, bound) =>
      failure ? reject(failure) : resolve(bound),
    );
  });
  return { server, port };
}

function firstLine(child: ChildProcess, stderr: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`no port within ${START_TIMEOUT_MS} ms; stderr: ${stderr()}`));
    }, START_TIMEOUT_MS);
    child.stdout?.on("data", (data: Buffer) => {
      text += data.toString();
      if (!text.includes("\n")) return;
      clearTimeout(timer);
      resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the plugin ended with ${signal ?? code} before it gave a port; stderr: ${stderr()}`));
    });
  });
}
