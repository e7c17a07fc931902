import { Secret } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";
import { byName, failureOf, fixture, program, resultOf, run } from "./harness.js";

const resource = (name: string) =>
  `new pulumi.CustomResource("test:index:Thing", ${JSON.stringify(name)}, { a: 1 });`;

describe("programs are loaded as they are written", () => {
  test("TypeScript with CommonJS: tsconfig with comments, extends, paths and baseUrl, files without extension, JSON", async () => {
    const ran = await run(fixture("ts-cjs"));
    const { outputs, files } = resultOf(ran);
    expect(outputs).toEqual({
      size: "large",
      label: new Secret("LABEL"),
      values: { answer: 42, fromBase: true, here: true },
    });
    expect(byName(ran, "made-box").inputs).toEqual({ size: "large", note: "from json" });
    expect(ran.lines).toEqual(["stdout: making made", "stderr: and a warning"]);
    expect(files.map((file) => file.slice(fixture("ts-cjs").length + 1)).sort()).toEqual([
      "src/lib/deep/answer.ts",
      "src/lib/index.ts",
      "src/main.ts",
      "src/settings.json",
      "src/shared/base-url.ts",
      "src/shared/names.ts",
      "src/shared/text.ts",
    ]);
  });

  test("TypeScript with ES modules: top-level await, .js for .ts, .mts, CommonJS beside, default export", async () => {
    const ran = await run(fixture("esm"));
    expect(resultOf(ran).outputs).toEqual({
      out: "hello orch!",
      late: "late",
      twice: 4,
      legacy: "cjs",
      url: true,
    });
    expect(byName(ran, "thing").inputs).toEqual({ text: "hello orch" });
  });

  test.each([
    [
      "index.js",
      `const pulumi = require("@pulumi/pulumi"); ${resource("r")} module.exports = { out: 1 };`,
      undefined,
    ],
    [
      "index.js",
      `import * as pulumi from "@pulumi/pulumi"; ${resource("r")} export const out = 1;`,
      undefined,
    ],
    [
      "index.mjs",
      `import * as pulumi from "@pulumi/pulumi"; ${resource("r")} export const out = await 1;`,
      undefined,
    ],
    [
      "index.mts",
      `import * as pulumi from "@pulumi/pulumi"; ${resource("r")} export const out: number = await 1;`,
      undefined,
    ],
    [
      "index.cts",
      `import pulumi = require("@pulumi/pulumi"); ${resource("r")} export = { out: 1 };`,
      undefined,
    ],
    [
      "index.ts",
      `import * as pulumi from "@pulumi/pulumi"; export = async () => { ${resource("r")} return { out: 1 }; };`,
      undefined,
    ],
    [
      "index.ts",
      `import * as pulumi from "@pulumi/pulumi"; export default async function main() { ${resource("r")} return { out: 1 }; }`,
      undefined,
    ],
    [
      "src/app.ts",
      `import * as pulumi from "@pulumi/pulumi"; ${resource("r")} export const out: number = 1;`,
      "src/app.ts",
    ],
    [
      "infra/index.ts",
      `import * as pulumi from "@pulumi/pulumi"; ${resource("r")} export const out: number = 1;`,
      "infra",
    ],
  ])("%s: %s", async (file, text, entry) => {
    const dir = program({ [file]: text });
    const ran = await run(dir, entry === undefined ? {} : { entry });
    expect(resultOf(ran).outputs).toEqual({ out: 1 });
    expect(byName(ran, "r").inputs).toEqual({ a: 1 });
  });

  test("the folder, arguments, project, stack, organization and configuration are the stack's own", async () => {
    const dir = program({
      "index.ts": `
        import * as pulumi from "@pulumi/pulumi";
        const config = new pulumi.Config();
        export const all = [process.cwd(), process.argv[1], pulumi.getProject(), pulumi.getStack(), pulumi.getOrganization(),
          config.require("plain"), config.requireObject("list"), process.env.EXTRA, pulumi.runtime.isDryRun()];
        export const secret = config.requireSecret("token");
        export const features = pulumi.runtime.hasMonitor();
      `,
    });
    const ran = await run(dir, {
      config: { "proj:plain": "p", "proj:list": "[1]", "proj:token": "t" },
      secretKeys: ["proj:token"],
      env: { EXTRA: "e" },
    });
    const { outputs } = resultOf(ran);
    expect(outputs.all).toEqual([dir, `${dir}/index.ts`, "proj", "dev", "acme", "p", [1], "e", true]);
    expect(outputs.secret).toEqual(new Secret("t"));
  });

  test("a generated local SDK with lazyLoad and a parameterised package", async () => {
    const ran = await run(fixture("local-sdk"));
    resultOf(ran);
    const provider = ran.resources.find((r) => r.type === "pulumi:providers:box");
    expect(provider).toMatchObject({
      name: "default_1_2_3_beta_1_https_/example.com/plugins",
      package: {
        name: "terraform-provider",
        version: "0.9.1",
        downloadUrl: "https://example.com/plugins",
        parameterization: { name: "box", version: "1.2.3-beta.1", value: "e30=" },
      },
    });
    expect(byName(ran, "made")).toMatchObject({
      type: "box:index:Box",
      provider: provider?.urn,
      inputs: { size: 3 },
    });
  });

  test("aws, azure-native and kubernetes reach their registrations", async () => {
    const ran = await run(fixture("clouds"), { invoke: () => ({ region: "eu-central-1" }) });
    expect(resultOf(ran).outputs.regionName).toBe("eu-central-1");
    expect(ran.resources.map((r) => r.type)).toEqual([
      "pulumi:pulumi:Stack",
      "pulumi:providers:aws",
      "aws:s3/bucket:Bucket",
      "pulumi:providers:azure-native",
      "azure-native:resources:ResourceGroup",
      "pulumi:providers:kubernetes",
      "kubernetes:core/v1:Secret",
    ]);
    expect(byName(ran, "secret").dependencies).toEqual([byName(ran, "bucket").urn, byName(ran, "group").urn]);
    expect(ran.invokes[0]).toMatchObject({
      token: "aws:index/getRegion:getRegion",
      package: { name: "aws" },
    });
    expect(byName(ran, "bucket").source).toMatchObject({ file: "index.ts", line: 5 });
  });

  test("a dynamic provider's closure keeps its imports as modules", async () => {
    const dir = program({
      "index.ts": `
        import * as crypto from "node:crypto";
        import url from "node:url";
        import * as pulumi from "@pulumi/pulumi";
        const provider: pulumi.dynamic.ResourceProvider = {
          async create(inputs) { return { id: crypto.createHash("sha1").update(url.format(inputs.name)).digest("hex"), outs: inputs }; },
        };
        class Named extends pulumi.dynamic.Resource {
          constructor(name: string) { super(provider, name, { name }); }
        }
        new Named("n");
      `,
    });
    const ran = await run(dir);
    resultOf(ran);
    const named = byName(ran, "n");
    expect(named.type).toBe("pulumi-nodejs:dynamic:Resource");
    expect(named.source).toMatchObject({ line: 11 });
    const text = String(named.inputs.__provider);
    expect(text).toContain('require("crypto")');
    expect(text).toContain('require("url")');
    expect(text).not.toContain("__toESM");
    expect(byName(ran, "default").type).toBe("pulumi:providers:pulumi-nodejs");
  });

  test("the automation API and TypeScript are there when a program asks for them", async () => {
    const dir = program({
      "index.ts": `
        import * as pulumi from "@pulumi/pulumi";
        export const names = [typeof pulumi.automation.LocalWorkspace.create, Object.keys(pulumi.automation).includes("Stack")];
      `,
    });
    expect(resultOf(await run(dir)).outputs.names).toEqual(["function", true]);
  });
});

