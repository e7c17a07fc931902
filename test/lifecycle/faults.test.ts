import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apply, plan, resumeRun } from "@orch/core/engine";
import { OrchError } from "@orch/core/model/failure";
import { Secret, unknown } from "@orch/core/model/value";
import { openPlan, sealPlan } from "@orch/core/plan/seal";
import { expect, test } from "vitest";
import { describePlan, Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const types = {
  "test:index:Thing": { replaceOn: ["kind"], outputs: (_: unknown, id: string) => ({ address: `at-${id}` }) },
} as const;
const open = (traits = {}): Promise<Lifecycle> => Lifecycle.open(new ScriptedWorld(types, traits));
const refused = { reason: "provider-error", message: "quota exceeded" } as const;

test("every refused property of every resource is reported at once, with its path", async () => {
  const world = new ScriptedWorld({
    "test:index:Thing": {
      check: (inputs) =>
        typeof inputs.size === "number"
          ? []
          : [{ path: "size", message: "not a number", expected: "a number", found: "text" }],
    },
  });
  const stack = await Lifecycle.open(world);
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { size: "big" });
    await p.resource("Thing", "b", { size: "bigger", of: a.get("address") });
  };
  await expect(stack.plan()).rejects.toMatchObject({
    failure: {
      reason: "invalid-property",
      causes: [
        { path: "size", expected: "a number", urn: /::a$/ },
        { path: "size", found: "text", urn: /::b$/ },
      ].map((cause) => expect.objectContaining({ path: cause.path })),
    },
  });
  expect(world.calls).toEqual([]);
});

test("a failed create stops what needs it; what ran is kept; the next apply goes on from there", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    const b = await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
    await p.resource("Thing", "c", { of: b.get("address") }, { uses: { of: [b] } });
  };
  stack.world.failures.set("create b", refused);
  const result = await stack.apply();
  expect(result).toMatchObject({
    outcome: "failed",
    failed: [{ failure: { message: "quota exceeded", urn: expect.stringMatching(/::b$/) } }],
  });
  expect(result.skipped.map((s) => s.urn.split("::").at(-1))).toEqual(["c"]);
  expect(await stack.stateText()).toBe("test:index:Thing a id-1 {}");
  stack.world.failures.clear();
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls).toEqual(["create a", "create b", "create c"]);
});

test("continue-on-error finishes the independent branches, and deletes nothing", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "leaving"));
  await stack.apply();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    if (!a.failed) await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
    const c = await p.resource("Thing", "c");
    await p.resource("Thing", "d", { of: c.get("address") }, { uses: { of: [c] } });
  };
  stack.world.failures.set("create a", refused);
  const result = await stack.apply({ continueOnError: true });
  expect(result.outcome).toBe("failed");
  expect(stack.world.calls.slice(1).sort()).toEqual(["create c", "create d"]);
  expect(result.skipped.map((s) => s.urn.split("::").at(-1)).sort()).toEqual(["b", "leaving"]);
});

test("an object that exists but is not finished is kept, reported, and gone over by the next apply", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 1 }));
  stack.world.halfDone.set("create a", ["its disk never came up"]);
  expect(await stack.apply()).toMatchObject({ outcome: "failed" });
  expect((await stack.rows()).find((r) => r.name === "a")).toMatchObject({
    id: "id-1",
    initErrors: ["its disk never came up"],
  });
  stack.world.halfDone.clear();
  expect(describePlan(await stack.plan())).toContain(
    "update test:index:Thing a after 0 1 (half-done: its disk never came up)",
  );
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls).toEqual(["create a", "update a"]);
  expect((await stack.rows()).find((r) => r.name === "a")?.initErrors).toBeUndefined();
});

test("the old half of a replace that can't be deleted stays as a deposed object, and the next apply deletes it", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a", { kind: "x" }));
  await stack.apply();
  stack.body = async (p) => void (await p.resource("Thing", "a", { kind: "y" }));
  stack.world.failures.set("delete a", refused);
  expect(await stack.apply()).toMatchObject({ outcome: "failed" });
  expect(await stack.stateText()).toMatch(
    /Thing a id-2 .*\n.*Thing a \(deposed\) id-1|\(deposed\) id-1 .*\n.*Thing a id-2/,
  );
  stack.world.failures.clear();
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot("goldens/deposed.golden");
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(await stack.stateText()).toBe('test:index:Thing a id-2 {"kind":"y"}');
  expect([...stack.world.objects.keys()]).toEqual(["id-2"]);
});

