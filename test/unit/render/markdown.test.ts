/** Comments: goldens, and what holds for any plan and any text. */
import fc from "fast-check";
import rehypeRaw from "rehype-raw";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import { describe, expect, test } from "vitest";
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
import type { DriftReport } from "../../../packages/core/src/engine-contract.js";
import type { Plan, Step } from "../../../packages/core/src/model/plan.js";
import { unknown } from "../../../packages/core/src/model/value.js";
import { change, diff, fullPlan, plan, resource, state, wideRun } from "./plans.js";

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
        fc.constantFrom("plan" as const, "drift" as const),
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