describe("what cannot be loaded is told", () => {
  test("no program", async () => {
    const failure = failureOf(await run(program({ "readme.md": "" })));
    expect(failure).toMatchObject({
      reason: "program-missing",
      expected: expect.stringContaining("index.ts"),
    });
    expect(failureOf(await run(program({}), { entry: "src/app.ts" }))).toMatchObject({
      reason: "program-missing",
      expected: expect.stringContaining("src/app.ts"),
    });
  });

  test("no SDK", async () => {
    expect(failureOf(await run(program({ "index.ts": "" }, false)))).toMatchObject({
      reason: "module-missing",
      message: expect.stringContaining("@pulumi/pulumi"),
      next: [expect.stringContaining("npm install @pulumi/pulumi")],
    });
  });

  test("a syntax error, with the line", async () => {
    const failure = failureOf(
      await run(
        program({
          "index.ts": 'import { a } from "./lib";\nconsole.log(a);\n',
          "lib.ts": "export const a: number = 1;\nconst b = ;\n",
        }),
      ),
    );
    expect(failure).toMatchObject({
      reason: "program-error",
      message: 'Syntax error in lib.ts:2:11: Unexpected ";"',
      source: { file: "lib.ts", line: 2, column: 11 },
      detail: "const b = ;\n          ^",
    });
  });

  test("a syntax error in plain JavaScript", async () => {
    expect(failureOf(await run(program({ "index.js": "const a = ;\n" })))).toMatchObject({
      reason: "program-error",
      source: { file: "index.js", line: 1 },
    });
    expect(failureOf(await run(program({ "index.mjs": "export const a = ;\n" })))).toMatchObject({
      reason: "program-error",
      source: { file: "index.mjs", line: 1 },
    });
  });

  test("top-level await in CommonJS says how to have it", async () => {
    const failure = failureOf(await run(program({ "index.ts": "export const a = await 1;\n" })));
    expect(failure.next?.[0]).toContain('"type": "module"');
  });

  test.each(["index.ts", "index.mts"])("a missing package, in %s", async (entry) => {
    const failure = failureOf(
      await run(
        program({
          [entry]: 'import { x } from "./lib.js";\nx();\n',
          "lib.ts": 'import { y } from "@scope/nothing/sub";\nexport const x = y;\n',
        }),
      ),
    );
    expect(failure).toMatchObject({
      reason: "module-missing",
      message: expect.stringContaining("@scope/nothing"),
      next: [expect.stringContaining("npm install @scope/nothing (in "), expect.anything()],
    });
    expect(failure.message).toContain("lib.ts imports");
  });

  test("a missing file", async () => {
    const failure = failureOf(await run(program({ "index.ts": 'import "./nothing";\n' })));
    expect(failure).toMatchObject({
      reason: "module-missing",
      message: "Cannot find the file ./nothing, which index.ts imports.",
    });
  });

  test("a broken tsconfig.json", async () => {
    const failure = failureOf(await run(program({ "index.ts": "", "tsconfig.json": "{ nonsense" })));
    expect(failure.message).toContain("tsconfig.json");
  });
});
