/**
 * Programs on @pulumi/aws, @pulumi/azure-native and @pulumi/kubernetes against stand-ins for their plugins, shaped as the vendors'
 * sources document them (test/plugins/cloud), and what is said when a plugin is missing, changed, dead or wrong.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { placeInCache, placePlugin } from "../plugins/place.js";
import { isAlive } from "../plugins/start.js";
import { bin, type Project, stack } from "./kit.js";

// Each test runs orch several times, with three plugins each.
vi.setConfig({ testTimeout: 240_000 });

const require = createRequire(import.meta.url);
const programs = fileURLToPath(new URL("../plugins/programs/", import.meta.url));
const packages = ["aws", "azure-native", "kubernetes"] as const;
const versionOf = (name: string): string =>
  (require(`@pulumi/${name}/package.json`) as { version: string }).version;
const secrets = { password: "hunter2-password", kubeconfig: "kubeconfig-with-a-key" };

interface Clouds extends Project {
  /** Environment of the plugins. */
  readonly cloud: Record<string, string>;
  /** What exists on the far side. */
  readonly objects: () => Record<
    string,
    { inputs: Record<string, unknown>; outputs: Record<string, unknown> }
  >;
  readonly cache: string;
}

async function clouds({ install = true, config = true } = {}): Promise<Clouds> {
  const files = Object.fromEntries(
    readdirSync(join(programs, "clouds")).map((file) => [
      file,
      readFileSync(join(programs, "clouds", file), "utf8"),
    ]),
  );
  const made = await stack(files);
  const cache = join(made.env.HOME as string, ".orch", "plugins");
  if (install) for (const name of packages) placeInCache(cache, name, versionOf(name));
  if (config) {
    await made.ok(["config", "set", "aws:region", "eu-central-1"]);
    for (const [key, value] of Object.entries(secrets))
      await made.ok(["config", "set", key, "--secret"], { input: `${value}\n` });
  }
  const store = join(made.dir, "..", "store.json");
  const cloud = { CLOUD_STORE: store, CLOUD_LOG: join(made.dir, "..", "requests.jsonl") };
  return {
    ...made,
    cloud,
    cache,
    objects: () => (existsSync(store) ? JSON.parse(readFileSync(store, "utf8")) : {}),
    orch: (args, options) => made.orch(args, { ...options, env: { ...cloud, ...options?.env } }),
    ok: (args, options) => made.ok(args, { ...options, env: { ...cloud, ...options?.env } }),
  };
}

