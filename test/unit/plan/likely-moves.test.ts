/** Renames without an alias are recognised, and only those. */
import type { Step } from "@orch/core/model/plan";
import { type PropertyMap, Secret, unknown } from "@orch/core/model/value";
import { likelyMoves } from "@orch/core/plan/likely-moves";
import { expect, test } from "vitest";
import { Lifecycle } from "../../lifecycle/harness.js";
import { ScriptedWorld } from "../../lifecycle/scripted.js";
import { resource, state } from "../render/plans.js";

const type = "test:index:Thing";
let id = 0;
const create = (name: string, inputs: PropertyMap, of = type): Step => {
  const made = resource(of, name, inputs);
  return { op: "create", id: id++, after: [], urn: made.urn, resource: made, inputs, outputs: {} };
};
const remove = (name: string, inputs: PropertyMap, of = type, more: object = {}): Step => {
  const prior = state(of, name, `id-${name}`, inputs);
  const reason = { kind: "removed-from-program" } as const;
  return { op: "delete", id: id++, after: [], urn: prior.urn, prior, reason, late: true, ...more };
};
const found = (...steps: Step[]): string[] =>
  likelyMoves(steps).map(
    ({ from, to, alias }) => `${[from, to].map((urn) => urn.split("::").at(-1)).join(" > ")} ${alias}`,
  );

test("one that goes and one that comes, equal but for their names", () => {
  expect(found(remove("old", { size: 1, path: "/a" }), create("new", { size: 1, path: "/a" }))).toEqual([
    'old > new aliases: [{ name: "old" }]',
  ]);
  const [before, now] = [
    { size: 1, bucket: "old-1a2b3c4", tags: { Name: "the old one" }, key: new Secret("x") },
    { size: 1, bucket: "new-9f8e7d6", tags: { Name: "the new one" }, key: new Secret("x") },
  ];
  expect(found(remove("old", before), create("new", now))).toHaveLength(1);
  expect(found(remove("old", { size: 1, of: "id-7" }), create("new", { size: 1, of: unknown }))).toHaveLength(
    1,
  );
});

test("no guess where there is a doubt, or nothing that speaks for it", () => {
  const same = { size: 1 };
  expect(found(remove("a", same), create("b", { size: 2 }))).toEqual([]);
  expect(found(remove("a", same), create("b", { ...same, more: 1 }))).toEqual([]);
  expect(found(remove("a", same), create("b", same, "test:index:Other"))).toEqual([]);
  expect(found(remove("a", same), create("b", same), create("c", same))).toEqual([]);
  expect(found(remove("a", same), remove("b", same), create("c", same))).toEqual([]);
  expect(found(remove("a", {}), create("b", {}))).toEqual([]);
  expect(found(remove("a", { of: "x" }), create("b", { of: unknown }))).toEqual([]);
  expect(found(remove("a", { key: new Secret("x") }), create("b", { key: new Secret("y") }))).toEqual([]);
  expect(found(remove("a", same, type, { forget: "retain" }), create("b", same))).toEqual([]);
  expect(found(remove("a", same, type, { reason: { kind: "destroy" } }), create("b", same))).toEqual([]);
});

test("in a real plan: the alias that is told keeps the objects, for a resource and for a component with what is in it", async () => {
  const stack = await Lifecycle.open(new ScriptedWorld({}));
  const program = (name: string, group: string, alias: boolean) => {
    const was = (old: string) => (alias ? { aliases: [old] } : {});
    stack.body = async (p) => {
      await p.resource("Thing", name, { size: 1 }, was("one"));
      const parent = await p.component(group, {}, was("site"));
      // What the SDK makes of the component's alias for its children.
      for (const child of ["x", "y"])
        await p.resource("Thing", `${group}-${child}`, { size: child }, { parent, ...was(`site-${child}`) });
    };
  };
  program("one", "site", false);
  await stack.apply();
  program("two", "place", false);
  const renamed = await stack.plan();
  expect(
    likelyMoves(renamed.steps).map(({ from, to, ...rest }) => ({
      from: from.split("::").at(-1),
      to: to.split("::").at(-1),
      ...rest,
    })),
  ).toEqual([
    { from: "one", to: "two", alias: 'aliases: [{ name: "one" }]', objects: 1 },
    { from: "site", to: "place", alias: 'aliases: [{ name: "site" }]', objects: 2 },
  ]);
  program("two", "place", true);
  const told = await stack.plan();
  expect(likelyMoves(told.steps)).toEqual([]);
  expect(told.steps.every(({ op }) => op === "same")).toBe(true);
});
