import { type Failure, toFailure } from "@orch/core/model/failure";
import { byOrch } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import type { Value } from "@orch/core/model/value";
import { openPlan, sealPlan } from "@orch/core/plan/seal";
import type { SelectionOptions } from "@orch/core/plan/selection";
import { neededBy } from "@orch/core/state/order";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describePlan, type Handle, Lifecycle, type Program } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const address = (_: unknown, id: string): { address: string } => ({ address: `at-${id}` });
const types = {
  "test:index:Thing": { replaceOn: ["kind"], outputs: address },
  "test:index:Unique": { replaceOn: ["kind", "of"], deleteBeforeReplace: true, outputs: address },
} as const;
const open = (): Promise<Lifecycle> => Lifecycle.open(new ScriptedWorld(types));

const of = (handle: Handle) => ({ of: handle.get("address") });
const uses = (handle: Handle) => ({ uses: { of: [handle] } });

const refusal = (work: Promise<unknown>): Promise<Failure> =>
  work.then(
    () => {
      throw new TypeError("it was not refused");
    },
    (error: unknown) => toFailure(error),
  );

const row = async (stack: Lifecycle, name: string): Promise<ResourceState> =>
  (await stack.rows()).find((one) => one.name === name) as ResourceState;

describe("targets", () => {
  test("the target alone is changed; the rest keeps its rows, and is told", async () => {
    const stack = await open();
    const program = (size: number) => {
      stack.body = async (p) => {
        const a = await p.resource("Thing", "a", { size });
        await p.resource("Thing", "b", { size, ...of(a) }, uses(a));
        await p.resource("Thing", "c", { size });
        if (size === 1) await p.resource("Thing", "old", {});
        return { a: a.get("address"), size };
      };
    };
    program(1);
    await stack.apply();
    const before = new Map((await stack.rows()).map((one) => [one.urn, one]));
    program(2);
    const plan = await stack.plan({ selection: { targets: ["b"] } });
    expect(describePlan(plan)).toBe(
      [
        "0 same pulumi:pulumi:Stack proj-dev (write)",
        "1 same pulumi:providers:test default_1_0_0 (held)",
        "2 same test:index:Thing a after 0 1 (held)",
        "3 update test:index:Thing b after 0 1 2 (changed)",
        "    ~ size: 1 → 2",
        "4 same test:index:Thing c after 0 1 (held)",
        "left test:index:Thing a would update",
        "left test:index:Thing c would update",
        "left test:index:Thing old would delete",
        'output a: "at-id-1"',
        "output size: 2",
        "",
      ].join("\n"),
    );
    expect(await stack.applyPlan(plan)).toMatchObject({ outcome: "succeeded" });
    expect(stack.world.calls.slice(4)).toEqual(["update b"]);
    for (const one of await stack.rows())
      if (one.name !== "b" && !byOrch(one.urn)) expect(one).toEqual(before.get(one.urn));
    expect((await stack.store.snapshot()).outputs).toEqual({ a: "at-id-1", size: 2 });
    await stack.apply();
    expect(stack.world.calls.slice(5).sort()).toEqual(["delete old", "update a", "update c"]);
  });

  test("what the target needs and does not exist comes along, and nothing else that is new", async () => {
    const stack = await open();
    stack.body = async (p) => {
      const a = await p.resource("Thing", "a", { size: 1 });
      const b = await p.resource("Thing", "b", of(a), uses(a));
      await p.resource("Thing", "c", of(b), uses(b));
      const d = await p.resource("Thing", "d", { size: 1 });
      await p.resource("Thing", "e", of(d), uses(d));
      return { b: b.get("address"), d: d.get("address") };
    };
    const plan = await stack.plan({ selection: { targets: ["b"] } });
    expect(plan.selection?.brought.map(({ urn, neededBy: by }) => [urn, by])).toEqual([
      ["urn:pulumi:dev::proj::test:index:Thing::a", "urn:pulumi:dev::proj::test:index:Thing::b"],
    ]);
    expect(plan.selection?.held.map(({ urn, would }) => `${would} ${urn.split("::").at(-1)}`)).toEqual([
      "create c",
      "create d",
      "create e",
    ]);
    expect(await stack.applyPlan(plan)).toMatchObject({ outcome: "succeeded" });
    expect(stack.world.calls).toEqual(["create a", "create b"]);
    expect((await stack.store.snapshot()).outputs).toEqual({ b: "at-id-2" });
    expect((await row(stack, "proj-dev")).outputs).toEqual({ b: "at-id-2" });
  });

  test("--target-dependents takes along what depends on the target", async () => {
    const stack = await open();
    const program = (kind: string) => {
      stack.body = async (p) => {
        const a = await p.resource("Thing", "a", { kind });
        const b = await p.resource("Thing", "b", of(a), uses(a));
        await p.resource("Thing", "c", of(b), uses(b));
        await p.resource("Thing", "d", { kind });
      };
    };
    program("x");
    await stack.apply();
    program("y");
    const alone = await stack.plan({ selection: { targets: ["a"] } });
    expect(alone.warnings).toContainEqual(
      expect.objectContaining({ reason: "not-targeted", found: "b (test:index:Thing)" }),
    );
    const plan = await stack.plan({ selection: { targets: ["a"], dependents: true } });
    expect(plan.warnings.map(({ reason }) => reason)).not.toContain("not-targeted");
    await stack.applyPlan(plan);
    expect(stack.world.calls.slice(4)).toEqual(["create a", "update b", "delete a"]);
    expect((await row(stack, "b")).inputs).toEqual({ of: "at-id-5" });
  });

  test("a targeted deletion of what others depend on is refused with their names", async () => {
    const stack = await open();
    const program = (whole: boolean) => {
      stack.body = async (p) => {
        const a = whole ? await p.resource("Thing", "a", { size: 1 }) : undefined;
        await p.resource("Thing", "b", a ? of(a) : { of: "nothing" }, a ? uses(a) : {});
      };
    };
    program(true);
    await stack.apply();
    program(false);
    const failure = await refusal(stack.plan({ selection: { targets: ["a"] } }));
    expect(failure).toMatchObject({
      reason: "not-targeted",
      message:
        "a (test:index:Thing) would be deleted, and b (test:index:Thing), which is not targeted, depends on it.",
      next: [
        "Take along all that depends on the target: --target-dependents.",
        "Or name what is to come along: --target 'test:Thing::b'",
      ],
    });
    await stack.apply({ selection: { targets: ["a"], dependents: true } });
    expect(stack.world.calls.slice(2)).toEqual(["update b", "delete a"]);
  });

  test("so is destroying it, and what forces a replacement", async () => {
    const stack = await open();
    const program = (kind: string) => {
      stack.body = async (p) => {
        const a = await p.resource("Unique", "a", { kind });
        await p.resource("Unique", "b", of(a), uses(a));
        await p.resource("Thing", "c", {});
        return { kind };
      };
    };
    program("x");
    await stack.apply();
    expect(await refusal(stack.plan({ kind: "destroy", selection: { targets: ["a"] } }))).toMatchObject({
      reason: "not-targeted",
      found: "b (test:index:Unique)",
    });
    program("y");
    expect(await refusal(stack.plan({ selection: { targets: ["Unique::a", "a"] } }))).toMatchObject({
      reason: "invalid-flag",
    });
    expect(await refusal(stack.plan({ selection: { targets: ["a"] } }))).toMatchObject({
      reason: "not-targeted",
      message:
        "a (test:index:Unique) is deleted before it is made again, and b (test:index:Unique), which is not targeted, has to be replaced with it.",
    });
    await stack.apply({ kind: "destroy", selection: { targets: ["a"], dependents: true } });
    expect(stack.world.calls.slice(3)).toEqual(["delete b", "delete a"]);
    expect((await stack.rows()).map(({ name }) => name)).toEqual(["proj-dev", "default_1_0_0", "c"]);
    expect((await stack.store.snapshot()).outputs).toEqual({ kind: "x" });
  });

  test("a component is all that is in it; types and globs", async () => {
    const stack = await open();
    stack.body = async (p) => {
      const group = await p.component("web");
      await p.resource("Thing", "front", { size: 1 }, { parent: group });
      await p.resource("Unique", "back", { size: 1 }, { parent: group });
      await p.resource("Thing", "db", { size: 1 });
    };
    const names = async (...targets: string[]) =>
      (await stack.plan({ selection: { targets } })).steps
        .filter(({ op, urn }) => op === "create" && !byOrch(urn))
        .map(({ urn }) => urn.split("::").at(-1));
    expect(await names("web")).toEqual(["web", "front", "back"]);
    expect(await names("test:Thing::*")).toEqual(["web", "front", "db"]);
    expect(await names("test:index:Unique::b*", "d*")).toEqual(["web", "back", "db"]);
    expect(await names("urn:pulumi:dev::proj::**::db")).toEqual(["db"]);
    const failure = await refusal(
      stack.plan({ selection: { targets: ["fornt", "db"], excludes: ["nix-*"] } }),
    );
    expect(failure.causes?.map(({ message, next }) => [message, next?.[0]])).toEqual([
      ["--target fornt names no resource of the stack.", "Did you mean front?"],
      ["--exclude nix-* names no resource of the stack.", "See what there is with `orch state ls`."],
    ]);
  });

  test("what is broken elsewhere does not stand in the way, and what the target needs does", async () => {
    const stack = await open();
    const world = new ScriptedWorld({
      ...types,
      "test:index:Bad": { check: () => [{ path: "size", reason: "is wrong" }] as never },
    });
    const other = await Lifecycle.open(world);
    void stack;
    other.body = async (p) => {
      const bad = await p.resource("Bad", "bad", { size: 1 });
      await p.resource("Thing", "good", { size: 1 });
      await p.resource("Thing", "needs", { of: bad.get("id") }, { uses: { of: [bad] } });
    };
    const plan = await other.plan({ selection: { targets: ["good"] } });
    expect(plan.selection?.held.map(({ would, failure }) => [would, failure?.reason])).toEqual([
      ["fail", "invalid-property"],
      ["create", undefined],
    ]);
    expect(await refusal(other.plan({ selection: { targets: ["needs"] } }))).toMatchObject({
      reason: "invalid-property",
    });
  });

  test("a plan file carries the selection and is applied as it is", async () => {
    const stack = await open();
    stack.body = async (p) => {
      await p.resource("Thing", "a", { size: 1 });
      await p.resource("Thing", "b", { size: 1 });
    };
    const made = await stack.plan({ selection: { targets: ["a"] } });
    const { bytes } = sealPlan(made, stack.store.crypter);
    const { plan } = openPlan(bytes, stack.store.crypter, "a.plan");
    expect(plan.selection).toEqual(made.selection);
    await stack.applyPlan(plan);
    expect(stack.world.calls).toEqual(["create a"]);
  });

  test("--replace takes patterns, within the selection", async () => {
    const stack = await open();
    stack.body = async (p) => {
      await p.resource("Thing", "web-1", { size: 1 });
      await p.resource("Thing", "web-2", { size: 1 });
      await p.resource("Thing", "db", { size: 1 });
    };
    await stack.apply();
    const plan = await stack.plan({ replace: ["web-*"] });
    expect(plan.steps.filter(({ op }) => op === "create").map(({ urn }) => urn.split("::").at(-1))).toEqual([
      "web-1",
      "web-2",
    ]);
    expect(await refusal(stack.plan({ replace: ["wbe-1"] }))).toMatchObject({
      reason: "invalid-flag",
      next: [expect.stringContaining("web-1"), expect.anything()],
    });
    expect(await refusal(stack.plan({ replace: ["db"], selection: { targets: ["web-1"] } }))).toMatchObject({
      reason: "invalid-flag",
      message: "db (test:index:Thing) is to be replaced, but it is not part of the plan.",
    });
  });

  test("a rename that what stays refers to is refused; so is needing what is renamed", async () => {
    const stack = await open();
    const program = (name: string, aliases: string[]) => {
      stack.body = async (p) => {
        const a = await p.resource("Thing", name, { size: 1 }, { aliases });
        await p.resource("Thing", "b", of(a), uses(a));
      };
    };
    program("a", []);
    await stack.apply();
    program("z", ["a"]);
    expect(await refusal(stack.plan({ selection: { targets: ["z"] } }))).toMatchObject({
      message:
        "z (test:index:Thing) would be renamed, and b (test:index:Thing), which is not targeted, depends on it.",
    });
    expect(await refusal(stack.plan({ selection: { targets: ["b"] } }))).toMatchObject({
      message:
        "z (test:index:Thing) is renamed in the program and not targeted, but b (test:index:Thing) needs it under its new name.",
    });
    await stack.apply({ selection: { targets: ["a"], dependents: true } });
    expect((await row(stack, "b")).dependencies).toEqual([(await row(stack, "z")).urn]);
  });

  test("refresh and drift of targets read those alone", async () => {
    const stack = await open();
    stack.body = async (p) => {
      await p.resource("Thing", "a", { size: 1 });
      await p.resource("Thing", "b", { size: 1 });
    };
    await stack.apply();
    for (const object of stack.world.objects.values())
      object.outputs = { ...object.outputs, address: "elsewhere" };
    stack.world.looks.length = 0;
    await stack.apply({ kind: "refresh", selection: { targets: ["a"] } });
    expect(stack.world.looks).toEqual(["read a"]);
    expect((await row(stack, "a")).outputs.address).toBe("elsewhere");
    expect((await row(stack, "b")).outputs.address).toBe("at-id-2");
    stack.world.objects.delete("id-2");
    await stack.apply({ refresh: true, selection: { targets: ["a"] } });
    expect((await row(stack, "b")).outputs.address).toBe("at-id-2");
  });
});

