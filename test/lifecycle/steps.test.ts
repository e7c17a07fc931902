import { Secret, unknown } from "@orch/core/model/value";
import { openPlan, sealPlan } from "@orch/core/plan/seal";
import { expect, test } from "vitest";
import { describePlan, Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const golden = (name: string): string => `goldens/${name}.golden`;
const types = {
  "test:index:Thing": { replaceOn: ["kind"], outputs: (_: unknown, id: string) => ({ address: `at-${id}` }) },
  "test:index:Unique": {
    replaceOn: ["kind"],
    deleteBeforeReplace: true,
    outputs: (_: unknown, id: string) => ({ address: `at-${id}` }),
  },
  "test:index:Named": { autoName: "name", replaceOn: ["kind"] },
} as const;

const open = (traits = {}): Promise<Lifecycle> => Lifecycle.open(new ScriptedWorld(types, traits));

test("create, no change, update, delete", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { size: 1 });
    await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
  };
  const first = await stack.plan();
  await expect(describePlan(first)).toMatchFileSnapshot(golden("create"));
  expect(first.needsProgram).toBe(true);
  expect(stack.world.calls).toEqual([]);

  expect(await stack.apply()).toMatchObject({ outcome: "succeeded", skipped: [], failed: [] });
  expect(stack.world.calls).toEqual(["create a", "create b"]);
  expect(await stack.stateText()).toBe(
    'test:index:Thing a id-1 {"size":1}\ntest:index:Thing b id-2 {"of":"at-id-1"}',
  );

  const unchanged = await stack.plan();
  expect(unchanged.steps.every((step) => step.op === "same" && !step.write)).toBe(true);
  expect(unchanged.needsProgram).toBe(false);

  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { size: 2 });
    await p.resource("Thing", "c", { of: a.get("address") }, { uses: { of: [a] } });
  };
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("update-and-delete"));
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls.slice(2)).toEqual(["update a", "create c", "delete b"]);
  expect([...stack.world.objects.keys()]).toEqual(["id-1", "id-3"]);
});

test("a plan with nothing unknown is applied without running the program again", async () => {
  const stack = await open();
  stack.body = async (p) => {
    await p.resource("Thing", "a", { size: 1 });
    return { answer: 42 };
  };
  await stack.apply();
  expect(stack.runs).toBe(1);
  expect((await stack.store.snapshot()).outputs).toEqual({ answer: 42 });
});

test("replace: the new one is created first, and the old one deleted after its dependents moved over", async () => {
  const stack = await open();
  const program = (kind: string) => {
    stack.body = async (p) => {
      const a = await p.resource("Thing", "a", { kind });
      await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
    };
  };
  program("x");
  await stack.apply();
  program("y");
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("replace"));
  await stack.apply();
  expect(stack.world.calls.slice(2)).toEqual(["create a", "update b", "delete a"]);
  expect(await stack.stateText()).toBe(
    'test:index:Thing a id-3 {"kind":"y"}\ntest:index:Thing b id-2 {"of":"at-id-3"}',
  );
});

test("delete-before-replace takes the dependents that can't be changed in place with it", async () => {
  const stack = await open();
  const program = (kind: string) => {
    stack.body = async (p) => {
      const a = await p.resource("Unique", "a", { kind });
      const b = await p.resource("Thing", "b", { kind: a.get("address") }, { uses: { kind: [a] } });
      await p.resource("Thing", "c", { size: b.get("address") }, { uses: { size: [b] } });
    };
  };
  program("x");
  await stack.apply();
  program("y");
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("delete-before-replace"));
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls.slice(3)).toEqual(["delete b", "delete a", "create a", "create b", "update c"]);
  expect(stack.world.objects.size).toBe(3);
});

test("a dependent of a delete-before-replace that leaves the program goes before it, not after everything", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Unique", "a", { kind: "x" });
    await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
  };
  await stack.apply();
  stack.body = async (p) => {
    await p.resource("Unique", "a", { kind: "y" });
  };
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls.slice(2)).toEqual(["delete b", "delete a", "create a"]);
});

