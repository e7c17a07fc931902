import { Archive, Asset, ResourceRef, Secret, unknown } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";
import { byName, failureOf, program, resultOf, run } from "./harness.js";

const head = `import * as pulumi from "@pulumi/pulumi";
class Thing extends pulumi.CustomResource {
  declare readonly size: pulumi.Output<number>;
  constructor(name: string, args: pulumi.Inputs = {}, opts?: pulumi.CustomResourceOptions, type = "test:index:Thing") {
    super(type, name, { size: undefined, ...args }, opts);
  }
}
class Group extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions, type = "test:index:Group") {
    super(type, name, {}, opts);
  }
}
class Prov extends pulumi.ProviderResource {
  constructor(name: string, args: pulumi.Inputs = {}, opts?: pulumi.ResourceOptions) {
    super("test", name, args, opts);
  }
}
`;
const headLines = head.split("\n").length - 1;
const ts = (text: string) => program({ "index.ts": head + text });
const urn = (rest: string) => `urn:pulumi:dev::proj::${rest}`;

describe("the desired resources", () => {
  test("the root stack comes first; URNs hold the parents' types", async () => {
    const ran = await run(
      ts(
        'const g = new Group("g"); const h = new Group("h", { parent: g }, "test:index:Inner"); new Thing("t", {}, { parent: h }); export const x = 1;',
      ),
    );
    const { resources, outputs } = resultOf(ran);
    expect(resources).toEqual(ran.resources);
    expect(resources.map((r) => r.urn)).toEqual([
      urn("pulumi:pulumi:Stack::proj-dev"),
      urn("test:index:Group::g"),
      urn("test:index:Group$test:index:Inner::h"),
      urn("pulumi:providers:test::default"),
      urn("test:index:Group$test:index:Inner$test:index:Thing::t"),
    ]);
    expect(resources[1]?.parent).toBe(urn("pulumi:pulumi:Stack::proj-dev"));
    expect(resources[4]?.parent).toBe(resources[2]?.urn);
    expect(outputs).toEqual({ x: 1 });
    expect(ran.registeredOutputs[urn("pulumi:pulumi:Stack::proj-dev")]).toEqual({ x: 1 });
    expect(ran.events.filter((e) => e.type === "resource-registered")).toHaveLength(5);
  });

  test("inputs of every kind, with the resources they came from", async () => {
    const ran = await run(
      ts(`
        const a = new Thing("a", { size: 1 });
        const g = new Group("g");
        new Thing("b", {
          nothing: null, flag: true, list: [1, "x", { y: null }], manifest: { kind: "Secret", value: "plain" },
          secret: pulumi.secret({ deep: "s" }), ref: a.id, size: a.size, resource: a, component: g,
          text: new pulumi.asset.StringAsset("t"), file: new pulumi.asset.FileAsset("./f"), uri: new pulumi.asset.RemoteAsset("https://e.x/"),
          archive: new pulumi.asset.AssetArchive({ "a.txt": new pulumi.asset.StringAsset("x"), dir: new pulumi.asset.FileArchive("./d") }),
        });
      `),
    );
    const b = byName(ran, "b");
    const a = urn("test:index:Thing::a");
    expect(b.inputs).toEqual({
      nothing: null,
      flag: true,
      list: [1, "x", { y: null }],
      manifest: { kind: "Secret", value: "plain" },
      secret: new Secret({ deep: "s" }),
      ref: unknown,
      size: 1,
      resource: new ResourceRef(a, unknown),
      component: new ResourceRef(urn("test:index:Group::g")),
      text: new Asset({ kind: "text", text: "t" }),
      file: new Asset({ kind: "file", path: "./f" }),
      uri: new Asset({ kind: "uri", uri: "https://e.x/" }),
      archive: new Archive({
        kind: "assets",
        assets: {
          "a.txt": new Asset({ kind: "text", text: "x" }),
          dir: new Archive({ kind: "file", path: "./d" }),
        },
      }),
    });
    expect(b.dependencies).toEqual([a]);
    expect(b.propertyDependencies).toEqual({ ref: [a], size: [a], resource: [a] });
    expect(b.source).toEqual({ file: "index.ts", line: headLines + 4, column: 9 });
  });

  test("options", async () => {
    const ran = await run(
      ts(`
        const a = new Thing("a");
        new Thing("full", {}, {
          protect: true, retainOnDelete: true, deletedWith: a, deleteBeforeReplace: true, replaceOnChanges: ["size", "tags.*"],
          ignoreChanges: ["spec[0].name"], additionalSecretOutputs: ["size"], customTimeouts: { create: "5m", delete: "1h30m" }, import: "i-1",
          replaceWith: [a], hideDiffs: ["size"], replacementTrigger: 7, version: "1.2.3", pluginDownloadURL: "https://e.x/",
        } as pulumi.CustomResourceOptions);
        new Thing("plain");
        const g = new Group("g", { protect: true });
        new Thing("child", {}, { parent: g });
        new Thing("free", {}, { parent: g, protect: false });
      `),
    );
    const a = urn("test:index:Thing::a");
    expect(byName(ran, "full").options).toEqual({
      protect: true,
      retainOnDelete: true,
      deletedWith: a,
      deleteBeforeReplace: true,
      replaceOnChanges: ["size", "tags.*"],
      ignoreChanges: ["spec[0].name"],
      additionalSecretOutputs: ["size"],
      customTimeouts: { create: "5m", delete: "1h30m" },
      importId: "i-1",
      replaceWith: [a],
      hideDiffs: ["size"],
      replacementTrigger: 7,
    });
    expect(byName(ran, "full").provider).toBe(urn("pulumi:providers:test::default_1_2_3_https_/e.x"));
    expect(byName(ran, "plain").options).toEqual({});
    expect(byName(ran, "child").options).toEqual({ protect: true });
    expect(byName(ran, "free").options).toEqual({});
  });

  test.each([
    ["ignoreChanges", '{ ignoreChanges: ["a[x]"] }', "a[x]"],
    ["customTimeouts.create", '{ customTimeouts: { create: "five minutes" } }', "five minutes"],
  ])("an invalid %s is refused with the place", async (option, opts, found) => {
    expect(failureOf(await run(ts(`new Thing("r", {}, ${opts});`)))).toMatchObject({
      reason: "invalid-option",
      path: option,
      found,
      urn: urn("test:index:Thing::r"),
      source: { file: "index.ts", line: headLines + 1 },
    });
  });

  test("two resources with one URN: both places", async () => {
    const failure = failureOf(await run(ts('new Thing("same");\nnew Thing("other");\nnew Thing("same");')));
    expect(failure).toMatchObject({
      reason: "duplicate-urn",
      urn: urn("test:index:Thing::same"),
      source: { file: "index.ts", line: headLines + 3, column: 1 },
    });
    expect(failure.message).toContain(`index.ts:${headLines + 1}:1`);
    expect(failure.message).toContain(`index.ts:${headLines + 3}:1`);
  });

  test("the position is where the program makes it, not where its class is written", async () => {
    const ran = await run(
      program({
        "index.ts": `${head}import { Web } from "./web";\nnew Web("web");\n`,
        "web.ts": `${head}export class Web extends Group {\n  constructor(name: string) {\n    super(name);\n    new Thing(name + "-disk", {}, { parent: this });\n  }\n}\n`,
      }),
    );
    expect(byName(ran, "web-disk").source).toEqual({ file: "web.ts", line: headLines + 4, column: 5 });
    expect(byName(ran, "web").source?.file).toMatch(/\.ts$/);
  });
});

