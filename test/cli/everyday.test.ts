/** A stack's life, as a script sees it: plain, stable output, in goldens. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { golden, type Project, stack, transcript } from "./kit.js";
import { filesProgram } from "./programs.js";

/** Runs the commands one after the other; their transcripts as one text. */
async function session(made: Project, ...runs: (string | (() => void))[]): Promise<string> {
  let text = "";
  for (const run of runs) {
    if (typeof run === "function") {
      run();
      continue;
    }
    const args = run.split(" ");
    text += `${transcript(args, await made.orch(args), made)}\n`;
  }
  return text;
}

describe("a stack from beginning to end", () => {
  test("plan, apply, change, drift, heal, destroy", async () => {
    const made = await stack(filesProgram());
    await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
    const page = made.path("out/page.html");
    const text = await session(
      made,
      "plan",
      "apply --yes",
      "plan --detailed-exitcode",
      "stack output",
      "stack output path",
      "state ls",
      () => made.write(filesProgram("Good evening")),
      "plan --detailed-exitcode",
      "apply --yes",
      () => writeFileSync(page, readFileSync(page, "utf8").replace("second", "SECOND")),
      "drift",
      "plan --refresh",
      "apply --refresh --yes",
      "drift",
      "graph --format mermaid",
      "destroy --yes",
      "destroy --yes",
      "state ls",
    );
    expect(text).not.toContain("s3cret-value");
    expect(text).not.toContain("hidden output");
    expect(existsSync(made.path("out"))).toBe(false);
    await expect(text).toMatchFileSnapshot(golden("life"));
  });

  test("what is read back from the disk is not the secret", async () => {
    const made = await stack(filesProgram());
    await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
    await made.ok(["plan", "--out", "a.plan"]);
    await made.ok(["apply", "a.plan", "--yes"]);
    expect(readFileSync(made.path("out/token"), "utf8")).toBe("s3cret-value");
    for (const file of [".orch/state.db", ".orch/state.db-wal", "orch.dev.yaml", "a.plan"])
      if (existsSync(made.path(file)))
        expect(readFileSync(made.path(file), "latin1")).not.toContain("s3cret-value");
    expect(statSync(made.path("a.plan")).mode & 0o777).toBe(0o600);
    expect(await made.ok(["config", "get", "token"])).toBe("s3cret-value\n");
    expect(await made.ok(["state", "show", "token"])).not.toContain("s3cret-value");
    expect(await made.ok(["state", "show", "token", "--show-secrets"])).toContain("s3cret-value");
    expect(await made.ok(["stack", "output", "secret"])).toBe("[secret]\n");
    expect(await made.ok(["stack", "output", "secret", "--show-secrets"])).toBe("hidden output\n");
  });
});

describe("JSON", () => {
  test("a plan is one document with masked secrets; an apply is a line per event", async () => {
    const made = await stack(filesProgram());
    await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
    const text = await made.ok(["plan", "--json"]);
    expect(text).not.toContain("s3cret-value");
    const plan = JSON.parse(text);
    expect(plan).toMatchObject({
      format: 1,
      type: "plan",
      project: "shop",
      stack: "dev",
      changes: true,
      summary: { create: 4, delete: 0 },
    });
    const token = plan.steps.find((step: { name: string }) => step.name === "token");
    expect(token).toMatchObject({ op: "create", effect: "create" });
    expect(token.inputs.content).toEqual({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      value: "[secret]",
    });

    const lines = (await made.ok(["apply", "--yes", "--json"])).trimEnd().split("\n");
    const events = lines.map((line) => JSON.parse(line));
    expect(lines.join("\n")).not.toContain("s3cret-value");
    expect(events.every((event) => event.format === 1)).toBe(true);
    const types = events.map((event) => event.type);
    expect(types.indexOf("plan")).toBeGreaterThan(0);
    expect(types.filter((type) => type === "step-finished").length).toBeGreaterThanOrEqual(4);
    expect(events.at(-1)).toMatchObject({
      type: "apply-ended",
      outcome: "succeeded",
      summary: { create: 4 },
    });

    expect(JSON.parse(await made.ok(["stack", "output", "--json"]))).toMatchObject({
      path: made.path("out"),
      secret: "[secret]",
    });
    const drift = JSON.parse(await made.ok(["drift", "--json"]));
    expect(drift).toMatchObject({
      format: 1,
      type: "drift",
      checked: 3,
      drifted: false,
      drift: [],
      failures: [],
    });
    const state = JSON.parse(await made.ok(["state", "ls", "--json"]));
    expect(state.resources.map((r: { name: string }) => r.name)).toContain("page");
  });

  test("a failure is a document too, with the same exit code", async () => {
    const made = await stack(filesProgram());
    const result = await made.orch(["plan", "--json", "--stack", "other"]);
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject({
      format: 1,
      type: "error",
      exitCode: 1,
      error: { reason: "stack-unknown" },
    });
    expect(result.stderr).toContain("error[stack-unknown]");
  });
});

describe("a plan that was kept", () => {
  test("is applied exactly, and once", async () => {
    const made = await stack(filesProgram());
    await made.ok(["plan", "--out", "a.plan"]);
    await made.ok(["apply", "a.plan", "--yes"]);
    const again = await made.orch(["apply", "a.plan", "--yes"]);
    expect(again.code).toBe(3);
    expect(again.stderr).toContain("error[plan-applied]");
  });

  test("is refused when the program or a value has changed, or the file has", async () => {
    const made = await stack(filesProgram());
    await made.ok(["plan", "--out", "a.plan"]);
    await made.ok(["config", "set", "color", "red"]);
    const stale = await made.orch(["apply", "a.plan", "--yes"]);
    expect(stale.code).toBe(3);
    expect(stale.stderr).toContain("error[plan-stale]");
    expect(stale.stderr).toContain("shop:color");
    expect(existsSync(made.path("out"))).toBe(false);

    const bytes = readFileSync(made.path("a.plan"));
    writeFileSync(made.path("b.plan"), bytes.subarray(0, bytes.length - 20));
    const broken = await made.orch(["apply", "b.plan", "--yes"]);
    expect(broken.code).toBe(3);
    expect(broken.stderr).toContain("error[plan-invalid]");
    const missing = await made.orch(["apply", "nope.plan", "--yes"]);
    expect(missing.code).toBe(64);
    expect(missing.stderr).toContain("no such file");
  });

  test("can be drawn", async () => {
    const made = await stack(filesProgram());
    await made.ok(["plan", "--out", "a.plan"]);
    expect(await made.ok(["graph", "a.plan"])).toContain("(create)");
    await made.ok(["graph", "a.plan", "--out", "a.svg"]);
    const svg = readFileSync(made.path("a.svg"), "utf8");
    expect(svg).toMatch(/^<\?xml|^<svg/);
    expect(svg).toMatch(/shop:Site<\/tspan> <tspan[^>]*>site</);
  });
});
