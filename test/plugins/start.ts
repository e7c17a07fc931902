/** Starts a stand-in plugin of cloud/ for one test, with the ways to look at it and to make it misbehave. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import type { PropertyMap } from "@orch/core/model/value";
import type { LoadContext } from "@orch/core/provider/contract";
import { loadPlugin, type PluginProvider } from "@orch/providers/pulumi/index";
import { onTestFinished } from "vitest";
import { type CloudPackage, placePlugin } from "./place.js";

export interface StartOptions {
  readonly name?: CloudPackage;
  /** For the plugin: CLOUD_MODE and the like. */
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: PropertyMap;
  readonly descriptor?: Partial<PackageDescriptor>;
  /** False: the test configures it itself. */
  readonly configure?: boolean;
}
type LogEntry = Parameters<LoadContext["log"]>[0];

export interface Started {
  readonly provider: PluginProvider;
  readonly folder: string;
  readonly logs: LogEntry[];
  /** What the plugin was asked, in order (CLOUD_LOG). */
  readonly requests: () => { verb: string; urn: string; [key: string]: unknown }[];
  readonly urn: (type: string, name?: string) => string;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "orch-plugins-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Sets variables until the test ends. */
export function setEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(env)) {
    const before = process.env[name];
    onTestFinished(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

export async function startCloud(options: StartOptions = {}): Promise<Started> {
  const name = options.name ?? "scripted";
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  placePlugin(bin, name, "1.2.3");
  const log = join(folder, "requests.jsonl");
  setEnvironment({
    CLOUD_STORE: join(folder, "store.json"),
    CLOUD_LOG: log,
    CLOUD_MODE: undefined,
    ...options.env,
  });
  const logs: LogEntry[] = [];
  const context: LoadContext = {
    projectDir: folder,
    project: "proj",
    stack: "test",
    log: (entry) => logs.push(entry),
  };
  const places = { path: [bin], cache: join(folder, "none"), pulumi: join(folder, "none") };
  const provider = await loadPlugin({ name, version: "1.2.3", ...options.descriptor }, context, { places });
  onTestFinished(() => provider.close());
  if (options.configure !== false) await configure(provider, options.config ?? {});
  return {
    provider,
    folder,
    logs,
    requests: () =>
      existsSync(log)
        ? readFileSync(log, "utf8")
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line))
        : [],
    urn: (type, it = "it") => `urn:pulumi:test::proj::${type}::${it}`,
  };
}

export const configure = (provider: PluginProvider, inputs: PropertyMap) =>
  provider.configure({
    urn: `urn:pulumi:test::proj::pulumi:providers:${provider.package.name}::default`,
    id: "provider-id",
    name: "default",
    inputs,
  });

/** The failure that the promise rejects with. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof OrchError) return error.failure;
  throw error;
}

/** Does the process live? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A killed process that nobody has waited for yet is still listed; it does nothing any more.
    return !/^State:\s+Z/m.test(
      existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "",
    );
  } catch {
    return false;
  }
}
