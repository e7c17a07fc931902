/** A stack that comes from Pulumi, and goes back to it. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { placeInCache } from "../plugins/place.js";
import { type Project, stack } from "./kit.js";
import { dynamicProgram } from "./programs.js";

vi.setConfig({ testTimeout: 240_000 });
const phrase = { PULUMI_CONFIG_PASSPHRASE: "correct horse" };

/** The stack forgotten and made again under the same name, with nothing outside touched. */
async function madeAgain(made: Project): Promise<void> {
  await made.ok(["stack", "rm", "dev", "--force", "--yes"]);
  await made.ok(["stack", "init", "dev"]);
}

test("programs on three clouds' packages: exported, imported, and nothing is left to change", async () => {
  const require = createRequire(import.meta.url);
  const folder = fileURLToPath(new URL("../plugins/programs/clouds/", import.meta.url));
  const plain = await stack(
    Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")])),
  );
  for (const name of ["aws", "azure-native", "kubernetes"] as const) {
    const { version } = require(`@pulumi/${name}/package.json`) as { version: string };
    placeInCache(join(plain.env.HOME as string, ".orch", "plugins"), name, version);
  }
  const env = {
    ...phrase,
    CLOUD_STORE: join(plain.dir, "..", "store.json"),
    CLOUD_LOG: join(plain.dir, "..", "log"),
  };
  const ok = (args: string[], input?: string) => plain.ok(args, { env, ...(input ? { input } : {}) });
  const configure = async (): Promise<void> => {
    await ok(["config", "set", "aws:region", "eu-central-1"]);
    await ok(["config", "set", "password", "--secret"], "hunter2-password\n");
    await ok(["config", "set", "kubeconfig", "--secret"], "kubeconfig-with-a-key\n");
  };
  await configure();
  await ok(["apply", "--yes"]);
  const cloud = readFileSync(env.CLOUD_STORE, "utf8");
  const said = await plain.orch(["stack", "export", "--file", "state.json"], { env });
  expect(said).toMatchObject({ code: 0, stdout: "", stderr: "" });
  const exported = readFileSync(plain.path("state.json"), "utf8");
  expect(statSync(plain.path("state.json")).mode & 0o777).toBe(0o600);
  for (const secret of ["hunter2-password", "kubeconfig-with-a-key"]) expect(exported).not.toContain(secret);
  const { deployment } = JSON.parse(exported);
  // As Pulumi writes references to providers, and their versions.
  const bucket = deployment.resources.find(({ type }: { type: string }) => type === "aws:s3/bucket:Bucket");
  const provider = deployment.resources.find(({ type }: { type: string }) => type === "pulumi:providers:aws");
  expect(bucket.provider).toBe(`${provider.urn}::${provider.id}`);
  expect(provider.inputs).toMatchObject({ region: "eu-central-1", version: expect.stringMatching(/^\d/) });

  await madeAgain(plain);
  await configure();
  const imported = await ok(["stack", "import", "--file", "state.json"]);
  expect(imported).toMatch(/^Imported \d+ resources into stack dev, as run \d+\.\n$/);
  const plan = await plain.orch(["plan", "--json", "--detailed-exitcode"], { env });
  expect(plan).toMatchObject({ code: 0 });
  expect(JSON.parse(plan.stdout).steps.filter(({ op }: { op: string }) => op !== "same")).toEqual([]);
  expect(await plain.orch(["drift"], { env })).toMatchObject({ code: 0 });
  expect(await ok(["stack", "output", "bucketName"])).toContain("assets");
  // Undoing an import lets go of what it took over, and deletes nothing.
  await ok(["undo", "--yes"]);
  expect(await ok(["state", "ls"])).toBe("");
  expect(readFileSync(env.CLOUD_STORE, "utf8")).toBe(cloud);
});

