/** What an apply did, as the section of a comment: failures first and in full, what was deleted and replaced by name, the rest folded; cut as a plan is. */
import type { ApplyResult } from "@orch/core/model/event";
import { byOrch, type Plan, type StepId } from "@orch/core/model/plan";
import { renderFailure, renderFailureGroup, renderWarning } from "../failure.js";
import { doneText, type Effect, effectOf, renderOutputValues } from "../plan.js";
import { didNot, failedGroups, finishedLine } from "../progress.js";
import { count, duration, grouped } from "../text.js";
import { plainTheme } from "../theme.js";
import { cell, code, diffLine, shortened } from "./escape.js";
import { type Block, byteLength, fit, type Level, maxBytes, type Unit } from "./fit.js";
import { remarks } from "./plan.js";
import { type Section, sectionText } from "./section.js";

const view = { theme: plainTheme, full: false };

/** A step that was done, as its event told. */
export interface DoneStep {
  readonly step: StepId;
  readonly elapsedMs: number;
}

export interface ApplyMarkdownOptions {
  /** Of the plan. */
  readonly digest: string;
  /** Undefined: there was nothing to do. */
  readonly result: ApplyResult | undefined;
  readonly done: readonly DoneStep[];
  /** Of the command: all but 0 is a failure, whatever the steps say. */
  readonly exitCode: number;
  /** When it ended, in milliseconds since the epoch. */
  readonly now: number;
  /** Folder that source positions are relative to. */
  readonly baseDir?: string;
  /** Of the whole section, in bytes. */
  readonly limit?: number;
}

/** What happened, of the command that did it. */
const applyTitles: Readonly<Record<Plan["kind"], string>> = {
  apply: "Apply",
  destroy: "Destroy",
  refresh: "Refresh",
};

const titles: readonly [effect: Effect, title: (n: number) => string, level: Level][] = [
  ["delete", (n) => `DELETED ${count(n, "resource")}`, "destroys"],
  ["replace", (n) => `REPLACED ${count(n, "resource")}`, "destroys"],
  ["forget", (n) => `Forgot ${count(n, "resource")}, without deleting anything`, "names"],
  ["update", (n) => `Updated ${count(n, "resource")} in place`, "names"],
  ["create", (n) => `Created ${count(n, "resource")}`, "names"],
  ["import", (n) => `Imported ${count(n, "resource")}`, "names"],
  ["move", (n) => `Renamed ${count(n, "resource")} in the state`, "names"],
  ["refresh", (n) => `Took over into the state what was found: ${count(n, "resource")}`, "names"],
  ["read", (n) => `Read ${count(n, "resource")}`, "names"],
];

