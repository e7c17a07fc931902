import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { placePlugin } from "../plugins/place.js";
import { type Project, stack } from "./kit.js";

const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL("../plugins/", import.meta.url));
const program = join(folder, "programs/components");
const secret = "hunter2-of-the-shop";

interface Shop extends Project {
  readonly objects: () => Record<string, { inputs: { tags: Record<string, unknown> } }>;
}

/** A program with a component of the package `shop`, whose code is a plugin's: the SDK's own provider server in a process of its own. */
async function shop(files: Record<string, string> = {}): Promise<Shop> {
  const own = Object.fromEntries(
    readdirSync(program).map((file) => [file, readFileSync(join(program, file), "utf8")]),
  );
  const made = await stack({ ...own, ...files });
  const cache = join(made.env.HOME as string, ".orch", "plugins");
  const { version } = require("@pulumi/aws/package.json") as { version: string };
  placePlugin(join(cache, `resource-aws-v${version}`), "aws", version);
  const bin = join(cache, "resource-shop-v1.0.0");
  mkdirSync(bin);
  const script = `#!/bin/sh\nexec '${process.execPath}' --no-warnings '${join(folder, "components/main.mjs")}' "$@"\n`;
  writeFileSync(join(bin, "pulumi-resource-shop"), script);
  chmodSync(join(bin, "pulumi-resource-shop"), 0o755);
  await made.ok(["config", "set", "aws:region", "eu-central-1"]);
  await made.ok(["config", "set", "password", "--secret"], { input: `${secret}\n` });
  const store = join(made.dir, "..", "store.json");
  const cloud = { CLOUD_STORE: store };
  return {
    ...made,
    objects: () => (existsSync(store) ? JSON.parse(readFileSync(store, "utf8")) : {}),
    orch: (args, options) => made.orch(args, { ...options, env: { ...cloud, ...options?.env } }),
    ok: (args, options) => made.ok(args, { ...options, env: { ...cloud, ...options?.env } }),
  };
}

test("a component of a plugin: planned with all that is in it, sealed, applied, changed, destroyed", async () => {
  const made = await shop();
  const plan = await made.ok(["plan", "--out", "first.plan"]);
  expect(plan).toContain("+ shop:Site site\n    + aws:s3:Bucket site-files");
  expect(plan).toContain("password: [secret]");
  expect(plan).toMatch(/described: "Hello, https:\/\/site-files-[0-9a-f]{7}.example\/"/);
  expect(plan).toContain("Plan: 5 to create");
  expect(made.objects()).toEqual({});

  const applied = await made.ok(["apply", "first.plan", "--yes"]);
  expect(applied).toContain("Apply complete: 5 created");
  const name = /bucket: "(site-files-\w+)"/.exec(plan)?.[1] as string;
  expect(Object.keys(made.objects())).toContain(`aws:s3/bucket:Bucket ${name}`);
  const outputs = JSON.parse(await made.ok(["stack", "output", "--json", "--show-secrets"]));
  expect(outputs).toMatchObject({
    url: `https://${name}.example/`,
    described: `Hello, https://${name}.example/`,
    password: secret,
  });
  expect(outputs.title).toMatch(/^site of arn:aws:s3:::first-/);
  expect((await made.orch(["plan", "--refresh", "--detailed-exitcode"])).code).toBe(0);

  // Something that its code computes from an input.
  await made.ok(["config", "set", "bucket", "a-fixed-name"]);
  const changed = await made.ok(["apply", "--yes"]);
  expect(changed).toContain(`~ bucket: "${name}" → "a-fixed-name"  # forces replacement`);
  expect(changed).toContain("tags.url");
  expect((await made.orch(["plan", "--detailed-exitcode"])).code).toBe(0);

  // In clear on the far side, and nowhere with orch.
  expect(JSON.stringify(made.objects())).toContain(secret);
  const places = [made.dir, made.env.HOME as string, "--exclude-dir=node_modules"];
  expect(String(spawnSync("grep", ["-rlaF", secret, ...places]).stdout)).toBe("");
  for (const text of [plan, applied, changed]) expect(text).not.toContain(secret);

  expect(await made.ok(["destroy", "--yes"])).toContain("Destroy complete: 5 deleted");
  expect(made.objects()).toEqual({});
});

test("what goes wrong in it is told once, at the program's own line", async () => {
  const made = await shop();
  await made.ok(["config", "set", "broken", "true"]);
  const broken = await made.orch(["plan"]);
  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain(
    'could not make the component "site" (shop:index:Site): the shop is closed',
  );
  expect(broken.stderr).toContain("at index.ts:8:14");
  await made.ok(["config", "rm", "broken"]);

  await made.ok(["config", "set", "bucket", "NOT VALID"]);
  const refused = await made.orch(["plan"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`error[invalid-property]: "bucket" isn't a valid bucket name: NOT VALID`);
  expect(refused.stderr).toContain("resource aws:s3:Bucket site-files");
  expect(refused.stderr.match(/error\[/g)).toHaveLength(1);
  await made.ok(["config", "rm", "bucket"]);

  await made.ok(["config", "set", "owner", "bob"]);
  const stopped = await made.orch(["apply", "--yes"], { env: { CLOUD_REFUSE: "::site-logs" } });
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain("AccessDenied: not allowed to create this");
  expect(stopped.stderr).toContain("did not create aws:s3:Bucket after");
  expect(await made.ok(["apply", "--yes"])).toContain("Apply complete: 2 created");
  expect((await made.orch(["plan", "--detailed-exitcode"])).code).toBe(0);
});

test("options reach what is in it: providers, transforms, protection, a former name", async () => {
  const text = (name: string, options: string) => `import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Site } from "./shop";
pulumi.runtime.registerResourceTransform(({ type, props, opts }) =>
  type === "aws:s3/bucket:Bucket" ? { props: { ...props, forceDestroy: true }, opts } : undefined,
);
const there = new aws.Provider("there", { region: "us-east-1" });
new Site("${name}", {}, { providers: [there], ${options} });
`;
  const made = await shop({ "index.ts": text("site", "protect: true") });
  const plan = await made.ok(["plan"]);
  expect(plan.match(/forceDestroy: true/g)).toHaveLength(2);
  await made.ok(["apply", "--yes"]);
  const rows = JSON.parse(await made.ok(["state", "ls", "--json"])) as { resources: { urn: string }[] };
  const files = rows.resources.find(({ urn }) => urn.endsWith("::site-files"));
  const shown = await made.ok(["state", "show", files?.urn as string, "--json"]);
  expect(shown).toContain("pulumi:providers:aws::there");

  const gone = await made.orch(["destroy", "--yes"]);
  expect(gone.code).toBe(1);
  expect(gone.stderr).toContain("protected");

  made.write({ "index.ts": text("shop", 'protect: true, aliases: [{ name: "site" }]') });
  const renamed = await made.ok(["plan"]);
  expect(renamed).toContain("site-files");
  expect(renamed).not.toMatch(/DELETE/);
});
