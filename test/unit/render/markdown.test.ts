/** Comments: goldens, and what holds for any plan and any text. */
import fc from "fast-check";
import rehypeRaw from "rehype-raw";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import { describe, expect, test } from "vitest";
import { type ApplyMarkdownOptions, applyMarkdown } from "../../../packages/cli/src/render/markdown/apply.js";
import { commentBodies, hasMarker, merged } from "../../../packages/cli/src/render/markdown/comment.js";
import { driftMarkdown } from "../../../packages/cli/src/render/markdown/drift.js";
import { cell, code, diffLine, fence, oneLine } from "../../../packages/cli/src/render/markdown/escape.js";
import { failureMarkdown } from "../../../packages/cli/src/render/markdown/failure.js";
import { byteLength, maxBytes, maxComment } from "../../../packages/cli/src/render/markdown/fit.js";
import { planMarkdown } from "../../../packages/cli/src/render/markdown/plan.js";
import {
  parseSections,
  type Section,
  sectionText,
} from "../../../packages/cli/src/render/markdown/section.js";
import { renderPlan } from "../../../packages/cli/src/render/plan.js";
import { plainTheme } from "../../../packages/cli/src/render/theme.js";
import type { DriftReport } from "../../../packages/core/src/engine-contract.js";
import type { ApplyResult } from "../../../packages/core/src/model/event.js";
import type { Failure } from "../../../packages/core/src/model/failure.js";
import { type Plan, type Step, summarize } from "../../../packages/core/src/model/plan.js";
import { Secret, unknown } from "../../../packages/core/src/model/value.js";
import type { Durations } from "../../../packages/core/src/state/durations.js";
import { change, consequences, diff, fullPlan, plan, resource, state, wideRun } from "./plans.js";

const digest = "d1".repeat(32);
const now = Date.UTC(2026, 10, 25, 9, 24);
const golden = (name: string): string => `./goldens/${name}.golden`;
const options = { digest, now };

const report = (more: Partial<DriftReport> = {}): DriftReport => {
  const { drift } = fullPlan();
  const groups = drift.map((one) => ({
    kind: "changed" as const,
    type: one.type,
    changes: [],
    drift: [one],
    who: [],
  }));
  return {
    ...{ project: "shop", stack: "dev", at: now, checked: 12, unread: 0, drift, groups, ignored: [] },
    ...{ rules: { expired: [], unused: [] }, unmanaged: [], failures: [] },
    ...more,
  };
};

/** A text as GitHub's parser and sanitiser leave it: an element's name, and what is in it. */
interface Node {
  readonly type: string;
  readonly tagName?: string;
  readonly value?: string;
  readonly children?: readonly Node[];
}
const processor = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw);
const parsed = (markdown: string): Node => processor.runSync(processor.parse(markdown)) as Node;
const textOf = (node: Node): string => node.value ?? (node.children ?? []).map(textOf).join("");
const all = (node: Node, tag: string): Node[] => [
  ...(node.tagName === tag ? [node] : []),
  ...(node.children ?? []).flatMap((child) => all(child, tag)),
];

