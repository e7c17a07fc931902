import type { DriftRules } from "@orch/core/project/drift-rules";
import { expect, test } from "vitest";
import { Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const source = { file: "orch.yaml", line: 3, column: 5 };
const thing = "test:index:Thing";

async function started(rules: Partial<DriftRules> = {}) {
  const world = new ScriptedWorld({});
  world.readManyTypes = new Set([thing]);
  world.listTypes = new Set([thing]);
  const stack = await Lifecycle.open(world);
  stack.body = async (p) => {
    for (const name of ["a", "b", "c"]) await p.resource("Thing", name, { size: 1, zone: "x" });
  };
  await stack.apply();
  world.looks.length = 0;
  const drift: typeof stack.drift = async (extra = {}) => {
    const context = stack.context(extra);
    const settings = { ...context.project.settings, drift: { ignore: [], unmanaged: [], ...rules } };
    return stack.drift({ ...extra, project: { ...context.project, settings } });
  };
  return { stack, world, drift };
}
const object = (inputs: Record<string, number | string>) => ({ type: thing, inputs, outputs: inputs });

test("tells who changed what, and puts the same change on many together", async () => {
  const { world, drift } = await started();
  for (const id of ["id-1", "id-2"]) {
    world.objects.set(id, object({ size: 5, zone: "x" }));
    world.changes.set(id, [
      { by: "kubectl-edit", at: 5000, paths: ["size"] },
      { by: "orch", at: 1000, paths: ["zone"] },
    ]);
  }
  const report = await drift();
  expect(report.drift.map(({ changes }) => changes)).toEqual([
    [{ by: "kubectl-edit", at: 5000, paths: ["size"] }],
    [{ by: "kubectl-edit", at: 5000, paths: ["size"] }],
  ]);
  expect(report.groups).toMatchObject([
    { kind: "changed", changes: [{ path: ["size"], before: 1, after: 5 }], who: [{ by: "kubectl-edit" }] },
  ]);
  expect(report.unread).toBe(0);
});

test("rules of the project ignore; a plan with --refresh still shows and heals", async () => {
  const { stack, world, drift } = await started({
    ignore: [{ type: thing, paths: ["size"], reason: "scaled by others", source }],
  });
  world.objects.set("id-1", object({ size: 5, zone: "x" }));
  const report = await drift();
  expect(report.drift).toEqual([]);
  expect(report.ignored.map(({ drift: one }) => one.id)).toEqual(["id-1"]);
  const made = await stack.plan({ refresh: true });
  expect(made.drift).toHaveLength(1);
});

test("objects that nobody manages are found by rule: within the scope, without what the state knows", async () => {
  const { world, drift } = await started({
    unmanaged: [{ type: thing, scope: { zone: "x" }, ignore: ["*other-7"], source }],
  });
  for (const [id, zone] of [
    ["stray", "x"],
    ["other-7", "x"],
    ["far", "y"],
  ] as const)
    world.objects.set(id, object({ size: 1, zone }));
  const report = await drift();
  expect(report.unmanaged).toMatchObject([
    { listed: 5, ignored: 1, objects: [{ id: "stray", title: "object stray" }] },
  ]);
  expect(report.failures).toEqual([]);
  expect(world.looks).toContain('list Thing {"zone":"x"}');
});

test("what can't be listed is a failure beside the rest, and names the rule's place", async () => {
  const { world, drift } = await started({
    unmanaged: [
      { type: "test:index:Other", ignore: [], source },
      { type: "aws:s3/bucket:Bucket", ignore: [], source },
      { type: thing, provider: "nobody", ignore: [], source },
      { type: thing, ignore: [], source },
    ],
  });
  world.failures.set("list Thing", { reason: "permission-denied", message: "no list for you" });
  const report = await drift();
  expect(report.failures.map(({ reason, source: at }) => [reason, at?.line]).sort()).toEqual([
    ["permission-denied", 3],
    ["provider-config", 3],
    ["provider-config", 3],
    ["unsupported", 3],
  ]);
  expect(report.checked).toBe(3);
  expect(report.drift).toEqual([]);
});

test("an interruption ends it early, and the report tells what was read until then", async () => {
  const { stack, world, drift } = await started();
  world.readManyTypes = undefined;
  world.objects.delete("id-1");
  const stop = new AbortController();
  world.onCall = (call) => {
    if (call === "read b") stop.abort();
  };
  const report = await drift({ parallel: 1, signal: stop.signal });
  expect(report.drift.map(({ id, kind }) => [id, kind])).toEqual([["id-1", "gone"]]);
  expect(report).toMatchObject({ checked: 3, unread: 2, failures: [] });
  expect(stack.events.filter(({ type }) => type === "read-started").at(-1)).toEqual({
    type: "read-started",
    resources: 3,
  });
});
