/** What runs on one stack may do beside each other, for any kind of state. */
import { toFailure } from "@orch/core/model/failure";
import type { LockWait } from "@orch/core/model/lock";
import type { Plan } from "@orch/core/model/plan";
import type { Backend } from "@orch/core/state/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Handle, Lifecycle, type ProgramBody } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

/** `openBackend` gives the same state for the same folder, and an empty one for a new folder. */
export function sideBySide(name: string, openBackend: (dir: string) => Promise<Backend>): void {
  const open = () =>
    Lifecycle.open(
      new ScriptedWorld({
        "test:index:Thing": {
          replaceOn: ["kind"],
          outputs: (_inputs, id) => ({ address: `at-${id}` }),
        },
      }),
      openBackend,
    );
  const planOf = (stack: Lifecycle, body: ProgramBody): Promise<Plan> => {
    stack.body = body;
    return stack.plan();
  };
  const two =
    (a: number, b: number): ProgramBody =>
    async (p) => {
      await p.resource("Thing", "a", { size: a });
      await p.resource("Thing", "b", { size: b });
    };
  /** Held in the middle of a call until it is let go. */
  const hold = (stack: Lifecycle, call: string): (() => void) => {
    let release = (): void => undefined;
    stack.world.waits.set(call, new Promise((resolve) => (release = resolve)));
    return release;
  };
  const until = async (happened: () => boolean): Promise<void> => {
    while (!happened()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const waitsOf = (stack: Lifecycle): LockWait[] =>
    stack.events.flatMap(({ type, ...event }) =>
      type === "lock-waiting" ? [event as unknown as LockWait] : [],
    );

  describe(`runs side by side, ${name}`, () => {
    test("plans that share no resource are applied at the same time", async () => {
      const stack = await open();
      stack.body = two(1, 1);
      await stack.apply();
      const [first, second] = [await planOf(stack, two(2, 1)), await planOf(stack, two(1, 2))];
      const release = hold(stack, "update a");
      const applyingFirst = stack.applyPlan(first);
      await until(() => stack.world.running === 1);
      const store = await stack.another();
      expect(await stack.applyPlan(second, { store })).toMatchObject({ outcome: "succeeded" });
      expect(stack.world.running).toBe(1);
      expect(await store.locks()).toMatchObject([{ alive: true, wholeStack: false, underWay: 1 }]);
      release();
      expect(await applyingFirst).toMatchObject({ outcome: "succeeded" });
      expect((await stack.rows()).filter((r) => r.name.length === 1).map((r) => r.inputs.size)).toEqual([
        2, 2,
      ]);
      expect(waitsOf(stack)).toEqual([]);
      expect(await store.locks()).toEqual([]);
    });

    test("a plan that shares one waits, says for whom, and goes on; what changed meanwhile makes it stale", async () => {
      const stack = await open();
      stack.body = two(1, 1);
      await stack.apply();
      const [first, second] = [await planOf(stack, two(2, 1)), await planOf(stack, two(3, 2))];
      const release = hold(stack, "update a");
      const applyingFirst = stack.applyPlan(first);
      await until(() => stack.world.running === 1);
      const store = await stack.another();
      const applyingSecond = stack.applyPlan(second, { store }).catch(toFailure);
      await until(() => waitsOf(stack).length > 1);
      expect(waitsOf(stack).at(-1)).toMatchObject({
        holders: [{ kind: "apply", pid: process.pid, runId: expect.any(Number) }],
        on: [expect.stringContaining("::a")],
      });
      release();
      expect(await applyingFirst).toMatchObject({ outcome: "succeeded" });
      expect(await applyingSecond).toMatchObject({
        reason: "plan-stale",
        causes: [{ message: expect.stringMatching(/::a was changed since the plan was made, by run \d+/) }],
      });
      expect(stack.events.some(({ type }) => type === "lock-acquired")).toBe(true);
      expect(stack.world.calls).not.toContain("update b");
    });

    test("nobody who came later and shares a resource goes first; who shares none does", async () => {
      const stack = await open();
      stack.body = two(1, 1);
      await stack.apply();
      const store = await stack.another();
      const start = (who: string) => ({ kind: "apply", startedAt: Date.now(), who }) as const;
      const locks = (write: readonly string[], read: readonly string[] = []) => ({
        write: new Set(write),
        read: new Set(read),
      });
      const order: string[] = [];
      const waiting = new Set<string>();
      const begin = async (who: string, wanted: ReturnType<typeof locks> | "stack"): Promise<void> => {
        const run = await store.beginRun(start(who), {
          locks: wanted,
          wait: { waiting: () => void waiting.add(who) },
        });
        order.push(who);
        await run.finish("succeeded");
      };
      const first = await store.beginRun(start("first"), { locks: locks(["a"]) });
      const second = begin("second", locks(["a", "b"]));
      await until(() => waiting.has("second"));
      const third = begin("third", locks(["b"], ["c"]));
      await until(() => waiting.has("third"));
      await begin("beside", locks(["d"], ["c"]));
      const all = begin("all", "stack");
      await until(() => waiting.has("all"));
      const after = begin("after", locks(["z"]));
      await until(() => waiting.has("after"));
      expect((await store.locks()).map(({ who, runId }) => [who, runId !== undefined])).toEqual([
        ["first", true],
        ["second", false],
        ["third", false],
        ["all", false],
        ["after", false],
      ]);
      await first.finish("succeeded");
      await Promise.all([second, third, all, after]);
      expect(order).toEqual(["beside", "second", "third", "all", "after"]);
    });

    test("waiting ends with its time, with Ctrl-C, and when its lock is taken away", async () => {
      const stack = await open();
      const held = await stack.store.beginRun({ kind: "apply", startedAt: 1, who: "holder@here" });
      stack.body = async (p) => void (await p.resource("Thing", "a"));
      const plan = await stack.plan();
      const store = await stack.another();
      await expect(stack.applyPlan(plan, { store, lockTimeoutMs: 20 })).rejects.toMatchObject({
        failure: { reason: "state-locked", message: expect.stringContaining("holder@here") },
      });
      const controller = new AbortController();
      const interrupted = stack.applyPlan(plan, { store, signal: controller.signal }).catch(toFailure);
      await until(() => waitsOf(stack).length > 0);
      controller.abort();
      expect(await interrupted).toMatchObject({ reason: "interrupted" });
      expect(await store.locks()).toHaveLength(1);
      const [lock] = await store.locks();
      expect(await store.breakLock(lock?.id as number)).toBe(true);
      expect(await store.breakLock(lock?.id as number)).toBe(false);
      await expect(held.append([])).rejects.toMatchObject({ failure: { reason: "state-locked" } });
      expect(await stack.applyPlan(plan)).toMatchObject({ outcome: "succeeded" });
      expect(await store.runs()).toMatchObject([{ outcome: "succeeded" }, { outcome: "interrupted" }]);
    });

    test("a plan that takes away what another one began to use meanwhile is stale", async () => {
      const stack = await open();
      stack.body = two(1, 1);
      await stack.apply();
      const without = await planOf(stack, async (p) => void (await p.resource("Thing", "a", { size: 1 })));
      const using = await planOf(stack, async (p) => {
        await two(1, 1)(p);
        const b = await p.resource("Thing", "x", { size: 1 });
        await p.resource("Thing", "c", {}, { dependsOn: [b] });
      });
      await stack.applyPlan(using);
      expect(await stack.applyPlan(without)).toMatchObject({ outcome: "succeeded" });
      const [gone, more] = [
        await planOf(stack, async (p) => void (await p.resource("Thing", "a", { size: 1 }))),
        await planOf(stack, async (p) => {
          await p.resource("Thing", "a", { size: 1 });
          const x = await p.resource("Thing", "x", { size: 1 });
          await p.resource("Thing", "c", {}, { dependsOn: [x] });
          await p.resource("Thing", "d", {}, { dependsOn: [x] });
        }),
      ];
      await stack.applyPlan(more);
      await expect(stack.applyPlan(gone)).rejects.toMatchObject({
        failure: {
          reason: "plan-stale",
          causes: [{ urn: expect.stringContaining("::d"), message: expect.stringContaining("::x") }],
        },
      });
    });

    test("nor may what it leaves as it is have come to need what it takes away", async () => {
      const stack = await open();
      stack.body = two(1, 1);
      await stack.apply();
      const without = await planOf(stack, async (p) => void (await p.resource("Thing", "a", { size: 1 })));
      const using = await planOf(stack, async (p) => {
        const b = await p.resource("Thing", "b", { size: 1 });
        await p.resource("Thing", "a", { size: 1 }, { dependsOn: [b] });
      });
      await stack.applyPlan(using);
      await expect(stack.applyPlan(without)).rejects.toMatchObject({
        failure: { reason: "plan-stale", causes: [{ urn: expect.stringContaining("::a") }] },
      });
    });

    test("whatever two plans are: applied at the same time they leave what one after the other leaves", async () => {
      await fc.assert(
        fc.asyncProperty(version, changes, changes, async (base, ...changed) => {
          const outcomes: string[] = [];
          for (const order of [[0, 1], [1, 0], "together"] as const) {
            const stack = await open();
            stack.body = bodyOf(base);
            await stack.apply();
            const bodies = changed.map((nodes) => bodyOf(base.map((node, i) => nodes.get(i) ?? node)));
            const plans: Plan[] = [];
            for (const body of bodies) plans.push(await planOf(stack, body));
            const results: string[] = ["", ""];
            const applyOne = async (i: 0 | 1): Promise<void> => {
              const extra = {
                ...stack.programOf(bodies[i] as ProgramBody),
                ...(i === 0 ? {} : { store: await stack.another() }),
              };
              results[i] = await stack.applyPlan(plans[i] as Plan, extra).then(
                ({ outcome, failed, problem }) =>
                  [outcome, ...failed.map(({ failure }) => failure.message), problem?.message ?? ""].join(
                    " ",
                  ),
                (error) => toFailure(error).reason,
              );
            };
            if (order === "together") await Promise.all([applyOne(0), applyOne(1)]);
            else for (const i of order) await applyOne(i);
            const rows = (await stack.rows()).filter((row) => row.type === "test:index:Thing");
            expect(rows.map((row) => row.id).sort()).toEqual([...stack.world.objects.keys()].sort());
            for (const row of rows)
              expect(stack.world.objects.get(row.id as string)?.inputs).toEqual(row.inputs);
            const names = new Set(rows.map((row) => row.urn));
            for (const row of rows) for (const urn of row.dependencies) expect(names).toContain(urn);
            const left = rows.map(
              ({ name, inputs: { from: _, ...inputs } }) => `${name} ${JSON.stringify(inputs)}`,
            );
            outcomes.push(JSON.stringify([results, left.sort()]));
            await stack.close();
          }
          const [first, second, together] = outcomes;
          expect([first, second]).toContain(together);
        }),
        { numRuns: Number(process.env.ORCH_RANDOM_RUNS ?? 8), timeout: 60_000 },
      );
    });
  });
}

interface Node {
  readonly present: boolean;
  readonly kind: number;
  readonly size: number;
  readonly from: number | undefined;
}
const node: fc.Arbitrary<Node> = fc.record({
  present: fc.boolean(),
  kind: fc.nat({ max: 1 }),
  size: fc.nat({ max: 2 }),
  from: fc.option(fc.nat({ max: 5 }), { nil: undefined }),
});
const version: fc.Arbitrary<readonly Node[]> = fc.array(node, { minLength: 6, maxLength: 6 });
/** Few, so that two of them often share nothing. */
const changes = fc
  .array(fc.tuple(fc.nat({ max: 5 }), node), { minLength: 1, maxLength: 2 })
  .map((entries) => new Map(entries));
const bodyOf =
  (nodes: readonly Node[]): ProgramBody =>
  async (p) => {
    const made = new Map<number, Handle>();
    for (const [i, { present, kind, size, from }] of nodes.entries()) {
      if (!present) continue;
      const source = from === undefined ? undefined : made.get(from);
      made.set(
        i,
        await p.resource(
          "Thing",
          `r${i}`,
          { kind, size, ...(source ? { from: source.get("address") } : {}) },
          source ? { uses: { from: [source] } } : {},
        ),
      );
    }
  };
