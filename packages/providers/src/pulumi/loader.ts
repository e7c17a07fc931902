/** Serves packages by Pulumi plugins: finds the executable, checks it against the lock, starts it. */
import { dirname } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import type { LoadContext, ProviderLoader } from "@orch/core/provider/contract";
import { cachedSha256 } from "./checksum.js";
import { dynamicPackage } from "./dynamic.js";
import { pluginEnvironment } from "./environment.js";
import {
  findPlugin,
  type InstalledPlugin,
  normalVersion,
  type PluginPlaces,
  pluginMissing,
  pluginPlaces,
} from "./locate.js";
import { lockedVersion, readLock, verifyLocked } from "./lock.js";
import type { PluginProvider } from "./provider.js";

export interface PluginLoaderOptions {
  /** Where to look; default from the environment. */
  readonly places?: PluginPlaces;
  /** Folder of `orch.lock.json`; default the project's. */
  readonly lockDir?: string;
  /** Folder that plugins run in, from which relative paths of assets count; default the project's. */
  readonly cwd?: string;
  /** Packages that others serve, for who misspells one. */
  readonly others?: readonly string[];
}

/**
 * Answers for every package but the dynamic one. Rejects with `plugin-missing`, `plugin-checksum` or `plugin-start`. gRPC and the
 * protocol's messages are loaded when the first plugin is.
 */
export function pluginLoader(options: PluginLoaderOptions = {}): ProviderLoader {
  return {
    name: "plugin",
    async load(descriptor, context) {
      if (descriptor.name === dynamicPackage) return undefined;
      return loadPlugin(descriptor, context, options);
    },
    async locate(descriptor, context) {
      if (descriptor.name === dynamicPackage) return undefined;
      if (attachPort(descriptor.name, process.env.PULUMI_DEBUG_PROVIDERS) !== undefined) return {};
      const { version, path, sha256 } = await locatePlugin(descriptor, context, options);
      return { path, sha256, ...(version === undefined ? {} : { version }) };
    },
  };
}

/** As the loader's `load`, with the plugin's own abilities (schemas, parameters by arguments). */
export async function loadPlugin(
  descriptor: PackageDescriptor,
  context: LoadContext,
  options: PluginLoaderOptions = {},
): Promise<PluginProvider> {
  const { startPlugin } = await import("./plugin.js");
  const { pluginProvider } = await import("./provider.js");
  const port = attachPort(descriptor.name, process.env.PULUMI_DEBUG_PROVIDERS);
  if (port !== undefined) {
    context.log({
      level: "warning",
      message: `using the running plugin of ${descriptor.name} on port ${port} (PULUMI_DEBUG_PROVIDERS)`,
    });
    const plugin = await startPlugin(descriptor, { port }, context);
    return pluginProvider(plugin, { source: "plugin" }, context);
  }

  const { wanted, path, sha256, from } = await locatePlugin(descriptor, context, options);
  if (from === "path") {
    context.log({
      level: "warning",
      message: `using ${path} from PATH${wanted.version ? `, whatever its version (${wanted.version} is wanted)` : ""}`,
    });
  }
  const plugin = await startPlugin(
    wanted,
    {
      command: path,
      args: [],
      cwd: options.cwd ?? context.projectDir,
      env: pluginEnvironment(context),
      rootDir: dirname(path),
      outputLevel: "debug",
    },
    context,
  );
  return pluginProvider(plugin, { source: "plugin", sha256, path }, context);
}

/** Rejects with `plugin-missing` and, when it is not the one of the lock, `plugin-checksum`. */
async function locatePlugin(
  descriptor: PackageDescriptor,
  context: LoadContext,
  options: PluginLoaderOptions,
): Promise<{
  readonly wanted: PackageDescriptor;
  readonly version: string | undefined;
  readonly path: string;
  readonly sha256: string;
  readonly from: InstalledPlugin["from"];
}> {
  const places = options.places ?? pluginPlaces();
  const lock = await readLock(options.lockDir ?? context.projectDir);
  const wantedVersion = descriptor.version ?? lockedVersion(lock, descriptor.name);
  const wanted: PackageDescriptor = {
    ...descriptor,
    ...(wantedVersion === undefined ? {} : { version: normalVersion(wantedVersion) }),
  };
  const found = findPlugin(wanted, places);
  if (found === undefined) throw pluginMissing(wanted, places, options.others);
  const { name, path, from } = found;
  const version = found.version ?? wanted.version;
  const sha256 = await cachedSha256(path, places.cache);
  verifyLocked(lock, { name, version, path, sha256 });
  return { wanted, version, path, sha256, from };
}

/** The port for the package in `aws:12345,gcp:678`. Throws `plugin-start` when it is no number. */
function attachPort(name: string, setting: string | undefined): number | undefined {
  for (const entry of (setting ?? "").split(",")) {
    const [key, value] = entry.split(":");
    if (key?.trim() !== name) continue;
    const port = Number(value);
    if (Number.isInteger(port) && port > 0 && port <= 65535) return port;
    throw new OrchError({
      reason: "plugin-start",
      message: `PULUMI_DEBUG_PROVIDERS has no port for ${name}.`,
      expected: `${name}:<port>`,
      found: entry,
    });
  }
  return undefined;
}
