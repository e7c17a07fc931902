/**
 * `orch.lock.json`, beside the project file: which plugins a project runs, in which version, with which checksum per platform.
 * Made by `orch plugin lock`, checked whenever a plugin is started, meant to be committed.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import type { PackageDescriptor } from "@orch/core/model/resource";
import semver from "semver";
import { z } from "zod";
import { cachedSha256 } from "./checksum.js";
import { findPlugin, normalVersion, type PluginPlaces, pluginMissing, pluginPlaces } from "./locate.js";
import { platformName, thisPlatform } from "./platform.js";

export const lockFileName = "orch.lock.json";

const sum = z.string().regex(/^[0-9a-f]{64}$/, "is not a SHA-256 sum in lower-case hex");
const lockSchema = z.strictObject({
  format: z.literal(1),
  plugins: z.array(
    z.strictObject({
      name: z.string().min(1),
      version: z.string().refine((text) => semver.valid(text) !== null, "is not a version such as 1.2.3"),
      /** `linux-amd64` → SHA-256 of the executable. */
      sha256: z.record(z.string(), sum),
    }),
  ),
});

/** Plugins by name, then version; sums by platform. */
export type PluginLock = z.infer<typeof lockSchema>;
export type LockedPlugin = PluginLock["plugins"][number];

/** The lock of a project, or `undefined` when it has none. Rejects with `project-invalid`, naming the place in the file. */
export async function readLock(projectDir: string): Promise<PluginLock | undefined> {
  const file = join(projectDir, lockFileName);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const invalid = (message: string, path?: string) =>
    new OrchError({
      reason: "project-invalid",
      message: `${lockFileName} cannot be read: ${message}`,
      source: { file: lockFileName, line: 1, column: 1 },
      ...(path ? { path } : {}),
      next: ["Take the file from version control again, or make it anew: orch plugin lock"],
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid((error as Error).message);
  }
  const parsed = lockSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(issue?.message ?? "it has another shape", issue?.path.join("."));
}

/** Writes the lock whole, in an order that depends on its content alone. */
export async function writeLock(projectDir: string, lock: PluginLock): Promise<void> {
  const plugins = [...lock.plugins]
    .sort((a, b) => compare(a.name, b.name) || semver.compare(a.version, b.version))
    .map(({ name, version, sha256 }) => ({
      name,
      version,
      sha256: Object.fromEntries(Object.entries(sha256).sort(([a], [b]) => compare(a, b))),
    }));
  const file = join(projectDir, lockFileName);
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify({ format: 1, plugins }, null, 2)}\n`);
  await rename(temporary, file);
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export interface LockOptions {
  readonly projectDir: string;
  /** What the project uses; each must be installed. */
  readonly packages: readonly Pick<PackageDescriptor, "name" | "version" | "downloadUrl">[];
  readonly places?: PluginPlaces;
}

/**
 * Notes version and checksum of every package's plugin for this platform. Sums of other platforms for the same version are kept; plugins
 * that are not asked for are dropped. Rejects with `plugin-missing`; also for one on PATH when no version is asked for, as
 * there is nothing to note then.
 */
export async function lockPlugins(options: LockOptions): Promise<PluginLock> {
  const places = options.places ?? pluginPlaces();
  const before = await readLock(options.projectDir);
  const plugins: LockedPlugin[] = [];
  for (const descriptor of options.packages) {
    const plugin = findPlugin(descriptor, places);
    if (plugin === undefined) throw pluginMissing(descriptor, places);
    const version = descriptor.version ? normalVersion(descriptor.version) : plugin.version;
    if (version === undefined) {
      throw new OrchError({
        reason: "invalid-flag",
        message: `The plugin ${plugin.path} on PATH does not say its version, and the project asks for none.`,
        next: [`orch plugin lock ${descriptor.name}@<version>`],
      });
    }
    if (plugins.some((other) => other.name === descriptor.name && other.version === version)) continue;
    const sha256 = await cachedSha256(plugin.path, places.cache);
    const known = before?.plugins.find(
      (other) => other.name === descriptor.name && other.version === version,
    );
    plugins.push({
      name: descriptor.name,
      version,
      sha256: { ...known?.sha256, [platformName(thisPlatform())]: sha256 },
    });
  }
  const lock: PluginLock = { format: 1, plugins };
  await writeLock(options.projectDir, lock);
  return lock;
}

/** The version that the lock pins for a package that names none; undefined when it pins none or several. */
export function lockedVersion(lock: PluginLock | undefined, name: string): string | undefined {
  const versions = lock?.plugins.filter((plugin) => plugin.name === name) ?? [];
  return versions.length === 1 ? versions[0]?.version : undefined;
}

/**
 * Compares a plugin with the lock. A plugin or a platform that the lock does not hold passes: the lock is a pin, not a
 * list of what is allowed. Throws `plugin-checksum`.
 */
export function verifyLocked(
  lock: PluginLock | undefined,
  plugin: {
    readonly name: string;
    readonly version: string | undefined;
    readonly path: string;
    readonly sha256: string;
  },
): void {
  const platform = platformName(thisPlatform());
  const entries = lock?.plugins.filter(
    (entry) =>
      entry.name === plugin.name && (plugin.version === undefined || entry.version === plugin.version),
  );
  const pinned = entries?.map((entry) => entry.sha256[platform]).filter((text) => text !== undefined) ?? [];
  if (pinned.length === 0 || pinned.includes(plugin.sha256)) return;
  throw new OrchError({
    reason: "plugin-checksum",
    message: `The plugin ${plugin.name}${plugin.version ? ` ${plugin.version}` : ""} (${plugin.path}) is not the one that ${lockFileName} names.`,
    expected: `SHA-256 ${pinned.join(" or ")} (${platform})`,
    found: `SHA-256 ${plugin.sha256}`,
    next: [
      `If the file should not have changed, install it again: orch plugin install resource ${plugin.name} ${plugin.version ?? "<version>"} --reinstall`,
      "If the change is wanted, note the new sum: orch plugin lock",
    ],
  });
}