describe("dependencies", () => {
  test("dependsOn a component means what it holds", async () => {
    const ran = await run(
      ts(`
        const g = new Group("g"); const inner = new Group("inner", { parent: g });
        new Thing("x", {}, { parent: g }); new Thing("y", {}, { parent: inner });
        new Thing("after", {}, { dependsOn: g });
        const empty = new Group("empty");
        new Thing("alone", {}, { dependsOn: [empty] });
      `),
    );
    expect([...byName(ran, "after").dependencies].sort()).toEqual([
      urn("test:index:Group$test:index:Group$test:index:Thing::y"),
      urn("test:index:Group$test:index:Thing::x"),
    ]);
    expect(byName(ran, "alone").dependencies).toEqual([]);
  });
});

describe("aliases become URNs", () => {
  test("URN and spec forms, and the parents' aliases times the own", async () => {
    const ran = await run(
      ts(`
        const g = new Group("new-app", { aliases: [{ name: "app" }, "urn:pulumi:old::p::test:index:Group::x"] });
        new Thing("new-app-disk", {}, { parent: g, aliases: [{ type: "test:index:Disk" }, { parent: pulumi.rootStackResource, name: "loose" }] });
        new Thing("t", {}, { aliases: [{ stack: "prod" }, { project: "before" }, { name: "t" }] });
      `),
    );
    expect(byName(ran, "new-app").aliases).toEqual([
      urn("test:index:Group::app"),
      "urn:pulumi:old::p::test:index:Group::x",
    ]);
    expect(byName(ran, "new-app-disk").aliases).toEqual([
      urn("test:index:Group$test:index:Disk::new-app-disk"),
      urn("test:index:Thing::loose"),
      urn("test:index:Group$test:index:Thing::app-disk"),
      urn("test:index:Group$test:index:Disk::app-disk"),
      urn("test:index:Group$test:index:Thing::loose"),
      urn("test:index:Group$test:index:Thing::x-disk"),
      urn("test:index:Group$test:index:Disk::x-disk"),
    ]);
    expect(byName(ran, "t").aliases).toEqual([
      "urn:pulumi:prod::proj::test:index:Thing::t",
      "urn:pulumi:dev::before::test:index:Thing::t",
    ]);
  });
});

