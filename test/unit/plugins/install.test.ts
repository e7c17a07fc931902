/** Finding, installing and locking plugins. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  cachedSha256,
  findPlugin,
  installPlugin,
  listPlugins,
  loadPlugin,
  lockPlugins,
  pluginLoader,
  pluginMissing,
  pluginPlaces,
  readLock,
  thisPlatform,
  writeLock,
} from "@orch/providers/pulumi/index";
import { fillTemplate, vendorUrls, withoutCredentials } from "@orch/providers/pulumi/sources";
import { describe, expect, onTestFinished, test } from "vitest";
import { placeInCache, placePlugin } from "../../plugins/place.js";
import { failureOf, setEnvironment, temporaryFolder } from "../../plugins/start.js";

const { os, arch } = thisPlatform();
const archive = `pulumi-resource-scripted-v1.2.3-${os}-${arch}.tar.gz`;
const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

function places() {
  const folder = temporaryFolder();
  return {
    folder,
    places: { path: [] as string[], cache: join(folder, "orch"), pulumi: join(folder, "pulumi") },
  };
}
/** An archive as a vendor publishes it. */
function makeArchive(folder: string): string {
  placePlugin(join(folder, "content"), "scripted", "1.2.3");
  // Some archives are made on machines that know no executable bit.
  chmodSync(join(folder, "content", "pulumi-resource-scripted"), 0o644);
  writeFileSync(join(folder, "content", "README.md"), "read me");
  const file = join(folder, archive);
  execFileSync("tar", ["-czf", file, "-C", join(folder, "content"), "."]);
  return file;
}
/** Serves the files of a folder over HTTP; answers what `answer` says instead, if anything. */
async function mirror(folder: string, answer?: (url: string) => number | undefined) {
  const seen: { url: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    seen.push({ url: request.url as string, authorization: request.headers.authorization });
    const status = answer?.(request.url as string);
    const file = join(folder, (request.url as string).split("/").pop() as string);
    if (status !== undefined || !existsSync(file)) return response.writeHead(status ?? 404).end();
    const content = readFileSync(file);
    response.writeHead(200, { "content-length": content.length }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describe("finding", () => {
  test("PATH first, then orch's cache, then Pulumi's; the exact version, else the newest", () => {
    const { folder, places: p } = places();
    placeInCache(p.cache, "scripted", "1.9.0");
    placeInCache(p.cache, "scripted", "1.10.0");
    placeInCache(p.pulumi, "scripted", "2.0.0-alpha.1");
    const old = placeInCache(p.pulumi, "scripted", "1.2.3");
    expect(findPlugin({ name: "scripted" }, p)).toMatchObject({ version: "1.10.0", from: "orch" });
    expect(findPlugin({ name: "scripted", version: "v1.2.3" }, p)).toEqual({
      name: "scripted",
      version: "1.2.3",
      path: old,
      from: "pulumi",
    });
    expect(findPlugin({ name: "scripted", version: "1.2.4" }, p)).toBeUndefined();
    const bin = join(folder, "bin");
    placePlugin(bin, "scripted");
    expect(findPlugin({ name: "scripted", version: "1.2.4" }, { ...p, path: [bin] })).toMatchObject({
      from: "path",
    });
    expect(listPlugins({ ...p, path: [bin] }).map((plugin) => `${plugin.from} ${plugin.version}`)).toEqual([
      "path undefined",
      "pulumi 2.0.0-alpha.1",
      "orch 1.10.0",
      "orch 1.9.0",
      "pulumi 1.2.3",
    ]);
  });

  test("not what is half-installed, or may not be run", () => {
    const { places: p } = places();
    placeInCache(p.pulumi, "scripted", "1.0.0");
    writeFileSync(join(p.pulumi, "resource-scripted-v1.0.0.partial"), "");
    chmodSync(placeInCache(p.cache, "scripted", "1.1.0"), 0o644);
    mkdirSync(join(p.cache, ".installing-1-abc"));
    expect(listPlugins(p)).toEqual([]);
  });

  test("a package with dashes and a name that holds a version", () => {
    const { places: p } = places();
    placeInCache(p.cache, "azure-native", "3.28.0");
    expect(findPlugin({ name: "azure-native", version: "3.28.0" }, p)).toMatchObject({
      name: "azure-native",
    });
  });

  test("places come from the environment", () => {
    expect(pluginPlaces({ PATH: "/a:/b", ORCH_HOME: "/o", PULUMI_HOME: "/p" })).toEqual({
      path: ["/a", "/b"],
      cache: "/o/plugins",
      pulumi: "/p/plugins",
    });
    expect(pluginPlaces({ PATH: "/a", PULUMI_IGNORE_AMBIENT_PLUGINS: "1" }).path).toEqual([]);
  });

  test.each([
    ["aws", "7.48.0"],
    ["azure-native", "3.28.0"],
    ["kubernetes", "4.34.2"],
  ])("%s is missing: which version, where it was looked for, how to get it", async (name, version) => {
    const { folder, places: p } = places();
    if (name === "aws") placeInCache(p.cache, "aws", "6.0.0");
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const failure = await failureOf(
      pluginLoader({ places: { ...p, path: ["/usr/bin"] } }).load({ name, version }, context),
    );
    expect(failure).toMatchObject({
      reason: "plugin-missing",
      message: `The plugin for the package ${name} ${version} is not installed on this machine.`,
      expected: `pulumi-resource-${name} in version ${version}`,
      found: name === "aws" ? "only version 6.0.0" : "none",
    });
    expect(failure.detail).toContain("/usr/bin");
    expect(failure.detail).toContain(join(p.cache, `resource-${name}-v${version}`));
    expect(failure.detail).toContain(join(p.pulumi, `resource-${name}-v${version}`));
    expect(failure.next?.[0]).toBe(`orch plugin install resource ${name} ${version}`);
    expect(failure.next?.[1]).toContain("--mirror");
    expect(failure.next?.[2]).toContain("--file");
    expect(failure.next?.[2]).toContain(`pulumi-resource-${name}-v${version}-${os}-${arch}.tar.gz`);
  });

  test("a plugin that is source code", () => {
    const { places: p } = places();
    mkdirSync(join(p.pulumi, "resource-x-v1.0.0"), { recursive: true });
    writeFileSync(join(p.pulumi, "resource-x-v1.0.0", "PulumiPlugin.yaml"), "runtime: python\n");
    expect(pluginMissing({ name: "x", version: "1.0.0" }, p).failure.found).toContain(
      "orch runs executables only",
    );
  });

  test("a package with a server of its own", () => {
    const { failure } = pluginMissing({
      name: "x",
      version: "1.0.0",
      downloadUrl: "https://example.com/plugins",
    });
    expect(failure.next?.[0]).toBe(
      "orch plugin install resource x 1.0.0 --server https://example.com/plugins",
    );
  });
});

describe("sources", () => {
  const values = { name: "aws", version: "7.0.0", platform: { os: "linux", arch: "arm64" } };
  test("templates, and folders of archives", () => {
    expect(fillTemplate("https://m.example/{name}/{version}/{os}_{arch}.tar.gz", values)).toBe(
      "https://m.example/aws/7.0.0/linux_arm64.tar.gz",
    );
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Pulumi's own form of the same.
    expect(fillTemplate("https://m.example/${VERSION}/", values)).toBe(
      "https://m.example/7.0.0/pulumi-resource-aws-v7.0.0-linux-arm64.tar.gz",
    );
    expect(fillTemplate("/srv/mirror", values)).toBe(
      "/srv/mirror/pulumi-resource-aws-v7.0.0-linux-arm64.tar.gz",
    );
  });
  test("vendors", () => {
    expect(vendorUrls({ name: "aws" }, "7.0.0", values.platform)).toEqual([
      "https://github.com/pulumi/pulumi-aws/releases/download/v7.0.0/pulumi-resource-aws-v7.0.0-linux-arm64.tar.gz",
      "https://get.pulumi.com/releases/plugins/pulumi-resource-aws-v7.0.0-linux-arm64.tar.gz",
    ]);
    expect(
      vendorUrls(
        { name: "x", downloadUrl: "github://api.github.com/acme/pulumi-y" },
        "1.0.0",
        values.platform,
      ),
    ).toEqual([
      "https://github.com/acme/pulumi-y/releases/download/v1.0.0/pulumi-resource-x-v1.0.0-linux-arm64.tar.gz",
    ]);
    expect(() => vendorUrls({ name: "x", downloadUrl: "gitlab://example.com/1" }, "1.0.0")).toThrow(
      "cannot download from gitlab://",
    );
  });
  test("credentials are not shown", () => {
    expect(withoutCredentials("https://me:pw@m.example/x?sig=abc&b=1")).toBe("https://m.example/x?sig=…&b=1");
  });
});

describe("installing", () => {
  test("from an archive: found, executable, and it runs", async () => {
    const { folder, places: p } = places();
    const file = makeArchive(folder);
    const result = await installPlugin({ name: "scripted", version: "v1.2.3", file, places: p });
    expect(result).toMatchObject({
      plugin: { name: "scripted", version: "1.2.3", from: "orch" },
      source: file,
    });
    expect(result.sha256).toBe(sha256(result.plugin.path));
    expect(statSync(result.plugin.path).mode & 0o111).toBe(0o111);
    expect(readdirSync(p.cache)).toEqual(["resource-scripted-v1.2.3"]);
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const provider = await loadPlugin({ name: "scripted", version: "1.2.3" }, context, { places: p });
    expect(provider.origin).toEqual({ source: "plugin", sha256: result.sha256, path: result.plugin.path });
    await provider.close();
    const again = await installPlugin({
      name: "scripted",
      version: "1.2.3",
      file: "/no/such/file",
      places: p,
    });
    expect(again).toMatchObject({ plugin: result.plugin, sha256: result.sha256 });
    expect(again.source).toBeUndefined();
  });

  test("from a folder, and from the executable alone", async () => {
    const { folder, places: p } = places();
    const path = placePlugin(join(folder, "bin"), "scripted");
    await installPlugin({ name: "scripted", version: "1.0.0", file: join(folder, "bin"), places: p });
    await installPlugin({ name: "scripted", version: "1.1.0", file: path, places: p });
    expect(listPlugins(p).map((plugin) => plugin.version)).toEqual(["1.1.0", "1.0.0"]);
  });

  test("from a mirror over HTTP, with a login that is not shown", async () => {
    const { folder, places: p } = places();
    makeArchive(folder);
    const { url, seen } = await mirror(folder);
    const withLogin = url.replace("http://", "http://me:s3cret@");
    const progress: number[] = [];
    const result = await installPlugin({
      name: "scripted",
      version: "1.2.3",
      mirrors: [`${withLogin}/{name}/{version}/pulumi-resource-{name}-v{version}-{os}-{arch}.tar.gz`],
      places: p,
      onProgress: ({ received }) => progress.push(received),
    });
    expect(result.source).toBe(`${url}/scripted/1.2.3/${archive}`);
    expect(seen).toEqual([
      {
        url: `/scripted/1.2.3/${archive}`,
        authorization: `Basic ${Buffer.from("me:s3cret").toString("base64")}`,
      },
    ]);
    expect(progress.at(-1)).toBe(statSync(join(folder, archive)).size);
  });

  test("through the proxy that the environment names", async ({ skip }) => {
    const http = await import("node:http");
    if (typeof (http as { setGlobalProxyFromEnv?: unknown }).setGlobalProxyFromEnv !== "function")
      return skip("this Node knows no proxies");
    const { folder, places: p } = places();
    makeArchive(folder);
    const behind = await mirror(folder);
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url as string);
      const inner = connect(Number(new URL(behind.url).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        inner.pipe(socket).pipe(inner);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    setEnvironment({ http_proxy: address, HTTP_PROXY: address, no_proxy: undefined, NO_PROXY: undefined });
    const mirrors = ["http://mirror.invalid/plugins"];
    await installPlugin({ name: "scripted", version: "1.2.3", mirrors, places: p });
    expect(asked).toEqual(["mirror.invalid:80"]);
    expect(behind.seen.map((it) => it.url)).toEqual([`/plugins/${archive}`]);
  });

  test("mirrors are asked in order; folders and archives may be missing or down", async () => {
    const { folder, places: p } = places();
    makeArchive(folder);
    const { url } = await mirror(folder);
    const result = await installPlugin({
      name: "scripted",
      version: "1.2.3",
      mirrors: [join(folder, "none"), "http://127.0.0.1:9/", `${url}`],
      places: p,
    });
    expect(result.source).toBe(`${url}/${archive}`);
  });

  test("found nowhere: every place and what it said", async () => {
    const { folder, places: p } = places();
    const { url } = await mirror(folder);
    const failure = await failureOf(
      installPlugin({ name: "scripted", version: "1.2.3", mirrors: [url, "http://127.0.0.1:9"], places: p }),
    );
    expect(failure).toMatchObject({
      reason: "plugin-install",
      message: expect.stringContaining("was not found at any of 2 places"),
    });
    expect(failure.causes?.map((cause) => cause.message)).toEqual([
      expect.stringContaining(`${url}/${archive} answered 404`),
      expect.stringContaining("cannot be reached"),
    ]);
    expect(failure.next?.join()).toContain("--file");
    expect(readdirSync(p.cache)).toEqual([]);
  });

  test("an archive that leads out of its folder is refused whole", async () => {
    const { folder, places: p } = places();
    mkdirSync(join(folder, "evil"));
    writeFileSync(join(folder, "evil", "file"), "x");
    const cases: [string, string[]][] = [
      ["up.tar.gz", ["--transform", "s,^file,../../outside,", "file"]],
      ["absolute.tar.gz", ["-P", "--transform", "s,^file,/tmp/orch-outside,", "file"]],
    ];
    for (const [name, args] of cases) {
      execFileSync("tar", ["-czf", join(folder, name), "-C", join(folder, "evil"), ...args]);
      const failure = await failureOf(
        installPlugin({ name: "scripted", version: "1.0.0", file: join(folder, name), places: p }),
      );
      expect(failure, name).toMatchObject({
        reason: "plugin-install",
        message: expect.stringContaining("leads out of the plugin's folder"),
      });
    }
    symlinkSync("/etc", join(folder, "evil", "link"));
    execFileSync("tar", ["-czf", join(folder, "link.tar.gz"), "-C", join(folder, "evil"), "link"]);
    const failure = await failureOf(
      installPlugin({ name: "scripted", version: "1.0.0", file: join(folder, "link.tar.gz"), places: p }),
    );
    expect(failure).toMatchObject({ reason: "plugin-install", found: "link → /etc" });
    expect(existsSync("/tmp/orch-outside")).toBe(false);
    expect(readdirSync(p.cache)).toEqual([]);
  });

  test("damaged, empty and wrong archives leave nothing behind", async () => {
    const { folder, places: p } = places();
    const whole = readFileSync(makeArchive(folder));
    writeFileSync(join(folder, "cut.tar.gz"), whole.subarray(0, whole.length - 40));
    writeFileSync(join(folder, "text.tar.gz"), "<html>not found</html>");
    writeFileSync(join(folder, "empty.tar.gz"), "");
    for (const name of ["cut.tar.gz", "text.tar.gz", "empty.tar.gz"]) {
      const failure = await failureOf(
        installPlugin({ name: "scripted", version: "1.0.0", file: join(folder, name), places: p }),
      );
      expect(failure, name).toMatchObject({
        reason: "plugin-install",
        message: expect.stringContaining("is damaged, or no archive"),
      });
    }
    const other = await failureOf(
      installPlugin({ name: "aws", version: "1.0.0", file: join(folder, archive), places: p }),
    );
    expect(other).toMatchObject({
      reason: "plugin-install",
      expected: "pulumi-resource-aws",
      found: expect.stringContaining("pulumi-resource-scripted"),
    });
    expect(readdirSync(p.cache)).toEqual([]);
  });

  test("an archive with another sum than asked for", async () => {
    const { folder, places: p } = places();
    const file = makeArchive(folder);
    const failure = await failureOf(
      installPlugin({ name: "scripted", version: "1.2.3", file, sha256: "00".repeat(32), places: p }),
    );
    expect(failure).toMatchObject({
      reason: "plugin-checksum",
      expected: `SHA-256 ${"00".repeat(32)}`,
      found: `SHA-256 ${sha256(file)}`,
    });
    await installPlugin({
      name: "scripted",
      version: "1.2.3",
      file,
      sha256: sha256(file).toUpperCase(),
      places: p,
    });
  });

  test("names and versions that are none", async () => {
    const { places: p } = places();
    expect((await failureOf(installPlugin({ name: "../x", version: "1.0.0", places: p }))).reason).toBe(
      "plugin-install",
    );
    expect((await failureOf(installPlugin({ name: "x", version: "latest", places: p }))).found).toBe(
      "latest",
    );
  });

  test("killed in the middle: nothing half, and the next install cleans up", async () => {
    const { folder, places: p } = places();
    makeArchive(folder);
    // A server that sends half and then nothing.
    const content = readFileSync(join(folder, archive));
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 100));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const dist = new URL("../../../packages/providers/dist/pulumi/install.js", import.meta.url).pathname;
    if (!existsSync(dist)) throw new Error("packages/providers is not built: npm run build");
    const script = `import(${JSON.stringify(dist)}).then(({ installPlugin }) => installPlugin(${JSON.stringify({ name: "scripted", version: "1.2.3", mirrors: [`http://127.0.0.1:${port}`], places: p })}))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: "inherit" });
    for (let i = 0; i < 200 && !(existsSync(p.cache) && readdirSync(p.cache).length > 0); i++)
      await delay(50);
    await delay(100);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(readdirSync(p.cache)).toHaveLength(1);
    expect(listPlugins(p)).toEqual([]);
    await installPlugin({ name: "scripted", version: "1.2.3", file: join(folder, archive), places: p });
    expect(readdirSync(p.cache)).toEqual(["resource-scripted-v1.2.3"]);
  });

  test("interrupted", async () => {
    const { folder, places: p } = places();
    makeArchive(folder);
    const { url } = await mirror(folder);
    const failure = await failureOf(
      installPlugin({
        name: "scripted",
        version: "1.2.3",
        mirrors: [url],
        places: p,
        signal: AbortSignal.abort(),
      }),
    );
    expect(failure.reason).toBe("interrupted");
    expect(readdirSync(p.cache)).toEqual([]);
  });
});

test("the sum of a large file is kept until the file changes", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "large");
  writeFileSync(file, Buffer.alloc(5 << 20, 1));
  const first = await cachedSha256(file, folder);
  expect(first).toBe(sha256(file));
  // What is kept is used: another text in its place comes back.
  const [memo] = readdirSync(join(folder, ".sums"));
  writeFileSync(join(folder, ".sums", memo as string), "33".repeat(32));
  expect(await cachedSha256(file, folder)).toBe("33".repeat(32));
  writeFileSync(file, Buffer.alloc(5 << 20, 2));
  expect(await cachedSha256(file, folder)).toBe(sha256(file));
  // Half a sum is none.
  for (const name of readdirSync(join(folder, ".sums"))) writeFileSync(join(folder, ".sums", name), "33");
  expect(await cachedSha256(file, folder)).toBe(sha256(file));
});

