import { resumeRun } from "@orch/core/engine";
import { OrchError } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import type { PropertyMap } from "@orch/core/model/value";
import type { FindRequest, Provider } from "@orch/core/provider/contract";
import { expect, test } from "vitest";
import { describePlan, Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

/** Answers get lost on the way back, and creations are found again by token or by a list. */
class LossyWorld extends ScriptedWorld {
  /** `create a`: takes place, but its answer never comes. */
  readonly lost = new Set<string>();
  /** What `create` was sent, by name. */
  readonly sent: { name: string; token: string | undefined; inputs: PropertyMap }[] = [];
  readonly asked: FindRequest[] = [];
  readonly #byToken = new Map<string, string>();

  override provider(): Provider {
    const inner = super.provider();
    const lose = (call: string): void => {
      if (this.lost.delete(call)) throw new OrchError({ reason: "timeout", message: "no answer in time" });
    };
    return {
      ...inner,
      create: async (request) => {
        if (request.preview) return inner.create(request);
        const { name, token, inputs } = request;
        this.sent.push({ name, token, inputs });
        const known = token === undefined ? undefined : this.#byToken.get(token);
        const object = known === undefined ? undefined : this.objects.get(known);
        if (known !== undefined && object && this.traits.findAgain === "token")
          return { id: known, outputs: object.outputs };
        const made = await inner.create(request);
        if (token !== undefined) this.#byToken.set(token, made.id);
        lose(`create ${name}`);
        return made;
      },
      update: async (request) => {
        const done = await inner.update(request);
        if (!request.preview) lose(`update ${request.name}`);
        return done;
      },
      delete: async (request) => {
        await inner.delete(request);
        lose(`delete ${request.name}`);
      },
      find: async (request) => {
        this.asked.push(request);
        const found = [...this.objects].find(
          ([id, { inputs }]) => inputs.label === request.inputs.label && !request.known.includes(id),
        );
        return found ? { id: found[0] } : {};
      },
    };
  }
}

const types = {
  "test:index:Thing": {
    replaceOn: ["kind"],
    autoName: "label",
    outputs: (_: unknown, id: string) => ({ address: `at-${id}` }),
  },
} as const;
const open = async (findAgain: "token" | "list" | "no"): Promise<{ stack: Lifecycle; world: LossyWorld }> => {
  const world = new LossyWorld(types, { findAgain });
  return { stack: await Lifecycle.open(world), world };
};
const urnOf = (name: string): Urn => `urn:pulumi:dev::proj::test:index:Thing::${name}`;
const openUrns = async (stack: Lifecycle): Promise<string[]> =>
  (await stack.store.snapshot()).unfinished.map(({ intent }) => intent.urn);

test("by token: the same creation is sent again with its own token and name, even if the program has changed since", async () => {
  const { stack, world } = await open("token");
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 1 }));
  world.lost.add("create a");
  expect(await stack.apply()).toMatchObject({ outcome: "failed" });
  stack.body = async (p) => void (await p.resource("Thing", "a", { size: 2 }));
  // A plan makes nothing: it leaves the step open, and an apply of it leaves the resource alone.
  const made = await stack.plan();
  expect(made.warnings).toMatchObject([{ reason: "unfinished-steps", urn: urnOf("a") }]);
  expect(await stack.applyPlan(made)).toMatchObject({ outcome: "failed" });
  expect(world.sent.length).toBe(1);
  expect(await stack.apply({ complete: true })).toMatchObject({ outcome: "succeeded" });
  expect(world.sent[1]).toEqual(world.sent[0]);
  expect(world.calls).toEqual(["create a", "update a"]);
  expect([...world.objects.values()]).toMatchObject([{ inputs: { size: 2 } }]);
  expect(await openUrns(stack)).toEqual([]);
});

test("by token: the old half of a replace is put aside when the new one is completed", async () => {
  const { stack, world } = await open("token");
  stack.body = async (p) => void (await p.resource("Thing", "a", { kind: "x" }));
  await stack.apply();
  stack.body = async (p) => void (await p.resource("Thing", "a", { kind: "y" }));
  world.lost.add("create a");
  await stack.apply();
  expect(await resumeRun(stack.context())).toMatchObject({
    settled: [{ how: "completed", id: "id-2" }],
    open: [],
  });
  expect(
    (await stack.rows()).filter((r) => r.name === "a").map((r) => [r.id, r.deposed !== undefined]),
  ).toEqual(
    expect.arrayContaining([
      ["id-1", true],
      ["id-2", false],
    ]),
  );
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(world.calls).toEqual(["create a", "create a", "delete a"]);
  expect([...world.objects.keys()]).toEqual(["id-2"]);
});

test("by list: what is in the state already is never taken for the new object", async () => {
  const { stack, world } = await open("list");
  const body = (kind: string) => async (p: Parameters<Lifecycle["body"]>[0]) =>
    void (await p.resource("Thing", "a", { kind, label: "same" }));
  stack.body = body("x");
  await stack.apply();
  stack.body = body("y");
  world.failures.set("create a", { reason: "provider-crashed", message: "died before it did anything" });
  await stack.apply();
  world.failures.clear();
  const made = await stack.plan();
  expect(made.warnings).toEqual([]);
  expect(world.asked).toMatchObject([{ known: ["id-1"], inputs: { label: "same", kind: "y" } }]);
  expect(describePlan(made)).toContain("replaces, create-before-delete");
  world.lost.add("create a");
  await stack.applyPlan(made);
  expect(describePlan(await stack.plan())).toContain("delete test:index:Thing a (deposed");
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect([...world.objects.keys()]).toEqual(["id-2"]);
});

