/**
 * Puts a plugin into orch's own cache: from an archive, a folder or an executable on this machine, from a mirror, or from its vendor. Everything is made
 * in a folder beside its place and moved there at the end, so that an install that is killed leaves nothing that looks whole.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import http from "node:http";
import { basename, join, resolve } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";
import semver from "semver";
import { cachedSha256, fileSha256 } from "./checksum.js";
import {
  executable,
  type InstalledPlugin,
  normalVersion,
  type PluginPlaces,
  pluginPlaces,
} from "./locate.js";
import { readLock, verifyLocked } from "./lock.js";
import { executableNames, pluginFolder, thisPlatform } from "./platform.js";
import { fillTemplate, vendorUrls, withoutCredentials } from "./sources.js";
import { unpack } from "./unpack.js";

export interface InstallOptions {
  /** Of the package: `aws`. */
  readonly name: string;
  readonly version: string;
  /** A `.tar.gz`, a folder or the executable itself, on this machine. */
  readonly file?: string;
  /**
   * URLs or folders, asked in order instead of the vendor; `{name}`, `{version}`, `{os}` and `{arch}` are filled in. One that names no
   * archive is a folder of archives under the vendor's names. From `--mirror`, or the project's `pluginMirrors`.
   */
  readonly mirrors?: readonly string[];
  /** The package's `pluginDownloadURL`, asked instead of Pulumi's own servers. */
  readonly downloadUrl?: string;
  /** SHA-256 that the archive must have, in hex. */
  readonly sha256?: string;
  /** Also when it is there already. */
  readonly reinstall?: boolean;
  /** Folder of the project: what it locks is checked before anything is put in place. */
  readonly projectDir?: string;
  readonly places?: PluginPlaces;
  readonly signal?: AbortSignal;
  /** Bytes; `total` is missing where the server does not say. */
  readonly onProgress?: (progress: { readonly received: number; readonly total?: number }) => void;
}

export interface InstallResult {
  readonly plugin: InstalledPlugin & { readonly version: string };
  /** Of the executable. */
  readonly sha256: string;
  /** Where it came from, without credentials; absent when it was there already. */
  readonly source?: string;
}

/** Rejects with `plugin-install` (each place that was tried and what it said), `plugin-checksum` or `interrupted`. */
export async function installPlugin(options: InstallOptions): Promise<InstallResult> {
  const places = options.places ?? pluginPlaces();
  const version = normalVersion(options.version);
  checkNames(options.name, options.version);
  const target = join(places.cache, pluginFolder(options.name, version));
  const present = executable(target, options.name);
  if (present !== undefined && !options.reinstall) {
    const plugin = { name: options.name, version, path: present, from: "orch" as const };
    return { plugin, sha256: await cachedSha256(present, places.cache) };
  }

  await mkdir(places.cache, { recursive: true });
  await removeLeftovers(places.cache);
  const work = join(places.cache, `.installing-${process.pid}-${randomBytes(6).toString("hex")}`);
  await mkdir(work);
  try {
    const content = join(work, "content");
    await mkdir(content);
    const source = await provide(options, version, work, content);
    const binary = await makeRunnable(options.name, content, source);
    const sha256 = await fileSha256(binary);
    if (options.projectDir !== undefined) {
      const lock = await readLock(options.projectDir);
      verifyLocked(lock, { name: options.name, version, path: source, sha256 });
    }
    await moveInto(content, target, work);
    const plugin = {
      name: options.name,
      version,
      path: join(target, basename(binary)),
      from: "orch" as const,
    };
    return { plugin, sha256, source };
  } catch (error) {
    if (options.signal?.aborted) {
      throw new OrchError({
        reason: "interrupted",
        message: `Installing ${options.name} ${version} was interrupted; nothing was put in place.`,
      });
    }
    throw error;
  } finally {
    // Retried, as an unpacking that failed may still be writing its last file.
    await rm(work, { recursive: true, force: true, maxRetries: 10 });
  }
}

function checkNames(name: string, version: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new OrchError({
      reason: "plugin-install",
      message: `${JSON.stringify(name)} is not a package's name.`,
      expected: "letters, digits, - _ .",
      found: name,
    });
  }
  if (semver.valid(normalVersion(version)) === null) {
    throw new OrchError({
      reason: "plugin-install",
      message: `${JSON.stringify(version)} is not a version.`,
      expected: "a full version such as 7.48.0",
      found: version,
      next: ["The version that a program wants stands in node_modules/@pulumi/<package>/package.json."],
    });
  }
}

/** Fills `content` from the first source that has the plugin. Resolves to that source, as it may be shown. */
async function provide(
  options: InstallOptions,
  version: string,
  work: string,
  content: string,
): Promise<string> {
  const { name } = options;
  if (options.file !== undefined) {
    const path = resolve(options.file);
    await fromFile(path, options, content);
    return path;
  }
  const platform = thisPlatform();
  const sources =
    options.mirrors !== undefined && options.mirrors.length > 0
      ? options.mirrors.map((mirror) => fillTemplate(mirror, { name, version, platform }))
      : vendorUrls(options, version, platform);
  const tried: Failure[] = [];
  for (const source of sources) {
    const shown = withoutCredentials(source);
    try {
      if (/^https?:\/\//.test(source)) {
        const archive = join(work, "archive.tar.gz");
        await download(source, archive, options);
        await fromFile(archive, options, content, shown);
      } else {
        await fromFile(
          source.startsWith("file:") ? fileURLToPath(source) : resolve(source),
          options,
          content,
        );
      }
      return shown;
    } catch (error) {
      const failure = toFailure(error);
      // Only "it is not here" leads on to the next source. What is there and wrong must be seen.
      if (failure.reason !== "plugin-install" || failure.found !== notThere) throw error;
      tried.push(failure);
    }
  }
  const [only, second] = tried;
  if (only !== undefined && second === undefined)
    throw new OrchError({ ...only, next: hints(name, version) });
  throw new OrchError({
    reason: "plugin-install",
    message: `The plugin ${name} ${version} for ${platform.os}-${platform.arch} was not found at any of ${sources.length} places.`,
    causes: tried,
    next: hints(name, version),
  });
}

