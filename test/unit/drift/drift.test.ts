/** What a drift report makes of differences: pure functions. */
import { groupDrift } from "@orch/core/drift/groups";
import { applyIgnoreRules } from "@orch/core/drift/ignore";
import { placeOf } from "@orch/core/drift/place";
import { changesBehind, lastBehind } from "@orch/core/model/object-change";
import { formatPath, parsePath } from "@orch/core/model/path";
import { fits } from "@orch/core/model/pattern";
import type { Drift } from "@orch/core/model/plan";
import type { IgnoreRule } from "@orch/core/project/drift-rules";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { change, diff, state, urn } from "../render/plans.js";

const type = "test:index:Thing";
const changed = (name: string, ...changes: ReturnType<typeof change>[]): Drift => ({
  urn: urn(type, name),
  type,
  kind: "changed",
  diff: diff(...changes),
});
const gone = (name: string): Drift => ({ urn: urn(type, name), type, kind: "gone", diff: diff() });
const rule = (more: Partial<IgnoreRule>): IgnoreRule => ({
  type,
  paths: ["size"],
  reason: "because",
  source: { file: "orch.yaml", line: 1, column: 1 },
  ...more,
});
const noon = Date.UTC(2027, 0, 31, 12);

const anyPath = fc.constantFrom("size", "tags.a", "tags.b", "list[0].x", "list[1].x");
const anyDrift = fc
  .array(
    fc.record({
      kind: fc.constantFrom("changed", "gone"),
      changes: fc.uniqueArray(fc.tuple(anyPath, fc.nat(2)), { minLength: 1, selector: ([path]) => path }),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ kind, changes }, i) =>
      kind === "gone"
        ? gone(`n${i}`)
        : changed(`n${i}`, ...changes.map(([path, value]) => change(path, 9, value))),
    ),
  );

describe("patterns", () => {
  test("are texts with * for any text", () => {
    expect(fits("a:*:c", "a:b:c")).toBe(true);
    expect(fits("a:*:c", "a:b:d")).toBe(false);
    expect(fits("*", "")).toBe(true);
    expect(fits("ab*ba", "aba")).toBe(false);
    expect(fits("a.c", "abc")).toBe(false);
    expect(fits("Thing", "thing")).toBe(false);
    expect(fits("*a*b", "xaxbxb")).toBe(true);
  });
  test("agree with regular expressions", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (pattern, subject) => {
        const source = pattern
          .split("*")
          .map((part) => part.replaceAll(".", "\\."))
          .join(".*");
        expect(fits(pattern, subject)).toBe(new RegExp(`^${source}$`).test(subject));
      }),
    );
  });
});

describe("who", () => {
  const all = [
    { by: "kubectl", at: 3, paths: ["spec.replicas"] },
    { by: "helm", at: 2, paths: ["spec", "metadata.labels.app"] },
    { by: "audit", at: 1 },
  ];
  test("is the newest that can be behind a path, from above or from below", () => {
    expect(lastBehind(all, parsePath("spec.replicas"))?.by).toBe("kubectl");
    expect(lastBehind(all, parsePath("spec.image"))?.by).toBe("helm");
    expect(lastBehind(all, parsePath("metadata"))?.by).toBe("helm");
    expect(lastBehind(all, parsePath("status"))?.by).toBe("audit");
    expect(lastBehind([], parsePath("status"))).toBeUndefined();
  });
  test("is cut down to what meets the differences; a path in another syntax says nothing", () => {
    expect(changesBehind(all, [parsePath("metadata.labels.app")])).toEqual([
      { by: "helm", at: 2, paths: ["metadata.labels.app"] },
      { by: "audit", at: 1 },
    ]);
    expect(changesBehind([{ by: "x", paths: ['a["b'] }], [parsePath("c")])).toEqual([
      { by: "x", paths: ['a["b'] },
    ]);
    expect(changesBehind(all, []).map(({ by }) => by)).toEqual(["kubectl", "helm", "audit"]);
  });
});

