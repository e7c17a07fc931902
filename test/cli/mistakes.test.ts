/** What people mistype, and the name that is told back to them. */
import { describe, expect, test } from "vitest";
import { golden, type Project, project, stable, stack, transcript } from "./kit.js";

const run = async (made: Project, ...args: string[]): Promise<string> =>
  transcript(args, await made.orch(args), made);

const head = `import * as host from "@orch/providers/host";\nimport * as pulumi from "@pulumi/pulumi";\n`;

/** One program after the other in the same project, planned. */
async function programs(made: Project, bodies: readonly string[]): Promise<string> {
  const runs: string[] = [];
  for (const body of bodies) {
    made.write({ "index.ts": `${head}${body}\n` });
    runs.push(await run(made, "plan"));
  }
  return runs.join("\n");
}

describe("mistyped", () => {
  test("commands, those of other tools, flags and their values", async () => {
    const made = project({});
    const words = [
      ["aply"],
      ["preview"],
      ["up", "--yes"],
      ["init"],
      ["state", "list"],
      ["config", "sett", "a", "b"],
      ["--verison"],
      ["console", "--plian"],
      ["graph", "--format", "svgg"],
      ["completion", "bsh"],
      ["constructor"],
    ];
    const runs: string[] = [];
    for (const args of words) runs.push(await run(made, ...args));
    await expect(runs.join("\n")).toMatchFileSnapshot(golden("mistyped-commands"));
  });

  test("configuration keys and values that the program requires", async () => {
    const made = await stack({ "orch.yaml": "name: shop\n" });
    await made.ok(["config", "set", "dbPasword", "x"]);
    await made.ok(["config", "set", "aws:region", "eu-west-1"]);
    await made.ok(["config", "set", "shop-db:size", "mediun"]);
    await made.ok(["config", "set", "size", "abc", "--secret"]);
    const text = await programs(made, [
      `new pulumi.Config().requireSecret("dbPassword");`,
      `new pulumi.Config().require("region");`,
      `new pulumi.Config("aws").require("regoin");`,
      `new pulumi.Config("nothing").require("near");`,
      `new pulumi.Config("shop-db").require("size", { allowedValues: ["small", "medium", "large"] });`,
      // Of a secret nothing is told, however short it is.
      `new pulumi.Config().requireNumber("size");`,
    ]);
    expect(text).not.toContain("abc");
    const more = [
      await run(made, "config", "get", "dbPassword"),
      await run(made, "config", "rm", "aws:regio"),
    ];
    await expect([text, ...more].join("\n")).toMatchFileSnapshot(golden("mistyped-config"));
  });

  test("stacks, what they give out, and resources", async () => {
    const made = await stack({ "orch.yaml": "name: shop\n" });
    await made.ok(["stack", "init", "production"]);
    made.write({
      "index.ts": `${head}const page = new host.Directory("page", { path: "${made.path("page")}" });\nexport const url = page.path;\n`,
    });
    await made.ok(["apply", "--yes"]);
    const runs: string[] = [];
    for (const args of [
      ["plan", "--stack", "prod"],
      ["stack", "output", "ulr"],
      ["state", "show", "pgae"],
      ["explain", "urn:pulumi:production::shop::host:index:Directori::page"],
      ["explain", "plan-stael"],
      ["login", "sqlte:x.db"],
    ])
      runs.push(await run(made, ...args));
    const text = await programs(made, [
      `new pulumi.StackReference("organization/shop/prodution");`,
      `new pulumi.StackReference("organization/shp/production");`,
      `export const url = new pulumi.StackReference("production").requireOutput("ulr");`,
      `new host.Directory("d", { path: new pulumi.StackReference("production").requireOutput("uri") });`,
    ]);
    await expect([...runs, text].join("\n")).toMatchFileSnapshot(golden("mistyped-stacks"));
  });

  test("properties: at their lines, through helpers and in loops", async () => {
    const made = await stack({ "orch.yaml": "name: shop\n" });
    const text = await programs(made, [
      `
const owner = { owner: "root", modee: "0644" };
const page = (name: string, args: any) => new host.File(name, { ...owner, ...args });
page("one", { path: "/tmp/one", content: "a", group: 7 });

new host.Command("two", {
  create: "true",
  // What it needs.
  environment: { A: 1 },
  connection: {
    type: "ssh",
    host: "web1",
    usr: "root",
    password: "hunter2",
  },
} as any);

for (let i = 0; i < 12; i++) new host.File(\`page-\${i}\`, { path: \`/tmp/\${i}\`, contnt: "a" } as any);`,
      `class Own extends pulumi.CustomResource {
  constructor(name: string, args: object) {
    super("host:index:Fiel", name, args);
  }
}
new Own("own", {});`,
      `new host.File({ path: "/tmp/x", content: "a" } as any);`,
    ]);
    expect(text).not.toContain("hunter2");
    await expect(text).toMatchFileSnapshot(golden("mistyped-properties"));
  });

  test("what JavaScript makes of outputs, promises and names that are not there", async () => {
    const made = await stack({
      "orch.yaml": "name: shop\n",
      "package.json": JSON.stringify({ dependencies: { lodash: "4" } }),
      "circle.ts": `import { size } from "./index";\nexport const twice = size * 2;\n`,
      "names.ts": "export const names = [];\n",
    });
    const page = `const page = new host.Directory("page", { path: "/tmp/page" });\n`;
    const text = await programs(made, [
      `${page}new host.File("copy", {\n  path: "/tmp/copy",\n  content: \`see \${page.path}\`,\n});`,
      `${page}new host.File("copy", { path: "/tmp/copy", content: JSON.stringify({ at: page.path }) });`,
      `${page}new host.File(\`copy-\${page.path}\`, { path: "/tmp/copy", content: "" });`,
      `${page}export const url = "file://" + page.path;`,
      `const load = async () => "a";\nnew host.File("copy", { path: "/tmp/copy", content: \`\${load()}\` });`,
      `${page}page.path.apply((path) => {\n  throw new Error("not there: " + path);\n});`,
      `new host.File("copy", { path: "/tmp/copy", content: 10n } as any);`,
      `new host.Fiel("copy", { path: "/tmp/copy", content: "" });`,
      `new hots.File("copy", { path: "/tmp/copy", content: "" });`,
      `const config: any = undefined;\nnew host.File("copy", { path: config.path, content: "" });`,
      `import { names } from "./nams";\nexport const all = names;`,
      `import _ from "lodas";\nexport const all = _;`,
      `import { twice } from "./circle";\nexport const size = 1;\nexport const all = twice;`,
      `export const all = { a: 1 "b": 2 };`,
    ]);
    await expect(text).toMatchFileSnapshot(golden("mistaken-programs"));
  });

  test("machines that refuse: one cause with what waited for it below", async () => {
    const made = await stack({
      "orch.yaml": "name: shop\n",
      "index.ts": `${head}
const pages: host.File[] = [];
for (let i = 1; i <= 12; i++) {
  const connection = { type: "ssh", host: \`127.0.0.\${i}\`, port: 1, user: "root", password: "hunter2", waitSeconds: 0 } as const;
  pages.push(new host.File(\`page-\${i}\`, { path: \`/tmp/\${i}\`, content: "a", connection }));
}
new host.Command("after", { create: "true" }, { dependsOn: pages });
`,
    });
    const { code, stderr } = await made.orch(["apply", "--yes", "--continue-on-error"]);
    expect(code).toBe(1);
    expect(stderr).not.toContain("hunter2");
    const end = stable(stderr.slice(stderr.indexOf("error[")), made);
    await expect(end).toMatchFileSnapshot(golden("refusing-machines"));
  });
});
