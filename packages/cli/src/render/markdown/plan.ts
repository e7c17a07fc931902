/** A plan as the section of a comment: deletions and replaces first and open, the rest folded, and cut to what a comment may hold. */
import { byOrch, hasChanges, type Plan, type Step, summarize } from "@orch/core/model/plan";
import { forecast } from "@orch/core/plan/estimate";
import { indexSteps, type StepIndex } from "@orch/core/plan/why";
import type { Durations } from "@orch/core/state/durations";
import { driftItem } from "../drift.js";
import { estimateText } from "../expected.js";
import { renderWarning } from "../failure.js";
import { renderLikelyMoves } from "../likely-moves.js";
import { shortUrn } from "../names.js";
import { type Effect, effectOf, outputLines, stepText, summaryParts } from "../plan.js";
import { selectionLines, undoneText } from "../selection.js";
import { count, grouped } from "../text.js";
import { plainTheme } from "../theme.js";
import { cell, code, diffLine } from "./escape.js";
import { type Block, byteLength, fit, type Level, type Line, maxBytes, type Unit } from "./fit.js";
import { type Section, sectionText } from "./section.js";

const view = { theme: plainTheme, full: false };

/** Unfolded, and never cut while anything else is there. */
const destroying: readonly Effect[] = ["delete", "replace"];
/** What a reviewer looks at next. Deleting from the state alone is not undone by itself either. */
const order: readonly Effect[] = [
  ...destroying,
  "forget",
  "update",
  "create",
  "import",
  "move",
  "refresh",
  "read",
];

const titles: Readonly<Record<Effect, (n: number) => string>> = {
  delete: (n) => `DELETE ${count(n, "resource")}`,
  replace: (n) => `REPLACE ${count(n, "resource")}`,
  forget: (n) => `Forget ${count(n, "resource")}, without deleting anything`,
  update: (n) => `Update ${count(n, "resource")} in place`,
  create: (n) => `Create ${count(n, "resource")}`,
  import: (n) => `Import ${count(n, "resource")}`,
  move: (n) => `Rename ${count(n, "resource")} in the state`,
  refresh: (n) => `Take over into the state what was found: ${count(n, "resource")}`,
  read: (n) => `Read ${count(n, "resource")}`,
};

export interface PlanMarkdownOptions {
  /** Of the plan. */
  readonly digest: string;
  /** The file that the plan is kept in: where what was cut can be seen. */
  readonly file?: string;
  /** Of the whole section, in bytes. Default 58,500: a comment of 60,000 has room for it. */
  readonly limit?: number;
  /** How long steps took before, where times are to be told. */
  readonly durations?: Durations | undefined;
  /** Steps at the same time, for the time that all takes. */
  readonly parallel?: number | undefined;
  /** What "12 min ago" is counted from, in milliseconds since the epoch. Default: the clock. */
  readonly now?: number;
}

/** The whole section with its hidden lines, at most `limit` bytes. Holds no secret. */
export function planMarkdown(plan: Plan, options: PlanMarkdownOptions): string {
  const { digest, file, limit = maxBytes, now = Date.now() } = options;
  const summary = summarize(plan);
  const words = hasChanges(plan)
    ? summaryParts(summary, plainTheme).join(", ") || "outputs only"
    : "nothing to do";
  const info: Section["info"] = {
    kind: "plan",
    project: plan.project,
    stack: plan.stack,
    at: plan.createdAt,
    digest,
    state: "success",
    summary: words,
    attention: summary.delete + summary.replace > 0 || plan.drift.length > 0,
  };
  const name = `${plan.project}/${plan.stack}`;
  const what = { apply: "Plan", destroy: "Plan to destroy", refresh: "Plan to refresh" }[plan.kind];
  const estimate =
    options.durations && forecast(plan.steps, options.durations, options.parallel ?? 32)?.left(new Map());
  const time = estimate && estimateText(estimate);
  const head = [
    `### ${what} for ${code(name)}: ${words}`,
    summaryTable(name, summary),
    ...(plan.selection === undefined ? [] : [selectionNote(plan)]),
    `Plan ${code(digest.slice(0, 12))}${file === undefined ? "" : ` in ${code(file)}`}, made by orch ${code(plan.orchVersion)}${time === undefined ? "" : `. ${time}`}`,
  ].join("\n\n");
  const elsewhere =
    file === undefined
      ? "See all of it with `orch plan --diff`."
      : `See all of it with ${code(`orch show plan ${file} --diff`)}.`;
  const around = byteLength(sectionText({ info, body: "" }));
  const body = fit({ head, blocks: blocksOf(plan, now, options.durations), elsewhere }, limit - around);
  return sectionText({ info, body });
}

