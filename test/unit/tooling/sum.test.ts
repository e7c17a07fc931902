import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../../.ci/sum.mjs", import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orch-sum-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A file of vitest's JSON report: test name → status. */
const file = (name: string, tests: Record<string, string>, status = "passed") => ({
  name,
  status: Object.values(tests).includes("failed") ? "failed" : status,
  assertionResults: Object.entries(tests).map(([fullName, result]) => ({
    fullName,
    status: result,
    failureMessages: result === "failed" ? [`${fullName} is wrong\n  at line 7`] : [],
  })),
});
const report = (run: string, ...files: ReturnType<typeof file>[]) =>
  writeFileSync(join(folder, `${run}.json`), JSON.stringify({ testResults: files }));

function printed(...args: string[]): { lines: string[]; code: number | null } {
  const { stdout, status } = spawnSync(process.execPath, [script, folder, ...args], { encoding: "utf8" });
  return { lines: stdout.trimEnd().split("\n"), code: status };
}

function sum(...args: string[]): { last: string | undefined; code: number | null } {
  const { lines, code } = printed(...args);
  return { last: lines.at(-1), code };
}

test("adds up the runs; what a later run ran is not skipped", () => {
  report(
    "test",
    file("a", { one: "passed", two: "skipped" }),
    file("lab", { "x (missing sshd)": "pending" }),
  );
  report("lab", file("lab", { x: "passed", y: "passed" }));
  expect(sum("test", "lab")).toEqual({ last: "3 passed, 0 failed, 1 skipped", code: 0 });
});

test("a test that failed in one run failed, whatever it did in another", () => {
  report("test", file("lab", { x: "failed" }));
  report("lab", file("lab", { x: "passed" }));
  expect(sum("test", "lab", "--", "test")).toEqual({ last: "0 passed, 1 failed", code: 1 });
});

test("what has no failing test of its own counts too: a file that could not be loaded, a run without results, a stage", () => {
  report("test", file("a", { one: "passed" }), file("broken", {}, "failed"));
  expect(sum("test")).toEqual({ last: "1 passed, 1 failed", code: 1 });
  expect(sum("test", "lab", "--", "lint", "test", "lab")).toEqual({ last: "1 passed, 3 failed", code: 1 });
});

test("names what failed, with what it said", () => {
  report("test", file("a", { one: "passed", two: "failed" }));
  expect(printed("test", "--", "lint").lines).toEqual([
    "FAILED a > two",
    "    two is wrong",
    "      at line 7",
    "FAILED stage lint",
    "    see above",
    "1 passed, 2 failed",
  ]);
});
