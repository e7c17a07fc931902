import { describe, expect, test } from "vitest";
import { renderPlan } from "../../../packages/cli/src/render/plan.js";
import { colourTheme, plainTheme } from "../../../packages/cli/src/render/theme.js";
import { change, diff, fullPlan, plan, resource, state, wideRun } from "./plans.js";

const plain = { theme: plainTheme, full: false, now: Date.UTC(2026, 10, 25, 9, 24) };
const golden = (name: string): string => `./goldens/${name}.golden`;

describe("a plan on screen", () => {
  test("shows every effect, grouped, with reasons", async () => {
    await expect(`${renderPlan(fullPlan(), plain)}\n`).toMatchFileSnapshot(golden("plan"));
  });

  test("--diff hides nothing but secrets", async () => {
    const text = renderPlan(fullPlan(), { ...plain, full: true });
    await expect(`${text}\n`).toMatchFileSnapshot(golden("plan-full"));
    expect(text).not.toContain("characters)");
    expect(text).not.toContain("hunter2");
  });

  test("colours add nothing but escape sequences", () => {
    const stripped = renderPlan(fullPlan(), { ...plain, theme: colourTheme }).replace(/\x1b\[[0-9;]*m/g, "");
    const padded = (text: string): string => text.replace(/^ (.*) $/gm, "$1");
    expect(padded(stripped)).toBe(padded(renderPlan(fullPlan(), plain)));
  });

  test("secrets are shown nowhere, whatever holds them", () => {
    for (const full of [false, true])
      for (const theme of [plainTheme, colourTheme])
        expect(renderPlan(fullPlan(), { theme, full })).not.toMatch(/hunter2|"abc"|"abd"/);
  });

  test("hideDiffs: tells that it differs, once per path, and not how; --diff tells", () => {
    const options = { hideDiffs: ["spec.template", "tags.*"] };
    const r = { ...resource("host:index:File", "a"), options };
    const step = (...changes: ReturnType<typeof change>[]) =>
      ({
        ...{ op: "update" as const, id: 0, after: [], urn: r.urn, resource: r, inputs: {}, outputs: {} },
        prior: state(r.type, "a", "1"),
        diff: diff(...changes),
      }) as const;
    const made = plan([
      step(
        change("spec.template.image", "old", "new"),
        change("spec.template.env[0]", "x", "y", { effect: "replace" }),
        change("spec.size", 1, 2),
        change("tags", { a: "1", b: "same" }, { a: "2", b: "same" }),
      ),
    ]);
    const text = renderPlan(made, plain);
    expect(text.split("\n").slice(2, 5)).toEqual([
      "      ~ spec.size: 1 → 2",
      "      ~ tags.a: differs (hideDiffs; --diff shows it)",
      "      ~ spec.template: differs (hideDiffs; --diff shows it)  # forces replacement",
    ]);
    const full = renderPlan(made, { ...plain, full: true });
    expect(full).toContain('~ spec.template.image: "old" → "new"');
    expect(full).not.toContain("hideDiffs");
  });

  test("asks whether what is deleted and made again was renamed", () => {
    const [now, before] = [
      resource("host:index:File", "new", { path: "/a" }),
      state("host:index:File", "old", "/a", { path: "/a" }),
    ];
    const made = plan([
      { op: "create", id: 0, after: [], urn: now.urn, resource: now, inputs: now.inputs, outputs: {} },
      {
        ...{ op: "delete" as const, id: 1, after: [], urn: before.urn, prior: before, late: true },
        reason: { kind: "removed-from-program" },
      },
    ]);
    expect(renderPlan(made, plain)).toContain(
      `Renamed? What is deleted here is made again under another name, and is else the same
  > host:File old → host:File new
      aliases: [{ name: "old" }]  in the options of host:File new keeps the object
`,
    );
  });

  test("says so when there is nothing to do", () => {
    const r = resource("host:index:File", "a");
    const same = { op: "same", id: 0, after: [], urn: r.urn, resource: r, inputs: {}, outputs: {} } as const;
    const unchanged = plan([{ ...same, prior: state(r.type, "a", "1"), write: true }]);
    expect(renderPlan(unchanged, plain)).toBe("Plan: nothing to do; 1 resource unchanged.");
    expect(renderPlan({ ...plan([]), kind: "destroy" }, plain)).toBe(
      "Plan: there is nothing to destroy; 0 resources unchanged.",
    );
  });

  test("a plan that only changes outputs is not called empty", () => {
    const text = renderPlan(plan([], { outputs: { a: 1 }, priorOutputs: {} }), plain);
    expect(text).toBe("Outputs\n  + a: 1\n\nPlan: outputs only, 0 unchanged.");
  });

  test("large plans list few new resources of a kind, without their properties, and say so", () => {
    const text = renderPlan(wideRun(10_000), plain);
    expect(text).toContain("+ bench:Item item-8\n  … and 9,991 more bench:Item (--diff lists them)");
    expect(text).not.toContain("size:");
    expect(text).toContain("--diff shows them");
    expect(text).toContain("Plan: 10,000 to create, 0 unchanged.");
    expect(renderPlan(wideRun(101), { ...plain, full: true })).toContain("size: 100");
    // One that is alone of its kind is never among the others.
    const steps = wideRun(200).steps.map((step) =>
      step.id === 150 && step.op === "create"
        ? { ...step, resource: { ...step.resource, type: "bench:index:Other" } }
        : step,
    );
    expect(renderPlan(plan(steps), plain)).toContain("  + bench:Other item-150");
  });

  test("a difference deep in a long string is inside the part that is shown", () => {
    const before = `${"a".repeat(500)}OLD${"b".repeat(500)}`;
    const r = resource("host:index:File", "a");
    const text = renderPlan(
      plan([
        {
          op: "update",
          id: 0,
          after: [],
          urn: r.urn,
          resource: r,
          inputs: {},
          outputs: {},
          prior: state(r.type, "a", "1"),
          diff: diff(change("x", before, before.replace("OLD", "NEW"))),
        },
      ]),
      plain,
    );
    expect(text).toContain("OLD");
    expect(text).toContain("NEW");
    expect(text.length).toBeLessThan(400);
  });
});
