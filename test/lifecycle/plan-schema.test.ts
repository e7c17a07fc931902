/** docs/schemas/plan-1.json describes plan files as they are: nothing in them is missing in it. */
import { gunzipSync } from "node:zlib";
import type { Plan } from "@orch/core/model/plan";
import { Asset, Secret } from "@orch/core/model/value";
import { sealPlan } from "@orch/core/plan/seal";
import { createCrypter, newDataKey } from "@orch/core/state/index";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { readSchema, strict } from "../strict-schema.js";
import { fullPlan as handMade } from "../unit/render/plans.js";
import { Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const fullPlan: Plan = (() => {
  const made = handMade();
  // Made for the screen, which does not show when deletions begin.
  const steps = made.steps.map((step) => (step.op === "delete" ? { ...step, late: true } : step));
  return { ...made, steps };
})();

const schema = readSchema("plan-1.json");

let validate: ValidateFunction;
let published: ValidateFunction;
beforeAll(() => {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  published = ajv.compile(schema);
  validate = ajv.compile(strict(schema) as object);
});

/** What the file holds after its first line. */
function contents(plan: Plan): unknown {
  const { bytes } = sealPlan(plan, createCrypter(newDataKey()));
  return JSON.parse(gunzipSync(bytes.subarray(bytes.indexOf(0x0a) + 1)).toString("utf8"));
}
function check(plan: Plan): void {
  const json = contents(plan);
  validate(json);
  expect(validate.errors ?? []).toEqual([]);
  expect(published(json)).toBe(true);
}

describe("plans fit their schema", () => {
  test("one of everything that a plan can hold", () => {
    expect(new Set(fullPlan.steps.map(({ op }) => op)).size).toBe(7);
    check(fullPlan);
  });

  test("a stack's first plan, a change with replaces, a destroy, a refresh", async () => {
    const stack = await Lifecycle.open(new ScriptedWorld({ "test:index:Thing": { replaceOn: ["size"] } }));
    stack.body = async (p) => {
      const group = await p.component("group");
      const a = await p.resource(
        "Thing",
        "a",
        { size: 1, password: new Secret("hunter2"), note: new Asset({ kind: "text", text: "x" }) },
        { parent: group, customTimeouts: { create: "5m" } },
      );
      await p.resource("Thing", "b", { of: a.get("address") }, { uses: { of: [a] } });
      await p.resource("Thing", "c", {}, { protect: true });
      return { address: a.get("address") };
    };
    check(await stack.plan());
    await stack.apply();
    stack.world.objects.delete((await stack.rows()).find(({ name }) => name === "b")?.id as string);
    check(await stack.plan({ kind: "refresh" }));
    check(await stack.plan({ refresh: true }));
    stack.body = async (p) => {
      await p.resource("Thing", "a", { size: 2 }, { aliases: [] });
      await p.resource("Thing", "renamed", {}, { aliases: ["c"] });
    };
    check(await stack.plan({ replace: ["a"] }));
    check(await stack.plan({ selection: { targets: ["a"], excludes: ["c"], dependents: true } }));
    check(await stack.plan());
    const { runId } = await stack.apply();
    check(await stack.plan({ undo: runId }));
    check(await stack.plan({ kind: "destroy" }));
  });

  test("and what is none does not", () => {
    const json = contents(fullPlan) as { steps: { op: string }[]; format: number };
    for (const wrong of [
      {},
      { ...json, format: 2 },
      { ...json, kind: "other" },
      { ...json, steps: [{ ...json.steps[0], op: "explode" }] },
      { ...json, config: { key: "in clear" } },
    ])
      expect(published(wrong)).toBe(false);
    expect(published({ ...json, added: "by a later orch" })).toBe(true);
  });
});
