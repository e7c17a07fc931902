/** `orch import`, as a person meets it: what is written by it into the program leaves the next plan nothing to do. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { placeInCache } from "../plugins/place.js";
import { golden, type Project, stack, transcript } from "./kit.js";

const require = createRequire(import.meta.url);
const empty = { "orch.yaml": "name: shop\n", "index.ts": "export {};\n" };

async function run(made: Project, ...commands: (readonly string[])[]): Promise<string> {
  let text = "";
  for (const args of commands) text += `${transcript(args, await made.orch(args), made)}\n`;
  return text;
}

/** No step changes anything, and a person is told so. */
async function expectNothingToDo(made: Project): Promise<void> {
  const result = await made.orch(["plan", "--detailed-exitcode"]);
  expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to do") });
}

test("an object of a direct provider, and a file of many", async () => {
  const made = await stack(empty);
  mkdirSync(made.path("etc"));
  writeFileSync(made.path("etc/motd"), "Hello\n");
  writeFileSync(made.path("etc/deep"), "deep\n");
  chmodSync(made.path("etc"), 0o755);
  chmodSync(made.path("etc/motd"), 0o600);
  chmodSync(made.path("etc/deep"), 0o644);
  let text = await run(
    made,
    ["import", "host:index:File", "motd", made.path("etc/none"), "--yes"],
    ["import", "host:index:File", "motd"],
    ["import", "host:index:File", "motd", made.path("etc/motd")],
    ["import", "host:index:File", "motd", made.path("etc/motd"), "--yes", "--out", "imported.ts"],
    ["import", "host:index:File", "again", made.path("etc/motd"), "--yes"],
    ["import", "host:index:File", "motd", made.path("etc/deep"), "--yes"],
    ["plan"],
  );
  expect(statSync(made.path("imported.ts")).isFile()).toBe(true);
  writeFileSync(
    made.path("many.json"),
    JSON.stringify({
      nameTable: {},
      resources: [
        { type: "shop:index:Etc", name: "etc", component: true },
        { type: "host:index:Directory", name: "new", id: made.path("etc"), parent: "etc" },
        { type: "host:index:File", name: "deep.d/file", id: made.path("etc/deep"), parent: "etc" },
      ],
    }),
  );
  text += await run(made, ["import", "--file", "many.json", "--yes"], ["state", "ls"]);
  const [, code] =
    /\n(import \* as host[\s\S]*?)\n--- standard error/.exec(text.slice(text.indexOf("many.json"))) ?? [];
  expect(code).toBeDefined();
  made.write({
    "index.ts": `${readFileSync(made.path("imported.ts"), "utf8")}${code?.replaceAll("<project>", made.dir).replace('import * as host from "@orch/providers/host";\n', "")}\n`,
  });
  await expectNothingToDo(made);
  // Bookkeeping alone: nothing outside is touched, and nothing is left.
  await made.ok(["apply", "--yes"]);
  await expectNothingToDo(made);
  await expect(text).toMatchFileSnapshot(golden("import"));
});

test("a wrong file is told with its place", async () => {
  const made = await stack(empty);
  const tell = async (content: string): Promise<string> => {
    made.write({ "f.json": content });
    const { code, stderr } = await made.orch(["import", "--file", "f.json", "--yes"]);
    expect(code).toBe(64);
    return stderr.split("\n")[0] as string;
  };
  expect(await tell("{")).toContain("f.json is no JSON");
  expect(await tell('{"resources":[]}')).toContain("f.json at resources");
  expect(await tell('{"resources":[{"type":"a:b:C","name":"x"}]}')).toContain("resources[0]: x has no id");
  expect(await tell('{"resources":[{"type":"a:b:C","name":"x","id":"1","parent":"y"}]}')).toContain(
    "resources[0].parent: nothing is called y",
  );
});

test("objects of a plugin: names of the SDK, references by id", async () => {
  const made = await stack(empty);
  const cache = join(made.env.HOME as string, ".orch", "plugins");
  const version = (require("@pulumi/aws/package.json") as { version: string }).version;
  placeInCache(cache, "aws", version);
  await made.ok(["config", "set", "aws:region", "eu-central-1"]);
  const env = {
    CLOUD_STORE: join(made.dir, "..", "store.json"),
    CLOUD_LOG: join(made.dir, "..", "log.jsonl"),
  };
  // Made by another stack, and then taken over by this one.
  made.write({
    "index.ts": `
import * as aws from "@pulumi/aws";
const logs = new aws.s3.Bucket("logs", { tags: { team: "web" } });
new aws.s3.BucketObject("index", { bucket: logs.id, key: "index.html", content: "hello" });
`,
  });
  await made.ok(["stack", "init", "other"]);
  await made.ok(["config", "set", "aws:region", "eu-central-1", "--stack", "other"]);
  await made.ok(["apply", "--yes", "--stack", "other"], { env });
  const { resources } = JSON.parse(await made.ok(["state", "ls", "--json", "--stack", "other"])) as {
    resources: { type: string; id: string; name: string }[];
  };
  const mine = resources.filter(({ type }) => type.startsWith("aws:"));
  made.write({
    "index.ts": "export {};\n",
    "all.json": JSON.stringify({
      resources: [...mine].reverse().map(({ type, name, id }) => ({ type, name, id })),
    }),
  });
  await made.ok(["import", "--file", "all.json", "--yes", "--stack", "dev", "--out", "index.ts"], { env });
  const code = readFileSync(made.path("index.ts"), "utf8");
  expect(code).toContain('new aws.s3.Bucket("logs"');
  expect(code).toContain("bucket: logs.id,");
  const plan = await made.orch(["plan", "--detailed-exitcode", "--stack", "dev"], { env });
  expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to do") });
});
