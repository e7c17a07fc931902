/** The live region: what runs, where, what waits, how much, how long. */
import type { Event } from "@orch/core/model/event";
import type { Step } from "@orch/core/model/plan";
import type { Resource } from "@orch/core/model/resource";
import { durationsOf } from "@orch/core/state/durations";
import { describe, expect, test } from "vitest";
import { applying } from "../../../packages/cli/src/render/applying.js";
import { width } from "../../../packages/cli/src/render/text.js";
import { plainTheme } from "../../../packages/cli/src/render/theme.js";
import { resource, webUrn } from "./plans.js";

const web = resource("shop:index:Web", "web");
const create = (r: Resource, id: number, after: number[] = []): Step => ({
  ...{ op: "create", id, after, urn: r.urn, resource: r, inputs: {}, outputs: {} },
});
const file = (name: string, inWeb = true): Resource =>
  resource("host:index:File", name, {}, inWeb ? webUrn : undefined);

const started = (step: Step): Event => ({
  ...{ type: "step-started", step: step.id, op: step.op, urn: step.urn, at: 0 },
});
const finished = (step: Step): Event => ({
  ...{ type: "step-finished", step: step.id, op: step.op, urn: step.urn, elapsedMs: 0 },
});
const failed = (step: Step): Event => ({
  ...{ type: "step-failed", step: step.id, op: step.op, urn: step.urn, elapsedMs: 0 },
  failure: { reason: "provider-error", message: "no" },
});

const steps = [
  create(web, 0),
  create(file("a"), 1, [0]),
  create(file("b"), 2, [0]),
  create(file("c"), 3, [1, 2]),
  create(file("alone", false), 4),
  create(file("last"), 5, [3, 4]),
] as const;
const [root, a, b, , alone] = steps;
const frame = { theme: plainTheme, rows: 10, columns: 80, now: 12_000, spinner: "*" };

function halfway(more: Event[] = [], durations = durationsOf([])) {
  const view = applying({ steps }, "Applying", { durations });
  view.take({ type: "apply-started", runId: 1, steps: 6 }, 0);
  for (const event of [started(root), finished(root), started(a), started(b), started(alone)])
    view.take(event, 2_000);
  for (const event of more) view.take(event, 3_000);
  return view;
}

describe("the live region", () => {
  test("what runs in its component, what waits and for what, how much is done", () => {
    expect(halfway().lines(frame)).toEqual([
      "  shop:Web web 0/4",
      "    + creating host:File a… 10 s",
      "    + creating host:File b… 10 s",
      "  + creating host:File alone… 10 s",
      "  · host:File c waits for host:File a, host:File b",
      "  · host:File last waits for host:File alone and 1 more",
      "* Applying · 1/6 done · 3 running · 2 waiting · 12 s",
    ]);
  });

  test("what providers say, and what failed", () => {
    const said: Event = {
      type: "log",
      level: "info",
      message: "1 of 3 ready\nmore",
      urn: b.urn,
      ephemeral: true,
    };
    expect(halfway([said, failed(a)]).lines(frame)).toEqual([
      "  shop:Web web 0/4 1 failed",
      "    + creating host:File b… 10 s 1 of 3 ready",
      "  + creating host:File alone… 10 s",
      "  · host:File c waits for host:File b",
      "  · host:File last waits for host:File alone and 1 more",
      "* Applying · 1/6 done · 2 running · 2 waiting · 1 failed · 12 s",
    ]);
  });

  test("the time that is left, along the longest chain, and what a step usually takes", () => {
    const entry = (step: Step, ms: number) => ({
      ...{
        step: 0,
        op: step.op,
        urn: step.urn,
        beganAt: 0,
        endedAt: ms,
        result: "done" as const,
        existed: false,
      },
    });
    const durations = durationsOf([entry(b, 130_000), entry(a, 500)]);
    const lines = halfway([], durations).lines(frame);
    expect(lines).toContain("    + creating host:File b… 10 s of about 2 min");
    expect(lines).toContain("    + creating host:File a… 10 s");
    // 120 s of b, and twice the median of its type.
    expect(lines.at(-1)).toBe("* Applying · 1/6 done · 3 running · 2 waiting · 12 s, about 6 min left");
  });

  test("never more lines than there is room for, and the last one always", () => {
    for (let rows = 1; rows < 8; rows++)
      for (const columns of [20, 80]) {
        const lines = halfway().lines({ ...frame, rows, columns });
        expect(lines.length).toBeLessThanOrEqual(Math.max(2, rows));
        expect(lines.at(-1)).toMatch(/^\* Applying · 1\/6/);
      }
    expect(halfway().lines({ ...frame, rows: 3 })).toEqual([
      "  shop:Web web 0/4",
      "  … and 3 more running",
      "* Applying · 1/6 done · 3 running · 2 waiting · 12 s",
    ]);
  });

  test("a narrow terminal keeps the numbers and the time", () => {
    const last = halfway()
      .lines({ ...frame, columns: 40 })
      .at(-1) as string;
    expect(last).toBe("* Applying · 1/6 · 12 s");
    expect(width(last)).toBeLessThan(40);
  });
});