describe("providers", () => {
  test("a default one per package and version, once, with the stack's configuration of the package", async () => {
    const ran = await run(
      ts(`
        new Thing("a", {}, { version: "6.0.0-beta.1" }); new Thing("b", {}, { version: "6.0.0-beta.1" }); new Thing("c");
        new Thing("d", {}, {}, "other:index:Thing");
      `),
      {
        config: {
          "test:region": "eu",
          "test:token": "s",
          "test:list": '["a"]',
          "proj:region": "no",
          "other:x": "1",
        },
        secretKeys: ["test:token"],
      },
    );
    const providers = ran.resources.filter((r) => r.type.startsWith("pulumi:providers:"));
    expect(providers.map((r) => r.urn)).toEqual([
      urn("pulumi:providers:test::default_6_0_0_beta_1"),
      urn("pulumi:providers:test::default"),
      urn("pulumi:providers:other::default"),
    ]);
    expect(providers[0]).toMatchObject({
      custom: true,
      inputs: { region: "eu", token: new Secret("s"), list: '["a"]' },
      package: { name: "test", version: "6.0.0-beta.1" },
    });
    expect(providers[0]).not.toHaveProperty("parent");
    expect(byName(ran, "b").provider).toBe(providers[0]?.urn);
    expect(byName(ran, "c").provider).toBe(providers[1]?.urn);
  });

  test("explicit ones, inherited through parents and providers", async () => {
    const ran = await run(
      ts(`
        const p = new Prov("p", { region: "us" }, { version: "2.0.0" });
        new Thing("direct", {}, { provider: p });
        const g = new Group("g", { providers: [p] });
        const inner = new Group("inner", { parent: g });
        new Thing("inherited", {}, { parent: inner });
        new Thing("other", {}, { parent: inner }, "other:index:Thing");
      `),
    );
    const p = byName(ran, "p");
    expect(p).toMatchObject({
      urn: urn("pulumi:providers:test::p"),
      inputs: { region: "us" },
      package: { name: "test", version: "2.0.0" },
    });
    expect(p.provider).toBeUndefined();
    expect(byName(ran, "direct").provider).toBe(p.urn);
    expect(byName(ran, "inherited").provider).toBe(p.urn);
    expect(byName(ran, "other").provider).toBe(urn("pulumi:providers:other::default"));
  });

  test("a default provider that fails fails what needs it, once", async () => {
    const ran = await run(ts('new Thing("a"); new Thing("b");'), {
      answer: (resource) =>
        resource.type === "pulumi:providers:test" ? { outputs: {}, failed: true } : { outputs: {} },
    });
    expect(failureOf(ran)).toMatchObject({
      reason: "step-failed",
      urn: urn("pulumi:providers:test::default"),
    });
  });
});