test("interrupted once: what runs is finished and recorded, nothing new starts", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
  };
  const abort = new AbortController();
  stack.world.onCall = () => abort.abort();
  const made = await stack.plan();
  const result = await stack.applyPlan(made, { signal: abort.signal });
  expect(result).toMatchObject({ outcome: "interrupted" });
  expect(stack.world.calls).toEqual(["create a"]);
  expect(await stack.stateText()).toBe("test:index:Thing a id-1 {}");
  stack.world.onCall = () => undefined;
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
});

test("parallel calls are bounded", async () => {
  const stack = await open();
  stack.body = async (p) => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => p.resource("Thing", `t${i}`)));
  };
  await stack.apply({}, { parallel: 3 });
  expect(stack.world.objects.size).toBe(20);
  expect(stack.world.mostRunning).toBe(3);
});

test("a provider that dies in a create leaves the step open, and a person is asked what became of it", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a"));
  stack.world.failures.set("create a", { reason: "provider-crashed", message: "the plugin died" });
  expect(await stack.apply()).toMatchObject({ outcome: "failed" });
  stack.world.failures.clear();
  expect((await stack.plan()).warnings[0]).toMatchObject({
    reason: "unfinished-steps",
    next: ["--adopt ID", "--retry", "--forget"].map((flag) => expect.stringContaining(flag)),
  });
  expect(await stack.apply()).toMatchObject({
    outcome: "failed",
    failed: [{ failure: { reason: "unfinished-steps" } }],
  });
  expect(stack.world.calls).toEqual([]);
  stack.world.objects.set("id-9", { type: "test:index:Thing", inputs: {}, outputs: { address: "x" } });
  const urn = (await stack.store.snapshot()).unfinished[0]?.intent.urn as string;
  expect(await resumeRun(stack.context(), new Map([[urn, { kind: "adopt", id: "id-9" }]]))).toMatchObject({
    settled: [{ how: "adopted" }],
    open: [],
  });
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls).toEqual([]);
  expect(await stack.stateText()).toBe("test:index:Thing a id-9 {}");
});

test("a provider that dies in an update or a delete: the next plan reads back what became of it", async () => {
  const stack = await open();
  const program = (size: number) => {
    stack.body = async (p) => void (await p.resource("Thing", "a", { size }));
  };
  program(1);
  await stack.apply();
  program(2);
  stack.world.failures.set("update a", { reason: "provider-crashed", message: "the plugin died" });
  await stack.apply();
  stack.world.failures.clear();
  expect(describePlan(await stack.plan())).toContain("update test:index:Thing a");
  await stack.apply();
  stack.body = async () => undefined;
  stack.world.failures.set("delete a", { reason: "timeout", message: "no answer" });
  await stack.apply();
  stack.world.failures.clear();
  stack.world.objects.clear();
  await stack.apply();
  expect(stack.world.calls).toEqual(["create a", "update a"]);
  expect(await stack.stateText()).toBe("");
});

test("a program that differs between plan and apply stops before the resource that differs", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    await p.resource("Thing", "b", { of: a.get("address"), size: p.dryRun ? 1 : 2 }, { uses: { of: [a] } });
  };
  const result = await stack.apply();
  expect(result.failed).toMatchObject([
    { failure: { reason: "plan-broken", causes: [{ path: "size", expected: "1", found: "2" }] } },
  ]);
  expect(stack.world.calls).toEqual(["create a"]);

  stack.body = async (p) => {
    const c = await p.resource("Thing", "c");
    if (p.dryRun) await p.resource("Thing", "d", { of: c.get("address") });
  };
  expect((await stack.apply()).failed).toMatchObject([
    { failure: { reason: "plan-broken", message: expect.stringContaining("without registering d") } },
  ]);
});

test("what was planned as an update never becomes a replace", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    await p.resource("Thing", "b", { size: a.get("address") }, { uses: { size: [a] } });
  };
  await stack.apply();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { kind: "y" });
    // The provider's mind changes in between: what it would update it now wants to replace.
    if (!p.dryRun)
      Object.assign(stack.world.types["test:index:Thing"] as object, { replaceOn: ["kind", "size"] });
    await p.resource("Thing", "b", { size: a.get("address") }, { uses: { size: [a] } });
  };
  const result = await stack.apply();
  Object.assign(types["test:index:Thing"], { replaceOn: ["kind"] });
  expect(result.failed).toMatchObject([
    {
      failure: {
        reason: "plan-broken",
        causes: [{ path: "size", expected: '"at-id-1"', found: '"at-id-3"' }],
      },
    },
  ]);
  expect(stack.world.calls.slice(2)).toEqual(["create a"]);
});

