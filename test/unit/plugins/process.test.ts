/** How plugins start, die and stop (conformance rows 19 and 27 of the provider side). */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Secret } from "@orch/core/model/value";
import { loadPlugin } from "@orch/providers/pulumi/index";
import { describe, expect, test } from "vitest";
import {
  configure,
  failureOf,
  isAlive,
  setEnvironment,
  startCloud,
  temporaryFolder,
} from "../../plugins/start.js";

const type = "scripted:index:Thing";
const create = {
  urn: `urn:pulumi:test::proj::${type}::it`,
  type,
  name: "it",
  preview: false,
  inputs: { label: "a" },
};

describe("starting", () => {
  test("a plugin that ends before it names its port", async () => {
    const failure = await failureOf(startCloud({ env: { CLOUD_MODE: "exit-before-port" } }));
    expect(failure).toMatchObject({
      reason: "plugin-start",
      message: expect.stringContaining("ended (exit code 3) before it said on which port"),
      detail: "fatal: cannot load the credentials file",
    });
  });

  test("a plugin whose first line is no port", async () => {
    const failure = await failureOf(startCloud({ env: { CLOUD_MODE: "wrong-port" } }));
    expect(failure).toMatchObject({
      reason: "plugin-start",
      expected: "a port number as the first line of its standard output",
      found: '"Welcome to the plugin!"',
    });
  });

  test("a plugin that never names its port", async () => {
    setEnvironment({ ORCH_PLUGIN_START_TIMEOUT: "1" });
    const failure = await failureOf(startCloud({ env: { CLOUD_MODE: "no-port" } }));
    expect(failure).toMatchObject({ reason: "plugin-start", message: expect.stringContaining("within 1 s") });
  });

  test("a plugin that names a port where nobody listens", async () => {
    setEnvironment({ ORCH_PLUGIN_START_TIMEOUT: "2" });
    const failure = await failureOf(startCloud({ env: { CLOUD_MODE: "silent-port" } }));
    expect(failure).toMatchObject({
      reason: "plugin-start",
      message: expect.stringContaining("does not answer on the port it named (1)"),
    });
  });

  test("a file that cannot be run", async () => {
    const { writeFileSync, mkdirSync } = await import("node:fs");
    const folder = temporaryFolder();
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin", "pulumi-resource-broken"), "#!/no/such/interpreter\n", { mode: 0o755 });
    const places = { path: [join(folder, "bin")], cache: folder, pulumi: folder };
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const failure = await failureOf(loadPlugin({ name: "broken" }, context, { places }));
    expect(failure).toMatchObject({
      reason: "plugin-start",
      message: expect.stringContaining("could not be started"),
    });
    expect(failure.next?.[0]).toContain("made for this machine");
  });

  test("handshake and GetPluginInfo may be unimplemented", async () => {
    const { provider } = await startCloud({ name: "kubernetes", env: { CLOUD_MODE: "no-info" } });
    expect(provider.package).toEqual({ name: "kubernetes", version: "1.2.3" });
  });

  test("the plugin's own version counts when none was asked for", async () => {
    const folder = temporaryFolder();
    const { placePlugin } = await import("../../plugins/place.js");
    placePlugin(join(folder, "bin"), "scripted", "4.5.6");
    const places = { path: [join(folder, "bin")], cache: folder, pulumi: folder };
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const provider = await loadPlugin({ name: "scripted" }, context, { places });
    expect(provider.package.version).toBe("4.5.6");
    await provider.close();
  });

  test("attaches to a plugin that runs already (PULUMI_DEBUG_PROVIDERS), and leaves it running", async () => {
    const main = new URL("../../plugins/cloud/main.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, ["--no-warnings", main, "scripted", "127.0.0.1:1"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data) => resolve(String(data).trim())),
    );
    setEnvironment({ PULUMI_DEBUG_PROVIDERS: `other:1,scripted:${port}` });
    const folder = temporaryFolder();
    const context = { projectDir: folder, project: "p", stack: "s", log: () => {} };
    const provider = await loadPlugin({ name: "scripted" }, context);
    const checked = await provider.check({
      ...create,
      newInputs: { label: "x" },
      randomSeed: new Uint8Array(32),
    });
    expect(checked.inputs).toEqual({ label: "x" });
    await provider.close();
    expect(isAlive(child.pid as number)).toBe(true);
    child.kill();
  });

  test("a parameterised plugin serves the package that it became, by value", async () => {
    const value = Buffer.from("random 3.7").toString("base64");
    const { provider } = await startCloud({
      descriptor: { parameterization: { name: "random", version: "3.7.0", value } },
    });
    expect(JSON.parse((await provider.getSchema?.()) ?? "")).toMatchObject({
      name: "random",
      parameter: "random 3.7",
    });
  });

  test("a plugin that refuses its parameters", async () => {
    const value = Buffer.from("bad").toString("base64");
    const failure = await failureOf(
      startCloud({ descriptor: { parameterization: { name: "worse", version: "1.0.0", value } } }),
    );
    expect(failure).toMatchObject({
      reason: "provider-error",
      message: "The provider worse could not become worse 1.0.0: cannot become bad",
    });
  });
});