describe("reading and calling", () => {
  test(".get() reads with its provider", async () => {
    const ran = await run(
      ts('const t = new Thing("seen", { hint: 1 }, { id: "i-7" }); export const id = t.id;'),
    );
    expect(resultOf(ran).outputs).toEqual({ id: "i-7" });
    expect(ran.reads).toEqual([
      expect.objectContaining({
        urn: urn("test:index:Thing::seen"),
        id: "i-7",
        inputs: { hint: 1 },
        provider: urn("pulumi:providers:test::default"),
        custom: true,
      }),
    ]);
  });

  test("invoke, plain and as an output; unknown arguments are not sent", async () => {
    const ran = await run(
      ts(`
        const a = new Thing("a");
        export const plain = pulumi.runtime.invoke("test:index:get", { q: 1 }, { version: "1.0.0" });
        export const out = pulumi.runtime.invokeOutput("test:index:get", { q: pulumi.secret("s") });
        export const later = pulumi.runtime.invokeOutput("test:index:get", { q: a.id });
      `),
      { invoke: () => ({ answer: 42 }) },
    );
    const { outputs } = resultOf(ran);
    expect(outputs).toEqual({ plain: { answer: 42 }, out: new Secret({ answer: 42 }), later: unknown });
    expect(ran.invokes.map(({ token, args, provider }) => ({ token, args, provider }))).toEqual(
      expect.arrayContaining([
        { token: "test:index:get", args: { q: 1 }, provider: urn("pulumi:providers:test::default_1_0_0") },
        { token: "test:index:get", args: { q: "s" }, provider: urn("pulumi:providers:test::default") },
      ]),
    );
    expect(ran.invokes).toHaveLength(2);
  });

  test("a resource by its URN is what this run knows of it; one that it has not made is refused", async () => {
    const get = (name: string) =>
      `new Thing("again", {}, { urn: "urn:pulumi:dev::proj::test:index:Thing::${name}" })`;
    const ran = await run(
      ts(`const first = new Thing("first", { a: 1 });
        const later = first.urn.apply(() => ${get("first")});
        export const a = later.apply((it: any) => it.a);
        export const id = later.apply((it: any) => it.id);`),
      { answer: ({ inputs }) => ({ id: "x", outputs: inputs }) },
    );
    expect(resultOf(ran).outputs).toMatchObject({ id: "x" });
    expect(failureOf(await run(ts(`${get("none")};`)))).toMatchObject({
      reason: "invoke-failed",
      found: '"urn:pulumi:dev::proj::test:index:Thing::none"',
    });
  });

  test.each([["a hook", 'new pulumi.ResourceHook("h", () => {});', "does not support resource hooks"]])(
    "%s is refused clearly",
    async (_, text, part) => {
      const failure = failureOf(await run(ts(text)));
      expect(JSON.stringify(failure)).toContain(part);
      expect(JSON.stringify(failure)).toMatch(/not support/);
    },
  );
});