test("deletes run in reverse dependency order, after everything else", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    const b = await p.resource("Thing", "b", {}, { dependsOn: [a] });
    await p.resource("Thing", "c", {}, { dependsOn: [b] });
  };
  await stack.apply();
  stack.body = async (p) => {
    await p.resource("Thing", "new");
  };
  await stack.apply();
  expect(stack.world.calls.slice(3)).toEqual(["create new", "delete c", "delete b", "delete a"]);
});

test("destroy takes everything, dependents first, and leaves an empty state", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const group = await p.component("group");
    const a = await p.resource("Thing", "a", {}, { parent: group });
    await p.resource("Thing", "b", { of: a.get("address") }, { parent: group, uses: { of: [a] } });
  };
  await stack.apply();
  const destroy = await stack.plan({ kind: "destroy" });
  await expect(describePlan(destroy)).toMatchFileSnapshot(golden("destroy"));
  await stack.applyPlan(destroy);
  expect(stack.world.calls.slice(2)).toEqual(["delete b", "delete a"]);
  expect(await stack.rows()).toEqual([]);
});

test("a generated name is drawn in the plan, kept by updates and fresh in a replace", async () => {
  const stack = await open();
  const program = (inputs: Record<string, string>) => {
    stack.body = async (p) => void (await p.resource("Named", "n", inputs));
  };
  program({ kind: "x" });
  const context = stack.context();
  const { plan, apply } = await import("@orch/core/engine");
  const made = await plan(context, { kind: "apply" });
  const planned = made.steps.find((s) => s.op === "create" && s.urn.includes("Named"));
  await apply(context, made, { continueOnError: false });
  const name = (await stack.rows()).find((r) => r.name === "n")?.inputs.name;
  expect(planned).toMatchObject({ inputs: { name } });
  program({ kind: "x", tag: "t" });
  await stack.apply();
  expect((await stack.rows()).find((r) => r.name === "n")?.inputs.name).toBe(name);
  program({ kind: "y", tag: "t" });
  await stack.apply();
  expect((await stack.rows()).find((r) => r.name === "n")?.inputs.name).not.toBe(name);
});

test("an alias keeps the object; only its name in the state changes", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "old", { size: 1 }));
  await stack.apply();
  stack.body = async (p) => void (await p.resource("Thing", "new", { size: 1 }, { aliases: ["old"] }));
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("alias"));
  await stack.apply();
  expect(stack.world.calls).toEqual(["create old"]);
  expect(await stack.stateText()).toBe('test:index:Thing new id-1 {"size":1}');
});

test("ignoreChanges keeps what was there; replaceOnChanges replaces", async () => {
  const stack = await open();
  const program = (size: number, tag: string) => {
    stack.body = async (p) => {
      await p.resource("Thing", "a", { size, tag: { owner: tag } }, { ignoreChanges: ["tag.owner"] });
      await p.resource("Thing", "b", { size }, { replaceOnChanges: ["size"] });
    };
  };
  program(1, "x");
  await stack.apply();
  program(2, "y");
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("options"));
  await stack.apply();
  expect([...stack.world.objects.values()].map((o) => o.inputs)).toEqual([
    { size: 2, tag: { owner: "x" } },
    { size: 2 },
  ]);
});

test("protect refuses a delete and a replace before anything is done", async () => {
  const stack = await open();
  stack.body = async (p) => void (await p.resource("Thing", "a", { kind: "x" }, { protect: true }));
  await stack.apply();
  stack.body = async (p) => void (await p.resource("Thing", "a", { kind: "y" }, { protect: true }));
  await expect(stack.plan()).rejects.toMatchObject({ failure: { reason: "protected", urn: /Thing::a$/ } });
  stack.body = async () => undefined;
  await expect(stack.plan()).rejects.toMatchObject({ failure: { reason: "protected" } });
  await expect(stack.plan({ kind: "destroy" })).rejects.toMatchObject({ failure: { reason: "protected" } });
  expect(stack.world.objects.size).toBe(1);
});