describe("excludes", () => {
  test("what is excluded and what depends on it is left, the rest is done", async () => {
    const stack = await open();
    const program = (size: number) => {
      stack.body = async (p) => {
        const a = await p.resource("Thing", "a", { size });
        const b = await p.resource("Thing", "b", { size, ...of(a) }, uses(a));
        await p.resource("Thing", "c", of(b), uses(b));
        await p.resource("Thing", "d", { size });
      };
    };
    program(1);
    const first = await stack.plan({ selection: { excludes: ["b"] } });
    expect(first.selection?.held.map(({ would, urn }) => `${would} ${urn.split("::").at(-1)}`)).toEqual([
      "create b",
      "create c",
    ]);
    await stack.applyPlan(first);
    expect(stack.world.calls.sort()).toEqual(["create a", "create d"]);
    await stack.apply();
    program(2);
    stack.world.calls.length = 0;
    await stack.apply({ selection: { excludes: ["a"] } });
    expect(stack.world.calls).toEqual(["update d"]);
  });

  test("what an excluded resource is built on stays, in an apply and when everything else is destroyed", async () => {
    const stack = await open();
    const program = (whole: boolean) => {
      stack.body = async (p) => {
        if (!whole) return;
        const a = await p.resource("Thing", "a", {});
        const b = await p.resource("Thing", "b", of(a), uses(a));
        await p.resource("Thing", "c", of(b), uses(b));
      };
    };
    program(true);
    await stack.apply();
    const plan = await stack.plan({ kind: "destroy", selection: { excludes: ["b"] } });
    expect(plan.steps.map(({ urn }) => urn.split("::").at(-1))).toEqual(["c"]);
    program(false);
    await stack.apply({ selection: { excludes: ["b"] } });
    expect(stack.world.calls.slice(3)).toEqual(["delete c"]);
  });
});