describe("transforms", () => {
  test("of the resource, its parents and the stack, in this order, change properties and options", async () => {
    const ran = await run(
      ts(`
        const add = (text: string): pulumi.ResourceTransform => (args) =>
          args.custom ? { props: { ...args.props, seen: (args.props.seen ?? "") + text }, opts: args.opts } : undefined;
        pulumi.runtime.registerResourceTransform(add("stack"));
        pulumi.runtime.registerResourceTransform((args) =>
          args.name === "t" ? { props: args.props, opts: { ...args.opts, protect: true, ignoreChanges: ["size"], version: "3.1.4" } } : undefined);
        const a = new Thing("a");
        const g = new Group("g", { transforms: [add("parent,")] });
        new Thing("t", { from: a.id, size: 2 }, { parent: g, transforms: [add("own,")], deleteBeforeReplace: true, aliases: [{ name: "old" }] });
      `),
    );
    resultOf(ran);
    const a = byName(ran, "a");
    expect(a.inputs).toEqual({ seen: "stack" });
    const t = byName(ran, "t");
    expect(t.inputs).toEqual({ from: unknown, size: 2, seen: "own,parent,stack" });
    expect(t.options).toEqual({ protect: true, ignoreChanges: ["size"], deleteBeforeReplace: true });
    expect(t.provider).toBe(urn("pulumi:providers:test::default_3_1_4"));
    expect(t.aliases).toEqual([urn("test:index:Group$test:index:Thing::old")]);
    expect(t.dependencies).toEqual([a.urn]);
    // New properties may be made of any of the others.
    expect(t.propertyDependencies).toEqual({ from: [a.urn], seen: [a.urn] });
    expect(byName(ran, "g").inputs).toEqual({});
  });

  test("of calls", async () => {
    const ran = await run(
      ts(`
        pulumi.runtime.registerInvokeTransform((args) => ({ args: { ...args.args, more: 1 }, opts: { ...args.opts, version: "9.9.9" } }));
        export const out = pulumi.runtime.invoke("test:index:get", { q: 1 });
      `),
    );
    resultOf(ran);
    expect(ran.invokes[0]).toMatchObject({
      args: { q: 1, more: 1 },
      provider: urn("pulumi:providers:test::default_9_9_9"),
    });
  });

  test("errors in one carry its own frames", async () => {
    const failure = failureOf(
      await run(
        ts(`pulumi.runtime.registerResourceTransform((args) => {
  if (args.custom) throw new Error("not allowed");
  return undefined;
});
new Thing("t");`),
      ),
    );
    expect(failure).toMatchObject({
      reason: "program-error",
      message: "A transform of the program failed: not allowed",
      source: { file: "index.ts", line: headLines + 2, column: 26 },
    });
    expect(failure.causes).toBeUndefined();
  });
});

describe("answers", () => {
  test("planning: unknown outputs stop applies, known ones run them", async () => {
    const ran = await run(
      ts(`
        const a = new Thing("a", { size: 1, known: "k" });
        export const ran = (a as any).known.apply((k: string) => k + "!");
        export const notRun = a.size.apply(() => { throw new Error("ran on an unknown"); });
      `),
      {
        answer: (r) =>
          r.custom ? { id: unknown, outputs: { ...r.inputs, size: unknown } } : { outputs: {} },
      },
    );
    expect(resultOf(ran).outputs).toEqual({ ran: "k!", notRun: unknown });
  });

  test("applying: ids, outputs, secrets and dependencies come back", async () => {
    const ran = await run(
      ts(`
        const a = new Thing("a", { size: 1 });
        new Thing("b", { id2: a.id, size: a.size });
        export const id = a.id;
        export const size = a.size;
      `),
      {
        dryRun: false,
        answer: (r) =>
          r.custom ? { id: `id-${r.name}`, outputs: { ...r.inputs, size: new Secret(5) } } : { outputs: {} },
      },
    );
    expect(resultOf(ran).outputs).toEqual({ id: "id-a", size: new Secret(5) });
    expect(byName(ran, "b").inputs).toEqual({ id2: "id-a", size: new Secret(5) });
  });

  test("applying: an unknown output is an error, a failed resource is one the program can see", async () => {
    const text = 'const a = new Thing("a"); new Thing("b", { size: a.size });';
    const broken = await run(ts(text), {
      dryRun: false,
      answer: (r) => ({ id: "i", outputs: { size: unknown }, ...(r.custom ? {} : { outputs: {} }) }),
    });
    expect(failureOf(broken).message).toContain("still unknown");
    const failed = await run(ts(text), {
      dryRun: false,
      answer: (r) => (r.name === "a" ? { outputs: {}, failed: true } : { id: "i", outputs: {} }),
    });
    expect(failureOf(failed).message).toContain("a [test:index:Thing] failed");
    expect(failed.resources.map((r) => r.name)).not.toContain("b");
  });
});

test("the version of Pulumi can be asked for", async () => {
  resultOf(await run(ts('pulumi.runtime.requirePulumiVersion(">=3.100.0");')));
  expect(failureOf(await run(ts('pulumi.runtime.requirePulumiVersion(">=4.0.0");')))).toMatchObject({
    reason: "unsupported",
    expected: ">=4.0.0",
  });
});