test("retainOnDelete and deletedWith only forget", async () => {
  const stack = await open();
  stack.body = async (p) => {
    await p.resource("Thing", "kept", {}, { retainOnDelete: true });
    const a = await p.resource("Thing", "a");
    await p.resource("Thing", "inside", {}, { deletedWith: a.urn, dependsOn: [a] });
  };
  await stack.apply();
  stack.body = async () => undefined;
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("forget"));
  await stack.apply();
  expect(stack.world.calls.slice(3)).toEqual(["delete a"]);
  expect(await stack.stateText()).toBe("");
});

test("a replaced provider replaces what it serves; a changed one does not", async () => {
  const stack = await open();
  const program = (inputs: Record<string, string>) => {
    stack.body = async (p) => {
      const provider = await p.provider("explicit", inputs);
      await p.resource("Thing", "a", { size: 1 }, { provider });
    };
  };
  program({ account: "1", region: "x" });
  await stack.apply();
  program({ account: "1", region: "y" });
  expect(await stack.apply()).toMatchObject({ summary: { update: 1, replace: 0, same: 1 } });
  expect(stack.world.calls).toEqual(["create a"]);
  program({ account: "2", region: "y" });
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("provider-replaced"));
  await stack.apply();
  expect(stack.world.calls).toEqual(["create a", "create a", "delete a"]);
  // Each object is made and deleted in the account that it is in.
  expect(stack.world.accounts).toEqual(["1", "2", "1"]);
});

test("a provider whose configuration is unknown: its resources are planned unseen and resolved in the apply", async () => {
  const stack = await open();
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    const provider = await p.provider("late", { account: a.get("address") });
    await p.resource("Named", "b", { size: 1 }, { provider });
  };
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(stack.world.calls).toEqual(["create a", "create b"]);
  expect((await stack.rows()).find((r) => r.name === "late")?.inputs).toEqual({ account: "at-id-1" });
  const again = await stack.plan();
  expect(again.steps.filter((s) => s.op !== "same" || s.write)).toEqual([]);
});

test("read brings in what somebody else manages, and forgets it without deleting", async () => {
  const stack = await open();
  stack.world.objects.set("theirs", { type: "test:index:Thing", inputs: {}, outputs: { address: "far" } });
  stack.body = async (p) => {
    const theirs = await p.get("Thing", "theirs", "theirs");
    await p.resource("Thing", "mine", { of: theirs.get("address") });
  };
  await stack.apply();
  expect((await stack.rows()).find((r) => r.name === "theirs")).toMatchObject({
    external: true,
    outputs: { address: "far" },
  });
  stack.body = async () => undefined;
  await stack.apply();
  expect(stack.world.calls).toEqual(["create mine", "delete mine"]);
  expect(stack.world.objects.has("theirs")).toBe(true);
});

test("import takes over an object that is as the program says, and refuses one that is not", async () => {
  const stack = await open();
  stack.world.objects.set("x-1", { type: "test:index:Thing", inputs: { size: 1 }, outputs: { size: 1 } });
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 2 }, { importId: "x-1" }));
  await expect(stack.plan()).rejects.toMatchObject({
    failure: { reason: "invalid-property", causes: [{ path: "size", expected: "1", found: "2" }] },
  });
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 1 }, { importId: "x-1" }));
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded", summary: { import: 1 } });
  expect(stack.world.calls).toEqual([]);
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 3 }, { importId: "x-1" }));
  await stack.apply();
  expect(stack.world.calls).toEqual(["update a"]);
});

test("secrets stay secret from input to state, also through a provider that knows none", async () => {
  const stack = await open({ secrets: false });
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { password: new Secret("hunter2-hunter2") });
    return { password: a.get("password") };
  };
  const made = await stack.plan();
  expect(describePlan(made)).not.toContain("hunter2");
  expect(JSON.stringify(made)).not.toContain("hunter2");
  await stack.apply();
  expect([...stack.world.objects.values()][0]?.inputs).toEqual({ password: "hunter2-hunter2" });
  const row = (await stack.rows()).find((r) => r.name === "a");
  expect(row?.outputs.password).toBeInstanceOf(Secret);
  expect((await stack.store.snapshot()).outputs.password).toBeInstanceOf(Secret);
  expect(JSON.stringify(stack.events)).not.toContain("hunter2");
});

