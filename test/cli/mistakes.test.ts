/** What people mistype, and the name that is told back to them. */
import { describe, expect, test } from "vitest";
import { golden, type Project, project, stack, transcript } from "./kit.js";

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
});