/** Before everything else: a reviewer has to know that this is not all that the program asks for. */
function selectionNote(plan: Plan): string {
  const { selection } = plan;
  if (selection === undefined) return "";
  const patterns = (flag: string, values: readonly string[]): string[] =>
    values.map((value) => code(`${flag} ${value}`));
  const flags = [
    ...patterns("--target", selection.targets),
    ...(selection.dependents ? [code("--target-dependents")] : []),
    ...patterns("--exclude", selection.excludes),
  ];
  const undone = undoneText(plan);
  return `**Not a plan of everything:** ${flags.join(" ")}${undone === undefined ? "" : `; ${undone}`}`;
}

function summaryTable(name: string, n: ReturnType<typeof summarize>): string {
  const other = n.forget + n.import + n.move + n.refresh + n.read;
  const strong = (k: number): string => (k > 0 ? `**${grouped(k)}**` : "0");
  const cells = [n.create, n.update].map(grouped);
  return [
    "| Stack | Create | Update | Replace | Delete | Other | Unchanged |",
    "| --- | --: | --: | --: | --: | --: | --: |",
    `| ${cell(name)} | ${[...cells, strong(n.replace), strong(n.delete), grouped(other), grouped(n.same)].join(" | ")} |`,
  ].join("\n");
}

function blocksOf(plan: Plan, now: number, durations: Durations | undefined): readonly Block[] {
  const index = indexSteps(plan.steps);
  const byEffect = new Map<Effect, Step[]>();
  const unchanged: Step[] = [];
  for (const step of plan.steps) {
    if (byOrch(step.urn)) continue;
    const effect = effectOf(step);
    if (effect === undefined) {
      if (step.op === "same") unchanged.push(step);
      continue;
    }
    const steps = byEffect.get(effect);
    if (steps === undefined) byEffect.set(effect, [step]);
    else steps.push(step);
  }
  const effects = order.flatMap((effect): Block[] => {
    const steps = byEffect.get(effect);
    if (steps === undefined) return [];
    const title = titles[effect](steps.length);
    const folded = !destroying.includes(effect);
    return [
      { heading: title, folded, units: steps.flatMap((step) => unitsOf(step, effect, index, durations)) },
    ];
  });
  const destroys = effects.filter(({ folded }) => !folded);
  const others = effects.filter(({ folded }) => folded);
  const outputs = outputLines(plan, view, index);
  return [
    ...destroys,
    ...remarks("Renamed?", false, [renderLikelyMoves(plan.steps, plainTheme).filter((line) => line !== "")]),
    ...remarks("What is left out, and what comes along", true, [
      selectionLines(plan, plainTheme, true).filter((line) => line !== ""),
    ]),
    ...remarks(
      count(plan.warnings.length, "warning"),
      true,
      plan.warnings.map((warning) => renderWarning(warning, plainTheme)),
    ),
    ...remarks(
      `Changed outside orch: ${count(plan.drift.length, "resource")}`,
      true,
      plan.drift.map((drift) => driftItem(drift, view, now)),
    ),
    ...others,
    ...(outputs.length === 0
      ? []
      : [
          {
            heading: "Outputs",
            folded: true,
            units: outputs.map(
              (line): Unit => ({ level: "computed", lines: [{ text: diffLine(`  ${line}`) }] }),
            ),
          },
        ]),
    ...(unchanged.length === 0
      ? []
      : [
          {
            heading: `${count(unchanged.length, "resource")} unchanged`,
            folded: true,
            units: unchanged.map(
              ({ urn }): Unit => ({ level: "no-ops", lines: [{ text: diffLine(shortUrn(urn)) }] }),
            ),
          },
        ]),
  ];
}

/** `items` hold the lines of one remark each. */
export function remarks(
  heading: string,
  folded: boolean,
  items: readonly (readonly string[])[],
  level: Level = "remarks",
): Block[] {
  const units = items
    .filter((lines) => lines.length > 0)
    .map((lines): Unit => ({ level, lines: lines.map((line) => ({ text: diffLine(line) })) }));
  return units.length === 0 ? [] : [{ heading, folded, units }];
}

function unitsOf(
  step: Step,
  effect: Effect,
  index: StepIndex,
  durations: Durations | undefined,
): readonly Unit[] {
  const times = durations === undefined ? {} : { durations };
  const { head, body } = stepText(step, effect, index, { ...view, ...times });
  const destroys = destroying.includes(effect);
  const units: Unit[] = [{ level: destroys ? "destroys" : "names", lines: head.map(indented) }];
  if (body.length > 0)
    units.push({ level: destroys ? "replace-details" : "updates", lines: body.map(indented) });
  return units;
}

/** Strings are in quotes, and lines of texts begin with `|`: nothing else of a value ends like that. */
const computed = /\(known after apply(, .*)?\)$/;
const asLine = (line: string): Line => ({
  text: diffLine(line),
  ...(computed.test(line) && !/^ *\|/.test(line) ? { computed: true } : {}),
});
const indented = (line: string): Line => asLine(`  ${line}`);
