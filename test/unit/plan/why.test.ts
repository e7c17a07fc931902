import type { CreateStep, Step, StepReason, UpdateStep } from "@orch/core/model/plan";
import { unknown } from "@orch/core/model/value";
import { type Cause, causeChain, indexSteps, unknownSources } from "@orch/core/plan/why";
import { describe, expect, test } from "vitest";
import { change, diff, resource, state } from "../render/plans.js";

const type = "host:index:File";
type Changes = Parameters<typeof diff>;

function desired(name: string, from: Record<string, string[]> = {}) {
  const urnOf = (other: string) => resource(type, other).urn;
  const propertyDependencies = Object.fromEntries(
    Object.entries(from).map(([property, names]) => [property, names.map(urnOf)]),
  );
  const r = { ...resource(type, name), propertyDependencies };
  return { id: 0, after: [], urn: r.urn, resource: r, inputs: {}, outputs: {} };
}
const update = (name: string, changes: Changes, from?: Record<string, string[]>): UpdateStep => ({
  ...desired(name, from),
  op: "update",
  prior: state(type, name, name),
  diff: diff(...changes),
  reason: { kind: "changed" },
});
const replace = (
  name: string,
  changes: Changes,
  reason: StepReason = { kind: "changed" },
  from?: Record<string, string[]>,
): CreateStep => ({
  ...desired(name, from),
  op: "create",
  reason,
  replaces: { prior: state(type, name, name), diff: diff(...changes), order: "create-before-delete" },
});
const same = (name: string): Step => ({
  ...desired(name),
  op: "same",
  prior: state(type, name, name),
  write: false,
});
const forces = { effect: "replace" } as const;
const throughText = (through: Cause["through"]): string =>
  through === undefined ? "" : through.by === "property" ? through.property : `(${through.by})`;
const names = (step: Step, all: readonly Step[]): string[] =>
  causeChain(step, indexSteps(all)).map(
    (cause) => `${cause.step.urn.split("::").at(-1)} ${throughText(cause.through)}`,
  );

describe("why", () => {
  test("through unknown values back to the change that the program made", () => {
    const db = replace("db", [change("engine", "a", "b", forces), change("size", 1, 2)]);
    const cert = replace("cert", [change("host", "x", unknown, forces)], undefined, { host: ["keep", "db"] });
    const page = update("page", [change("cert.body", "x", unknown)], { cert: ["cert"] });
    const all = [same("keep"), db, cert, page];
    expect(names(page, all)).toEqual(["page ", "cert cert", "db host"]);
    const last = causeChain(page, indexSteps(all)).at(-1);
    expect(last?.changes.map(({ path }) => path)).toEqual([["engine"]]);
  });

  test("a change whose new value is known is the first", () => {
    const db = replace("db", [change("engine", "a", "b", forces)]);
    const page = update("page", [change("body", "x", unknown), change("mode", "1", "2")], { body: ["db"] });
    expect(names(page, [db, page])).toEqual(["page "]);
  });

  test("a new value that is known comes from where it is given out", () => {
    const outputs = { path: "/srv/b", mode: "0755" };
    const old = { ...state(type, "dir", "dir"), outputs: { path: "/srv/a", mode: "0755" } };
    const forced = diff(change("path", "/srv/a", "/srv/b", forces));
    const dir: CreateStep = {
      ...replace("dir", []),
      outputs,
      replaces: { prior: old, diff: forced, order: "create-before-delete" },
    };
    const below = (after: string) =>
      replace("page", [change("path", "/srv/a/x", after, forces)], undefined, { path: ["dir"] });
    const page = below("/srv/b/x");
    expect(names(page, [dir, page])).toEqual(["page ", "dir path"]);
    // Another text of the program's own: the directory is replaced, but not the cause.
    const other = below("/elsewhere/0755");
    expect(names(other, [dir, other])).toEqual(["page "]);
  });

  test("through what it stands on, and through its provider", () => {
    const db = replace("db", [change("engine", "a", "b", forces)]);
    const on = replace("on", [], { kind: "dependency-replaced", urn: db.urn });
    expect(names(on, [db, on])).toEqual(["on ", "db (dependency)"]);
    const served = replace("served", [], { kind: "provider-changed" });
    const withProvider = { ...served, resource: { ...served.resource, provider: db.urn } };
    expect(names(withProvider, [db, withProvider])).toEqual(["served ", "db (provider)"]);
  });

  test("ends where two blame each other", () => {
    const a = update("a", [change("x", 1, unknown)], { x: ["b"] });
    const b = update("b", [change("x", 1, unknown)], { x: ["a"] });
    expect(names(a, [a, b])).toEqual(["a ", "b x"]);
  });

  test("the sources of an unknown: what is replaced first, what stays never", () => {
    const db = replace("db", [change("engine", "a", "b", forces)]);
    const other = update("other", [change("a", 1, 2)]);
    const page = update("page", [change("body", "x", unknown)], { body: ["other", "keep", "db", "missing"] });
    const index = indexSteps([same("keep"), db, other, page]);
    expect(unknownSources(page, "body", index).map(({ urn }) => urn)).toEqual([db.urn, other.urn]);
    expect(unknownSources(page, "none", index)).toEqual([]);
  });
});