/** What breaks Markdown, more often than chance would have it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "`",
        "``",
        "````",
        "|",
        "\\",
        "\\|",
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "<b>",
        "</details>",
        "</code>",
        "@octocat",
        "#12",
      ),
      fc.constantFrom(
        "<!-- orch:end -->",
        "\n<!-- orch:end -->\n",
        "<!-- orch:comment orch -->",
        "-->",
        "<script>alert(1)</script>",
      ),
      fc.constantFrom(
        "http://evil.example",
        "www.evil.example",
        "a@evil.example",
        "![x](http://evil.example/x.png)",
        "\u001b[31m",
      ),
      fc.constantFrom(
        "```\n",
        "~~~\n",
        "&lt;",
        "&#64;",
        "\u202e",
        "\u200b",
        ":tada:",
        "/close\n",
        "$x$",
        "[a]: http://evil.example\n",
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

const stepsOf = (name: string, value: string, base: number): Step[] => {
  const r = resource("host:index:File", name, { content: value, [value || "k"]: value, later: unknown });
  const s = state("host:index:File", name, value || "id");
  const desired = { resource: r, inputs: r.inputs, outputs: r.inputs };
  const step = (more: object, k: number): Step =>
    ({ id: base + k, urn: r.urn, after: [], ...more }) as unknown as Step;
  return [
    step({ op: "create", ...desired, reason: { kind: "new" } }, 0),
    step({ op: "update", ...desired, prior: s, diff: diff(change("content", "before", value)) }, 1),
    step({ op: "delete", prior: s, late: true, reason: { kind: "removed-from-program" } }, 2),
    step(
      {
        ...{ op: "create", ...desired },
        replaces: {
          ...{ prior: s, order: "delete-before-create" },
          diff: diff(change("content", value, "after", { effect: "replace", reason: value })),
        },
      },
      3,
    ),
    step({ op: "same", ...desired, prior: s, write: false }, 4),
  ];
};

const destroyed = (id: number, name: string): Step => {
  const prior = state("host:index:File", name, `/srv/${name}`);
  return {
    op: "delete",
    id,
    after: [],
    urn: prior.urn,
    prior,
    late: true,
    reason: { kind: "removed-from-program" },
  };
};

describe("a plan as Markdown", () => {
  test("deletions and replaces open, the rest folded", async () => {
    const text = planMarkdown(fullPlan(), { ...options, file: "change.plan" });
    await expect(`${text}\n`).toMatchFileSnapshot(golden("plan-markdown"));
    expect(text).not.toMatch(/hunter2|"abc"|"abd"/);
  });

  test("tells why, back to the first change, and how long it takes, as the terminal does", () => {
    const made = consequences();
    const durations: Durations = { expected: () => 90_000 };
    const text = planMarkdown(made, { ...options, durations, parallel: 4 });
    const lines = renderPlan(made, { theme: plainTheme, full: false, durations, parallel: 4, now }).split(
      "\n",
    );
    const why = lines.filter((line) => line.includes("←"));
    expect(why.length).toBeGreaterThan(3);
    for (const line of why) expect(text).toContain(line.trim());
    const takes = lines.find((line) => line.startsWith("Takes about")) as string;
    expect(text).toContain(`. ${takes}`);
    expect(text).toMatch(/^[+!-] .* about 2 min in /m);
    expect(planMarkdown(made, options)).not.toMatch(/about/);
  });

  test("with nothing to do", async () => {
    const { steps } = fullPlan();
    const same = plan(steps.filter((step) => step.op === "same" && step.movedFrom === undefined));
    await expect(`${planMarkdown(same, options)}\n`).toMatchFileSnapshot(golden("plan-markdown-nothing"));
  });

  test("is cut in the order no-ops, computed values, updates, and tells of it", async () => {
    const steps = Array.from({ length: 30 }, (_, i) => stepsOf(`item-${i}`, `value ${i}`, i * 5)).flat();
    const big = plan(steps, { outputs: { url: unknown } });
    const whole = planMarkdown(big, { ...options, limit: 1_000_000 });
    expect(whole).not.toContain("Left out");
    const at = (limit: number): string => planMarkdown(big, { ...options, limit });
    const size = byteLength(whole);
    const left = (text: string): string => /^Left out, .*$/m.exec(text)?.[0] ?? "";
    expect(left(at(size - 50))).toMatch(/comment: \d+ unchanged resources?\. /);
    expect(left(at(size - 1_300))).toMatch(
      /comment: 30 unchanged resources, \d+ values? that (is|are) known after apply\. /,
    );
    expect(left(at(size - 2_600))).toMatch(
      /comment: 30 unchanged resources, 31 values .*, the details of \d+ resources\. /,
    );
    // What is never cut before all else: each deletion and each replace.
    for (const limit of [size - 50, size - 1_300, size - 2_600, 7_500]) {
      const text = at(limit);
      expect(byteLength(text)).toBeLessThanOrEqual(limit);
      for (let i = 0; i < 30; i++) {
        expect(text).toMatch(new RegExp(`^- {2}host:File item-${i} `, "m"));
        expect(text).toMatch(new RegExp(`^! {2}-/\\+ host:File item-${i} `, "m"));
      }
    }
    await expect(`${at(7_500)}\n`).toMatchFileSnapshot(golden("plan-markdown-cut"));
  });

  test("says so, first of all, when the deletions alone do not fit", () => {
    const steps = Array.from({ length: 3_000 }, (_, i) => destroyed(i, `item-${i}`));
    const text = planMarkdown(plan(steps), options);
    expect(byteLength(text)).toBeLessThanOrEqual(maxBytes);
    const shown = text.match(/^- {2}host:File item-\d+ /gm)?.length ?? 0;
    expect(shown).toBeGreaterThan(500);
    const missing = (3_000 - shown).toString().replace(/\B(?=(\d{3})+$)/, ",");
    expect(text).toContain(`**Not all is here: ${missing} deletions and replaces are missing below,**`);
    expect(text).toContain("#### DELETE 3,000 resources");
    expect(text.indexOf("Not all is here")).toBeLessThan(text.indexOf("#### DELETE"));
  });

  test("10,000 resources, and values of 5 MB", () => {
    expect(byteLength(planMarkdown(wideRun(10_000), options))).toBeLessThanOrEqual(maxBytes);
    for (const value of ["x".repeat(5e6), "`".repeat(5e6), "@a ".repeat(1.7e6), "line\n".repeat(1e6)]) {
      const text = planMarkdown(plan(stepsOf(value, value, 0)), options);
      expect(byteLength(text)).toBeLessThanOrEqual(maxBytes);
      expect(text).toMatch(/#### DELETE 1 resource\n\n(`{3,})diff\n- {2}host:File .+ characters\)/);
    }
  });
});

describe("for any plan", () => {
  const anyPlan = fc
    .array(fc.tuple(hostile, hostile), { minLength: 1, maxLength: 12 })
    .map((pairs): Plan => plan(pairs.flatMap(([name, value], i) => stepsOf(`${i}${name}`, value, i * 5))));

  test("never more bytes than asked for, and no deletion or replace is missing unless that is said", () => {
    fc.assert(
      fc.property(anyPlan, fc.integer({ min: 2_500, max: 20_000 }), (made, limit) => {
        const text = planMarkdown(made, { ...options, limit });
        expect(byteLength(text)).toBeLessThanOrEqual(limit);
        const blocks = text.split("#### ");
        const lines = (title: string, mark: RegExp): number =>
          blocks
            .find((block) => block.startsWith(title))
            ?.split("\n")
            .filter((line) => mark.test(line)).length ?? 0;
        const shown = lines("DELETE", /^- {2}host:File/) + lines("REPLACE", /^! {2}-\/\+ host:File/);
        const wanted = (made.steps.length / 5) * 2;
        const missing = /Not all is here: ([\d,]+) /.exec(text)?.[1];
        expect(shown + Number(missing?.replaceAll(",", "") ?? 0)).toBe(wanted);
      }),
      { numRuns: 150 },
    );
  });

  test("no content forges a hidden line, or ends its section", () => {
    fc.assert(
      fc.property(anyPlan, (made) => {
        const text = planMarkdown(made, options);
        expect(text.match(/^<!--.*$/gm)).toHaveLength(2);
        const [section, ...more] = parseSections(text);
        expect(more).toEqual([]);
        expect(section && sectionText(section)).toBe(text);
        const [body] = commentBodies([section as Section], "orch");
        expect(parseSections(body as string)).toHaveLength(1);
        expect(hasMarker(body as string, "orch")).toBe(true);
        expect(hasMarker(text, "orch")).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test("no element, link or image comes from content", () => {
    const ours = new Set([
      "h3",
      "h4",
      "p",
      "table",
      "thead",
      "tbody",
      "tr",
      "th",
      "td",
      "strong",
      "code",
      "pre",
      "details",
      "summary",
    ]);
    const tags = (node: Node): string[] => [
      ...(node.tagName === undefined ? [] : [node.tagName]),
      ...(node.children ?? []).flatMap(tags),
    ];
    fc.assert(
      fc.property(anyPlan, (made) => {
        const tree = parsed(planMarkdown(made, options));
        expect(tags(tree).filter((tag) => !ours.has(tag))).toEqual([]);
        // Every fence is closed by its own end, and every block is what it was meant to be.
        expect(all(tree, "pre")).toHaveLength(5);
        expect(all(tree, "details")).toHaveLength(3);
        expect(all(tree, "h4").map(textOf)).toEqual([
          expect.stringMatching(/^DELETE/),
          expect.stringMatching(/^REPLACE/),
        ]);
      }),
      { numRuns: 150 },
    );
  });
});

describe("for any text", () => {
  test("a code span holds exactly the text, as it can be seen", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const spans = all(parsed(`a ${code(text)} b`), "code");
        expect(spans.map(textOf)).toEqual([oneLine(text) || " "]);
        expect(textOf(parsed(`a ${code(text)} b`))).toBe(`a ${oneLine(text) || " "} b`);
      }),
      { numRuns: 500 },
    );
  });

  test("a cell stays one cell, and holds the text", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const tree = parsed(`| a | b |\n| - | - |\n| ${cell(text)} | ${cell(text)} |`);
        const cells = all(tree, "td");
        expect(cells).toHaveLength(2);
        const seen = (oneLine(text) || " ").replaceAll(/\\(?=\|)/g, "\\u005c");
        for (const one of cells) expect(textOf(one)).toBe(seen);
        for (const one of cells) expect(all(one, "code")).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  test("a fence holds its lines, none at the beginning of a line", () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 6 }), (texts) => {
        const lines = texts.map((text) => diffLine(text));
        for (const line of lines) expect(line).toMatch(/^[+\-! ]/);
        const tree = parsed(`before\n\n${fence(lines)}\n\nafter`);
        const [pre, ...more] = all(tree, "pre");
        expect(more).toEqual([]);
        expect(textOf(pre as Node)).toBe(`${lines.join("\n")}\n`);
        expect(all(tree, "p").map(textOf)).toEqual(["before", "after"]);
      }),
      { numRuns: 500 },
    );
  });

  test("what a hidden line tells comes back, whatever it is called", () => {
    fc.assert(
      fc.property(
        hostile,
        hostile,
        fc.constantFrom("plan" as const, "apply" as const, "drift" as const),
        (project, stack, kind) => {
          const info = {
            ...{ kind, project: project.toWellFormed(), stack: stack.toWellFormed(), at: 12, digest },
            ...{ state: "failure" as const, summary: stack.toWellFormed(), attention: true },
          };
          const text = sectionText({ info, body: "x\ny" });
          expect(parseSections(text)).toEqual([{ info, body: "x\ny" }]);
          expect(text.split("\n")).toHaveLength(4);
          expect(text.slice(4).indexOf("-->")).toBe(text.slice(4).indexOf(" -->\n") + 1);
        },
      ),
    );
  });
});

/** Every step done but those whose places are given: the first one failed, the others were left out. */
function applied(made: Plan, undone: readonly number[], message: string): ApplyMarkdownOptions {
  const [first, ...others] = undone.map((id) => made.steps[id] as Step);
  const failed =
    first === undefined ? [] : [{ step: first, failure: { ...failure(message), urn: first.urn } }];
  const done = made.steps
    .filter(({ id }) => !undone.includes(id))
    .map(({ id }) => ({ step: id, elapsedMs: id * 700 }));
  const result: ApplyResult = {
    ...{
      runId: 12,
      outcome: failed.length > 0 ? "failed" : "succeeded",
      elapsedMs: 63_000,
      done: done.length,
    },
    ...{
      failed,
      skipped: others,
      summary: summarize({ steps: done.map(({ step }) => made.steps[step] as Step) }),
    },
    outputs: { url: "https://shop.example", token: new Secret("hunter2") },
  };
  return { digest, result, done, exitCode: failed.length > 0 ? 1 : 0, now };
}
const failure = (message: string): Failure => ({
  ...{ reason: "provider-error", message, expected: "room", found: message, next: [message] },
});