test("a replace that was planned only because a value was unknown is not done when the value stays", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { size: 1 });
    await p.resource("Thing", "b", { kind: a.get("size") }, { uses: { kind: [a] } });
  };
  await stack.apply();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { size: 1, kind: "y" });
    await p.resource("Thing", "b", { kind: p.dryRun ? unknown : a.get("size") }, { uses: { kind: [a] } });
  };
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls.slice(2)).toEqual(["create a", "delete a"]);
  expect(await stack.stateText()).toContain("Thing b id-2");
});

test("refresh finds what changed and what is gone; apply --refresh heals it", async () => {
  const stack = await open();
  stack.body = async (p) => {
    await p.resource("Thing", "a", { size: 1, token: new Secret("s3cret-s3cret") });
    await p.resource("Thing", "b", { size: 1 });
    await p.resource("Thing", "c", { size: 1 });
  };
  await stack.apply();
  expect(await stack.drift()).toMatchObject({ checked: 3, drift: [], failures: [] });
  const [a, b] = [...stack.world.objects.entries()];
  if (!a || !b) throw new Error("two objects expected");
  stack.world.objects.set(a[0], {
    ...a[1],
    inputs: { size: 5, token: "changed-by-hand" },
    outputs: { ...a[1].outputs, size: 5, token: "changed-by-hand" },
  });
  stack.world.objects.delete(b[0]);
  const before = await stack.store.snapshot();
  const report = await stack.drift();
  expect(report.drift).toMatchObject([
    { kind: "changed", id: a[0] },
    { kind: "gone", id: b[0] },
  ]);
  expect(JSON.stringify(report)).not.toContain("changed-by-hand");
  expect(await stack.store.snapshot()).toEqual(before);
  const made = await stack.plan({ refresh: true });
  await expect(describePlan(made)).toMatchFileSnapshot("goldens/heal.golden");
  expect(await stack.applyPlan(made)).toMatchObject({ outcome: "succeeded" });
  expect(await stack.drift()).toMatchObject({ drift: [] });
  expect(stack.world.objects.get(a[0])?.inputs.size).toBe(1);
});

test("what could not be read is planned from the state where that is asked for, and the rest as it was read", async () => {
  const stack = await open();
  stack.body = async (p) => {
    for (const name of ["a", "b"]) await p.resource("Thing", name, { size: 1 });
  };
  await stack.apply();
  for (const id of ["id-1", "id-2"])
    stack.world.objects.set(id, { type: "test:index:Thing", inputs: { size: 5 }, outputs: { size: 5 } });
  stack.world.failures.set("read a", { reason: "connection-failed", message: "nobody there" });
  await expect(stack.plan({ refresh: true })).rejects.toMatchObject({ failure: { message: "nobody there" } });
  await expect(stack.plan({ kind: "refresh", unreadFromState: true })).rejects.toMatchObject({
    failure: { message: "nobody there" },
  });
  const made = await stack.plan({ refresh: true, unreadFromState: true });
  expect(made.warnings).toMatchObject([
    { reason: "not-refreshed", causes: [{ message: "nobody there", urn: expect.stringMatching(/::a$/) }] },
  ]);
  expect(await stack.applyPlan(made)).toMatchObject({ outcome: "succeeded" });
  const sizes = ["id-1", "id-2"].map((id) => stack.world.objects.get(id)?.inputs.size);
  expect(sizes).toEqual([5, 1]);
  stack.world.failures.clear();
  expect(await stack.drift()).toMatchObject({ drift: [{ id: "id-1" }] });
});

test("refresh alone writes what was read, and takes away what is gone", async () => {
  const stack = await open();
  stack.body = async (p) => {
    await p.resource("Thing", "a", { size: 1 });
    await p.resource("Thing", "b", { size: 1 });
  };
  await stack.apply();
  stack.world.objects.set("id-1", { type: "test:index:Thing", inputs: { size: 5 }, outputs: { size: 5 } });
  stack.world.objects.delete("id-2");
  const made = await stack.plan({ kind: "refresh" });
  await expect(describePlan(made)).toMatchFileSnapshot("goldens/refresh.golden");
  await stack.applyPlan(made);
  expect(await stack.stateText()).toBe('test:index:Thing a id-1 {"size":5}');
});

