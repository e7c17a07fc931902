/** `--target`, `--exclude` and `--replace`, as a person meets them. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mistakesIn } from "./cli-schema.js";
import { type Files, golden, type Project, stack, transcript } from "./kit.js";

/** The SDK itself has to bear that what is not targeted does not come to be. */
const program = (version: number): Files => ({
  "orch.yaml": "name: shop\n",
  "index.ts": `
import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

const at = (name: string): string => join(process.cwd(), "out", name);
class Site extends pulumi.ComponentResource {
  readonly page: host.File;
  constructor(name: string, folder: pulumi.Input<string>) {
    super("shop:index:Site", name);
    this.page = new host.File("page", { path: pulumi.interpolate\`\${folder}/page\`, content: "version ${version}\\n" }, { parent: this });
    this.registerOutputs({ page: this.page.path });
  }
}
const folder = new host.Directory("folder", { path: at("") });
const site = new Site("site", folder.path);
const index = new host.File("index", { path: pulumi.interpolate\`\${folder.path}/index\`, content: pulumi.interpolate\`\${site.page.sha256}\\n\` });
const other = new host.File("other", { path: at("other"), content: "version ${version}\\n" }, { dependsOn: folder });
const size = other.sha256.apply((sum) => sum.length);
export const page = site.page.path;
export const otherSum = other.sha256;
export const otherSize = size;
export const version = ${version};
`,
});

async function run(made: Project, ...commands: (readonly string[])[]): Promise<string> {
  let text = "";
  for (const args of commands) text += `${transcript(args, await made.orch(args), made)}\n`;
  return text;
}

test("plans, applies and destroys a part; the rest stays, and is told", async () => {
  const made = await stack(program(1));
  let text = await run(
    made,
    ["plan", "--target", "sites"],
    ["plan", "--target", "site", "--out", "site.plan"],
  );
  expect(await made.ok(["show", "plan", "site.plan"])).toContain("\nOnly site.\n\nCreate 3 resources\n");
  // What "other" gives out is not there: the stack gives out the rest.
  text += await run(
    made,
    ["apply", "site.plan", "--target", "site", "--yes"],
    ["apply", "site.plan", "--yes"],
    ["stack", "output", "--json"],
  );
  expect(existsSync(made.path("out/page"))).toBe(true);
  expect(existsSync(made.path("out/other"))).toBe(false);
  await made.ok(["apply", "--yes"]);
  const outputs = JSON.parse(await made.ok(["stack", "output", "--json"]));
  made.write(program(2));
  text += await run(
    made,
    ["apply", "--yes", "--exclude", "page"],
    ["apply", "--yes", "--target", "host:File::page"],
    ["apply", "--yes", "--target", "site", "--target-dependents", "--replace", "page"],
    ["destroy", "--yes", "--target", "folder"],
    ["destroy", "--yes", "--target", "page", "--target-dependents"],
    ["destroy", "--yes", "--exclude", "other"],
    ["state", "ls"],
    ["refresh", "--yes", "--target", "othr"],
    ["drift", "--target", "other"],
    ["plan", "--target-dependents"],
  );
  expect(readFileSync(made.path("out/other"), "utf8")).toBe("version 2\n");
  expect(outputs).toMatchObject({ version: 1, otherSize: 64 });
  await expect(text).toMatchFileSnapshot(golden("targets"));

  expect(await made.ok(["plan", "--target", "site", "--format", "markdown"])).toContain(
    "\n**Not a plan of everything:** `--target site`; not targeted: 1 would change\n",
  );
  const json = JSON.parse(await made.ok(["plan", "--target", "site", "--json"]));
  expect(mistakesIn(json, "document")).toEqual([]);
  expect(json.selection).toMatchObject({
    targets: ["site"],
    dependents: false,
    brought: [],
    held: [{ would: "create", urn: "urn:pulumi:dev::shop::host:index:File::index" }],
  });
});
