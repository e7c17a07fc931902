/** Plans as files: shown, refused when anything about them is not as it was, and applied once. */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import schema from "../../docs/schemas/plan-1.json" with { type: "json" };
import { placeInCache } from "../plugins/place.js";
import { type Project, stack } from "./kit.js";
import { filesProgram } from "./programs.js";

/** What `orch apply FILE` says, after it was refused with nothing done. */
async function refused(made: Project, file: string, reason: string): Promise<string> {
  const result = await made.orch(["apply", file, "--yes"]);
  expect(result.stderr).toContain(`error[${reason}]`);
  expect(result.code).toBe(3);
  return result.stderr;
}

async function planned(): Promise<Project> {
  const made = await stack(filesProgram());
  await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
  await made.ok(["plan", "--out", "a.plan"]);
  return made;
}

describe("orch show plan", () => {
  test("shows what orch plan showed, and what it is bound to; secrets in neither form", async () => {
    const made = await stack(filesProgram());
    await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
    const shown = await made.ok(["plan", "--out", "a.plan"]);
    const text = await made.ok(["show", "plan", "a.plan"]);
    // Canonical JSON sorts the properties of a resource.
    const lines = (all: string): string[] => all.trimEnd().split("\n").sort();
    expect(lines(text.slice(text.indexOf("\n\n") + 2))).toEqual(lines(shown));
    expect(text).toMatch(/^Plan of an apply of shop\/dev\ndigest: [0-9a-f]{64}\nmade: .* UTC by orch \d/);
    const json = JSON.parse(await made.ok(["show", "plan", "a.plan", "--json"]));
    expect(json).toMatchObject({
      format: 1,
      type: "plan",
      stack: "dev",
      summary: { create: 4 },
      configKeys: ["shop:token"],
    });
    expect(text).toContain(json.digest);
    expect(Object.keys(json.program)).toEqual(expect.arrayContaining(["index.ts", "orch.yaml"]));
    expect(JSON.stringify(json) + text).not.toContain("s3cret-value");

    await made.ok(["apply", "a.plan", "--yes"]);
    expect(await made.ok(["show", "plan", "a.plan"])).toMatch(/applied: by run \d+ .*can't be applied again/);
    expect(await refused(made, "a.plan", "plan-applied")).toContain("A plan applies at most once");
  });

  test("refuses what is no plan of this stack", async () => {
    const made = await planned();
    const bytes = readFileSync(made.path("a.plan"));
    const text = bytes.toString("latin1");
    const cases: [name: string, contents: string, said: RegExp][] = [
      ["empty", "", /is empty/],
      ["foreign", "hello\nworld\n", /is not a plan file/],
      ["older", text.replace("orch-plan-1", "orch-plan-0"), /an older orch[\s\S]*plan format 0/],
      ["newer", text.replace("orch-plan-1", "orch-plan-2"), /a newer orch[\s\S]*plan format 2/],
      ["truncated", text.slice(0, -20), /is cut short/],
      ["longer", `${text}x`, /was changed after it was made/],
      ["edited", text.replace("shop/dev", "shop/prd"), /was changed after it was made/],
    ];
    for (const [name, contents, said] of cases) {
      writeFileSync(made.path(name), contents, "latin1");
      for (const args of [
        ["show", "plan", name],
        ["apply", name, "--yes"],
      ]) {
        const { code, stdout, stderr } = await made.orch(args);
        expect(stdout).toBe("");
        expect(stderr).toContain("error[plan-invalid]");
        expect(stderr).toMatch(said);
        expect(code).toBe(3);
      }
    }
    await made.ok(["stack", "init", "other"]);
    const other = await made.orch(["show", "plan", "a.plan", "--stack", "other"]);
    expect(other.stderr).toMatch(/belongs to another stack[\s\S]*shop\/other[\s\S]*shop\/dev/);
    expect(other.code).toBe(3);
    expect(existsSync(made.path("out"))).toBe(false);
  });
});

describe("orch apply FILE refuses, and can be tried again once the cause is put right", () => {
  test("another program, lock file, or configuration", async () => {
    const made = await planned();
    const index = readFileSync(made.path("index.ts"), "utf8");
    made.write({ "index.ts": `${index}// changed\n`, "package-lock.json": "{}" });
    await made.ok(["config", "set", "color", "red"]);
    const said = await refused(made, "a.plan", "plan-stale");
    expect(said).toContain("index.ts was changed");
    expect(said).toContain("package-lock.json was changed");
    expect(said).toContain("shop:color was changed");
    expect(said).not.toContain("shop:token");
    expect(existsSync(made.path("out"))).toBe(false);

    made.write({ "index.ts": index });
    rmSync(made.path("package-lock.json"));
    await made.ok(["config", "rm", "color"]);
    await made.ok(["config", "set", "token", "--secret"], { input: "another\n" });
    expect(await refused(made, "a.plan", "plan-stale")).toContain("shop:token was changed");
    await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
    await made.ok(["apply", "a.plan", "--yes"]);
    expect(readFileSync(made.path("out/token"), "utf8")).toBe("s3cret-value");
  });

  test("a resource that another run changed, but not one that the plan has nothing to do with", async () => {
    const made = await stack(filesProgram());
    await made.ok(["apply", "--yes"]);
    made.write(filesProgram("Good evening"));
    await made.ok(["plan", "--out", "a.plan"]);
    await made.ok(["plan", "--out", "b.plan"]);
    // Another apply, of the same program: of the token alone.
    writeFileSync(made.path("out/token"), "changed from outside");
    await made.ok(["refresh", "--yes"]);
    await made.ok(["apply", "a.plan", "--yes"]);
    expect(readFileSync(made.path("out/page.html"), "utf8")).toContain("Good evening");
    const said = await refused(made, "b.plan", "plan-stale");
    expect(said).toMatch(/The state of .*page was changed since the plan was made, by run \d+/);
    expect(said).not.toContain("token was changed");
  });

  test("two that apply the same plan at once: one does", async () => {
    const made = await planned();
    const results = await Promise.all([1, 2].map(() => made.orch(["apply", "a.plan", "--yes"])));
    expect(results.map(({ code }) => code).filter((code) => code === 0)).toHaveLength(1);
    expect(results.find(({ code }) => code !== 0)?.stderr).toMatch(
      /error\[(plan-applied|plan-stale|state-locked)\]/,
    );
    const { runs } = JSON.parse(await made.ok(["history", "--json"])) as { runs: { changes: object }[] };
    expect(runs.filter(({ changes }) => "create" in changes && changes.create === 4)).toHaveLength(1);
  });

  test("another plugin: which, both sums, before it is started", async () => {
    const made = await stack({
      "Pulumi.yaml": "name: plugged\nruntime: nodejs\n",
      "index.ts": `
import * as pulumi from "@pulumi/pulumi";
class Thing extends pulumi.CustomResource {
  constructor(name: string, props: pulumi.Inputs) { super("scripted:index:Thing", name, props, { version: "1.0.0" }); }
}
new Thing("thing", { label: "a" });
`,
    });
    const cache = join(made.env.HOME as string, ".orch", "plugins");
    const binary = placeInCache(cache, "scripted", "1.0.0");
    await made.ok(["plan", "--out", "a.plan"]);
    const file = readFileSync(made.path("a.plan"));
    const contents = JSON.parse(gunzipSync(file.subarray(file.indexOf("\n") + 1)).toString("utf8"));
    expect(contents.plugins).toMatchObject([{ name: "scripted", sha256: expect.any(String) }]);
    const validate = new Ajv2020({ strictTypes: false }).compile(schema);
    validate(contents);
    expect(validate.errors ?? []).toEqual([]);
    const right = readFileSync(binary);
    const started = join(made.dir, "started");
    writeFileSync(binary, String(right).replace("\n", `\ntouch '${started}'\n`));
    const said = await refused(made, "a.plan", "plan-stale");
    expect(said).toContain("The plugin scripted 1.0.0 is not the one that the plan was made with.");
    expect(new Set(said.match(/SHA-256 [0-9a-f]{64}/g)).size).toBe(2);
    expect(said).toContain(binary);
    expect(existsSync(started)).toBe(false);

    rmSync(binary);
    expect(await refused(made, "a.plan", "plan-stale")).toContain("The plugin scripted 1.0.0 can't be used");
    writeFileSync(binary, right, { mode: 0o755 });
    expect(await made.ok(["apply", "a.plan", "--yes"])).toContain("Apply complete: 1 created");
    appendFileSync(binary, "# changed\n");
    await refused(made, "a.plan", "plan-applied");
  });
});
