/** `orch undo`: a plan that goes back to the state before a run. */
import { apply, plan } from "@orch/core/engine";
import type { ApplyResult } from "@orch/core/model/event";
import type { Plan } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import { isUnknown, Secret, unknown, type Value } from "@orch/core/model/value";
import { openPlan, sealPlan } from "@orch/core/plan/seal";
import { lastChange } from "@orch/core/plan/undo";
import { createCrypter, newDataKey } from "@orch/core/state/index";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describePlan, type Handle, Lifecycle, type ProgramBody } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const outputs = (_: unknown, id: string): { address: string; serial: number } => ({
  address: `at-${id}`,
  serial: Number(id.slice(3)),
});
const newWorld = (): ScriptedWorld =>
  new ScriptedWorld({
    "test:index:Thing": { replaceOn: ["kind"], outputs },
    "test:index:Unique": { replaceOn: ["kind"], deleteBeforeReplace: true, outputs },
  });
const open = (world = newWorld()): Promise<Lifecycle> => Lifecycle.open(world);

async function applied(stack: Lifecycle, body: ProgramBody): Promise<number> {
  stack.body = body;
  const result = await stack.apply();
  expect(result.outcome).toBe("succeeded");
  return result.runId;
}

/** Through a plan file, as a reviewed undo goes; no program may run on the way. */
async function undone(stack: Lifecycle, run: number): Promise<{ made: Plan; result: ApplyResult }> {
  const programs = stack.runs;
  const context = stack.context();
  const { bytes, digest } = sealPlan(await plan(context, { kind: "apply", undo: run }), stack.store.crypter);
  const { plan: made } = openPlan(bytes, stack.store.crypter, "undo.plan", stack.store.info);
  const result = await apply(stack.context(), made, { continueOnError: false, digest });
  expect(stack.runs).toBe(programs);
  return { made, result };
}

const own = async (stack: Lifecycle): Promise<ResourceState[]> =>
  (await stack.rows()).filter(({ type }) => type.startsWith("test:"));
const row = async (stack: Lifecycle, name: string): Promise<ResourceState | undefined> =>
  (await own(stack)).find((r) => r.name === name && r.deposed === undefined);

test("creates, updates, replaces, deletes, renames and outputs go back", async () => {
  const stack = await open();
  await applied(stack, async (p) => {
    const group = await p.component("group", { label: "x" });
    const base = await p.resource("Thing", "base", { size: 1 }, { parent: group });
    const uses = { url: [base], part: [base] };
    const address = base.get("address");
    const url = isUnknown(address) ? unknown : `http://${address}/`;
    await p.resource("Thing", "user", { url, part: address }, { uses });
    await p.resource("Thing", "changed", { size: 1 });
    await p.resource("Unique", "other", { kind: 1 });
    await p.resource("Thing", "named", { size: 3 });
    await p.outputs(group, { address: base.get("address") });
    return { address: base.get("address"), label: "first" };
  });
  const before = await own(stack);
  const second = await applied(stack, async (p) => {
    await p.resource("Thing", "changed", { size: 2 });
    await p.resource("Unique", "other", { kind: 2 });
    await p.resource("Thing", "renamed", { size: 3 }, { aliases: ["named"] });
    await p.resource("Thing", "fresh", { size: 1 });
    return { label: "second" };
  });
  const kept = { changed: await row(stack, "changed"), named: await row(stack, "renamed") };

  const { made, result } = await undone(stack, second);
  await expect(describePlan(made)).toMatchFileSnapshot("goldens/undo.golden");
  expect(made.undo).toEqual({ before: second, runs: [second] });
  expect(made.program).toEqual({});
  expect(made.warnings.map(({ message }) => message)).toMatchInlineSnapshot(`
    [
      "base (test:index:Thing), user (test:index:Thing), other (test:index:Unique) are made anew. Their ids may be others, and what was in them or was generated for them (data, passwords, keys) does not come back.",
      "fresh (test:index:Thing) was not there then. It is deleted, with all that is in it by now.",
      "If this is killed while it creates one of the 2 test:index:Thing, you will be asked whether it exists: its provider can't find it again.",
      "If this is killed while it creates the test:index:Unique, you will be asked whether it exists: its provider can't find it again.",
    ]
  `);
  expect(result.outcome).toBe("succeeded");

  const base = await row(stack, "base");
  expect((await own(stack)).map(({ name }) => name).sort()).toEqual(before.map(({ name }) => name).sort());
  expect(base?.id).not.toBe(before.find(({ name }) => name === "base")?.id);
  // What came from an object that was made anew is the new one's.
  expect((await row(stack, "user"))?.inputs).toEqual({
    url: `http://at-${base?.id}/`,
    part: `at-${base?.id}`,
  });
  expect((await row(stack, "group"))?.outputs).toEqual({ address: `at-${base?.id}` });
  expect((await stack.store.snapshot()).outputs).toEqual({ address: `at-${base?.id}`, label: "first" });
  expect((await row(stack, "changed"))?.id).toBe(kept.changed?.id);
  expect((await row(stack, "changed"))?.inputs).toEqual({ size: 1 });
  expect((await row(stack, "named"))?.id).toBe(kept.named?.id);
  expect((await row(stack, "other"))?.inputs).toEqual({ kind: 1 });
  expect([...stack.world.objects.keys()].sort()).toEqual(
    (await own(stack)).flatMap(({ id }) => id ?? []).sort(),
  );
  // Undone once more, it is done again.
  expect((await lastChange(stack.store)).id).toBe(result.runId);
  await undone(stack, result.runId);
  expect((await own(stack)).map(({ name }) => name).sort()).toEqual(["changed", "fresh", "other", "renamed"]);
});

