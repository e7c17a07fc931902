import { formatPath } from "@orch/core/model/path";
import type { Origin } from "@orch/core/model/resource";
import { parseUrn } from "@orch/core/model/urn";
import { unknown } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";
import { byName, program, type RunSettings, resultOf, run } from "./harness.js";

const head = `import * as pulumi from "@pulumi/pulumi";
class Db extends pulumi.CustomResource {
  declare readonly endpoint: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly nodes: pulumi.Output<{ address: string }[]>;
  constructor(name: string, opts?: pulumi.CustomResourceOptions) {
    super("test:index:Db", name, { endpoint: undefined, port: undefined, nodes: undefined, password: pulumi.secret("hunter2") }, opts);
  }
}
const db = new Db("db");
const other = new Db("other");
const use = (args: pulumi.Inputs) => new pulumi.CustomResource("test:index:Use", "use", args);
`;
const answer: NonNullable<RunSettings["answer"]> = (resource) => ({
  id: unknown,
  outputs: { ...resource.inputs, endpoint: unknown, port: unknown, nodes: unknown },
});

/** `path ← resource → output` of what the program gives the resource `use`. */
async function origins(args: string, settings: RunSettings = {}): Promise<string[]> {
  const ran = await run(program({ "index.ts": `${head}${args}` }), { answer, ...settings });
  resultOf(ran);
  const text = ({ path, urn, output }: Origin): string =>
    `${formatPath(path)} ← ${parseUrn(urn).name} → ${output}`;
  return (byName(ran, "use").origins ?? []).map(text);
}

describe("a plan is told which outputs a value was made of", () => {
  test("by the place in the properties", async () => {
    expect(
      await origins("use({ a: db.endpoint, list: [{ port: other.port }, { id: db.id }], plain: 1 });"),
    ).toEqual(["a ← db → endpoint", "list[0].port ← other → port", "list[1].id ← db → id"]);
  });

  test.each([
    ["apply", 'db.endpoint.apply((e) => "https://" + e)', ["db → endpoint"]],
    [
      "several, one after the other",
      "db.endpoint.apply((e) => e + 1).apply((e) => other.port)",
      ["db → endpoint"],
    ],
    [
      "all",
      "pulumi.all([db.endpoint, other.port]).apply(([a, b]) => a + b)",
      ["db → endpoint", "other → port"],
    ],
    [
      "all of an object",
      "pulumi.all({ a: db.endpoint, b: other.id }).apply((x) => x.a)",
      ["db → endpoint", "other → id"],
    ],
    [
      "interpolate",
      "pulumi.interpolate`http://$" + "{db.endpoint}:$" + "{db.port}`",
      ["db → endpoint", "db → port"],
    ],
    ["concat", 'pulumi.concat("http://", db.endpoint)', ["db → endpoint"]],
    ["lifting", "db.nodes[0].address", ["db → nodes"]],
    ["secret", "pulumi.secret(db.endpoint)", ["db → endpoint"]],
    ["output", "pulumi.output({ deep: { in: [db.endpoint] } })", ["db → endpoint"]],
    ["jsonStringify", "pulumi.jsonStringify({ a: db.endpoint })", ["db → endpoint"]],
    ["nothing", "pulumi.output(1)", []],
  ])("through %s", async (_, value, expected) => {
    expect(await origins(`use({ a: ${value} });`)).toEqual(expected.map((origin) => `a ← ${origin}`));
  });

  test("through a component, whose outputs have no values of their own", async () => {
    const component = `class App extends pulumi.ComponentResource {
      readonly url: pulumi.Output<string>;
      constructor() {
        super("test:index:App", "app");
        this.url = pulumi.interpolate\`http://\${new Db("inner", { parent: this }).endpoint}\`;
        this.registerOutputs({ url: this.url });
      }
    }
    use({ a: new App().url });`;
    expect(await origins(component)).toEqual(["a ← inner → endpoint"]);
  });

  test("and the properties themselves are as ever: nothing is among them, and none is told when the values are there", async () => {
    const dir = program({ "index.ts": `${head}use({ a: db.endpoint });` });
    expect(byName(await run(dir, { answer }), "use").inputs).toEqual({ a: unknown });
    const applied = byName(
      await run(dir, {
        dryRun: false,
        answer: ({ inputs }) => ({ id: "1", outputs: { ...inputs, endpoint: "e" } }),
      }),
      "use",
    );
    expect(applied.inputs).toEqual({ a: "e" });
    expect(applied.origins).toBeUndefined();
  });

  test("for the stack's outputs too", async () => {
    const ran = await run(
      program({
        "index.ts": `${head}export const url = db.endpoint; export const all = { port: other.port };`,
      }),
      { answer },
    );
    const { outputs, outputOrigins } = resultOf(ran);
    expect(outputs).toEqual({ url: unknown, all: { port: unknown } });
    // In the order of the module's exports.
    expect(outputOrigins).toMatchObject([
      { path: ["all", "port"], output: "port" },
      { path: ["url"], output: "endpoint" },
    ]);
  });

  test("also with a transform in between, and in a resource that is read", async () => {
    const ran = await run(
      program({
        "index.ts": `${head}
pulumi.runtime.registerResourceTransform(({ props, opts }) => ({ props: { ...props, more: true }, opts }));
use({ a: db.endpoint });
new pulumi.CustomResource("test:index:Use", "read", { a: db.endpoint }, { id: "x" });`,
      }),
      { answer },
    );
    resultOf(ran);
    expect(byName(ran, "use")).toMatchObject({
      inputs: { a: unknown, more: true },
      origins: [{ path: ["a"], output: "endpoint" }],
    });
    expect(ran.reads[0]?.inputs).toEqual({ a: unknown });
  });
});