describe("the lock file", () => {
  test("notes versions and sums in a stable order, keeps other platforms", async () => {
    const { folder, places: p } = places();
    const b = placeInCache(p.cache, "scripted", "1.2.3");
    const a = placeInCache(p.cache, "aws", "7.48.0");
    await writeLock(folder, {
      format: 1,
      plugins: [
        { name: "scripted", version: "1.2.3", sha256: { "zos-s390x": "11".repeat(32) } },
        { name: "gone", version: "1.0.0", sha256: {} },
      ],
    });
    await lockPlugins({
      projectDir: folder,
      packages: [{ name: "scripted" }, { name: "aws", version: "7.48.0" }],
      places: p,
    });
    const text = readFileSync(join(folder, "orch.lock.json"), "utf8");
    expect(text).toBe(
      `${JSON.stringify(
        {
          format: 1,
          plugins: [
            { name: "aws", version: "7.48.0", sha256: { [`${os}-${arch}`]: sha256(a) } },
            {
              name: "scripted",
              version: "1.2.3",
              sha256: { [`${os}-${arch}`]: sha256(b), "zos-s390x": "11".repeat(32) },
            },
          ],
        },
        null,
        2,
      )}\n`,
    );
    expect(
      await failureOf(lockPlugins({ projectDir: folder, packages: [{ name: "none" }], places: p })),
    ).toMatchObject({ reason: "plugin-missing" });
  });

  test("pins the version of a package that names none", async () => {
    const { folder, places: p } = places();
    placeInCache(p.cache, "scripted", "1.0.0");
    placeInCache(p.cache, "scripted", "2.0.0");
    await lockPlugins({ projectDir: folder, packages: [{ name: "scripted", version: "1.0.0" }], places: p });
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const provider = await loadPlugin({ name: "scripted" }, context, { places: p });
    expect(provider.package.version).toBe("1.0.0");
    await provider.close();
  });

  test("a plugin that is another one than locked does not start", async () => {
    const { folder, places: p } = places();
    const path = placeInCache(p.cache, "scripted", "1.2.3");
    await lockPlugins({ projectDir: folder, packages: [{ name: "scripted", version: "1.2.3" }], places: p });
    const locked = sha256(path);
    writeFileSync(path, `${readFileSync(path, "utf8")}# changed\n`);
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const failure = await failureOf(
      loadPlugin({ name: "scripted", version: "1.2.3" }, context, { places: p }),
    );
    expect(failure).toMatchObject({
      reason: "plugin-checksum",
      message: `The plugin scripted 1.2.3 (${path}) is not the one that orch.lock.json names.`,
      expected: `SHA-256 ${locked} (${os}-${arch})`,
      found: `SHA-256 ${sha256(path)}`,
    });
    expect(failure.next).toEqual([
      "If the file should not have changed, install it again: orch plugin install resource scripted 1.2.3 --reinstall",
      "If the change is wanted, note the new sum: orch plugin lock",
    ]);
    const archiveFailure = await failureOf(
      installPlugin({
        name: "scripted",
        version: "1.2.3",
        file: path,
        reinstall: true,
        projectDir: folder,
        places: p,
      }),
    );
    expect(archiveFailure.reason).toBe("plugin-checksum");
  });

  test("one on PATH is used with a warning, and checked all the same", async () => {
    const { folder, places: p } = places();
    const path = placePlugin(join(folder, "bin"), "scripted", "9.9.9");
    const logs: string[] = [];
    const context = {
      projectDir: folder,
      project: "p",
      stack: "s",
      log: (entry: { message: string }) => void logs.push(entry.message),
    };
    const onPath = { ...p, path: [join(folder, "bin")] };
    const provider = await loadPlugin({ name: "scripted", version: "1.2.3" }, context, { places: onPath });
    await provider.close();
    expect(logs).toContain(`using ${path} from PATH, whatever its version (1.2.3 is wanted)`);
    await writeLock(folder, {
      format: 1,
      plugins: [{ name: "scripted", version: "1.2.3", sha256: { [`${os}-${arch}`]: "22".repeat(32) } }],
    });
    expect(
      (await failureOf(loadPlugin({ name: "scripted", version: "1.2.3" }, context, { places: onPath })))
        .reason,
    ).toBe("plugin-checksum");
  });

  test("a lock file that is broken says where", async () => {
    const { folder } = places();
    expect(await readLock(folder)).toBeUndefined();
    writeFileSync(join(folder, "orch.lock.json"), "{");
    expect((await failureOf(readLock(folder))).reason).toBe("project-invalid");
    writeFileSync(
      join(folder, "orch.lock.json"),
      JSON.stringify({ format: 1, plugins: [{ name: "x", version: "1.0.0", sha256: { a: "short" } }] }),
    );
    expect(await failureOf(readLock(folder))).toMatchObject({
      reason: "project-invalid",
      path: "plugins.0.sha256.a",
    });
  });
});

test("the dynamic host needs the program's own SDK", async () => {
  const { dynamicLoader } = await import("@orch/providers/pulumi/index");
  const folder = temporaryFolder();
  setEnvironment({ NODE_PATH: undefined });
  const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
  expect(await dynamicLoader().load({ name: "aws" }, context)).toBeUndefined();
  expect(await pluginLoader().load({ name: "pulumi-nodejs" }, context)).toBeUndefined();
  expect(await failureOf(dynamicLoader().load({ name: "pulumi-nodejs" }, context))).toMatchObject({
    reason: "plugin-missing",
    expected: "@pulumi/pulumi/cmd/dynamic-provider",
    next: [`npm install @pulumi/pulumi (in ${folder})`],
  });
});