test("the first run undone leaves nothing, and a destroy undone makes everything anew", async () => {
  const stack = await open();
  const body: ProgramBody = async (p) => {
    const a = await p.resource("Thing", "a", { size: 1 });
    await p.resource("Thing", "b", { from: a.get("serial") }, { uses: { from: [a] } });
    return { a: a.get("address") };
  };
  const first = await applied(stack, body);
  const { result } = await undone(stack, first);
  expect(result.outcome).toBe("succeeded");
  expect(await stack.rows()).toEqual([]);
  expect(stack.world.objects.size).toBe(0);
  await undone(stack, result.runId);
  const a = await row(stack, "a");
  expect((await row(stack, "b"))?.inputs).toEqual({ from: a?.outputs.serial });
  stack.body = body;
  expect((await stack.plan()).steps.filter((s) => s.op !== "same" || s.write)).toEqual([]);
});

test("a run further back takes the later ones with it", async () => {
  const stack = await open();
  const size = (n: number) => applied(stack, async (p) => void (await p.resource("Thing", "a", { size: n })));
  await size(1);
  const [second, third] = [await size(2), await size(3)];
  const { made } = await undone(stack, second);
  expect(made.undo).toEqual({ before: second, runs: [second, third] });
  expect((await row(stack, "a"))?.inputs).toEqual({ size: 1 });
});

test("providers go back to how they were, and what they serve with them", async () => {
  const stack = await open();
  const account =
    (name: string): ProgramBody =>
    async (p) => {
      const provider = await p.provider("mine", { account: name });
      await p.resource("Thing", "a", { size: 1 }, { provider });
    };
  await applied(stack, account("one"));
  const second = await applied(stack, account("two"));
  const { made, result } = await undone(stack, second);
  expect(made.steps.find(({ urn, op }) => urn.endsWith("::a") && op === "create")).toMatchObject({
    reason: { kind: "provider-changed" },
  });
  expect(result.outcome).toBe("succeeded");
  expect(stack.world.accounts).toEqual(["one", "two", "one", "one", "two"]);
  stack.body = account("one");
  expect((await stack.plan()).steps.filter((s) => s.op !== "same" || s.write)).toEqual([]);
});

