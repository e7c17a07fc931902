/**
 * Where plugins are: on PATH, in orch's own cache, in Pulumi's cache.
 * Source: pulumi/pulumi `sdk/go/common/workspace/plugins.go` (getPluginInfoAndPath, SelectCompatiblePlugin).
 */
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import { didYouMean } from "@orch/core/state/closest";
import semver from "semver";
import { executableNames, pluginFolder } from "./platform.js";
import { vendorUrls } from "./sources.js";

/** The folders that are looked through. All of them have defaults from the environment. */
export interface PluginPlaces {
  /** PATH's folders; empty with PULUMI_IGNORE_AMBIENT_PLUGINS. */
  readonly path: readonly string[];
  /** `$ORCH_HOME/plugins`, where `orch plugin install` puts them. */
  readonly cache: string;
  /** `$PULUMI_HOME/plugins`. */
  readonly pulumi: string;
}

/** ORCH_HOME (default `~/.orch`), PULUMI_HOME (default `~/.pulumi`), PATH. */
export function pluginPlaces(env: NodeJS.ProcessEnv = process.env): PluginPlaces {
  return {
    path: env.PULUMI_IGNORE_AMBIENT_PLUGINS
      ? []
      : (env.PATH ?? "").split(delimiter).filter((folder) => folder !== ""),
    cache: join(env.ORCH_HOME || join(homedir(), ".orch"), "plugins"),
    pulumi: join(env.PULUMI_HOME || join(homedir(), ".pulumi"), "plugins"),
  };
}

export interface InstalledPlugin {
  readonly name: string;
  /** Absent for one on PATH, which does not say. */
  readonly version?: string;
  /** Absolute path of the executable. */
  readonly path: string;
  readonly from: "path" | "orch" | "pulumi";
}

/**
 * Every resource plugin on this machine: by name, the newest first; one on PATH before all others of its name, as it is the one that is used.
 */
export function listPlugins(places: PluginPlaces = pluginPlaces()): InstalledPlugin[] {
  const found: InstalledPlugin[] = [];
  const onPath = new Set<string>();
  for (const folder of places.path) {
    for (const file of entries(folder)) {
      const name = /^pulumi-resource-(.+?)(\.exe|\.cmd)?$/.exec(file)?.[1];
      // The first in PATH hides the others.
      if (name === undefined || onPath.has(name)) continue;
      const path = executable(folder, name);
      if (path === undefined) continue;
      onPath.add(name);
      found.push({ name, path, from: "path" });
    }
  }
  found.push(...cached(places.cache, "orch"), ...cached(places.pulumi, "pulumi"));
  return found.sort(
    (a, b) =>
      a.name.localeCompare(b.name, "en") ||
      order(a) - order(b) ||
      semver.rcompare(a.version ?? "0.0.0", b.version ?? "0.0.0"),
  );
}
const order = (plugin: InstalledPlugin): number => (plugin.from === "path" ? 0 : 1);

function cached(folder: string, from: "orch" | "pulumi"): InstalledPlugin[] {
  const found: InstalledPlugin[] = [];
  const all = entries(folder);
  for (const entry of all) {
    const match = /^resource-(.+)-v(\d.*)$/.exec(entry);
    // Pulumi marks an installation that has not ended by a file beside the folder.
    if (match === null || all.includes(`${entry}.partial`)) continue;
    const [, name, text] = match as unknown as [string, string, string];
    const version = semver.parse(text, { loose: true })?.version ?? semver.coerce(text)?.version;
    const path = executable(join(folder, entry), name);
    if (version !== undefined && path !== undefined) found.push({ name, version, path, from });
  }
  return found;
}

/** The executable of the plugin in the folder, when it is there and may be run. */
export function executable(folder: string, name: string): string | undefined {
  for (const file of executableNames(name)) {
    const path = join(folder, file);
    try {
      if (!statSync(path).isFile()) continue;
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there, or not for us: the next place may have it.
    }
  }
  return undefined;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // PATH and caches may name folders that do not exist, or that are not ours to read.
    return [];
  }
}