describe("rules", () => {
  test("take away what they cover, and what lies below it", () => {
    const drift = [
      changed("a", change("size", 1, 2), change("tags.x", 1, 2)),
      changed("b", change("size", 1, 2)),
      changed("c", change("tags.x.y", 1, 2)),
    ];
    const sorted = applyIgnoreRules(drift, [rule({}), rule({ urn: "*::c", paths: ["tags.*"] })], noon);
    expect(sorted.drift).toEqual([changed("a", change("tags.x", 1, 2))]);
    expect(sorted.ignored.map(({ drift: one, rule: by }) => [one.urn.split("::").at(-1), by.paths])).toEqual([
      ["a", ["size"]],
      ["b", ["size"]],
      ["c", ["tags.*"]],
    ]);
    expect(sorted).toMatchObject({ expired: [], unused: [] });
  });

  test("end with their last day, and are named with what they do not cover any more", () => {
    const drift = [changed("a", change("size", 1, 2)), changed("b", change("size", 1, 2))];
    const rules = [rule({ until: "2027-01-31" }), rule({ until: "2027-01-30", paths: ["other"] })];
    const sorted = applyIgnoreRules(drift, rules, noon);
    expect(sorted.drift).toEqual([]);
    expect(sorted.expired).toEqual([{ rule: rules[1], resources: 0 }]);
    const later = applyIgnoreRules(drift, rules, noon + 86_400_000);
    expect(later.drift).toEqual(drift);
    expect(later.expired).toEqual([
      { rule: rules[0], resources: 2 },
      { rule: rules[1], resources: 0 },
    ]);
  });

  test("never cover what is gone, and say when they had nothing to do", () => {
    const all = rule({ paths: ["*"] });
    const sorted = applyIgnoreRules([gone("a")], [all], noon);
    expect(sorted).toEqual({ drift: [gone("a")], ignored: [], expired: [], unused: [all] });
  });

  test("lose nothing: every difference is kept or ignored, never both", () => {
    const rules = fc.array(
      fc
        .record({ paths: fc.array(fc.constantFrom("size", "tags", "list.*.x", "*"), { minLength: 1 }) })
        .map(rule),
      { maxLength: 3 },
    );
    const leaves = (drift: readonly Drift[]): string[] =>
      drift
        .flatMap((one) =>
          one.kind === "gone"
            ? [one.urn]
            : one.diff.changes.map(({ path }) => `${one.urn} ${formatPath(path)}`),
        )
        .sort();
    fc.assert(
      fc.property(anyDrift, rules, (drift, all) => {
        const sorted = applyIgnoreRules(drift, all, noon);
        expect(leaves([...sorted.drift, ...sorted.ignored.map(({ drift: one }) => one)])).toEqual(
          leaves(drift),
        );
      }),
    );
  });
});

describe("groups", () => {
  test("hold each drift once, in order", () => {
    fc.assert(
      fc.property(anyDrift, (drift) => {
        const groups = groupDrift(drift, (wanted) => state(type, String(wanted.split("::").at(-1)), "a/b"));
        const members = groups.flatMap((group) => group.drift);
        expect(new Set(members)).toEqual(new Set(drift));
        expect(members).toHaveLength(drift.length);
        for (const group of groups) for (const one of group.drift) expect(one.kind).toBe(group.kind);
      }),
    );
  });

  test("are by what changed how; a value is told where it is the same on all", () => {
    const drift = [
      changed("a", change("list[0].x", 1, 5)),
      changed("b", change("list[3].x", 2, 5)),
      changed("c", change("list[0].x", undefined, 5)),
      changed("d", change("list[0].x", 1, 5), change("size", 1, 2)),
    ];
    const groups = groupDrift(drift, () => undefined);
    expect(groups.map((group) => group.drift.map((one) => one.urn.split("::").at(-1)))).toEqual([
      ["a", "b"],
      ["c"],
      ["d"],
    ]);
    expect(groups[0]).toMatchObject({
      kind: "changed",
      changes: [
        { path: ["list", "*", "x"], kind: "changed", after: 5, varies: { before: true, after: false } },
      ],
    });
    const [first] = groups;
    expect(first?.kind === "changed" && Object.keys(first.changes[0] ?? {})).not.toContain("before");
  });

  test("of what is gone are by place, with the thing that held them", () => {
    const holder = state("k:core:Namespace", "shop", "shop");
    const rows = [
      ...["a", "b"].map((name) => state(type, name, `shop/${name}`, { metadata: { namespace: "shop" } })),
      holder,
      state(type, "other", "web/other", { metadata: { namespace: "web" } }),
    ];
    const drift = rows.map((row): Drift => ({ ...gone(row.name), urn: row.urn, type: row.type }));
    const groups = groupDrift(drift, (wanted) => rows.find((row) => row.urn === wanted));
    expect(
      groups.map((group) => [
        group.kind === "gone" && group.place,
        group.kind === "gone" && group.root,
        group.drift.map((one) => one.urn.split("::").at(-1)),
      ]),
    ).toEqual([
      ["shop", holder.urn, ["shop", "a", "b"]],
      ["web", undefined, ["other"]],
    ]);
  });

  test("know a place from a namespace, a path, a directory's name, or the component", () => {
    const at = (id: string, inputs = {}) => placeOf({ inputs, id, parent: "the-component" });
    expect(at("x", { metadata: { namespace: "shop" } })).toBe("shop");
    expect(at("x", { namespace: "shop" })).toBe("shop");
    expect(at("/etc/app/a.conf")).toBe("/etc/app");
    expect(at("/etc")).toBe("/");
    expect(at("CN=Smith\\, John,OU=staff,DC=corp")).toBe("OU=staff,DC=corp");
    expect(at("i-0123")).toBe("the-component");
  });
});