test("secrets of old rows stay secrets, also under a key that was rotated since", async () => {
  const stack = await open();
  const body =
    (secret: string): ProgramBody =>
    async (p) =>
      void (await p.resource("Thing", "a", { token: new Secret(secret) }));
  await applied(stack, body("first-secret"));
  const second = await applied(stack, body("second-secret"));
  const key = createCrypter(newDataKey());
  await stack.store.rekey(key, { test: true }, "me");
  const store = await stack.backend.openStack("proj", "dev", key);
  const context = stack.context({ store, config: { values: {}, crypter: key } });
  const made = await plan(context, { kind: "apply", undo: second });
  expect(JSON.stringify(made)).not.toContain("-secret");
  expect(await apply(context, made, { continueOnError: false })).toMatchObject({ outcome: "succeeded" });
  const found = (await store.snapshot()).resources.find(({ name }) => name === "a");
  expect(found?.inputs).toEqual({ token: new Secret("first-secret") });
  await store.close();
});

test("what was imported is let go, what was let go is taken over, what is read is read", async () => {
  const stack = await open();
  await applied(stack, async (p) => {
    await p.resource("Thing", "kept", { size: 1 }, { retainOnDelete: true });
  });
  const kept = (await row(stack, "kept"))?.id as string;
  stack.world.objects.set("id-90", { type: "test:index:Thing", inputs: { size: 9 }, outputs: { size: 9 } });
  const second = await applied(stack, async (p) => {
    await p.resource("Thing", "found", { size: 9 }, { importId: "id-90", protect: true });
    await p.get("Thing", "read", "id-90");
  });
  stack.world.calls.length = 0;
  const { made, result } = await undone(stack, second);
  expect(result.outcome).toBe("succeeded");
  expect(made.steps.filter(({ op }) => op === "delete")).toMatchObject([
    { forget: "external" },
    { forget: "imported" },
  ]);
  expect(stack.world.calls).toEqual([]);
  expect((await own(stack)).map(({ name, id }) => [name, id])).toEqual([["kept", kept]]);
  await undone(stack, result.runId);
  expect((await row(stack, "read"))?.external).toBe(true);
  expect(stack.world.objects.has("id-90")).toBe(true);
});

test("names that a provider filled in stay its own", async () => {
  const world = newWorld();
  const stack = await open(world);
  const fill = (inputs: Record<string, Value>): void => {
    stack.body = async (p) => void (await p.resource("Thing", "a", inputs));
  };
  fill({ size: 1, name: "a-1f", __defaults: ["name"], nested: { x: 1, y: 2, __defaults: ["y"] } });
  await stack.apply();
  fill({ size: 2, name: "a-1f", __defaults: ["name"], nested: { x: 1, y: 2, __defaults: ["y"] } });
  const { runId } = await stack.apply();
  const made = await stack.plan({ undo: runId });
  const step = made.steps.find(({ op }) => op === "update");
  // This provider fills in nothing, so they are missing.
  expect(step).toMatchObject({ inputs: { size: 1, nested: { x: 1 } } });
  expect(Object.keys((step as { inputs: object }).inputs)).toEqual(["size", "nested"]);
});

describe("refused, with nothing done", () => {
  test("a protected resource that was not there", async () => {
    const stack = await open();
    await applied(stack, async (p) => void (await p.resource("Thing", "a", {})));
    const second = await applied(stack, async (p) => {
      await p.resource("Thing", "a", {});
      await p.resource("Thing", "b", {}, { protect: true });
    });
    await expect(stack.plan({ undo: second })).rejects.toMatchObject({ failure: { reason: "protected" } });
  });

  test("no run that changed anything", async () => {
    const stack = await open();
    await expect(lastChange(stack.store)).rejects.toMatchObject({ failure: { reason: "invalid-flag" } });
  });

  test("a step that was cut off, of which nobody knows what became", async () => {
    const stack = await open();
    const first = await applied(stack, async (p) => void (await p.resource("Thing", "a", {})));
    stack.world.failures.set("create b", { reason: "provider-crashed", message: "gone" });
    stack.body = async (p) => void (await p.resource("Thing", "b", {}));
    await stack.apply();
    await expect(stack.plan({ undo: first })).rejects.toMatchObject({
      failure: { reason: "unfinished-steps" },
    });
  });

  test("a run that goes on", async () => {
    const stack = await open();
    const first = await applied(stack, async (p) => void (await p.resource("Thing", "a", {})));
    const run = await stack.store.beginRun({ kind: "edit", startedAt: Date.now(), who: "somebody" });
    await expect(stack.plan({ undo: first })).rejects.toMatchObject({ failure: { reason: "state-locked" } });
    await run.finish("succeeded");
    expect((await stack.plan({ undo: first })).steps.some(({ op }) => op === "delete")).toBe(true);
  });

  test("a state that was changed since the plan was made", async () => {
    const stack = await open();
    const size = (n: number) =>
      applied(stack, async (p) => void (await p.resource("Thing", "a", { size: n })));
    await size(1);
    const second = await size(2);
    const context = stack.context();
    const made = await plan(context, { kind: "apply", undo: second });
    await size(3);
    await expect(apply(context, made, { continueOnError: false })).rejects.toMatchObject({
      failure: { reason: "plan-stale" },
    });
  });
});