/** One resource of a random program. */
interface Node {
  readonly present: boolean;
  readonly kind: number;
  readonly size: number;
  readonly from: readonly number[];
  readonly renamed: boolean;
}
const node: fc.Arbitrary<Node> = fc.record({
  present: fc.boolean(),
  kind: fc.nat({ max: 1 }),
  size: fc.nat({ max: 1 }),
  from: fc.array(fc.nat({ max: 6 }), { maxLength: 2 }),
  renamed: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const version = fc.record({
  nodes: fc.array(node, { minLength: 7, maxLength: 7 }),
  account: fc.nat({ max: 1 }),
});
const shape = fc.array(
  fc.record({
    type: fc.constantFrom("Thing", "Unique"),
    in: fc.constantFrom(undefined, "group", "nested"),
    own: fc.boolean(),
  }),
  { minLength: 7, maxLength: 7 },
);
const names = [0, 1, 2, 3, 4, 5, 6].map((i) => `r${i}`);
const pattern = fc.constantFrom(...names, ...names, "group", "nested", "own", "r*", "test:Thing::*");
const selection: fc.Arbitrary<SelectionOptions> = fc.record({
  targets: fc.array(pattern, { maxLength: 3 }),
  excludes: fc.array(pattern, { maxLength: 1 }),
  dependents: fc.boolean(),
});

function body(
  shapes: readonly { type: string; in?: string | undefined; own: boolean }[],
  { nodes, account }: { nodes: readonly Node[]; account: number },
) {
  return async (p: Program): Promise<unknown> => {
    const own = await p.provider("own", { account });
    const group = await p.component("group");
    const nested = await p.component("nested", {}, { parent: group });
    const made = new Map<number, Handle>();
    const outputs: Record<string, Value> = {};
    for (const [i, n] of nodes.entries()) {
      if (!n.present) continue;
      const from = [...new Set(n.from)].flatMap((f) => made.get(f) ?? []);
      const inputs: Record<string, Value> = { kind: n.kind, size: n.size };
      const used: Record<string, Handle[]> = {};
      from.forEach((h, j) => {
        inputs[j === 0 ? "of" : "too"] = h.get("address");
        used[j === 0 ? "of" : "too"] = [h];
      });
      const s = shapes[i] as (typeof shapes)[number];
      const handle = await p.resource(s.type, n.renamed ? `r${i}-new` : `r${i}`, inputs, {
        uses: used,
        aliases: [`r${i}`, `r${i}-new`].filter((name) => (name === `r${i}`) === n.renamed),
        ...(s.in === undefined ? {} : { parent: s.in === "group" ? group : nested }),
        ...(s.own ? { provider: own } : {}),
      });
      made.set(i, handle);
      outputs[`r${i}`] = handle.get("address");
    }
    return outputs;
  };
}

/** What a state must be whatever was done: nothing refers to something that is not there. */
function expectWhole(rows: readonly ResourceState[]): void {
  const urns = new Set(rows.filter(({ deposed }) => deposed === undefined).map(({ urn }) => urn));
  for (const one of rows)
    for (const urn of neededBy(one)) expect(urns, `${one.urn} needs ${urn}`).toContain(urn);
}

test("whatever is targeted and excluded: nothing else is touched, nothing dangles, and a plan of everything ends where it would have ended", async () => {
  const seen = { applied: 0, refused: 0, left: 0 };
  await fc.assert(
    fc.asyncProperty(
      shape,
      version,
      version,
      fc.array(selection, { minLength: 1, maxLength: 3 }),
      async (shapes, first, second, selections) => {
        const types = {
          "test:index:Thing": { replaceOn: ["kind"], outputs: address },
          "test:index:Unique": { replaceOn: ["kind", "of"], deleteBeforeReplace: true, outputs: address },
        };
        const world = new ScriptedWorld(types);
        const stack = await Lifecycle.open(world);
        stack.body = body(shapes, first);
        await stack.apply();
        stack.body = body(shapes, second);
        for (const chosen of selections) {
          const before = await stack.rows();
          const objects = new Map(world.objects);
          let plan: Awaited<ReturnType<Lifecycle["plan"]>>;
          try {
            plan = await stack.plan({ selection: chosen });
          } catch (error) {
            expect(["not-targeted", "invalid-flag"]).toContain(toFailure(error).reason);
            seen.refused++;
            continue;
          }
          expect(await stack.applyPlan(plan)).toMatchObject({ outcome: "succeeded" });
          seen.applied++;
          seen.left += plan.selection?.held.length ?? 0;
          const after = await stack.rows();
          expectWhole(after);
          const touched = new Set(
            plan.steps
              .filter((step) => step.op !== "same" || step.write)
              .flatMap((step) => [
                step.urn,
                ...("prior" in step && step.prior ? [step.prior.urn] : []),
                ...(step.op === "create" && step.replaces ? [step.replaces.prior.urn] : []),
              ]),
          );
          for (const one of before) {
            if (touched.has(one.urn)) continue;
            expect(after.find(({ urn, deposed }) => urn === one.urn && deposed === one.deposed)).toEqual(one);
            if (one.id !== undefined && objects.has(one.id))
              expect(world.objects.get(one.id)).toBe(objects.get(one.id));
          }
        }
        expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
        const again = await stack.plan();
        expect(again.steps.filter((step) => step.op !== "same" || step.write)).toEqual([]);
        expectWhole(await stack.rows());

        const straight = await Lifecycle.open(new ScriptedWorld(types));
        straight.body = body(shapes, first);
        await straight.apply();
        straight.body = body(shapes, second);
        await straight.apply();
        expect(await plainState(stack)).toEqual(await plainState(straight));
        expect(world.objects.size).toBe(straight.world.objects.size);
      },
    ),
    {
      numRuns: Number(process.env.ORCH_RANDOM_RUNS ?? 40),
      timeout: 15_000,
      endOnFailure: Boolean(process.env.END),
    },
  );
  expect(Math.min(seen.applied, seen.refused, seen.left)).toBeGreaterThan(0);
});

/** Rows by URN, with names in the place of ids: which ids there are depends on how often something was made. */
async function plainState(stack: Lifecycle): Promise<unknown> {
  const rows = await stack.rows();
  const names = new Map(rows.flatMap(({ id, urn }) => (id === undefined ? [] : [[id, urn] as const])));
  const plain = (value: unknown): unknown =>
    typeof value === "string"
      ? value.startsWith("at-")
        ? `at ${names.get(value.slice(3))}`
        : (names.get(value) ?? value)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
        : value;
  return rows
    .map(({ urn, inputs, outputs, parent, provider, providerId, dependencies, propertyDependencies }) => ({
      urn,
      inputs: plain(inputs),
      outputs: plain(outputs),
      parent,
      provider,
      providerId: plain(providerId),
      dependencies: [...dependencies].sort(),
      propertyDependencies,
    }))
    .sort((a, b) => (a.urn < b.urn ? -1 : 1));
}