const notThere = "nothing there";
const hints = (name: string, version: string): string[] => [
  "Look whether this version exists, for this kind of machine.",
  `From a mirror: orch plugin install resource ${name} ${version} --mirror "<URL with {name} {version} {os} {arch}>"`,
  `Without network: orch plugin install resource ${name} ${version} --file <archive or folder>`,
];

async function fromFile(path: string, options: InstallOptions, content: string, shown = path): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new OrchError({
      reason: "plugin-install",
      message: error.code === "ENOENT" ? `There is no ${path}.` : `${path} cannot be read: ${error.message}`,
      expected: "an archive (.tar.gz), a folder, or the executable",
      ...(error.code === "ENOENT" ? { found: notThere } : {}),
    });
  });
  if (info.isDirectory()) {
    // Links are followed: the copy must stand on its own.
    await cp(path, content, { recursive: true, dereference: true });
    return;
  }
  if (options.sha256 !== undefined) {
    const found = await fileSha256(path);
    if (found !== options.sha256.toLowerCase()) {
      throw new OrchError({
        reason: "plugin-checksum",
        message: `${shown} is not the archive that was asked for.`,
        expected: `SHA-256 ${options.sha256.toLowerCase()}`,
        found: `SHA-256 ${found}`,
        next: ["Fetch it again from a place that you trust; nothing was put in place."],
      });
    }
  }
  if (executableNames(options.name).includes(basename(path)))
    await copyFile(path, join(content, basename(path)));
  else await unpack(path, content, shown);
}

async function download(url: string, to: string, options: InstallOptions): Promise<void> {
  const shown = withoutCredentials(url);
  const address = new URL(url);
  const headers: Record<string, string> = { accept: "application/octet-stream" };
  if (address.username !== "" || address.password !== "") {
    const login = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
    headers.authorization = `Basic ${Buffer.from(login).toString("base64")}`;
    address.username = "";
    address.password = "";
  }
  let response: Response;
  // HTTPS_PROXY, HTTP_PROXY and NO_PROXY count, where Node is new enough to know them (24.14, 25.4); never for this machine itself.
  const here = /^(localhost|127\..*|\[::1\])$/.test(address.hostname);
  const proxies = http as { setGlobalProxyFromEnv?: () => () => void };
  const restore = here ? undefined : proxies.setGlobalProxyFromEnv?.();
  try {
    response = await fetch(address, { headers, ...(options.signal ? { signal: options.signal } : {}) });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw new OrchError(
      {
        reason: "plugin-install",
        message: `${shown} cannot be reached: ${cause?.message || cause?.code || (error as Error).message}`,
        // Another mirror may be up.
        found: notThere,
      },
      { cause: error },
    );
  } finally {
    restore?.();
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new OrchError({
      reason: "plugin-install",
      message: `${shown} answered ${response.status} ${response.statusText}.`,
      ...([404, 410, 403].includes(response.status) || response.status >= 500 ? { found: notThere } : {}),
    });
  }
  const total = Number(response.headers.get("content-length")) || undefined;
  let received = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      options.onProgress?.({ received, ...(total === undefined ? {} : { total }) });
      done(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(response.body as never), count, createWriteStream(to));
  } catch (error) {
    if (options.signal?.aborted || (error as NodeJS.ErrnoException).code === "ENOSPC") throw error;
    throw new OrchError(
      {
        reason: "plugin-install",
        message: `The download of ${shown} broke off after ${received}${total === undefined ? "" : ` of ${total}`} bytes.`,
        next: ["Run the same command again; nothing was put in place."],
      },
      { cause: error },
    );
  }
}

/** The executable within the new content, made executable. */
async function makeRunnable(name: string, content: string, source: string): Promise<string> {
  for (const file of executableNames(name)) {
    const path = join(content, file);
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile()) continue;
    await chmod(path, 0o755);
    return path;
  }
  const files = await readdir(content);
  throw new OrchError({
    reason: "plugin-install",
    message: `${source} does not hold the plugin of ${name}.`,
    expected: executableNames(name).join(" or "),
    found: files.length === 0 ? "nothing" : files.slice(0, 8).join(", ") + (files.length > 8 ? ", …" : ""),
    next: ["Look whether the name of the package is right, and whether the archive is a resource plugin."],
  });
}

async function moveInto(content: string, target: string, work: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(content, target);
      return;
    } catch (error) {
      // There is one already: a broken one, one to be replaced, or one that another orch has just put there.
      if (attempt > 0 || !["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? ""))
        throw error;
      await rename(target, join(work, "replaced"));
    }
  }
}

/** Working folders of installs whose process is gone. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    const pid = Number(/^\.installing-(\d+)-/.exec(entry)?.[1]);
    if (Number.isInteger(pid) && pid !== process.pid && !isAlive(pid)) {
      await rm(join(cache, entry), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