interface Node {
  readonly present: boolean;
  readonly kind: number;
  readonly size: number;
  readonly from: readonly number[];
}
const node: fc.Arbitrary<Node> = fc.record({
  present: fc.boolean(),
  kind: fc.nat({ max: 1 }),
  size: fc.nat({ max: 2 }),
  from: fc.array(fc.nat({ max: 7 }), { maxLength: 2 }),
});
const program = fc.array(node, { minLength: 8, maxLength: 8 });

/** `at-id-7` where object 7 is r2 reads `at-<r2>`: the same for worlds that differ in ids alone. */
async function worldText(stack: Lifecycle): Promise<string[]> {
  const rows = await own(stack);
  expect(rows.filter(({ deposed }) => deposed)).toEqual([]);
  expect([...stack.world.objects.keys()].sort()).toEqual(rows.flatMap(({ id }) => id ?? []).sort());
  const name = new Map(rows.map((r) => [r.id, r.name]));
  const text = rows.map((r) => {
    const { inputs } = stack.world.objects.get(r.id as string) as { inputs: object };
    expect(inputs).toEqual(r.inputs);
    const sorted = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
    return `${r.name} ${JSON.stringify(sorted)}`.replace(/id-\d+/g, (id) => `<${name.get(id) ?? `? ${id}`}>`);
  });
  const { outputs: given } = await stack.store.snapshot();
  return [...text.sort(), JSON.stringify(given).replace(/id-\d+/g, (id) => `<${name.get(id) ?? `? ${id}`}>`)];
}

test("whatever two programs are: the second one undone, the world is the first one's", async () => {
  await fc.assert(
    fc.asyncProperty(program, program, async (a, b) => {
      const stack = await open();
      const body =
        (nodes: readonly Node[]): ProgramBody =>
        async (p) => {
          const handles = new Map<number, Handle>();
          for (const [i, n] of nodes.entries()) {
            if (!n.present) continue;
            const from = [...new Set(n.from)].flatMap((f) => handles.get(f) ?? []);
            const inputs: Record<string, Value> = { kind: n.kind, size: n.size };
            const uses: Record<string, Handle[]> = {};
            from.forEach((h, j) => {
              const address = h.get("address");
              inputs[`from${j}`] = j === 0 ? address : { deep: [address, "x"] };
              uses[`from${j}`] = [h];
            });
            handles.set(i, await p.resource(i % 3 === 0 ? "Unique" : "Thing", `r${i}`, inputs, { uses }));
          }
          const last = [...handles.values()].at(-1);
          return last === undefined ? {} : { last: last.get("address") };
        };
      await applied(stack, body(a));
      const first = await worldText(stack);
      const second = await applied(stack, body(b));
      const { result } = await undone(stack, second);
      expect(result.outcome).toBe("succeeded");
      expect(await worldText(stack)).toEqual(first);
      stack.body = body(a);
      expect((await stack.plan()).steps.filter((s) => s.op !== "same" || s.write)).toEqual([]);
    }),
    { numRuns: Number(process.env.ORCH_RANDOM_RUNS ?? 25) },
  );
});