test("a checkpoint as Pulumi wrote it, of a dynamic provider", async () => {
  const made = await stack(
    dynamicProgram(
      'create: async (inputs) => ({ id: "made-by-orch", outs: inputs }), update: async (_id, _olds, news) => ({ outs: news })',
      '{ size: 1, token: pulumi.secret("hunter2") }',
    ),
  );
  // Only to learn how the program's own provider is serialised.
  const planned = JSON.parse(await made.ok(["plan", "--json"]));
  const { inputs } = planned.steps.find(
    ({ type }: { type: string }) => type === "pulumi-nodejs:dynamic:Resource",
  );
  const project = "dyn";
  const urn = (type: string, name: string): string => `urn:pulumi:dev::${project}::${type}::${name}`;
  const root = urn("pulumi:pulumi:Stack", `${project}-dev`);
  const provider = urn("pulumi:providers:pulumi-nodejs", "default");
  const providerId = "5d8a2b46-7a08-4f0f-9f3e-1c2d3e4f5a6b";
  const props = {
    __provider: inputs.__provider,
    size: 1,
    token: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"hunter2"' },
  };
  const checkpoint = {
    version: 3,
    deployment: {
      manifest: {
        time: "2025-03-04T05:06:07.123456789+01:00",
        magic: "8ee0d4f2d4fde1b8a9a3cd1f1b4d2f0c",
        version: "v3.150.0",
      },
      secrets_providers: {
        type: "service",
        state: { url: "https://api.pulumi.com", owner: "me", project, stack: "dev" },
      },
      resources: [
        {
          urn: root,
          custom: false,
          type: "pulumi:pulumi:Stack",
          created: "2025-03-04T04:06:07.1Z",
          modified: "2025-03-04T04:06:07.1Z",
        },
        {
          urn: provider,
          custom: true,
          id: providerId,
          type: "pulumi:providers:pulumi-nodejs",
          inputs: {},
          outputs: {},
        },
        {
          urn: urn("pulumi-nodejs:dynamic:Resource", "thing"),
          custom: true,
          id: "made-by-pulumi",
          type: "pulumi-nodejs:dynamic:Resource",
          inputs: props,
          outputs: props,
          parent: root,
          provider: `${provider}::${providerId}`,
          propertyDependencies: { __provider: null, size: null, token: null },
          sourcePosition: "project:///index.ts#9,1",
          created: "2025-03-04T04:06:08Z",
          modified: "2025-03-04T04:06:08Z",
        },
      ],
      metadata: {},
    },
  };
  const text = JSON.stringify(checkpoint, undefined, 4);
  const refused: [string, string, RegExp][] = [
    ["cut.json", text.slice(0, 900), /error\[checkpoint-invalid\]: cut\.json is cut short/],
    ["four.json", text.replace('"version": 3', '"version": 4'), /has another version/],
    ["other.json", text.replaceAll("urn:pulumi:dev::", "urn:pulumi:prod::"), /belongs to another stack/],
    [
      "sealed.json",
      text.replaceAll(/"plaintext": "[^,]*"/g, '"ciphertext": "v1:AAAAAAAAAAAAAAAA:AAAA"'),
      /error\[secret-unreadable\].*only Pulumi can undo/,
    ],
  ];
  for (const [file, contents, said] of refused) {
    writeFileSync(made.path(file), contents);
    const result = await made.orch(["stack", "import", "--file", file]);
    expect(result.stderr).toMatch(said);
    expect(result.stderr).not.toContain("hunter2");
    expect(result.code).toBe(1);
  }
  expect((await made.orch(["stack", "import", "--file", "none.json"])).stderr).toContain("no such file");
  expect(await made.ok(["history", "--json"])).toContain('"runs": []');

  writeFileSync(made.path("state.json"), text);
  await made.ok(["stack", "import", "--file", "state.json"]);
  const plan = await made.orch(["plan", "--detailed-exitcode"]);
  expect(plan.stdout).toContain("nothing to do; 1 resource unchanged");
  expect(plan.code).toBe(0);
  expect(await made.ok(["history"])).toMatch(/ import .* =1 .* succeeded/);
  expect(await made.ok(["state", "show", "thing"])).toContain("made-by-pulumi");
  expect(readFileSync(made.path(".orch/state.db"), "latin1")).not.toContain("hunter2");

  // And it is managed from now on.
  made.write({ "index.ts": readFileSync(made.path("index.ts"), "utf8").replace("size: 1", "size: 2") });
  await made.ok(["apply", "--yes"]);
  const open = await made.orch(["stack", "export"]);
  expect(open.stderr).toMatch(/error\[key-missing\].*passphrase/s);
  const clear = await made.orch(["stack", "export", "--show-secrets"]);
  expect(clear.stderr).toContain("stand in it in clear");
  const thing = JSON.parse(clear.stdout).deployment.resources.at(-1);
  expect(thing).toMatchObject({
    id: "made-by-pulumi",
    inputs: { size: 2, token: { plaintext: '"hunter2"' } },
  });
});