/** The plugin that serves the package, or `undefined`. With a version: that one and no other, save that PATH goes first. */
export function findPlugin(
  descriptor: Pick<PackageDescriptor, "name" | "version">,
  places: PluginPlaces = pluginPlaces(),
): InstalledPlugin | undefined {
  const { name } = descriptor;
  for (const folder of places.path) {
    const path = executable(folder, name);
    if (path !== undefined) return { name, path, from: "path" };
  }
  const candidates = [...cached(places.cache, "orch"), ...cached(places.pulumi, "pulumi")].filter(
    (plugin) => plugin.name === name,
  );
  if (descriptor.version) {
    const wanted = normalVersion(descriptor.version);
    // Build metadata does not order versions, but Pulumi's pre-releases differ in nothing else.
    const exact = candidates.find((plugin) => plugin.version === wanted);
    return (
      exact ??
      candidates.find(
        (plugin) => semver.valid(wanted) !== null && semver.eq(plugin.version as string, wanted),
      )
    );
  }
  const newest = (list: InstalledPlugin[]) =>
    list.sort((a, b) => semver.rcompare(a.version as string, b.version as string))[0];
  return (
    newest(candidates.filter((plugin) => semver.prerelease(plugin.version as string) === null)) ??
    newest(candidates)
  );
}

/** Some plugins are published as programs for a language host rather than as executables. */
const isSource = (folder: string): boolean => entries(folder).includes("PulumiPlugin.yaml");

export const normalVersion = (version: string): string =>
  semver.clean(version, { loose: true }) ?? version.replace(/^v/, "");

/** The `plugin-missing` failure: what was wanted, every place that was looked at, and how to get it. */
export function pluginMissing(
  descriptor: PackageDescriptor,
  places: PluginPlaces = pluginPlaces(),
  /** Packages that need no plugin. */
  others: readonly string[] = [],
): OrchError {
  const { name } = descriptor;
  const version = descriptor.version === undefined ? undefined : normalVersion(descriptor.version);
  const installed = [...cached(places.cache, "orch"), ...cached(places.pulumi, "pulumi")];
  const versions = installed
    .filter((plugin) => plugin.name === name)
    .map((plugin) => plugin.version as string);
  const known = [...new Set(versions)].sort(semver.rcompare);
  const folder = pluginFolder(name, version ?? "<version>");
  const looked = [
    places.path.length > 0
      ? `PATH (pulumi-resource-${name} in ${places.path.join(", ")})`
      : "PATH: not looked at (PULUMI_IGNORE_AMBIENT_PLUGINS)",
    join(places.cache, folder),
    join(places.pulumi, folder),
  ];
  const install = `orch plugin install resource ${name} ${version ?? "<version>"}`;
  const failure: Failure = {
    reason: "plugin-missing",
    message: `The plugin for the package ${name}${version ? ` ${version}` : ""} is not installed on this machine.`,
    expected: `pulumi-resource-${name}${version ? ` in version ${version}` : " in any version"}`,
    found:
      isSource(join(places.cache, folder)) || isSource(join(places.pulumi, folder))
        ? "a plugin that is source code (PulumiPlugin.yaml); orch runs executables only"
        : known.length > 0
          ? `only version${known.length > 1 ? "s" : ""} ${known.join(", ")}`
          : "none",
    detail: `Looked in:\n${looked.map((place) => `  ${place}`).join("\n")}`,
    next: [
      // One that is installed in another version is spelt right.
      ...(known.length > 0 ? [] : didYouMean(name, [...installed.map((plugin) => plugin.name), ...others])),
      `${install}${descriptor.downloadUrl ? ` --server ${descriptor.downloadUrl}` : ""}`,
      `From a mirror of your own: ${install} --mirror "https://mirror.example/{name}/v{version}/pulumi-resource-{name}-v{version}-{os}-{arch}.tar.gz"`,
      `Without network: fetch ${vendorUrls(descriptor, version ?? "<version>").join(" or ")} elsewhere, copy it here, then: ${install} --file <archive or folder>`,
    ],
  };
  return new OrchError(failure);
}
