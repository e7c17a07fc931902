/** One resource explained. */

import { Secret } from "@orch/core/model/value";
import { episodes, explain } from "@orch/core/plan/explain";
import { indexSteps } from "@orch/core/plan/why";
import { describe, expect, test } from "vitest";
import { renderExplanation } from "../../../packages/cli/src/render/explain.js";
import { explanationJson } from "../../../packages/cli/src/render/json.js";
import { plainTheme } from "../../../packages/cli/src/render/theme.js";
import { consequences, state } from "./plans.js";

const made = consequences();
const index = indexSteps(made.steps);
const urnOf = (name: string): string => made.steps.find(({ urn }) => urn.endsWith(`::${name}`))?.urn ?? "";
const runs = new Map([[3, { kind: "apply" as const, who: "ada@build" }]]);
const version = (runId: number, id: string, inputs: Record<string, string | Secret>) => ({
  ...{ runId, at: Date.UTC(2026, 10, runId), state: state("aws:rds/instance:Instance", "db", id, inputs) },
});
const past = episodes([
  version(5, "db-2", { engine: "mysql", password: new Secret("hunter2") }),
  { runId: 4, at: Date.UTC(2026, 10, 4) },
  version(3, "db-1", { engine: "postgres", size: "20" }),
  version(2, "db-1", { engine: "postgres", size: "10" }),
  version(1, "db-0", { engine: "postgres", size: "10" }),
]);

const explained = (name: string) => {
  const explanation = explain(urnOf(name), index, []);
  if (explanation === undefined) throw new Error(`no ${name}`);
  return { explanation, index, past, runs };
};

describe("orch explain", () => {
  test("what it is, what is done to it and why, where values come from, who needs it, its past", async () => {
    const names = ["db", "cert", "config", "data", "logs"];
    const texts = names.map((name) => renderExplanation(explained(name), { theme: plainTheme, full: false }));
    await expect(`${texts.join("\n=====\n")}\n`).toMatchFileSnapshot("./goldens/explain.golden");
    expect(texts.join()).not.toContain("hunter2");
  });

  test("as JSON", () => {
    const json = explanationJson(explained("cert"));
    expect(json).toMatchObject({
      format: 1,
      type: "explanation",
      urn: urnOf("cert"),
      causes: [
        { urn: urnOf("cert"), op: "create", paths: ["host"] },
        { urn: urnOf("db"), through: { by: "property", property: "host" }, paths: ["engine"] },
      ],
      origins: [{ property: "host", from: [urnOf("db")], unknown: false }],
      leadsTo: [urnOf("config")],
    });
    expect((json.history as object[]).map((one) => (one as { what: string }).what)).toEqual([
      "created",
      "deleted",
      "changed",
      "replaced",
      "created",
    ]);
    expect(JSON.stringify(json)).not.toContain("hunter2");
  });

  test("what nothing is done to is told out of the state; what nobody knows is not", () => {
    const row = state("host:index:File", "kept", "/kept", { path: "/kept" });
    const explanation = explain(row.urn, indexSteps([]), [row]);
    if (explanation === undefined) throw new Error("it is in the state");
    const text = renderExplanation(
      { explanation, index: indexSteps([]), past: [], runs: new Map() },
      { theme: plainTheme, full: false },
    );
    expect(text).toContain("nothing is done to it");
    expect(explain("urn:pulumi:dev::shop::host:index:File::none", index, [row])).toBeUndefined();
  });
});
