/** What makes a plan readable: causes, components, lists by identity, texts in strings, times. */
import type { Step } from "@orch/core/model/plan";
import type { Resource } from "@orch/core/model/resource";
import { durationsOf } from "@orch/core/state/durations";
import { describe, expect, test } from "vitest";
import { estimateText, roughly } from "../../../packages/cli/src/render/expected.js";
import { renderPlan } from "../../../packages/cli/src/render/plan.js";
import { plainTheme, wordsTheme } from "../../../packages/cli/src/render/theme.js";
import { change, consequences, diff, plan, resource } from "./plans.js";

const plain = { theme: plainTheme, full: false };
const golden = (name: string): string => `./goldens/${name}.golden`;

describe("a plan with consequences", () => {
  const made = consequences();
  const journal = (name: string, op: "create" | "delete", ms: number) => ({
    ...{ step: 0, op, urn: made.steps.find((step) => step.urn.endsWith(`::${name}`))?.urn ?? "" },
    ...{ beganAt: 0, endedAt: ms, result: "done" as const, existed: false },
  });
  const durations = durationsOf([journal("db", "create", 240_000), journal("db", "delete", 61_000)]);

  test("tells why, where from, in which component, and how long", async () => {
    const text = renderPlan(made, { ...plain, durations });
    await expect(`${text}\n`).toMatchFileSnapshot(golden("consequences"));
    expect(text).not.toContain("hunter2");
  });

  test("in words for screen readers: no sign stands alone", async () => {
    const text = renderPlan(made, { ...plain, theme: wordsTheme });
    await expect(`${text}\n`).toMatchFileSnapshot(golden("consequences-words"));
    expect(text).not.toMatch(/[→←±]|^ {2,8}[-+~=>?x] /m);
  });

  test("with --diff every resource stands by itself, unchanged ones too", () => {
    const text = renderPlan(made, { ...plain, full: true });
    for (let i = 0; i < 12; i++) expect(text).toContain(`~ host:File node-${i} `);
    expect(text).toContain("Unchanged: 2 resources\n    shop:App app\n    shop:Data data");
    expect(text).toContain("/items/8");
    expect(text).not.toContain("hunter2");
  });

  test("changes of one list of which some are ignored are told one by one", () => {
    const steps = made.steps.map((step) =>
      step.op === "update" && step.urn.endsWith("::front")
        ? {
            ...step,
            diff: diff(
              change("rules[0].ports[0]", 80, 9090),
              change("rules[2]", 1, 2, { effect: "suppressed" }),
            ),
          }
        : step,
    );
    expect(renderPlan(plan(steps), plain)).toContain("~ rules[0].ports[0]: 80 → 9090\n");
  });

  test("components that hold each other do not hang it", () => {
    const [a, b] = [resource("shop:index:Web", "a"), resource("shop:index:Web", "b")];
    const step = (r: Resource, parent: Resource, id: number): Step => ({
      ...{ op: "create", id, after: [], urn: r.urn, inputs: {}, outputs: {} },
      resource: { ...r, parent: parent.urn },
    });
    const text = renderPlan(plan([step(a, b, 0), step(b, a, 1)]), plain);
    expect(text).toContain("Web a");
    expect(text).toContain("Web b");
  });

  test("thousands of nested components are no problem", () => {
    let parent: Resource | undefined;
    const steps = Array.from({ length: 5_000 }, (_, id): Step => {
      const r = { ...resource("shop:index:Web", `n${id}`), ...(parent ? { parent: parent.urn } : {}) };
      parent = r;
      return { op: "create", id, after: [], urn: r.urn, resource: r, inputs: {}, outputs: {} };
    });
    expect(renderPlan(plan(steps), plain)).toContain("n4999");
  });
});

test("times are said as roughly as they are known", () => {
  const said = [400, 1_400, 12_000, 58_000, 95_000, 600_000, 3_590_000, 4_900_000, 7_000_000].map(roughly);
  expect(said).toEqual(["1 s", "1 s", "10 s", "1 min", "2 min", "10 min", "1 h", "1 h 20 min", "2 h"]);
  expect(estimateText({ ms: 4_000, unknown: 0, steps: 1 })).toBeUndefined();
  expect(estimateText({ ms: 61_000, unknown: 2, steps: 1_200 })).toBe(
    "Takes about 1 min, going by earlier runs; 2 of 1,200 steps are like none before and not counted.",
  );
});