describe("a stack over three clouds' packages, with stand-in plugins", () => {
  test("plan, apply, change, drift, heal, destroy; no secret in clear anywhere", async () => {
    const made = await clouds();
    const seen: string[] = [];
    const run = async (...args: string[]) => {
      const result = await made.orch(args);
      seen.push(result.stdout, result.stderr);
      return result;
    };
    const plan = await run("plan");
    expect(plan).toMatchObject({ code: 0 });
    expect(plan.stdout).toMatch(/\+ aws:s3:Bucket assets\n +bucket: "assets-[0-9a-f]{7}"/);
    expect(plan.stdout).toContain("bucket: (known after apply, from assets → arn)");
    expect(plan.stdout).toContain("Plan: 6 to create");
    expect(made.objects()).toEqual({});

    const out = join(made.dir, "plan.orch");
    const planned = await made.ok(["plan", "--out", out]);
    const apply = await run("apply", out, "--yes");
    expect(apply.stdout + apply.stderr).toContain("Apply complete: 6 created");
    // The reviewed name is the created name.
    const names = Object.keys(made.objects());
    expect(names).toHaveLength(5);
    const bucket = names.find((name) => name.startsWith("aws:s3/bucket:Bucket"))?.split(" ")[1] as string;
    expect(planned).toContain(`bucket: "${bucket}"`);
    const secret = Object.entries(made.objects()).find(([name]) => name.includes(":Secret"));
    expect(JSON.stringify(secret)).toContain(secrets.password);

    expect(JSON.parse(await made.ok(["stack", "output", "--json"]))).toMatchObject({
      bucketName: bucket,
      replicas: 2,
    });
    expect((await run("plan", "--detailed-exitcode")).code).toBe(0);
    expect((await run("drift")).code).toBe(0);

    await made.ok(["config", "set", "replicas", "5"]);
    const change = await run("apply", "--yes");
    expect(change.stdout).toContain("~ spec.replicas: 2 → 5");
    expect(change.stdout).toContain("Apply complete: 1 updated");

    // Behind orch's back.
    const objects = made.objects();
    const web = Object.keys(objects).find((name) => name.includes("Deployment")) as string;
    for (const side of [objects[web]?.inputs, objects[web]?.outputs])
      (side?.spec as { replicas: number }).replicas = 1;
    delete objects[secret?.[0] as string];
    writeFileSync(made.cloud.CLOUD_STORE as string, JSON.stringify(objects));
    const drift = await run("drift");
    expect(drift.code).toBe(2);
    expect(drift.stdout).toContain("spec.replicas: 5 → 1");
    expect(drift.stdout).toMatch(/Secret credentials \(.*\) is gone/);
    const heal = await run("apply", "--refresh", "--yes");
    expect(heal.stdout).toContain("Apply complete: 1 created, 1 updated");
    expect((await run("drift")).code).toBe(0);

    expect(await run("destroy", "--yes")).toMatchObject({ code: 0 });
    expect(made.objects()).toEqual({});
    for (const text of seen) for (const value of Object.values(secrets)) expect(text).not.toContain(value);
    // The far side holds it in clear, beside the project; orch itself nowhere.
    const where = [made.dir, made.env.HOME as string];
    const kept = spawnSync("grep", ["-rlaF", secrets.password, ...where, "--exclude-dir=node_modules"]);
    expect(String(kept.stdout)).toBe("");
    expect(kept.status).toBe(1);
  });

  test("configuration that the provider needs, and configuration that it refuses", async () => {
    const made = await clouds();
    await made.ok(["config", "rm", "aws:region"]);
    const missing = await made.orch(["plan"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("The provider aws needs configuration that is not set: aws:region");
    expect(missing.stderr).toContain("orch config set aws:region <value>");
    await made.ok(["config", "set", "aws:region", "nowhere-1"]);
    const wrong = await made.orch(["plan"]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("expected region to be one of the known ones, got nowhere-1");
  });

  test("a property that the provider refuses: its path and the line of the program", async () => {
    const made = await clouds();
    await made.ok(["config", "set", "replicas", "--", "-1"]);
    const result = await made.orch(["plan"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("Invalid value: -1: must be greater than or equal to 0");
    expect(result.stderr).toContain("spec.replicas");
    expect(result.stderr).toMatch(/index\.ts:\d+/);
  });
});

describe("plugins that are not there", () => {
  test("each package: the version that is wanted, every place, and how to get it", async () => {
    const made = await clouds({ install: false });
    const result = await made.orch(["plan"]);
    expect(result.code).toBe(1);
    for (const name of packages) {
      const version = versionOf(name);
      expect(result.stderr).toContain(
        `The plugin for the package ${name} ${version} is not installed on this machine.`,
      );
      expect(result.stderr).toContain(join(made.cache, `resource-${name}-v${version}`));
      expect(result.stderr).toContain(
        join(made.env.HOME as string, ".pulumi", "plugins", `resource-${name}-v${version}`),
      );
      expect(result.stderr).toContain(`pulumi-resource-${name} in `);
      expect(result.stderr).toContain(`orch plugin install resource ${name} ${version}`);
      expect(result.stderr).toContain("--mirror");
      expect(result.stderr).toContain("--file");
    }
  });

  test("install from a mirror, a file and a folder makes the program plan", async () => {
    const made = await clouds({ install: false });
    const work = join(made.dir, "..", "mirror");
    mkdirSync(work);
    const archive = (name: (typeof packages)[number]) => {
      placePlugin(join(work, name), name, versionOf(name));
      const file = join(work, `${name}-${versionOf(name)}.tar.gz`);
      execFileSync("tar", ["-czf", file, "-C", join(work, name), "."]);
      return file;
    };
    archive("aws");
    const file = archive("azure-native");
    placePlugin(join(work, "kubernetes"), "kubernetes", versionOf("kubernetes"));
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url as string);
      const path = join(work, (request.url as string).slice(1));
      if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/{name}-{version}.tar.gz`;

    const absent = await made.orch(["plugin", "install", "resource", "aws", "1.2.3", "--mirror", url]);
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain("/aws-1.2.3.tar.gz answered 404");

    const installed = await made.ok([
      "plugin",
      "install",
      "resource",
      "aws",
      versionOf("aws"),
      "--mirror",
      url,
    ]);
    expect(installed).toContain(`Installed aws ${versionOf("aws")} from`);
    expect(asked).toContain(`/aws-${versionOf("aws")}.tar.gz`);
    await made.ok(["plugin", "install", `azure-native@${versionOf("azure-native")}`, "--file", file]);
    await made.ok([
      "plugin",
      "install",
      "kubernetes",
      versionOf("kubernetes"),
      "--file",
      join(work, "kubernetes"),
    ]);
    const list = await made.ok(["plugin", "ls"]);
    for (const name of packages) expect(list).toMatch(new RegExp(`^${name} +${versionOf(name)} +orch`, "m"));
    expect(await made.ok(["plan"])).toContain("Plan: 6 to create");
  });

  test("a mirror of the project's own is asked without a flag", async () => {
    const made = await clouds({ install: false });
    const work = join(made.dir, "mirror");
    mkdirSync(work);
    placePlugin(join(work, "aws"), "aws");
    execFileSync("tar", ["-czf", join(work, "aws.tar.gz"), "-C", join(work, "aws"), "."]);
    // Within `orch`, the last thing in the file.
    appendFileSync(made.path("Pulumi.yaml"), `  pluginMirrors: ["${work}/{name}.tar.gz"]\n`);
    expect(await made.ok(["plugin", "install", "aws", "9.9.9"])).toContain("Installed aws 9.9.9");
  });
});

describe("plugins that are not as they should be", () => {
  test("another file than orch.lock.json names: nothing is started, both sums are told", async () => {
    const made = await clouds();
    await made.ok(["plugin", "lock", ...packages.map((name) => `${name}@${versionOf(name)}`)]);
    expect(await made.ok(["plan"])).toContain("Plan: 6 to create");
    const binary = join(made.cache, `resource-aws-v${versionOf("aws")}`, "pulumi-resource-aws");
    const before = readFileSync(made.path("orch.lock.json"), "utf8");
    appendFileSync(binary, "# changed\n");
    const result = await made.orch(["plan"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("error[plugin-checksum]");
    expect(result.stderr).toContain(binary);
    const sums = result.stderr.match(/SHA-256 [0-9a-f]{64}/g) ?? [];
    expect(new Set(sums).size).toBe(2);
    expect(result.stderr).toContain("orch plugin lock");
    await made.ok(["plugin", "lock", ...packages.map((name) => `${name}@${versionOf(name)}`)]);
    expect(readFileSync(made.path("orch.lock.json"), "utf8")).not.toBe(before);
    expect(await made.ok(["plan"])).toContain("Plan: 6 to create");
  });

  test("one on PATH is used, with a warning", async () => {
    const made = await clouds();
    const ambient = join(made.dir, "..", "bin");
    mkdirSync(ambient);
    copyFileSync(placePlugin(join(made.dir, "..", "x"), "aws"), join(ambient, "pulumi-resource-aws"));
    const env = { PATH: `${ambient}:${made.env.PATH}` };
    const result = await made.orch(["plan"], { env });
    expect(result.code).toBe(0);
    expect(result.stderr).toContain(`using ${join(ambient, "pulumi-resource-aws")} from PATH`);
    const ignored = await made.orch(["plan"], { env: { ...env, PULUMI_IGNORE_AMBIENT_PLUGINS: "1" } });
    expect(ignored.stderr).not.toContain("from PATH");
  });

  test("a crash: the last words, redacted; what was done stays done", async () => {
    const made = await clouds();
    await made.ok(["apply", "--yes"]);
    await made.ok(["config", "set", "owner", "somebody"]);
    await made.ok(["config", "set", "replicas", "3"]);
    const result = await made.orch(["apply", "--yes"], { env: { CLOUD_MODE: "crash-on-update" } });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("error[provider-crashed]: The provider aws crashed (exit code 2)");
    expect(result.stderr).toContain(
      "panic: runtime error: invalid memory address or nil pointer dereference",
    );
    expect(result.stderr).toContain("goroutine 1 [running]: main.update()");
    for (const value of Object.values(secrets)) expect(result.stdout + result.stderr).not.toContain(value);
    // The object is read back, and the change made after all.
    const again = await made.orch(["apply", "--yes"]);
    expect(again.stderr).not.toContain("error[");
    expect(again.code).toBe(0);
    expect((await made.orch(["plan", "--detailed-exitcode"])).code).toBe(0);
    expect(JSON.stringify(made.objects())).toContain('"owner":"somebody"');
  });

  test("killed in the middle of an apply: told at once, nothing lost, nothing left running", async () => {
    const made = await clouds();
    await made.ok(["apply", "--yes"]);
    await made.ok(["config", "set", "owner", "somebody"]);
    writeFileSync(made.cloud.CLOUD_LOG as string, "");
    const running = made.orch(["apply", "--yes"], {
      env: { CLOUD_MODE: "slow-on-update", CLOUD_SLOW_MS: "30000" },
    });
    const requests = () =>
      readFileSync(made.cloud.CLOUD_LOG as string, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { verb: string; urn: string; pid?: number; preview?: boolean });
    const started = () => requests().some((it) => it.verb === "update" && it.preview === false);
    for (let i = 0; i < 400 && !started(); i++) await delay(50);
    expect(started()).toBe(true);
    const configured = requests().filter((it) => it.verb === "configure");
    const aws = configured.findLast((it) => it.urn.includes("providers:aws"))?.pid as number;
    const begun = Date.now();
    process.kill(aws, "SIGKILL");
    const result = await running;
    expect(Date.now() - begun).toBeLessThan(15_000);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("The provider aws crashed (signal SIGKILL)");
    for (const { pid } of configured) expect(isAlive(pid as number)).toBe(false);
    expect(JSON.stringify(made.objects())).not.toContain('"owner":"somebody"');
    const again = await made.orch(["apply", "--yes"]);
    expect(again.code).toBe(0);
    expect(JSON.stringify(made.objects())).toContain('"owner":"somebody"');
  });

  test("one that hangs, and does not heed a cancellation, ends with orch at the third Ctrl-C", async () => {
    const made = await clouds();
    await made.ok(["apply", "--yes"]);
    await made.ok(["config", "set", "owner", "somebody"]);
    writeFileSync(made.cloud.CLOUD_LOG as string, "");
    const terminal = made.terminal(["apply", "--yes"], {
      env: { ...made.cloud, CLOUD_MODE: "hang-on-update" },
    });
    const log = () => readFileSync(made.cloud.CLOUD_LOG as string, "utf8");
    for (let i = 0; i < 400 && !log().includes('"preview":false'); i++) await delay(50);
    for (const _times of [1, 2, 3]) {
      terminal.type("\x03");
      await delay(500);
    }
    expect(await terminal.ended).toBe(130);
    const pids = [...log().matchAll(/"pid":(\d+)/g)].map((match) => Number(match[1]));
    expect(pids.length).toBeGreaterThan(0);
    for (let i = 0; i < 100 && pids.some(isAlive); i++) await delay(50);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("when orch itself is killed no plugin goes on", async () => {
    const made = await clouds();
    const child = spawn(process.execPath, [bin, "apply", "--yes"], {
      cwd: made.dir,
      env: { ...made.env, ...made.cloud, CLOUD_MODE: "hang-on-create" },
      stdio: "ignore",
    });
    const log = () =>
      existsSync(made.cloud.CLOUD_LOG as string) ? readFileSync(made.cloud.CLOUD_LOG as string, "utf8") : "";
    for (let i = 0; i < 1000 && !log().includes('"preview":false'); i++) await delay(50);
    const pids = [...log().matchAll(/"pid":(\d+)/g)].map((match) => Number(match[1]));
    expect(pids.filter(isAlive).length).toBeGreaterThan(0);
    child.kill("SIGKILL");
    for (let i = 0; i < 200 && pids.some(isAlive); i++) await delay(50);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("one that cannot start says why", async () => {
    const made = await clouds();
    const result = await made.orch(["plan"], { env: { CLOUD_MODE: "exit-before-port" } });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("error[plugin-start]");
    expect(result.stderr).toContain("ended (exit code 3) before it said on which port it listens");
    expect(result.stderr).toContain("fatal: cannot load the credentials file");
  });

  test("half-done objects are kept, and finished by the next apply", async () => {
    const made = await clouds();
    const failed = await made.orch(["apply", "--yes"], { env: { CLOUD_MODE: "init-failed" } });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("0 of 1 replicas are ready");
    expect(Object.keys(made.objects()).length).toBeGreaterThan(0);
    const again = await made.orch(["apply", "--yes"]);
    expect(again.stderr).not.toContain("error[");
    expect(again.code).toBe(0);
    expect(Object.keys(made.objects())).toHaveLength(5);
  });
});

test("a dynamic provider: what it prints and throws comes through, its secrets do not", async () => {
  const made = await stack({
    "orch.yaml": "name: dynamic\n",
    "index.ts": `
import * as pulumi from "@pulumi/pulumi";

class Vault implements pulumi.dynamic.ResourceProvider {
  async create(inputs: { token: string; fail: boolean }) {
    console.log("storing", JSON.stringify(inputs.token), "in the vault");
    if (inputs.fail) throw new Error("the vault refused " + inputs.token);
    return { id: "stored", outs: { token: inputs.token, length: inputs.token.length } };
  }
}
class Token extends pulumi.dynamic.Resource {
  declare readonly length: pulumi.Output<number>;
  constructor(name: string, args: { token: pulumi.Input<string>; fail: boolean }) {
    super(new Vault(), name, { length: undefined, ...args });
  }
}
const config = new pulumi.Config();
export const length = new Token("token", {
  token: config.requireSecret("token"),
  fail: config.getBoolean("fail") ?? false,
}).length;
`,
  });
  const token = "tok-3n-of-nobody";
  await made.ok(["config", "set", "token", "--secret"], { input: `${token}\n` });
  await made.ok(["config", "set", "fail", "true"]);
  const failed = await made.orch(["apply", "--yes"]);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain(
    'The provider pulumi-nodejs could not create "token" (pulumi-nodejs:dynamic:Resource): the vault refused [secret]',
  );
  expect(failed.stderr).toContain('storing "[secret]" in the vault');
  await made.ok(["config", "set", "fail", "false"]);
  const again = await made.orch(["apply", "--yes"]);
  expect(again.stdout).toContain("Apply complete: 1 created");
  expect((await made.orch(["plan", "--detailed-exitcode"])).code).toBe(0);
  for (const { stdout, stderr } of [failed, again]) expect(stdout + stderr).not.toContain(token);
  const kept = spawnSync("grep", ["-rlaF", token, made.dir, "--exclude-dir=node_modules"]);
  expect(String(kept.stdout)).toBe("");
});
