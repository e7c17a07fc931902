/** What the journal and the old rows tell of runs: every effect counted as the plan counted it, states compared. */
import { apply, plan } from "@orch/core/engine";
import { OrchError } from "@orch/core/model/failure";
import { type PlanSummary, summarize } from "@orch/core/model/plan";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { sealPlan } from "@orch/core/plan/seal";
import { diffRows } from "@orch/core/state/row-diff";
import { countChanges, type RunChanges } from "@orch/core/state/run-changes";
import { expect, test } from "vitest";
import { Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const open = (): Promise<Lifecycle> =>
  Lifecycle.open(
    new ScriptedWorld({
      "test:index:Thing": { replaceOn: ["kind"] },
      "test:index:Old": { replaceOn: ["kind"], deleteBeforeReplace: true },
    }),
  );

async function lastRun(stack: Lifecycle): Promise<{ id: number; changes: RunChanges }> {
  const [run] = await stack.store.runs(1);
  if (run === undefined) throw new Error("no run");
  return { id: run.id, changes: countChanges(await stack.store.journal(run.id), run.kind) };
}

const effects = ["create", "update", "replace", "delete", "forget", "import", "refresh"] as const;
const of = (counts: PlanSummary | RunChanges) => Object.fromEntries(effects.map((key) => [key, counts[key]]));

test("a run changed what its plan said, for every effect", async () => {
  const stack = await open();
  const applied = async (): Promise<number> => {
    const made = await stack.plan();
    expect(await stack.applyPlan(made)).toMatchObject({ outcome: "succeeded" });
    const { id, changes } = await lastRun(stack);
    expect(of(changes)).toEqual(of(summarize(made)));
    expect(changes).toMatchObject({ failed: 0, unfinished: 0 });
    return id;
  };
  stack.body = async (p) => {
    const group = await p.component("group");
    for (const name of ["same", "changed", "gone"])
      await p.resource("Thing", name, { size: 1 }, { parent: group });
    for (const type of ["Thing", "Old"]) await p.resource(type, `other-${type}`, { kind: 1 });
    await p.resource("Thing", "kept", {}, { retainOnDelete: true });
    await p.resource("Thing", "named", {});
  };
  const first = await applied();
  expect((await lastRun(stack)).changes).toMatchObject({ create: 8 });

  stack.body = async (p) => {
    await p.resource("Thing", "same", { size: 1 });
    for (const type of ["Thing", "Old"]) await p.resource(type, `other-${type}`, { kind: 2 });
    await p.resource("Thing", "fresh", { size: 1 });
    await p.resource("Thing", "renamed", {}, { aliases: ["named"] });
  };
  const second = await applied();
  expect((await lastRun(stack)).changes).toMatchObject({ create: 2, replace: 2, forget: 1, delete: 4 });

  const changes = diffRows(await stack.store.rowsAt(first), await stack.store.rowsAt(second));
  const kinds = Object.fromEntries(
    changes.map(({ before, after, kind }) => [`${(after ?? before)?.name} ${kind}`, true]),
  );
  expect(kinds).toMatchObject({
    "other-Thing replaced": true,
    "other-Old replaced": true,
    "fresh created": true,
    "gone deleted": true,
    "kept deleted": true,
    "renamed created": true,
    "named deleted": true,
  });
  expect(await stack.store.rowsAt(second)).toEqual(
    [...(await stack.rows())].sort((a, b) => (a.urn < b.urn ? -1 : 1)),
  );
});

test("what failed and what was not ended is counted as that, and not as changed", async () => {
  const stack = await open();
  stack.body = async (p) => {
    await p.resource("Thing", "a", { size: 1 });
  };
  await stack.apply();
  stack.world.failures.set("update a", { reason: "provider-error", message: "quota exceeded" });
  stack.world.failures.set("create b", { reason: "provider-crashed", message: "gone in the middle of it" });
  stack.body = async (p) => {
    await p.resource("Thing", "a", { size: 2 });
    await p.resource("Thing", "b", { size: 1 });
  };
  expect(await stack.apply({ continueOnError: true })).toMatchObject({ outcome: "failed" });
  const { id, changes } = await lastRun(stack);
  expect(changes).toMatchObject({ create: 0, update: 0, failed: 1, unfinished: 1 });
  const entries = await stack.store.journal(id);
  expect(entries.find(({ result }) => result === "failed")).toMatchObject({
    op: "update",
    existed: true,
    message: "quota exceeded",
  });
});

test("states are compared by property; what was or became a secret stays one", async () => {
  const stack = await open();
  const run = async (inputs: PropertyMap): Promise<number> => {
    stack.body = async (p) => void (await p.resource("Thing", "a", inputs));
    await stack.apply();
    return (await lastRun(stack)).id;
  };
  const first = await run({ size: 1, token: "plain", gone: 1 });
  const second = await run({ size: 2, token: new Secret("hidden"), more: 1 });
  const [change, ...others] = diffRows(
    await stack.store.rowsAt(first),
    await stack.store.rowsAt(second),
  ).filter(({ after }) => after?.name === "a");
  expect(others).toEqual([]);
  const inputs = change?.changes.filter(({ side }) => side === "input");
  expect(inputs).toEqual([
    { path: ["size"], before: 1, after: 2, effect: "update", side: "input" },
    {
      path: ["token"],
      before: new Secret("plain"),
      after: new Secret("hidden"),
      effect: "update",
      side: "input",
    },
    { path: ["gone"], before: 1, effect: "update", side: "input" },
    { path: ["more"], after: 1, effect: "update", side: "input" },
  ]);
  // The outputs say the same again.
  expect(change?.changes.filter(({ side }) => side === "output")).toEqual([]);
  expect(diffRows(await stack.store.rowsAt(second), await stack.store.rowsAt(second))).toEqual([]);
});

test("a plan that was refused began no run, and one that began is not begun again", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 1 }));
  const context = stack.context();
  const made = await plan(context, { kind: "apply" });
  const { digest } = sealPlan(made, stack.store.crypter);
  const changed = stack.context({
    config: { values: { "proj:x": { value: "1", secret: false } }, crypter: stack.store.crypter },
  });
  const options = { continueOnError: false, digest };
  await expect(apply(changed, made, options)).rejects.toBeInstanceOf(OrchError);
  expect(await stack.store.runs()).toEqual([]);
  expect(await apply(context, made, options)).toMatchObject({ outcome: "succeeded" });
  // More runs than a list of them holds.
  for (let i = 0; i < 120; i++)
    await (await stack.store.beginRun({ kind: "edit", startedAt: Date.now(), who: "me" })).finish(
      "succeeded",
    );
  await expect(apply(context, made, options)).rejects.toMatchObject({ failure: { reason: "plan-applied" } });
  expect(stack.world.calls).toEqual(["create a"]);
});
