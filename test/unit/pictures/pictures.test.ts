/** Pictures of graphs and of runs: goldens for small ones, and that nothing in a name gets out of its place. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "@orch/core/model/value";
import type { JournalEntry } from "@orch/core/state/contract";
import { mostAtOnce, timelineOf, workOf } from "@orch/core/state/timeline";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasDisplay } from "../../../packages/cli/src/picture.js";
import { pageData } from "../../../packages/cli/src/render/graph/html.js";
import { planGraph, stateGraph } from "../../../packages/cli/src/render/graph/model.js";
import { svgText } from "../../../packages/cli/src/render/graph/svg.js";
import { inlineJson, pageHtml } from "../../../packages/cli/src/render/page.js";
import { width } from "../../../packages/cli/src/render/text.js";
import { plainTheme } from "../../../packages/cli/src/render/theme.js";
import { timelineData } from "../../../packages/cli/src/render/timeline/html.js";
import { timelineSvg } from "../../../packages/cli/src/render/timeline/svg.js";
import { timelineText } from "../../../packages/cli/src/render/timeline/text.js";
import { ticks } from "../../../packages/cli/src/render/timeline/ticks.js";
import { fullPlan, state, urn } from "../render/plans.js";
import { graphOf } from "./graphs.js";
import { runOf, someRun } from "./runs.js";

const golden = (name: string): string => `./goldens/${name}`;

describe("a graph as SVG", () => {
  test("of a plan with everything in it", async () => {
    await expect(`${await svgText(planGraph(fullPlan()))}\n`).toMatchFileSnapshot(golden("plan.svg"));
  });
  test("is the same each time, and refuses what nobody could read", async () => {
    const graph = graphOf(80, { perComponent: 16 });
    expect(await svgText(graph)).toBe(await svgText(graph));
    await expect(svgText(graphOf(2100, {}))).rejects.toMatchObject({ failure: { reason: "unsupported" } });
  });
  test("holds names as text only", async () => {
    const hostile = '"><script>alert(1)</script>&\x00\u202e';
    const svg = await svgText(stateGraph(hostile, [state("a:b:C", hostile, "1")]));
    expect(svg).not.toContain("<script");
    expect(svg).not.toMatch(/[\x00-\x08\u202e]/);
  });
});

describe("a page", () => {
  const root = (): string => {
    const dir = mkdtempSync(join(tmpdir(), "orch-page-"));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    mkdirSync(join(dir, "dist", "pages"), { recursive: true });
    writeFileSync(join(dir, "dist", "pages", "graph.js"), "void 0;\n");
    writeFileSync(join(dir, "dist", "pages", "page.css"), "a{}\n");
    return dir;
  };
  test("allows its own script by hash, and nothing else", async () => {
    const html = await pageHtml({
      root: root(),
      name: "graph",
      title: "</title><b>",
      data: { a: "</script>" },
    });
    const hash = createHash("sha256").update("void 0;").digest("base64");
    expect(html).toContain(`default-src 'none'; script-src 'sha256-${hash}'`);
    expect(html).not.toContain("unsafe");
    expect(html).toContain("&lt;/title&gt;");
    expect(html.match(/<\/script>/g)).toHaveLength(2);
  });
  test("says what is missing when orch is not whole", async () => {
    await expect(pageHtml({ root: "/nowhere", name: "graph", title: "t", data: {} })).rejects.toMatchObject({
      failure: { reason: "internal", next: [expect.stringContaining("npm run build")] },
    });
  });
  test("data comes out of its element as it went in, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("<", "/", "script", ">", "!--", "]]>", "\u2028", '"', "\\", "a") }),
        (text) => {
          const json = inlineJson({ text });
          expect(json).not.toMatch(/[<\u2028\u2029]/);
          expect(JSON.parse(json)).toEqual({ text });
        },
      ),
    );
  });
  test("tells of values what the plan tells: secrets are masked, of the state only names", async () => {
    const planned = JSON.stringify(await pageData(planGraph(fullPlan())));
    expect(planned).toContain("[secret]");
    expect(planned).not.toContain("hunter2");
    const row = state("a:b:C", "one", "1", { password: new Secret("hunter2"), size: "plain-value" });
    const kept = JSON.stringify(await pageData(stateGraph("t", [row])));
    expect(kept).toContain('"properties":["password","size"]');
    expect(kept).not.toMatch(/hunter2|plain-value/);
  });
});

test("a browser is opened where somebody can see it", () => {
  expect(hasDisplay("linux", {})).toBe(false);
  expect(hasDisplay("linux", { DISPLAY: ":0" })).toBe(true);
  expect(hasDisplay("darwin", {})).toBe(true);
  expect(hasDisplay("darwin", { SSH_CONNECTION: "1" })).toBe(false);
});

describe("a run over time", () => {
  const { run: info, entries, before } = someRun();
  const drawn = runOf();
  const { timeline } = drawn;
  const name = (i: number | undefined): string | undefined =>
    i === undefined ? undefined : timeline.bars[i]?.entry.urn.split("::").at(-1);

  test("knows who waited for whom, through what was not called, and deletions for all else", () => {
    const waited = Object.fromEntries(timeline.bars.map((bar, i) => [name(i), name(bar.waitedFor)]));
    expect(waited).toEqual({
      net: undefined,
      alone: undefined,
      a: "net",
      b: "net",
      web: "b",
      "old-user": "web",
      old: "old-user",
    });
    expect(timeline.critical.map(name)).toEqual(["net", "b", "web", "old-user", "old"]);
    expect(mostAtOnce(timeline)).toBe(2);
    expect(workOf(timeline)).toBe(1900 + 990 + 3990 + 1500 + 280 + 990 + 890);
  });

  test("as text and as SVG", async () => {
    const lines = timelineText(drawn, plainTheme, 90);
    for (const line of lines.slice(4, 13)) expect(width(line)).toBeLessThanOrEqual(100);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(golden("run.txt"));
    await expect(`${timelineSvg(drawn)}\n`).toMatchFileSnapshot(golden("run.svg"));
    expect(timelineData(drawn).bars[1]).toMatchObject({
      end: "failed",
      message: "the disk\nis full",
      critical: false,
    });
  });

  test("replace: the new one waits for the old one that goes first, the old one for the new one that comes first", () => {
    const item = (op: "create" | "delete", began: number, ended: number): JournalEntry => ({
      step: began,
      op,
      urn: urn("t:index:Item", "x"),
      existed: true,
      beganAt: began,
      endedAt: ended,
      result: "done",
    });
    const rows = [state("t:index:Item", "x", "x")];
    const at = { ...info, startedAt: 0, endedAt: 30 };
    for (const steps of [
      [item("delete", 1, 10), item("create", 11, 20)],
      [item("create", 1, 10), item("delete", 11, 20)],
    ]) {
      const { bars } = timelineOf(at, steps, rows, rows);
      expect(bars.map(({ waitedFor }) => waitedFor)).toEqual([undefined, 0]);
    }
  });

  test("a run that was cut off: what it had begun goes on to the last that is known", () => {
    const { endedAt: _ended, outcome: _outcome, ...open } = info;
    const [net] = entries as [JournalEntry];
    const { endedAt: _at, result: _result, ...begun } = net;
    const cut = timelineOf(open, [begun, entries[4] as JournalEntry], before, []);
    expect(cut.bars[0]).toMatchObject({ ended: info.startedAt + 400 });
    expect(timelineText({ ...drawn, run: open, timeline: cut }, plainTheme, 80).join("\n")).toContain(
      "not ended",
    );
  });

  test("nothing was called", () => {
    const none = { ...drawn, timeline: timelineOf(info, [], [], []) };
    expect(timelineText(none, plainTheme, 80).join("\n")).toContain("No provider was called");
    expect(timelineSvg(none)).not.toContain("NaN");
  });

  test("of any times: bars lie within the run, and the critical path goes forward", () => {
    const times = fc.array(
      fc.tuple(fc.nat(1000), fc.nat(500), fc.constantFrom("create", "update", "delete")),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(times, fc.array(fc.tuple(fc.nat(19), fc.nat(19))), (spans, links) => {
        const names = spans.map((_, i) => `n${i}`);
        const rows = names.map((each, i) => ({
          ...state("t:index:Item", each, each),
          dependencies: links
            .filter(([from, to]) => from === i && to < i)
            .map(([, to]) => urn("t:index:Item", `n${to}`)),
        }));
        const steps = spans.map(
          ([began, length, op], i): JournalEntry => ({
            step: i,
            op: op as "create",
            urn: urn("t:index:Item", `n${i}`),
            existed: true,
            beganAt: began,
            endedAt: began + length,
            result: "done",
          }),
        );
        const made = timelineOf({ ...info, startedAt: 0, endedAt: 1500 }, steps, rows, rows);
        for (const bar of made.bars) {
          expect(bar.ready).toBeLessThanOrEqual(bar.began);
          expect(bar.ended).toBeLessThanOrEqual(made.end);
        }
        made.critical.forEach((i, n) => {
          const next = made.critical[n + 1];
          if (next !== undefined)
            expect(made.bars[i]?.ended).toBeLessThanOrEqual(made.bars[next]?.began as number);
        });
        expect(made.running.every(({ count }) => count >= 0)).toBe(true);
      }),
    );
  });
});

test("axes have few and round lines", () => {
  fc.assert(
    fc.property(fc.nat(100_000_000), (length) => {
      const lines = ticks(length);
      expect(lines[0]).toBe(0);
      expect(lines.length).toBeLessThanOrEqual(11);
      expect(lines.at(-1)).toBeLessThanOrEqual(length);
    }),
  );
});
