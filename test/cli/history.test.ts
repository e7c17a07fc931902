/** What was done to a stack, and what it was like before. */
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Project, stack } from "./kit.js";
import { filesProgram } from "./programs.js";

/** Runs: an apply of a kept plan, an update, a failed apply, a destroy. */
async function lived(): Promise<Project> {
  const made = await stack(filesProgram());
  await made.ok(["config", "set", "token", "--secret"], { input: "first-secret\n" });
  await made.ok(["plan", "--out", "a.plan"]);
  await made.ok(["apply", "a.plan", "--yes"]);
  await made.ok(["config", "set", "token", "--secret"], { input: "second-secret\n" });
  made.write(filesProgram("Good evening"));
  await made.ok(["apply", "--yes"]);
  return made;
}
interface RunJson {
  readonly id: number;
  readonly changes: Record<string, number>;
  readonly [key: string]: unknown;
}

describe("history", () => {
  test("lists runs with what they changed, and the steps of one", async () => {
    const made = await lived();
    made.write({
      "index.ts": `
import * as host from "@orch/providers/host";
new host.File("broken", { path: ${JSON.stringify(made.path("blocked/file"))}, content: "x" });
`,
    });
    writeFileSync(made.path("blocked"), "a file where a folder is needed");
    expect((await made.orch(["apply", "--yes"])).code).toBe(1);
    await made.ok(["destroy", "--yes"]);

    const json = JSON.parse(await made.ok(["history", "--json"])) as { runs: RunJson[]; type: string };
    expect(json).toMatchObject({ format: 1, type: "history", project: "shop", stack: "dev" });
    const [destroyed, failed, updated, created] = json.runs as [RunJson, RunJson, RunJson, RunJson];
    const { digest } = JSON.parse(await made.ok(["show", "plan", "a.plan", "--json"]));
    expect(created).toMatchObject({
      kind: "apply",
      planDigest: digest,
      outcome: "succeeded",
      changes: { create: 4, update: 0, delete: 0, failed: 0, unfinished: 0 },
    });
    expect(updated).toMatchObject({ kind: "apply", changes: { create: 0, update: 2 } });
    // Applied without a file: a digest of its own.
    for (const run of [updated, failed, destroyed]) expect(run.planDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(json.runs.map(({ planDigest }) => planDigest)).size).toBe(4);
    expect(failed).toMatchObject({ outcome: "failed", changes: { failed: 1, create: 0 } });
    expect(destroyed).toMatchObject({ kind: "destroy", outcome: "succeeded" });
    expect((failed.changes.delete ?? 0) + (destroyed.changes.delete ?? 0)).toBe(4);
    for (const run of json.runs) {
      expect(run.who).toMatch(/.@./);
      expect(run.elapsedMs).toBeGreaterThan(0);
      expect(Date.parse(run.startedAt as string)).toBeGreaterThan(Date.now() - 600_000);
    }

    const text = await made.ok(["history"]);
    expect(text).toContain("RUN  WHEN");
    expect(text).toMatch(
      new RegExp(`^${created.id} .* apply .*@.* ${digest.slice(0, 12)} +\\+4 .* succeeded$`, "m"),
    );
    expect(text).toMatch(
      new RegExp(`^${updated.id} .* ${(updated.planDigest as string).slice(0, 12)} +~2 .* succeeded$`, "m"),
    );
    expect(text).toMatch(/failed \(1 failed\)$/m);
    expect((await made.ok(["history", "--limit", "2"])).trimEnd().split("\n")).toHaveLength(3);

    const one = await made.ok(["history", String(updated.id)]);
    expect(one).toContain(`Run ${updated.id}: apply by`);
    expect(one).toMatch(/~ host:File page .*s$/m);
    expect(one).not.toContain("folder");
    expect(await made.ok(["history", String(failed.id)])).toMatch(
      /\+? ?host:File broken .*create failed\n +\S/,
    );
    const steps = JSON.parse(await made.ok(["history", String(updated.id), "--json"]));
    expect(steps).toMatchObject({ type: "run", id: updated.id });
    expect(steps.steps).toContainEqual(
      expect.objectContaining({ op: "update", effect: "update", result: "done" }),
    );
    for (const wrong of ["99", "last"]) {
      const result = await made.orch(["history", wrong]);
      expect(result.stderr).toContain("error[invalid-flag]");
      expect(result.code).toBe(64);
    }
    expect((await made.orch(["history", "--limit", "0"])).code).toBe(64);
  });

  test("a resource as it was after a run, and two states compared, with secrets masked", async () => {
    const made = await lived();
    const { runs } = JSON.parse(await made.ok(["history", "--json"])) as { runs: RunJson[] };
    const [second, first] = runs.map(({ id }) => String(id)) as [string, string];
    expect(await made.ok(["state", "show", "page", "--at", first])).toContain("<h1>Hello</h1>");
    expect(await made.ok(["state", "show", "page", "--at", second])).toContain("<h1>Good evening</h1>");
    const old = ["state", "show", "token", "--at", first, "--show-secrets"];
    expect(await made.ok(old)).toContain("first-secret");

    const diff = await made.ok(["state", "diff", first, second]);
    expect(diff).toMatch(/~ host:File page[\s\S]*- <h1>Hello<\/h1>[\s\S]*\+ <h1>Good evening<\/h1>/);
    expect(diff).toMatch(/~ host:File token[\s\S]*content: .*\[secret\]/);
    expect(diff).toContain("2 resources: 2 changed.");
    expect(diff).not.toContain("folder");
    const back = await made.ok(["state", "diff", second, first]);
    expect(back).toMatch(/- <h1>Good evening<\/h1>[\s\S]*\+ <h1>Hello<\/h1>/);
    expect(await made.ok(["state", "diff", second])).toBe("The same.\n");
    const json = await made.ok(["state", "diff", first, "--json"]);
    for (const secret of ["first-secret", "second-secret"]) expect(diff + back + json).not.toContain(secret);
    expect(JSON.parse(json)).toMatchObject({ format: 1, type: "state-diff", from: Number(first) });

    await made.ok(["destroy", "--yes"]);
    expect(await made.ok(["state", "diff", second])).toContain("4 resources: 4 deleted.");
    const gone = await made.orch(["state", "diff", first, "77"]);
    expect(gone.stderr).toContain("Stack dev has no run 77");
    expect(gone.code).toBe(64);
  });
});
