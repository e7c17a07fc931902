/** `orch doctor`: what it finds in a stack that is well, and in ones that are not. */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clockCheck } from "../../packages/cli/src/doctor/stack.js";
import { placePlugin } from "../plugins/place.js";
import { mistakesIn } from "./cli-schema.js";
import { type Project, type RunOptions, stack } from "./kit.js";
import { dynamicProgram, filesProgram } from "./programs.js";

interface Found {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly next?: readonly string[];
}

async function doctor(made: Project, args: readonly string[] = [], options: RunOptions = {}) {
  const { code, stdout } = await made.orch(["doctor", "--json", ...args], options);
  const document = JSON.parse(stdout) as { checks: Found[] };
  expect(mistakesIn(document, "document")).toEqual([]);
  const by = new Map(document.checks.map((one) => [one.name, one]));
  return { code, stdout, find: (name: string): Found | undefined => by.get(name), checks: document.checks };
}

test("a stack that is well", async () => {
  const made = await stack(filesProgram());
  await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
  await made.ok(["apply", "--yes"]);
  const before = readFileSync(made.path("orch.dev.yaml"), "utf8");
  const { code, checks, stdout, find } = await doctor(made);
  expect(checks.filter(({ status }) => status !== "ok")).toEqual([]);
  expect(code).toBe(0);
  expect(find("key")?.message).toContain("1 in its settings");
  expect(find("sdk")?.message).toMatch(/^@pulumi\/pulumi 3\./);
  expect(
    checks.some(({ name, message }) => name.startsWith("provider ") && message.startsWith("host:")),
  ).toBe(true);
  expect(stdout).not.toContain("s3cret-value");
  expect(readFileSync(made.path("orch.dev.yaml"), "utf8")).toBe(before);
  const text = await made.orch(["doctor"]);
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(/✓ backend: SQLite .*answered in \d+ ms/);
});

test("files that can't be read, a key that is gone, a backend that is not there", async () => {
  const made = await stack(filesProgram());

  rmSync(join(made.env.HOME as string, ".config"), { recursive: true, force: true });
  const noKey = await doctor(made);
  expect(noKey.code).toBe(1);
  expect(noKey.find("key")).toMatchObject({ status: "fail" });
  expect(noKey.find("key")?.next?.length).toBeGreaterThan(0);
  expect(noKey.find("plugins")).toMatchObject({ status: "skipped" });

  const gone = { ORCH_BACKEND: "postgres://orch:passw0rd@127.0.0.1:1/infra?connect_timeout=2" };
  const away = await doctor(made, [], { env: gone });
  expect(away.code).toBe(1);
  expect(away.find("backend")).toMatchObject({ status: "fail" });
  expect(away.stdout).not.toContain("passw0rd");
  // Not asked, so not missed.
  const offline = await doctor(made, ["--offline"], { env: gone });
  expect(offline.code).toBe(0);
  expect(offline.find("backend")).toMatchObject({ status: "skipped" });

  writeFileSync(made.path("orch.dev.yaml"), "config: [\n");
  expect((await doctor(made)).find("stack")).toMatchObject({ status: "fail" });
  writeFileSync(made.path("orch.yaml"), "name: [\n");
  const broken = await doctor(made);
  expect(broken.find("project")).toMatchObject({ status: "fail" });
  expect(broken.code).toBe(1);
});

test("plugins that are missing or are not what the lock pins; clouds without credentials", async () => {
  const made = await stack(filesProgram());
  const plugin = placePlugin(join(made.dir, "vendor"), "scripted", "1.2.3");
  await made.ok(["plugin", "install", "scripted", "1.2.3", "--file", plugin]);
  await made.ok(["plugin", "lock", "scripted@1.2.3"]);
  expect((await doctor(made)).find("plugin scripted")).toMatchObject({ status: "ok" });
  const installed = join(
    made.env.HOME as string,
    ".orch/plugins/resource-scripted-v1.2.3/pulumi-resource-scripted",
  );
  appendFileSync(installed, "# changed\n");
  const changed = (await doctor(made)).find("plugin scripted");
  expect(changed).toMatchObject({ status: "fail" });
  expect(changed?.message).toContain("not what orch.lock.json pins");
  await made.ok(["plugin", "rm", "scripted", "--yes"]);
  const missing = await doctor(made);
  expect(missing.find("plugin scripted")?.next).toEqual(["orch plugin install scripted 1.2.3"]);
  expect(missing.code).toBe(1);

  await made.ok(["config", "set", "aws:region", "eu-central-1"]);
  expect((await doctor(made)).find("credentials aws")).toMatchObject({ status: "warn" });
  const env = { AWS_ACCESS_KEY_ID: "AKIA-not-shown" };
  const there = await doctor(made, [], { env });
  expect(there.find("credentials aws")).toMatchObject({ status: "ok" });
  expect(there.stdout).not.toContain("AKIA-not-shown");
});

test("what a cut-off run has left", async () => {
  const made = await stack(
    dynamicProgram(
      `async create(inputs: any) {
      require("node:fs").writeFileSync(inputs.mark, "");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
      return { id: "thing-1", outs: inputs };
    }`,
      `{ mark: process.cwd() + "/mark" }`,
    ),
  );
  const terminal = made.terminal(["apply", "--yes"]);
  while (!existsSync(made.path("mark"))) await new Promise((resolve) => setTimeout(resolve, 20));
  const atWork = await doctor(made);
  expect(atWork.find("unfinished steps")).toMatchObject({ status: "ok" });
  expect(atWork.find("locks")?.message).toContain("held by runs at work");
  terminal.kill();
  await terminal.ended;
  const { code, find } = await doctor(made);
  expect(find("unfinished steps")).toMatchObject({ status: "warn", next: ["orch resume"] });
  expect(find("locks")).toMatchObject({ status: "warn" });
  // A warning is no failure.
  expect(code).toBe(0);
});

test("clocks", () => {
  expect(clockCheck(-900).status).toBe("ok");
  expect(clockCheck(6_000)).toMatchObject({ status: "warn" });
  expect(clockCheck(-3_600_000).message).toContain("ahead of the backend's");
  expect(clockCheck(3_600_000)).toMatchObject({ status: "fail" });
});