test("an invoke with unknown arguments is not made in the plan", async () => {
  const stack = await open();
  const answers: unknown[] = [];
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a");
    answers.push(await p.invoke("test:index:echo", { of: a.get("address") }));
    answers.push(await p.invoke("test:index:echo", { of: 1 }));
    await p.resource("Thing", "b", { x: p.dryRun ? unknown : 1 });
  };
  await stack.apply();
  expect(answers).toEqual([
    {},
    { echo: { of: 1 }, token: "test:index:echo" },
    { echo: { of: "at-id-1" }, token: "test:index:echo" },
    { echo: { of: 1 }, token: "test:index:echo" },
  ]);
});

test("replaceWith and replacementTrigger replace without a change of inputs", async () => {
  const stack = await open();
  const program = (kind: string, trigger: number) => {
    stack.body = async (p) => {
      const a = await p.resource("Thing", "a", { kind });
      await p.resource("Thing", "with", { size: 1 }, { replaceWith: [a.urn], dependsOn: [a] });
      await p.resource("Thing", "triggered", { size: 1 }, { replacementTrigger: trigger });
    };
  };
  program("x", 1);
  await stack.apply();
  program("y", 2);
  await expect(describePlan(await stack.plan())).toMatchFileSnapshot(golden("replace-with"));
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded", summary: { replace: 3 } });
  expect(await stack.plan()).toMatchObject({ needsProgram: false });
});

test("the program runs again for a plan that needs nothing of it, when asked to", async () => {
  const stack = await open();
  const seen: boolean[] = [];
  stack.body = async (p) => {
    const a = await p.resource("Thing", "a", { size: 1 });
    seen.push(p.dryRun || a.get("address") === "at-id-1");
  };
  await stack.apply({ runProgram: true });
  expect(seen).toEqual([true, true]);
});

test("an unknown input that the provider does not mind is recorded as the provider checks it", async () => {
  const world = new ScriptedWorld({ ...types, "test:index:Named": { autoName: "name", ignores: ["note"] } });
  const stack = await Lifecycle.open(world);
  const program = (kind: string) => {
    stack.body = async (p) => {
      const a = await p.resource("Thing", "a", { kind });
      await p.resource("Named", "n", { note: a.get("address") }, { uses: { note: [a] } });
    };
  };
  program("x");
  await stack.apply();
  const name = (await stack.rows()).find((r) => r.name === "n")?.inputs.name;
  program("y");
  await stack.apply();
  expect(world.calls.slice(2)).toEqual(["create a", "delete a"]);
  expect((await stack.rows()).find((r) => r.name === "n")?.inputs).toEqual({ name, note: "at-id-3" });
});

test("a plan from a file replaces as one that was made just now: neither a row nor an object is lost", async () => {
  const stack = await open();
  const program = (kind: string, name = "b") => {
    stack.body = async (p) => {
      const a = await p.resource("Thing", "a", { kind });
      // Unknown in the plan, and so planned as a replace; equal in the end.
      await p.resource("Thing", "same", { kind: p.dryRun ? unknown : "x" }, { uses: { kind: [a] } });
      await p.resource("Thing", name, { kind }, { aliases: ["b"] });
    };
  };
  program("x");
  await stack.apply();
  program("y", "renamed");
  const { bytes } = sealPlan(await stack.plan(), stack.store.crypter);
  const { plan: made } = openPlan(bytes, stack.store.crypter, "a.plan", stack.store.info);
  expect(await stack.applyPlan(made)).toMatchObject({ outcome: "succeeded" });
  const rows = (await stack.rows()).filter(({ type }) => type === "test:index:Thing");
  expect(rows.filter(({ deposed }) => deposed)).toEqual([]);
  expect(rows.map(({ name }) => name).sort()).toEqual(["a", "renamed", "same"]);
  expect(rows.map(({ id }) => id).sort()).toEqual([...stack.world.objects.keys()].sort());
});
