/** `orch explain`: what is behind a failure's reason. For that it needs no project. */
import { exitCodes } from "@orch/core/model/failure";
import { expect, test } from "vitest";
import { explanations } from "../../packages/cli/src/failure-index.js";
import { project } from "./kit.js";

test("one reason, all reasons, one that there is not", async () => {
  const empty = project({});
  const one = await empty.ok(["explain", "plan-stale"]);
  expect(one).toContain("plan-stale  exit code 3\n");
  expect(one).toContain(`→ ${explanations["plan-stale"].cure}`);
  // As it was shown by the failure.
  expect(await empty.ok(["explain", "error[plan-stale]:"])).toBe(one);

  const all = await empty.ok(["explain"]);
  for (const [reason, code] of Object.entries(exitCodes))
    expect(all).toMatch(new RegExp(`^  ${reason} +${code}$`, "m"));

  const json = JSON.parse(await empty.ok(["explain", "internal", "--json"])) as { reasons: unknown[] };
  expect(json).toMatchObject({ format: 1, type: "failure-reasons" });
  expect(json.reasons).toEqual([
    { reason: "internal", exitCode: exitCodes.internal, ...explanations.internal },
  ]);

  // Any other word is a resource's name; here is no stack that could have one.
  const wrong = await empty.orch(["explain", "plan-stail"]);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("Did you mean the reason plan-stale?");
});

test("texts are sentences, and say what to do", () => {
  expect(Object.keys(explanations).sort()).toEqual(Object.keys(exitCodes).sort());
  for (const { cause, cure } of Object.values(explanations)) {
    expect(cause).toMatch(/^[A-Z].*\.$/);
    expect(cure).toMatch(/\.$/);
  }
});