test("a sealed plan survives its file, is refused after any change, and applies once", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { password: new Secret("hunter2-hunter2") });
    await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
  };
  const made = await stack.plan();
  const { bytes, digest } = sealPlan(made, stack.store.crypter);
  expect(Buffer.from(bytes).toString("latin1")).not.toContain("hunter2");
  const sealed = openPlan(bytes, stack.store.crypter, "plan.orch");
  expect(sealed.digest).toBe(digest);
  expect(describePlan(sealed.plan)).toBe(describePlan(made));
  for (let i = 0; i < bytes.length; i++) {
    const damaged = Uint8Array.from(bytes);
    damaged[i] = (damaged[i] as number) ^ 1;
    expect(() => openPlan(damaged, stack.store.crypter, "plan.orch")).toThrow();
  }
  expect(await apply(stack.context(), sealed.plan, { continueOnError: false, digest })).toMatchObject({
    outcome: "succeeded",
  });
  await expect(apply(stack.context(), sealed.plan, { continueOnError: false, digest })).rejects.toMatchObject(
    {
      failure: { reason: "plan-applied" },
    },
  );
});

test("a plan goes stale by a related change, and only by a related one", async () => {
  const stack = await open();
  const program = (a: number, b: number) => {
    stack.body = async (p) => {
      await p.resource("Thing", "a", { size: a });
      await p.resource("Thing", "b", { size: b });
    };
  };
  program(1, 1);
  await stack.apply();
  program(2, 1);
  const changesA = await stack.plan();
  program(1, 2);
  await stack.apply();
  expect(await stack.applyPlan(changesA)).toMatchObject({ outcome: "succeeded" });
  program(3, 2);
  const again = await stack.plan();
  program(4, 2);
  await stack.apply();
  const calls = stack.world.calls.length;
  await expect(stack.applyPlan(again)).rejects.toMatchObject({
    failure: {
      reason: "plan-stale",
      causes: [{ urn: expect.stringMatching(/::a$/), message: expect.stringMatching(/by run \d+/) }],
    },
  });
  expect(stack.world.calls.length).toBe(calls);
});

test("a plan from a file goes stale when a file of the program or a configuration value changes", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a"));
  const file = join(stack.dir, "orch.yaml");
  await writeFile(file, "name: proj\n");
  const context = stack.context({
    config: { values: { "proj:x": { value: "1", secret: false } }, crypter: stack.store.crypter },
  });
  const made = await plan(context, { kind: "apply" });
  const { digest } = sealPlan(made, stack.store.crypter);
  await writeFile(file, `${await readFile(file, "utf8")}# changed\n`);
  const changed = stack.context({
    config: { values: { "proj:x": { value: "2", secret: false } }, crypter: stack.store.crypter },
  });
  await expect(apply(changed, made, { continueOnError: false, digest })).rejects.toMatchObject({
    failure: {
      reason: "plan-stale",
      causes: [
        { message: expect.stringContaining("orch.yaml") },
        { message: expect.stringContaining("proj:x") },
      ],
    },
  });
  expect(stack.world.calls).toEqual([]);
});

test("a second run on the same stack is refused while the first one lives", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a"));
  let release = (): void => undefined;
  stack.world.waits.set("create a", new Promise((resolve) => (release = resolve)));
  const first = stack.apply();
  while (stack.world.running === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const other = await stack.backend.openStack("proj", "dev", stack.store.crypter);
  await expect(other.beginRun({ kind: "apply", startedAt: Date.now(), who: "other" })).rejects.toMatchObject({
    failure: { reason: "state-locked" },
  });
  release();
  expect(await first).toMatchObject({ outcome: "succeeded" });
  await other.close();
});

test("a provider that can't be started stops a destroy before anything is deleted", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    await p.resource("Thing", "b", {}, { dependsOn: [a] });
  };
  await stack.apply();
  const missing = { reason: "plugin-missing", message: "the plugin is not there" } as const;
  const loaders = [{ name: "none", load: () => Promise.reject(new OrchError(missing)) }];
  await expect(stack.plan({ kind: "destroy" }, { loaders })).rejects.toMatchObject({
    failure: { reason: "plugin-missing" },
  });
  stack.body = async () => undefined;
  await expect(stack.plan({}, { loaders })).rejects.toMatchObject({ failure: { reason: "plugin-missing" } });
  expect(stack.world.objects.size).toBe(2);
});