describe("dying", () => {
  test("a crash tells the last words, the resource and what to do, and no secret", async () => {
    const { provider } = await startCloud({
      env: { CLOUD_MODE: "crash-on-create" },
      config: { password: new Secret("hunter2!") },
    });
    const failure = await failureOf(provider.create(create));
    expect(failure).toMatchObject({
      reason: "provider-crashed",
      urn: create.urn,
      message: `The provider scripted crashed (exit code 2): could not create "it" (${type}).`,
    });
    expect(failure.detail).toContain("panic: runtime error: invalid memory address");
    expect(failure.detail).toContain('password was "[secret]"');
    expect(JSON.stringify(failure)).not.toContain("hunter2!");
    // What is asked after that certainly did not happen, which is another thing than not knowing.
    expect(await failureOf(provider.create({ ...create, urn: `${create.urn}-2` }))).toMatchObject({
      reason: "provider-error",
      urn: `${create.urn}-2`,
      message: `The provider scripted has crashed before (exit code 2); it was not asked to create "it" (${type}).`,
    });
  });

  test("killed from outside", async () => {
    const { provider, folder } = await startCloud({
      env: { CLOUD_MODE: "hang-on-create,child", CLOUD_CHILD: join(temporaryFolder(), "pid") },
    });
    const waiting = failureOf(provider.create(create));
    await delay(300);
    const child = Number(readFileSync(process.env.CLOUD_CHILD as string, "utf8"));
    const pid = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${child}/status`, "utf8"))?.[1]);
    process.kill(pid, "SIGKILL");
    expect(await waiting).toMatchObject({
      reason: "provider-crashed",
      message: expect.stringContaining("signal SIGKILL"),
    });
    expect(folder).not.toBe("");
    await delay(200);
    expect(isAlive(child), "what the plugin had started ends with it").toBe(false);
  });

  test("a request that takes longer than its time limit", async () => {
    const { unary } = await import("@orch/providers/pulumi/call");
    const { pb } = await import("../../plugins/kit.js");
    const { service } = await import("@orch/providers/pulumi/proto");
    const { toOrchError } = await import("@orch/providers/pulumi/errors");
    const { provider } = await startCloud({ env: { CLOUD_MODE: "hang-on-read" } });
    const request = new pb.ReadRequest();
    request.setUrn(create.urn);
    const error = await unary(provider.plugin.client, service.read, request as never, {
      timeoutSeconds: 0.2,
      graceSeconds: 0.1,
    }).catch((e) => e);
    const { failure } = await toOrchError(error, provider.plugin, {
      what: "read it",
      verb: "other",
      urn: create.urn,
      timeoutSeconds: 0.2,
    });
    expect(failure).toMatchObject({ reason: "timeout", urn: create.urn, expected: "an answer within 0.2 s" });
  });

  test("the plugin is told of the time limit", async () => {
    const { provider, requests } = await startCloud();
    await provider.create({ ...create, timeoutSeconds: 90 });
    expect(requests().at(-1)).toMatchObject({ verb: "create", timeout: 90 });
  });

  test("an aborted request", async () => {
    const { provider } = await startCloud({ env: { CLOUD_MODE: "hang-on-create" } });
    const abort = new AbortController();
    const waiting = failureOf(provider.create({ ...create, signal: abort.signal }));
    await delay(100);
    abort.abort();
    expect(await waiting).toMatchObject({ reason: "interrupted", urn: create.urn });
    expect((await failureOf(provider.create({ ...create, signal: abort.signal }))).reason).toBe(
      "interrupted",
    );
  });
});

describe("stopping", () => {
  test("ends the plugin and what it started", async () => {
    const file = join(temporaryFolder(), "pid");
    const { provider } = await startCloud({ env: { CLOUD_MODE: "child", CLOUD_CHILD: file } });
    const child = Number(readFileSync(file, "utf8"));
    expect(isAlive(child)).toBe(true);
    await provider.close();
    await delay(100);
    expect(isAlive(child)).toBe(false);
  });

  test("no plugin outlives orch, even when it is killed", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "pid");
    const { placePlugin } = await import("../../plugins/place.js");
    placePlugin(join(folder, "bin"), "scripted");
    const guard = new URL("../../../packages/providers/src/pulumi/guard.ts", import.meta.url).pathname;
    // An orch in small: starts a process group as process.ts does, puts it under guard, and hangs.
    const script = `
      import { spawn } from "node:child_process";
      import { writeFileSync } from "node:fs";
      const { guardGroup } = await import(${JSON.stringify(guard)});
      const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
      guardGroup(child.pid);
      writeFileSync(${JSON.stringify(file)}, String(child.pid));
      setInterval(() => {}, 1000);`;
    const orch = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", script], {
      stdio: "inherit",
    });
    const { existsSync } = await import("node:fs");
    for (let i = 0; i < 100 && !existsSync(file); i++) await delay(50);
    await delay(100);
    const plugin = Number(readFileSync(file, "utf8"));
    expect(isAlive(plugin)).toBe(true);
    orch.kill("SIGKILL");
    for (let i = 0; i < 60 && isAlive(plugin); i++) await delay(50);
    expect(isAlive(plugin)).toBe(false);
  });
});

describe("talking", () => {
  test("log and status lines come through, with their resource, without secrets", async () => {
    const { provider, logs } = await startCloud({ config: { password: new Secret("hunter2!") } });
    await provider.create(create);
    expect(logs).toContainEqual({ level: "debug", message: "configured scripted with password [secret]" });
    expect(logs).toContainEqual({ level: "info", message: "created thing-a", urn: create.urn });
    expect(logs).toContainEqual({
      level: "info",
      message: "waiting for it to be ready",
      urn: create.urn,
      ephemeral: true,
    });
  });

  test("missing configuration names each key and the command that sets it", async () => {
    const { provider } = await startCloud({ name: "aws", configure: false });
    expect(await failureOf(configure(provider, {}))).toMatchObject({
      reason: "provider-config",
      message: "The provider aws needs configuration that is not set: aws:region.",
      next: ["orch config set aws:region <value>"],
      causes: [{ reason: "config-missing", path: "aws:region" }],
    });
  });

  test("configuration reaches the plugin in both forms", async () => {
    const { requests } = await startCloud({
      name: "aws",
      config: { region: "eu-central-1", defaultTags: { tags: { a: new Secret("b") } }, version: "7.0.0" },
    });
    expect(requests()[0]?.variables).toEqual({
      "aws:config:region": "eu-central-1",
      "aws:config:defaultTags": '{"tags":{"a":"b"}}',
    });
  });

  test("environment: orch's own keys stay with orch, mappings are applied", async () => {
    const { pluginEnvironment } = await import("@orch/providers/pulumi/environment");
    const env = pluginEnvironment(
      { project: "p", envVarMappings: { TEAM_A_KEY: "AWS_ACCESS_KEY_ID", UNSET: "OTHER" } },
      { ORCH_PASSPHRASE: "x", ORCH_HOME: "/h", TEAM_A_KEY: "k", PATH: "/bin" },
    );
    expect(env).toEqual({
      ORCH_HOME: "/h",
      TEAM_A_KEY: "k",
      PATH: "/bin",
      PULUMI_PROJECT: "p",
      AWS_ACCESS_KEY_ID: "k",
    });
  });
});

test("what is secret to one plugin is no secret in the messages of another", async () => {
  const { engineAddress } = await import("@orch/providers/pulumi/engine-service");
  const { Redactor } = await import("@orch/providers/pulumi/redact");
  const { connectHost } = await import("../../plugins/kit.js");
  const logs: string[] = [];
  const context = {
    project: "p",
    stack: "s",
    log: (entry: { message: string }) => void logs.push(entry.message),
  };
  const [one, two] = [new Redactor(), new Redactor()];
  one.learn({ name: new Secret("assets") });
  const [first, second] = [await engineAddress(context, one), await engineAddress(context, two)];
  await connectHost(first.address).log("info", "first made assets");
  await connectHost(second.address).log("info", "second made assets");
  first.release();
  await connectHost(second.address).log("info", "second still talks");
  second.release();
  expect(logs).toEqual(["first made [secret]", "second made assets", "second still talks"]);
});
