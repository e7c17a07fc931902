import type { Step } from "@orch/core/model/plan";
import { forecast } from "@orch/core/plan/estimate";
import type { JournalEntry } from "@orch/core/state/contract";
import { durationsOf, readDurations } from "@orch/core/state/durations";
import { describe, expect, test } from "vitest";
import { resource, state } from "../render/plans.js";

const type = "host:index:File";
const urnOf = (name: string) => resource(type, name).urn;
const entry = (name: string, ms: number, more: Partial<JournalEntry> = {}): JournalEntry => ({
  step: 0,
  op: "create",
  urn: urnOf(name),
  beganAt: 1000,
  endedAt: 1000 + ms,
  result: "done",
  existed: false,
  ...more,
});
const create = (id: number, name: string, after: number[] = [], of = type): Step => {
  const r = resource(of, name);
  return { op: "create", id, after, urn: r.urn, resource: r, inputs: {}, outputs: {} };
};
const remove = (id: number, name: string, late: boolean): Step => ({
  ...{ op: "delete" as const, id, after: [], urn: urnOf(name), prior: state(type, name, name), late },
});

describe("how long steps took", () => {
  test("the newest time of the object, otherwise the median of its type", () => {
    const durations = durationsOf([entry("a", 50), entry("a", 900), entry("b", 70), entry("c", 60)]);
    expect(durations.expected("create", type, urnOf("a"))).toBe(50);
    expect(durations.expected("create", type, urnOf("new"))).toBe(70);
    expect(durations.expected("delete", type, urnOf("a"))).toBeUndefined();
    expect(durations.expected("create", "other:index:Type", urnOf("a2"))).toBeUndefined();
  });

  test("failures and steps that were cut off tell nothing", () => {
    const { beganAt: _, ...written } = entry("c", 5);
    const { endedAt: __, result: ___, ...cut } = entry("b", 5);
    const durations = durationsOf([entry("a", 5, { result: "failed" }), cut, written]);
    expect(durations.expected("create", type, urnOf("a"))).toBeUndefined();
  });

  test("few runs are read, and none that called nobody", async () => {
    const read: number[] = [];
    const run = { startedAt: 0, who: "", done: 0, failed: 0 };
    const store = {
      runs: async () => [
        { id: 3, kind: "edit" as const, ...run },
        { id: 2, kind: "apply" as const, ...run },
      ],
      journal: async (id: number) => {
        read.push(id);
        return [entry("a", 5)];
      },
    };
    const durations = await readDurations(store);
    expect(read).toEqual([2]);
    expect(durations.expected("create", type, urnOf("a"))).toBe(5);
  });
});

describe("how long a plan takes", () => {
  const durations = durationsOf([
    entry("a", 1000),
    entry("b", 2000),
    entry("c", 500),
    entry("old", 300, { op: "delete" }),
  ]);

  test("the longest chain, late deletions after everything", () => {
    const steps = [create(0, "a"), create(1, "b", [0]), create(2, "c"), remove(3, "old", true)];
    expect(forecast(steps, durations, 32)?.left(new Map())).toEqual({ ms: 3300, unknown: 0, steps: 4 });
  });

  test("not less than the work divided by the places for it", () => {
    const steps = [create(0, "a"), create(1, "b"), create(2, "c")];
    expect(forecast(steps, durations, 1)?.left(new Map()).ms).toBe(3500);
  });

  test("less with each step that ends and while one runs, never below zero", () => {
    const made = forecast([create(0, "a"), create(1, "b", [0])], durations, 32);
    expect(made?.left(new Map([[0, 400]])).ms).toBe(2600);
    expect(made?.left(new Map([[0, 5000]])).ms).toBe(2000);
    expect(
      made?.left(
        new Map<number, number | "ended">([
          [0, "ended"],
          [1, 500],
        ]),
      ).ms,
    ).toBe(1500);
  });

  test("tells how many steps are like none before; nothing at all without history", () => {
    const steps = [
      create(0, "a"),
      create(1, "x", [], "other:index:Type"),
      create(2, "web", [], "shop:index:Web"),
    ];
    expect(forecast(steps, durations, 32)?.left(new Map())).toEqual({ ms: 1000, unknown: 1, steps: 2 });
    expect(forecast(steps, durationsOf([]), 32)).toBeUndefined();
  });
});