test("what is open stops only itself and what needs it; nothing is deleted to make room for it", async () => {
  const { stack, world } = await open("no");
  const body =
    (kind: string, more = false) =>
    async (p: Parameters<Lifecycle["body"]>[0]) => {
      const base = await p.resource("Thing", "base", { kind }, { deleteBeforeReplace: true });
      if (!base.failed)
        await p.resource("Thing", "on-base", { kind: base.get("address") }, { uses: { kind: [base] } });
      if (more) {
        const other = await p.resource("Thing", "other", { size: 1 });
        if (!other.failed)
          await p.resource("Thing", "on-other", { of: other.get("address") }, { uses: { of: [other] } });
      }
    };
  stack.body = body("x");
  await stack.apply();
  // The update of what everything stands on is cut off, and its provider does not answer.
  stack.body = async (p) => {
    const base = await p.resource("Thing", "base", { kind: "x", size: 2 }, { deleteBeforeReplace: true });
    await p.resource("Thing", "on-base", { kind: base.get("address") }, { uses: { kind: [base] } });
  };
  world.lost.add("update base");
  await stack.apply();
  world.failures.set("read base", { reason: "connection-failed", message: "nobody there" });
  stack.body = body("y", true);
  const before = world.calls.length;
  const result = await stack.apply();
  expect(result).toMatchObject({ outcome: "failed", failed: expect.any(Array) });
  expect(result.failed.map(({ failure }) => failure.reason)).toEqual(
    result.failed.map(() => "unfinished-steps"),
  );
  expect(world.calls.slice(before)).toEqual(["create other", "create on-other"]);
  world.failures.clear();
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(world.calls.slice(before + 2)).toEqual([
    "delete on-base",
    "delete base",
    "create base",
    "create on-base",
  ]);
});

test("an update that was cut off while the resource was renamed keeps one row, under the new name", async () => {
  const { stack, world } = await open("no");
  stack.body = async (p) => void (await p.resource("Thing", "old", { size: 1 }));
  await stack.apply();
  stack.body = async (p) => void (await p.resource("Thing", "new", { size: 2 }, { aliases: ["old"] }));
  world.lost.add("update new");
  await stack.apply();
  expect(await resumeRun(stack.context())).toMatchObject({ settled: [{ how: "half-done", id: "id-1" }] });
  expect((await stack.rows()).filter((r) => r.id === "id-1").map((r) => r.name)).toEqual(["new"]);
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect([...world.objects.keys()]).toEqual(["id-1"]);
});

test("a person's answers: adopt takes only what is there and nobody else's; retry and forget as they say", async () => {
  const { stack, world } = await open("no");
  stack.body = async (p) => {
    await p.resource("Thing", "a");
    await p.resource("Thing", "b");
  };
  world.lost.add("create a");
  await stack.apply({ continueOnError: true });
  const answer = (kind: "adopt" | "retry" | "forget", id = "") =>
    resumeRun(stack.context(), new Map([[urnOf("a"), kind === "adopt" ? { kind, id } : { kind }]]));
  const b = (await stack.rows()).find((r) => r.name === "b")?.id as string;
  expect((await answer("adopt", b)).open[0]?.failure.message).toContain("already in the state, as");
  expect((await answer("adopt", "id-77")).open[0]?.failure.message).toContain(
    'no object with the id "id-77"',
  );
  const [lost] = [...world.objects.keys()].filter((id) => id !== b);
  expect(await answer("adopt", lost)).toMatchObject({ settled: [{ how: "adopted", id: lost }], open: [] });
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(world.objects.size).toBe(2);

  stack.body = async () => undefined;
  world.lost.add("delete a").add("delete b");
  await stack.apply({ continueOnError: true });
  world.objects.set(b, { type: "test:index:Thing", inputs: {}, outputs: {} });
  const left = await resumeRun(stack.context(), new Map([[urnOf("b"), { kind: "forget" }]]));
  expect(left.settled.map(({ how }) => how).sort()).toEqual(["forgotten", "gone"]);
  expect(await stack.stateText()).toBe("");
  expect([...world.objects.keys()]).toEqual([b]);
});

test("a provider that breaks in the middle of a call, in a way that nobody foresaw, leaves the step open", async () => {
  const { stack, world } = await open("list");
  stack.body = async (p) => void (await p.resource("Thing", "a"));
  world.onCall = (call) => {
    if (call === "create a") throw new TypeError("cannot read properties of undefined");
  };
  expect(await stack.apply()).toMatchObject({
    outcome: "failed",
    failed: [{ failure: { reason: "internal" } }],
  });
  expect(await openUrns(stack)).toEqual([urnOf("a")]);
  world.onCall = () => undefined;
  expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
  expect(world.objects.size).toBe(1);
});

test("the plan says beforehand which types could not be found again, once per type", async () => {
  const body: Lifecycle["body"] = async (p) => {
    for (const name of ["a", "b", "c"]) await p.resource("Thing", name);
    await p.resource("Other", "d");
  };
  for (const findAgain of ["token", "list"] as const) {
    const { stack } = await open(findAgain);
    stack.body = body;
    expect((await stack.plan()).warnings).toEqual([]);
  }
  const { stack } = await open("no");
  stack.body = body;
  const { warnings } = await stack.plan();
  expect(warnings.map(({ reason }) => reason)).toEqual(["not-found-again", "not-found-again"]);
  expect(warnings[1]?.message).toContain("one of the 3 test:index:Thing");
  await stack.apply();
  expect((await stack.plan()).warnings).toEqual([]);
});
