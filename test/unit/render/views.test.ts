/** Failures, results, JSON, graphs and the small helpers of the command line's output. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { groupDrift } from "@orch/core/drift/groups";
import type { DriftReport } from "@orch/core/engine-contract";
import type { ApplyResult, Event } from "@orch/core/model/event";
import type { Failure } from "@orch/core/model/failure";
import { type Drift, summarize } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import { Secret } from "@orch/core/model/value";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readGlobalFlags } from "../../../packages/cli/src/global-flags.js";
import { asciiOnly, wantsUnicode } from "../../../packages/cli/src/render/ascii.js";
import { renderDriftReport } from "../../../packages/cli/src/render/drift.js";
import { renderFailure } from "../../../packages/cli/src/render/failure.js";
import { dotText } from "../../../packages/cli/src/render/graph/dot.js";
import { mermaidText } from "../../../packages/cli/src/render/graph/mermaid.js";
import { planGraph, stateGraph } from "../../../packages/cli/src/render/graph/model.js";
import { driftReportJson, eventJson, planJson, stateJson } from "../../../packages/cli/src/render/json.js";
import { shortType, shortUrn } from "../../../packages/cli/src/render/names.js";
import {
  failedLine,
  finishedLine,
  logLines,
  lookupIn,
  resultText,
  runningLine,
} from "../../../packages/cli/src/render/progress.js";
import { findResource, renderState, stateTree } from "../../../packages/cli/src/render/state.js";
import {
  duration,
  grouped,
  hang,
  table,
  truncate,
  visible,
  width,
} from "../../../packages/cli/src/render/text.js";
import { colourTheme, plainTheme, wantsColour, wordsTheme } from "../../../packages/cli/src/render/theme.js";
import { whoText } from "../../../packages/cli/src/render/who.js";
import { route } from "../../../packages/cli/src/route.js";
import { change, diff, fullPlan, resource, state, urn } from "./plans.js";

const theme = plainTheme;
const golden = (name: string): string => `./goldens/${name}.golden`;

describe("failures", () => {
  test("show where, what, why and what to do", async () => {
    const dir = mkdtempSync(join(tmpdir(), "orch-render-"));
    writeFileSync(join(dir, "index.ts"), 'const a = 1;\n\tnew host.File("page", { mode: "rw" });\n');
    const failure: Failure = {
      reason: "invalid-property",
      message: "host:File page: mode is not a file mode",
      urn: urn("host:index:File", "page"),
      path: "mode",
      expected: "three or four octal digits such as 0644",
      found: '"rw"',
      source: { file: "index.ts", line: 2, column: 2 },
      detail: "first frame\nsecond frame",
      next: ['Write it as mode: "0644".', "orch plan"],
      causes: [
        { reason: "provider-error", message: "it said no", causes: [{ reason: "timeout", message: "late" }] },
      ],
    };
    const text = renderFailure(failure, { theme, baseDir: dir });
    rmSync(dir, { recursive: true });
    await expect(`${text}\n`).toMatchFileSnapshot(golden("failure"));
    // The file is gone: the position alone is still told.
    expect(renderFailure(failure, { theme, baseDir: dir })).toContain("at index.ts:2:2");
  });

  test("lines of the program are cut to the terminal, and hold no secrets", () => {
    const dir = mkdtempSync(join(tmpdir(), "orch-render-"));
    const line = `\tnew A("a", { password: "hunter2", list: [${"1, ".repeat(40)}], mode: "rw", more: 1 });`;
    writeFileSync(join(dir, "index.ts"), `\n${line}\n`);
    const failure: Failure = {
      reason: "invalid-property",
      message: "no",
      urn: urn("a:index:A", "a"),
      path: "mode",
      source: { file: "index.ts", line: 2, column: 2 },
    };
    for (const columns of [40, 80, 300]) {
      const lines = renderFailure(failure, { theme, baseDir: dir, columns }).split("\n");
      const at = lines.findIndex((text) => text.startsWith("  2 |"));
      const [code = "", mark = ""] = lines.slice(at);
      expect(width(code)).toBeLessThanOrEqual(columns);
      const from = mark.indexOf("^");
      expect(code.slice(from, mark.length)).toBe('mode: "rw"');
      if (columns === 300) expect(code).toContain("password: [secret],");
      expect(code).not.toContain("hunter2");
    }
    rmSync(dir, { recursive: true });
  });

  test("that orch did not expect are one paragraph; the stack only when asked for", () => {
    const failure: Failure = {
      reason: "internal",
      message: "x is undefined",
      detail: "Error: x is undefined\n    at f (a.js:1:1)",
    };
    const short = renderFailure(failure, { theme });
    expect(short).toContain("orch made a mistake: x is undefined");
    expect(short).not.toContain("a.js");
    expect(short).toContain("--verbose");
    expect(renderFailure(failure, { theme, verbose: true })).toContain("at f (a.js:1:1)");
  });

  test("cannot move the cursor or hide text", () => {
    const text = renderFailure(
      { reason: "provider-error", message: "a\x1b[2Kb\rc\u202ed", detail: "\x07" },
      { theme },
    );
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
    expect(text).toContain("a\\u001b[2Kb\\u000dc\\u202ed");
  });
});

describe("progress", () => {
  const plan = fullPlan();
  const lookup = lookupIn(plan);
  test("a line per step, in words", async () => {
    const lines = plan.steps.flatMap((step) => {
      const running = { op: step.op, urn: step.urn, step: lookup(step.id) };
      return [
        runningLine(running, theme),
        finishedLine(running, 1234, theme, false),
        finishedLine(running, 10, theme, false),
        failedLine(running, "no\nmore", theme),
      ];
    });
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(golden("progress"));
  });

  test("the end of an apply", async () => {
    const [a, b] = plan.steps;
    if (a === undefined || b === undefined) throw new Error("the plan has steps");
    const base: ApplyResult = {
      runId: 7,
      outcome: "succeeded",
      elapsedMs: 65_400,
      done: 3,
      failed: [],
      skipped: [],
      summary: summarize(plan),
      outputs: {},
    };
    const failure: Failure = { reason: "provider-error", message: "quota exceeded", urn: a.urn };
    const texts = [
      resultText(base, { theme, plan }),
      resultText(
        { ...base, outcome: "failed", failed: [{ step: a, failure }], skipped: plan.steps.slice(1, 15) },
        { theme, plan },
      ),
      resultText(
        { ...base, outcome: "interrupted", skipped: [b] },
        { theme, plan: { ...plan, kind: "destroy" } },
      ),
      resultText(
        { ...base, outcome: "failed", problem: { reason: "disk-full", message: "no space" } },
        { theme, plan: { ...plan, kind: "refresh" } },
      ),
    ];
    await expect(`${texts.join("\n=====\n")}\n`).toMatchFileSnapshot(golden("results"));
  });

  test("failures of one cause are one; what was not done stands under what it waited for", async () => {
    const steps = plan.steps.slice(2, 9).map((step, id) => ({ ...step, id, after: [] as number[] }));
    const [a, b, c, d, e, f] = steps;
    if (!a || !b || !c || !d || !e || !f) throw new Error("the plan has steps");
    d.after.push(a.id);
    e.after.push(d.id);
    f.after.push(c.id);
    const refused: Failure = {
      reason: "connection-failed",
      message: "connect ECONNREFUSED 127.0.0.1:5432",
      next: ["Start the server, then run the same command again."],
    };
    const result: ApplyResult = {
      ...{
        runId: 7,
        outcome: "failed",
        elapsedMs: 400,
        done: 0,
        outputs: {},
        summary: summarize({ steps: [] }),
      },
      failed: [
        { step: a, failure: { ...refused, urn: a.urn } },
        { step: b, failure: { ...refused, urn: b.urn } },
        { step: c, failure: { reason: "permission-denied", message: "no", urn: c.urn } },
      ],
      skipped: [d, e, f, ...steps.slice(6)],
    };
    const made = { ...plan, steps };
    const texts = [theme, wordsTheme].map((t) => resultText(result, { theme: t, plan: made }));
    await expect(`${texts.join("\n=====\n")}\n`).toMatchFileSnapshot(golden("results-causes"));
  });

  test("failures that differ in their resource's own words are one cause", async () => {
    const [create] = plan.steps.filter((step) => step.op === "create");
    if (create === undefined) throw new Error("the plan has a creation");
    const steps = Array.from({ length: 12 }, (_, id) => {
      const name = `page-${id}`;
      const inputs = {
        path: `/srv/www/${name}.html`,
        connection: { host: `web${id}.example`, port: 2200 + id },
      };
      return { ...create, id, urn: urn("host:index:File", name), inputs, after: id === 11 ? [0] : [] };
    });
    const failed = steps.slice(0, 11).map((step, id) => ({
      step,
      failure: {
        reason: "connection-failed" as const,
        // The last of them fails for another reason.
        message: `web${id}.example:${2200 + id}: ${id === 10 ? "no route" : "refused"}, for /srv/www/page-${id}.html`,
        urn: step.urn,
        next: [`Start the SSH server of web${id}.example.`],
      },
    }));
    const result: ApplyResult = {
      ...{ runId: 7, outcome: "failed", elapsedMs: 400, done: 0, outputs: {} },
      ...{ summary: summarize({ steps: [] }), failed, skipped: steps.slice(11) },
    };
    const text = resultText(result, { theme, plan: { ...plan, steps } });
    await expect(`${text}\n`).toMatchFileSnapshot(golden("results-own-words"));
  });

  test("messages of programs and providers", () => {
    expect(
      logLines(
        { type: "log", level: "warning", message: "one\ntwo\n", urn: urn("host:index:File", "a") },
        theme,
      ),
    ).toEqual(["warning host:File a: one", "  two"]);
  });
});

describe("JSON", () => {
  test("a plan", async () => {
    const json = JSON.stringify(planJson(fullPlan()), undefined, 2);
    expect(json).not.toMatch(/hunter2|"abc"|"abd"/);
    await expect(`${json}\n`).toMatchFileSnapshot(golden("plan-json"));
  });

  test("every event is an object of format 1 with its type", () => {
    const events: Event[] = [
      { type: "run-started", run: "apply", at: 1 },
      { type: "program-output", stream: "stdout", line: "x" },
      { type: "resource-registered", resource: resource("host:index:File", "a") },
      {
        type: "step-failed",
        step: 0,
        op: "create",
        urn: "u",
        elapsedMs: 1,
        failure: { reason: "timeout", message: "m" },
      },
      { type: "plan-made", plan: fullPlan(), summary: summarize(fullPlan()) },
    ];
    for (const event of events) {
      const json = JSON.parse(JSON.stringify(eventJson(event)));
      expect(json).toMatchObject({ format: 1, type: event.type === "plan-made" ? "plan" : event.type });
    }
  });

  test("a resource, secrets masked unless asked for", () => {
    const row = state("host:index:File", "a", "id", { password: new Secret("hunter2") });
    expect(JSON.stringify(stateJson(row))).not.toContain("hunter2");
    expect(JSON.stringify(stateJson(row, true))).toContain("hunter2");
  });
});

describe("the state", () => {
  const web = state("shop:index:Web", "web", "");
  const rows = [
    web,
    state(
      "host:index:File",
      "page",
      "/srv/page",
      { content: new Secret("hunter2"), __defaults: [] },
      web.urn,
    ),
    { ...state("host:index:File", "old", "/srv/old"), deposed: "d1" },
    { ...state("host:index:File", "kept", "/srv/kept"), options: { protect: true } },
  ];
  test("as a tree, and one in full", async () => {
    const text = [
      ...stateTree(rows, theme),
      "",
      ...renderState(rows[1] as (typeof rows)[number], theme, { showSecrets: false, internals: false }),
    ].join("\n");
    expect(text).not.toContain("hunter2");
    expect(text).not.toContain("__defaults");
    await expect(`${text}\n`).toMatchFileSnapshot(golden("state"));
  });
  test("a resource is found by URN and by a name that only it has", () => {
    expect(findResource(rows, "page", "dev")).toBe(rows[1]);
    expect(findResource(rows, web.urn, "dev")).toBe(web);
    expect(() => findResource(rows, "pgae", "dev")).toThrow(/holds no resource pgae/);
    expect(() => findResource([...rows, ...rows], "page", "dev")).toThrow(/Several resources/);
  });
});

describe("drift", () => {
  const at = Date.UTC(2026, 10, 25, 9, 24);
  const base: DriftReport = {
    project: "shop",
    stack: "dev",
    at,
    checked: 12,
    unread: 0,
    drift: [],
    groups: [],
    ignored: [],
    rules: { expired: [], unused: [] },
    unmanaged: [],
    failures: [],
  };
  const grouped = (drift: readonly Drift[], rows: readonly ResourceState[] = []) => ({
    drift,
    groups: groupDrift(drift, (wanted) => rows.find((row) => row.urn === wanted)),
  });
  const deployment = "kubernetes:apps/v1:Deployment";
  const names = Array.from({ length: 14 }, (_, i) => `web-${i}`);
  const scaled = names.map(
    (name, i): Drift => ({
      urn: urn(deployment, name),
      type: deployment,
      id: `shop/${name}`,
      kind: "changed",
      diff: diff(
        change("spec.replicas", 3, 5),
        change("spec.image", `web:${i}`, "web:evil"),
        change('metadata.annotations["by"]', undefined, `run ${i}`),
        change("spec.token", new Secret("hunter2"), new Secret(`hunter${i}`)),
      ),
      changes: [
        {
          by: "kubectl-edit",
          how: "Update",
          at: at - (i + 12) * 60_000,
          paths: ["spec.replicas", "spec.token"],
        },
        { by: "helm", at: at - 3 * 86_400_000, paths: ["metadata.annotations"] },
      ],
    }),
  );
  const vanished = ["app", "cache", "db"].map((name) =>
    state("kubernetes:core/v1:Service", name, `gone/${name}`, { metadata: { namespace: "gone" } }),
  );
  const namespace = state("kubernetes:core/v1:Namespace", "gone", "gone");
  const missing = [namespace, ...vanished].map(
    (row): Drift => ({ urn: row.urn, type: row.type, id: row.id as string, kind: "gone", diff: diff() }),
  );
  const rule = {
    type: deployment,
    paths: ["spec.replicas"],
    reason: "the autoscaler sets it",
    source: { file: "orch.yaml", line: 7, column: 5 },
  };
  const full: DriftReport = {
    ...base,
    checked: 1200,
    ...grouped([...scaled, ...missing, ...fullPlan().drift], [namespace, ...vanished]),
    ignored: [{ drift: scaled[0] as Drift, rule }],
    rules: {
      expired: [
        { rule: { ...rule, until: "2026-10-31" }, resources: 14 },
        { rule: { ...rule, urn: "*::old", until: "2026-01-31" }, resources: 0 },
      ],
      unused: [{ ...rule, paths: ["metadata.labels.*"] }],
    },
    unmanaged: [
      {
        rule: {
          type: "kubernetes:core/v1:ConfigMap",
          scope: { namespace: "shop" },
          ignore: ["kube-*"],
          source: { file: "orch.yaml", line: 12, column: 5 },
        },
        provider: urn("pulumi:providers:kubernetes", "default"),
        listed: 30,
        ignored: 1,
        objects: [
          { id: "shop/debug", title: "debug", changes: [{ by: "alice", at: at - 7_200_000 }] },
          ...Array.from({ length: 22 }, (_, i) => ({ id: `shop/tmp-${i}` })),
        ],
      },
    ],
    failures: names.map((name) => ({
      reason: "connection-failed",
      message: "no route to db",
      urn: urn("db:index:Table", name),
      next: ["Look whether it is up."],
    })),
  };

  test("none, some, and what could not be read", async () => {
    const texts = [
      renderDriftReport(base, { theme, full: false }),
      renderDriftReport(
        {
          ...base,
          ...grouped(fullPlan().drift),
          failures: [
            { reason: "connection-failed", message: "no route to db", urn: urn("db:index:Table", "orders") },
          ],
        },
        { theme, full: false },
      ),
      renderDriftReport({ ...base, unread: 5 }, { theme, full: false }),
    ];
    await expect(`${texts.join("\n=====\n")}\n`).toMatchFileSnapshot(golden("drift"));
  });

  test("by cause, with who and when, rules, what nobody manages, and failures that many share", async () => {
    const texts = [
      renderDriftReport(full, { theme, full: false }),
      renderDriftReport(full, { theme, full: false, verbose: true }),
    ];
    await expect(`${texts.join("\n=====\n")}\n`).toMatchFileSnapshot(golden("drift-groups"));
  });

  test("--diff and --json leave nothing out, and neither shows a secret", async () => {
    const text = renderDriftReport(full, { theme, full: true });
    const json = driftReportJson(full);
    for (const { urn: one } of full.drift) {
      expect(text).toContain(`${one}\n`);
      expect(JSON.stringify(json.groups)).toContain(JSON.stringify(one));
    }
    for (const { id } of full.unmanaged[0]?.objects ?? []) expect(text).toContain(id);
    for (const { urn: one } of full.failures) expect(text).toContain(shortUrn(one as string));
    expect(text + JSON.stringify(json)).not.toContain("hunter");
    await expect(`${JSON.stringify(json, undefined, 2)}\n`).toMatchFileSnapshot(golden("drift-json"));
  });

  test("who and when, as far as it is known", () => {
    const known = { by: "alice", how: "kubectl edit", first: at - 60_000, last: at - 60_000 };
    const texts = [
      known,
      { ...known, first: at - 600_000 },
      { how: "whenChanged", last: at - 3 * 3_600_000, first: at - 3 * 3_600_000 },
      { by: "alice" },
      { last: at + 600_000 },
      {},
    ].map((who) => whoText(who, at));
    expect(texts).toEqual([
      "changed by alice (kubectl edit), 2026-11-25 09:23 UTC (1 min ago)",
      "changed by alice (kubectl edit), 2026-11-25 09:14 UTC to 2026-11-25 09:23 UTC (1 min ago)",
      "changed according to whenChanged, 2026-11-25 06:24 UTC (3 h ago)",
      "changed by alice",
      "changed 2026-11-25 09:34 UTC",
      undefined,
    ]);
  });
});

describe("graphs", () => {
  test("of a plan and of a state, as DOT and Mermaid", async () => {
    const [first, second] = [state("a:b:C", 'quote " and \\', "1"), state("a:b:C", "<two> [x]", "2")];
    const linked = { ...second, dependencies: [first.urn] };
    const texts = [
      dotText(planGraph(fullPlan())),
      mermaidText(planGraph(fullPlan())),
      dotText(stateGraph("t", [first, linked])),
      mermaidText(stateGraph("t", [first, linked])),
    ];
    await expect(`${texts.join("\n=====\n")}\n`).toMatchFileSnapshot(golden("graphs"));
  });
});

describe("text", () => {
  test("is never wider than asked for, and keeps its beginning", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "漢", "é", "🙂", " ", "\x1b[31m", "\x1b[0m") });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 30 }), (line, columns) => {
        const cut = truncate(line, columns);
        expect(width(cut)).toBeLessThanOrEqual(columns);
        if (width(line) <= columns) expect(cut).toBe(line);
      }),
    );
  });

  test("from outside holds no control characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visible(text)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  test("small helpers", () => {
    expect(grouped(1234567)).toBe("1,234,567");
    expect([12, 340, 9_990, 59_400, 125_000].map(duration)).toEqual([
      "12 ms",
      "0.3 s",
      "10.0 s",
      "59 s",
      "2 min 05 s",
    ]);
    expect(
      table([
        ["a", "bcd"],
        ["long", ""],
      ]),
    ).toEqual(["a     bcd", "long"]);
    expect(
      [
        "aws:s3/bucket:Bucket",
        "host:index:File",
        "kubernetes:apps/v1:Deployment",
        "a:b",
        "random:index/pet:Pet",
      ].map(shortType),
    ).toEqual(["aws:s3:Bucket", "host:File", "kubernetes:apps/v1:Deployment", "a:b", "random:Pet"]);
  });

  test("is coloured where it should be", () => {
    const terminal = { isTTY: true };
    expect(wantsColour(terminal, {})).toBe(true);
    expect(wantsColour({}, {})).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: "" })).toBe(true);
    expect(wantsColour(terminal, {}, true)).toBe(false);
    expect(wantsColour({}, { FORCE_COLOR: "1" })).toBe(true);
    expect(wantsColour(terminal, { TERM: "dumb" })).toBe(false);
    expect(colourTheme.create("x")).toBe("\x1b[32mx\x1b[39m");
  });
});

describe("arguments", () => {
  test("lines that are too wide go on further in, at a space", () => {
    expect(hang("a\n  one two three four\n  unbreakablewordinit x", 12)).toBe(
      "a\n  one two\n      three\n      four\n  unbreakablewordinit\n      x",
    );
    const coloured = hang(`  ${colourTheme.create("one two three")}`, 9);
    expect(coloured.replace(/\x1b\[[0-9;]*m/g, "")).toBe("  one two\n    three");
  });

  test("is ASCII where a terminal shows no more, and nothing of it is lost", () => {
    expect(asciiOnly("~ a: 1 → 2… ✗ café 😀")).toBe("~ a: 1 -> 2... ! caf\\u{e9} \\u{1f600}");
    expect(wantsUnicode({ LANG: "C" })).toBe(false);
    expect(wantsUnicode({ LANG: "en_US.UTF-8", LC_ALL: "POSIX" })).toBe(false);
    expect(wantsUnicode({ LANG: "C.utf8" })).toBe(true);
    expect(wantsUnicode({})).toBe(true);
    expect(wantsUnicode({ LANG: "en_US.UTF-8", TERM: "linux" })).toBe(false);
  });

  test("a command is found behind global flags, and gets them", () => {
    expect(route(["-C", "dir", "plan", "--diff"])).toMatchObject({
      id: "plan",
      argv: ["-C", "dir", "--diff"],
    });
    expect(route(["--stack=dev", "stack", "ls"])).toMatchObject({ id: "stack:ls", argv: ["--stack=dev"] });
    expect(route(["stack:ls", "--json"])).toMatchObject({ id: "stack:ls", argv: ["--json"] });
    expect(route(["stack", "nope"])).toMatchObject({ id: undefined, words: ["stack", "nope"] });
    expect(route(["apply", "stack"])).toMatchObject({ id: "apply", argv: ["stack"] });
    expect(route([])).toMatchObject({ id: undefined, words: [] });
  });

  test("global flags are read anywhere before --", () => {
    expect(readGlobalFlags(["plan", "-C", "a", "--json", "-s", "dev"])).toMatchObject({
      cwd: "a",
      stack: "dev",
      json: true,
    });
    expect(readGlobalFlags(["--cwd=b", "plan"])).toMatchObject({ cwd: "b" });
    expect(readGlobalFlags(["-Cc", "plan", "--", "--json", "-s", "x"])).toEqual({
      cwd: "c",
      json: false,
      verbose: false,
      noColor: false,
      plain: false,
    });
  });
});