/** The whole section with its hidden lines, at most `limit` bytes. Holds no secret. */
export function applyMarkdown(plan: Plan, options: ApplyMarkdownOptions): string {
  const { digest, exitCode, now, limit = maxBytes } = options;
  const result = options.result === undefined ? undefined : withBriefFailures(options.result);
  const name = `${plan.project}/${plan.stack}`;
  const failures = result === undefined ? undefined : failedGroups(plan, result);
  const skipped = failures?.skipped ?? [];
  const counts = [
    ...(result !== undefined && result.failed.length > 0 ? [`${grouped(result.failed.length)} failed`] : []),
    result === undefined ? "nothing to do" : doneText(result.summary),
    ...(skipped.length > 0 ? [`${grouped(skipped.length)} not done`] : []),
  ].join(", ");
  const { outcome = "succeeded" } = result ?? {};
  const words = outcome === "succeeded" ? counts : `${outcome}, ${counts}`;
  const info: Section["info"] = {
    kind: "apply",
    project: plan.project,
    stack: plan.stack,
    at: now,
    digest,
    state: exitCode === 0 ? "success" : "failure",
    summary: words,
    attention: exitCode !== 0,
  };
  const what = plan.undo === undefined ? applyTitles[plan.kind] : "Undo";
  const run = result === undefined ? "" : `Run ${result.runId}, in ${duration(result.elapsedMs)}, of plan `;
  const head = [
    `### ${what} of ${code(name)}: ${words}`,
    ...(result === undefined ? [] : [summaryTable(name, result, skipped.length)]),
    `${run === "" ? "Plan " : run}${code(digest.slice(0, 12))}, by orch ${code(plan.orchVersion)}`,
    ...(outcome === "interrupted"
      ? ["**Interrupted.** The state holds what was done; run the command again to go on."]
      : []),
  ].join("\n\n");
  const around = byteLength(sectionText({ info, body: "" }));
  const elsewhere = `See all of it in the log of the run${result === undefined ? "" : `, or with \`orch history ${result.runId}\``}.`;
  return sectionText({
    info,
    body: fit({ head, blocks: blocksOf(plan, { ...options, result }, failures), elsewhere }, limit - around),
  });
}

/** Characters of a text in a failure. A comment holds no more of them, and a service may answer with megabytes. */
const longestText = 20_000;

function withBriefFailures(result: ApplyResult): ApplyResult {
  const brief = <T>(value: T): T => {
    if (typeof value === "string") return shortened(value, longestText) as T;
    if (Array.isArray(value)) return value.map(brief) as T;
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, brief(item)])) as T;
  };
  return {
    ...result,
    failed: result.failed.map(({ step, failure }) => ({ step, failure: brief(failure) })),
    ...(result.problem === undefined ? {} : { problem: brief(result.problem) }),
  };
}

function summaryTable(name: string, { summary: n, failed }: ApplyResult, skipped: number): string {
  const other = n.forget + n.import + n.move + n.refresh + n.read;
  const strong = (k: number): string => (k > 0 ? `**${grouped(k)}**` : "0");
  const cells = [...[n.create, n.update, n.replace, n.delete, other].map(grouped), strong(failed.length)];
  return [
    "| Stack | Created | Updated | Replaced | Deleted | Other | Failed | Not done |",
    "| --- | --: | --: | --: | --: | --: | --: | --: |",
    `| ${cell(name)} | ${[...cells, strong(skipped)].join(" | ")} |`,
  ].join("\n");
}

function blocksOf(
  plan: Plan,
  { result, done, baseDir }: ApplyMarkdownOptions,
  failed: ReturnType<typeof failedGroups> | undefined,
): readonly Block[] {
  const failureView = { ...view, ...(baseDir === undefined ? {} : { baseDir }) };
  const warnings = remarks(
    count(plan.warnings.length, "warning"),
    true,
    plan.warnings.map((warning) => renderWarning(warning, plainTheme)),
  );
  if (result === undefined || failed === undefined) return warnings;
  const { groups, skipped, waiting } = failed;
  const failures = groups.map((group) =>
    renderFailureGroup(group, failureView, "orch history").flatMap((text) => text.split("\n")),
  );
  const problem =
    result.problem === undefined ? [] : [renderFailure(result.problem, failureView).split("\n")];
  return [
    ...failureBlock(`FAILED: ${count(result.failed.length, "resource")}`, failures),
    ...failureBlock("The run itself failed", problem),
    ...doneBlocks(plan, done, false),
    ...warnings,
    ...remarks(
      `Not done: ${count(skipped.length, "step")}`,
      true,
      [...waiting.values()].flat().map((step) => [`  ${didNot(step)}`]),
      "names",
    ),
    ...doneBlocks(plan, done, true),
    ...(plan.kind === "apply"
      ? remarks(
          "Outputs",
          true,
          renderOutputValues(result.outputs, view).map((line) => [`  ${line}`]),
          "outputs",
        )
      : []),
  ];
}

/** Of one failure: what it is stays to the last, what it goes on to say is cut before. */
const headLines = 8;

function failureBlock(heading: string, failures: readonly (readonly string[])[]): Block[] {
  const units = failures.flatMap((lines): Unit[] => [
    { level: "failures", lines: lines.slice(0, headLines).map((line) => ({ text: diffLine(line) })) },
    ...lines.slice(headLines).map((line): Unit => ({ level: "remarks", lines: [{ text: diffLine(line) }] })),
  ]);
  return units.length === 0 ? [] : [{ heading, folded: false, units }];
}

function doneBlocks(plan: Plan, done: readonly DoneStep[], folded: boolean): Block[] {
  const byEffect = new Map<Effect, { resources: number; lines: string[] }>();
  for (const { step: id, elapsedMs } of done) {
    const step = plan.steps[id];
    if (step === undefined || byOrch(step.urn)) continue;
    const old = step.op === "delete" && step.replaced !== undefined;
    const effect = old ? "replace" : effectOf(step);
    if (effect === undefined) continue;
    const line = finishedLine({ op: step.op, urn: step.urn, step }, elapsedMs, plainTheme, false);
    const found = byEffect.get(effect) ?? { resources: 0, lines: [] };
    // The halves of a replace are one resource.
    found.resources += old ? 0 : 1;
    found.lines.push(`  ${line.replace(/^±/, "+/-")}`);
    byEffect.set(effect, found);
  }
  return titles.flatMap(([effect, title, level]): Block[] => {
    const found = byEffect.get(effect);
    if (found === undefined || folded === (level === "destroys")) return [];
    const units = found.lines.map((line): Unit => ({ level, lines: [{ text: diffLine(line) }] }));
    return [{ heading: title(found.resources), folded, units }];
  });
}