describe("an apply as Markdown", () => {
  const made = fullPlan();
  const places = (op: Step["op"]): number[] =>
    made.steps.filter((step) => step.op === op).map(({ id }) => id);

  test("failures first and open, what is gone by name, the rest folded; outputs without secrets", async () => {
    const [create = 0, ...creates] = places("create");
    const text = applyMarkdown(
      made,
      applied(made, [create, ...creates.slice(0, 2)], "quota exceeded: `@dba` </details>"),
    );
    await expect(`${text}\n`).toMatchFileSnapshot(golden("apply-markdown"));
    expect(text).not.toMatch(/hunter2|^#### Created/m);
    expect(parseSections(text)[0]?.info).toMatchObject({
      kind: "apply",
      state: "failure",
      attention: true,
      at: now,
    });
    const well = applyMarkdown({ ...made, kind: "destroy", warnings: [] }, applied(made, [], ""));
    expect(well).toMatch(/^### Destroy of `shop\/dev`: \d+ created, /m);
    expect(parseSections(well)[0]?.info).toMatchObject({ state: "success", attention: false });
    expect(well).not.toContain("Outputs");
  });

  test("with nothing to do, interrupted, and failed as a whole", () => {
    const none = applyMarkdown(plan([]), { ...applied(plan([]), [], ""), result: undefined });
    expect(none).toContain("### Apply of `shop/dev`: nothing to do\n");
    const { result, ...rest } = applied(made, places("create"), "no room");
    const stopped = { ...(result as ApplyResult), failed: [], outcome: "interrupted" as const };
    expect(applyMarkdown(made, { ...rest, result: stopped, exitCode: 130 })).toMatch(
      /: interrupted, .* \d not done[\s\S]*\*\*Interrupted\.\*\* The state holds what was done/,
    );
    const problem = { ...stopped, outcome: "failed" as const, problem: failure("the disk is full") };
    expect(applyMarkdown(made, { ...rest, result: problem })).toMatch(
      /#### The run itself failed\n\n```diff\n error\[provider-error\]: the disk is full\n/,
    );
  });

  test("is cut: outputs and names before failures and deletions, and 5 MB of a failure", () => {
    const steps = Array.from({ length: 60 }, (_, i) => stepsOf(`item-${i}`, `value ${i}`, i * 5)).flat();
    const many = plan(steps);
    const whole = applied(many, [0, 5, 10], "no room");
    const size = byteLength(applyMarkdown(many, whole));
    for (const limit of [size - 10, Math.round(size * 0.7)]) {
      const text = applyMarkdown(many, { ...whole, limit });
      expect(byteLength(text)).toBeLessThanOrEqual(limit);
      expect(text).toMatch(/^Left out, to fit into one comment: 2 outputs/m);
      expect(text).toContain(" error[provider-error]: no room\n");
      expect(text.match(/^- {2}deleted host:File item-/gm)).toHaveLength(60);
    }
    for (const message of ["x".repeat(5e6), "`".repeat(5e6), "line\n".repeat(1e6), "@a <b>\n".repeat(7e5)]) {
      const text = applyMarkdown(many, applied(many, [0], message));
      expect(byteLength(text)).toBeLessThanOrEqual(maxBytes);
      expect(text).toContain("#### FAILED: 1 resource\n");
      expect(text.match(/^- {2}deleted host:File item-/gm)).toHaveLength(60);
    }
  });

  test("a step that failed whose inputs are megabytes: grouping by what they say does not break on them", () => {
    const big = plan(stepsOf("page", "(x".repeat(3e6), 0));
    const text = applyMarkdown(big, applied(big, [0], "no room for page"));
    expect(text).toContain(" error[provider-error]: no room for page\n");
  });

  test("whatever names and messages hold: one section, and no element of theirs", () => {
    fc.assert(
      fc.property(hostile, hostile, (name, message) => {
        const any = plan(stepsOf(`n${name}`, message, 0));
        const text = applyMarkdown(any, applied(any, [0, 1], message));
        expect(text.match(/^<!--.*$/gm)).toHaveLength(2);
        expect(parseSections(text).map(sectionText)).toEqual([text]);
        const tree = parsed(text);
        expect(all(tree, "h4").map(textOf)).toEqual([
          ...["FAILED: 1 resource", "DELETED 1 resource", "REPLACED 1 resource"],
        ]);
        expect(all(tree, "pre")).toHaveLength(5);
        expect(["a", "b", "img", "script"].flatMap((tag) => all(tree, tag))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe("drift and failures as Markdown", () => {
  test("what was found, and that nothing was", async () => {
    const failures = [
      { reason: "connection-failed" as const, message: "db1 can't be reached: @dba <b>look</b>" },
    ];
    await expect(`${driftMarkdown(report({ failures }))}\n`).toMatchFileSnapshot(golden("drift-markdown"));
    const none = driftMarkdown(report({ drift: [], groups: [] }));
    expect(none).toContain("### Drift of `shop/dev`: none\n");
    expect(parseSections(none)[0]?.info).toMatchObject({ state: "success", attention: false });
  });

  test("a failure takes the section of the plan that there is none of", async () => {
    const text = failureMarkdown(
      {
        ...{
          reason: "program-error" as const,
          message: "no such bucket: `@team` </details>",
          detail: "at a\n```\nat b",
        },
        ...{ source: { file: "index.ts", line: 3, column: 1 }, next: ["Look at it."] },
      },
      { kind: "plan", project: "shop", stack: "dev" },
      now,
    );
    await expect(`${text}\n`).toMatchFileSnapshot(golden("failure-markdown"));
    const [{ info } = {} as Section] = parseSections(text);
    expect(info).toMatchObject({ kind: "plan", state: "failure", attention: true });
  });
});

describe("a comment", () => {
  const section = (stack: string, at: number, made: Plan = fullPlan()): Section => {
    const [one] = parseSections(planMarkdown({ ...made, stack, createdAt: at }, options));
    return one as Section;
  };

  test("of several stacks has an overview, and each in its place", async () => {
    const [body, ...more] = commentBodies(
      merged([], [section("prod", 2), section("dev", 1, plan([]))]).map(({ info, body: text }) => ({
        info: { ...info, commit: "0123456789abcdef", url: "https://ci.example/run/(1)?a=<b>" },
        body: text,
      })),
      "orch",
    );
    expect(more).toEqual([]);
    await expect(`${body}\n`).toMatchFileSnapshot(golden("comment-markdown"));
  });

  test("the later of two sections holds; what is added holds in any case", () => {
    const old = commentBodies([section("dev", 1), section("prod", 5)], "orch");
    const copy = commentBodies([section("dev", 3)], "orch");
    const at = (sections: readonly Section[]): [string, number][] =>
      sections.map(({ info }) => [info.stack, info.at]);
    expect(at(merged([...copy, ...old], []))).toEqual([
      ["dev", 3],
      ["prod", 5],
    ]);
    expect(at(merged([...copy, ...old], [section("dev", 2)]))).toEqual([
      ["dev", 2],
      ["prod", 5],
    ]);
  });

  test("of many stacks: details are cut before there is a second comment, deletions never", () => {
    const names = Array.from({ length: 20 }, (_, i) => `stack-${String(i).padStart(2, "0")}`);
    const bodies = commentBodies(
      names.map((name) => section(name, 1)),
      "orch",
    );
    expect(bodies).toHaveLength(1);
    expect(byteLength(bodies[0] as string)).toBeLessThanOrEqual(maxComment);
    expect(bodies[0]).toContain("Update 3 resources in place (left out)");
    expect(bodies[0]?.match(/^#### DELETE 2 resources$/gm)).toHaveLength(20);

    const gone = plan(Array.from({ length: 700 }, (_, i) => destroyed(i, `item-${i}`)));
    const three = names.slice(0, 3).map((name): Section => {
      const { info, body } = section(name, 1, gone);
      return { info: { ...info, commit: "0123456789abcdef", url: "https://ci.example/run/1" }, body };
    });
    const pages = commentBodies(three, "orch");
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) {
      expect(byteLength(page)).toBeLessThanOrEqual(maxComment);
      expect(hasMarker(page, "orch")).toBe(true);
    }
    expect(pages.join("\n").match(/^- {2}host:File item-/gm)).toHaveLength(2_100);
    // Read again they are the same.
    expect(commentBodies(merged(pages, []), "orch")).toEqual(pages);
  });
});
