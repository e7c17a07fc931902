/**
 * A plan on screen: what will be done, grouped by effect and by component, destroys and replaces first and loudest; what was found
 * changed; outputs and warnings; and one summary line that counts exactly the plan's steps.
 */
import type { Diff, PropertyChange } from "@orch/core/model/diff";
import { formatPath } from "@orch/core/model/path";
import { byOrch, hasChanges, type Plan, type PlanSummary, type Step, summarize } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import { equal, type PropertyMap, type Value } from "@orch/core/model/value";
import { forecast } from "@orch/core/plan/estimate";
import { indexSteps, type StepIndex } from "@orch/core/plan/why";
import type { Durations } from "@orch/core/state/durations";
import { type ChangesView, renderChanges } from "./changes.js";
import { driftHeading, driftItem } from "./drift.js";
import { estimateText, expectedText } from "./expected.js";
import { renderWarning } from "./failure.js";
import { renderLikelyMoves } from "./likely-moves.js";
import { shortType, shortUrn } from "./names.js";
import { type Branch, headingOf, parentsOf, treeOf } from "./plan-tree.js";
import { selectionLines, selectionText, undoneText } from "./selection.js";
import { count, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";
import { keyText, labelled, type ValueView } from "./value.js";
import { unknownOf, unknownOutput, whyLines } from "./why.js";

export interface PlanView extends ValueView {
  /** The command that applies the plan, shown below it; absent where the question follows at once. */
  readonly nextCommand?: string;
  /** What "12 min ago" is counted from, in milliseconds since the epoch. Default: the clock. */
  readonly now?: number;
  /** How long steps took before, where times are to be told. */
  readonly durations?: Durations;
  /** Steps at the same time, for the time that all takes. */
  readonly parallel?: number;
}

/** What happens to a resource, in the words and the order of the screen. */
export type Effect =
  | "delete"
  | "replace"
  | "forget"
  | "update"
  | "create"
  | "import"
  | "move"
  | "read"
  | "refresh";

/** The effect that a person sees, or undefined for steps that are part of another line (or of none). */
export function effectOf(step: Step): Effect | undefined {
  switch (step.op) {
    case "same":
      return step.movedFrom === undefined ? undefined : "move";
    case "create":
      return step.replaces === undefined ? "create" : "replace";
    case "delete":
      if (step.replaced !== undefined) return undefined;
      return step.forget === undefined ? "delete" : "forget";
    case "update":
    case "read":
    case "import":
    case "refresh":
      return step.op;
  }
}

interface EffectText {
  readonly symbol: string;
  readonly style: (theme: Theme) => (text: string) => string;
  readonly heading: (n: number) => string;
}

const effects: Readonly<Record<Effect, EffectText>> = {
  delete: { symbol: "-", style: (t) => t.remove, heading: (n) => `DELETE ${count(n, "resource")}` },
  replace: { symbol: "±", style: (t) => t.replace, heading: (n) => `REPLACE ${count(n, "resource")}` },
  forget: {
    symbol: "x",
    style: (t) => t.update,
    heading: (n) => `Forget ${count(n, "resource")}, without deleting anything`,
  },
  update: { symbol: "~", style: (t) => t.update, heading: (n) => `Update ${count(n, "resource")} in place` },
  create: { symbol: "+", style: (t) => t.create, heading: (n) => `Create ${count(n, "resource")}` },
  import: { symbol: "=", style: (t) => t.read, heading: (n) => `Import: ${count(n, "resource")}` },
  move: { symbol: ">", style: (t) => t.read, heading: (n) => `Rename in the state: ${count(n, "resource")}` },
  read: { symbol: "?", style: (t) => t.read, heading: (n) => `Read: ${count(n, "resource")}` },
  refresh: {
    symbol: "↻",
    style: (t) => t.read,
    heading: (n) => `Take over into the state what was found: ${count(n, "resource")}`,
  },
};
const order = Object.keys(effects) as Effect[];

/** Beyond this many changed resources, new ones are listed without their properties unless `full`. */
const manyChanges = 100;
/** New ones of one type in one component that are then listed; the others are counted. */
const fewNew = 10;
/** Updates that say the same are told once, from so many on. */
const sameUpdates = 3;
/** Components that are nested deeper are not indented further. */
const deepest = 12;
/** Beyond so many lines what is deleted and replaced is named again above the summary. */
const oneScreen = 40;

/** What all steps of one rendering share. */
interface Whole {
  readonly view: PlanView;
  readonly index: StepIndex;
  readonly brief: boolean;
}

function undoText({ before, runs }: NonNullable<Plan["undo"]>): string {
  const [first, ...later] = runs;
  if (first === undefined) return `Back to the state before run ${before}, with nothing done since.`;
  if (later.length === 0) return `Undo of run ${first}: back to the state before it.`;
  return `Undo of the runs ${listed(runs.map(String))}: back to the state before run ${first}.`;
}

/** The whole plan as lines without a final newline. */
export function renderPlan(plan: Plan, view: PlanView): string {
  const { theme } = view;
  const out: string[] = [];
  if (plan.undo !== undefined) out.push(theme.bold(undoText(plan.undo)), "");
  if (plan.selection !== undefined) out.push(theme.bold(selectionText(plan.selection)), "");
  const groups = new Map<Effect, Step[]>();
  let changed = 0;
  for (const step of plan.steps) {
    const effect = effectOf(step);
    if (effect === undefined || byOrch(step.urn)) continue;
    changed++;
    const group = groups.get(effect);
    if (group === undefined) groups.set(effect, [step]);
    else group.push(step);
  }
  const whole: Whole = {
    view,
    index: indexSteps(plan.steps),
    brief: changed > manyChanges && !view.full,
  };
  const parentOf = parentsOf(plan.steps);
  const section = (effect: Effect): void => {
    const steps = groups.get(effect);
    if (steps === undefined) return;
    const text = effects[effect];
    const heading = text.heading(steps.length);
    out.push(isLoss(effect) ? theme.danger(heading) : theme.bold(text.style(theme)(heading)));
    branchLines(treeOf(steps, parentOf), effect, whole, out);
    out.push("");
  };
  for (const effect of order) if (isLoss(effect)) section(effect);
  if (plan.drift.length > 0) {
    const now = view.now ?? Date.now();
    out.push(driftHeading(plan.drift.length, theme));
    out.push(...plan.drift.flatMap((drift) => driftItem(drift, view, now)), "");
  }
  for (const effect of order) if (!isLoss(effect)) section(effect);
  if (whole.brief && (groups.has("create") || groups.has("delete")))
    out.push(theme.dim("Many resources: their properties are left out here; --diff shows them."), "");
  if (view.full) out.push(...unchangedLines(plan.steps, theme));

  out.push(...renderLikelyMoves(plan.steps, theme));
  out.push(...selectionLines(plan, theme, view.full));
  renderOutputs(plan, whole, out);
  for (const warning of plan.warnings) out.push(...renderWarning(warning, theme), "");
  if (out.length > oneScreen) out.push(...lossLines(groups, theme));
  out.push(summaryLine(plan, theme));
  const estimate =
    view.durations && forecast(plan.steps, view.durations, view.parallel ?? 32)?.left(new Map());
  const time = estimate && estimateText(estimate);
  if (time !== undefined) out.push(theme.dim(time));
  if (view.nextCommand !== undefined && hasChanges(plan)) out.push("", view.nextCommand);
  return out.join("\n");
}

const isLoss = (effect: Effect): boolean => effect === "delete" || effect === "replace";

/** What is deleted or replaced, by name: the end of a long plan is what stays on the screen. */
function lossLines(groups: ReadonlyMap<Effect, readonly Step[]>, theme: Theme): string[] {
  const few = 8;
  return order.filter(isLoss).flatMap((effect) => {
    const steps = groups.get(effect) ?? [];
    if (steps.length === 0) return [];
    const names = steps.slice(0, few).map(({ urn }) => shortUrn(urn));
    const more = steps.length - names.length;
    const what = effect === "delete" ? "Deletes" : "Replaces";
    return [
      effects[effect].style(theme)(
        `${what} ${names.join(", ")}${more > 0 ? ` and ${count(more, "more resource")}` : ""}.`,
      ),
    ];
  });
}

function unchangedLines(steps: readonly Step[], theme: Theme): string[] {
  const same = steps.filter(
    (step) => step.op === "same" && effectOf(step) === undefined && !byOrch(step.urn),
  );
  if (same.length === 0) return [];
  return [
    theme.bold(`Unchanged: ${count(same.length, "resource")}`),
    ...same.map(({ urn }) => theme.dim(`    ${shortUrn(urn)}`)),
    "",
  ];
}

/** Without recursion: components may be nested deeper than calls may. */
function branchLines(roots: readonly Branch[], effect: Effect, whole: Whole, out: string[]): void {
  const todo: { branch: Branch | readonly string[]; depth: number }[] = [];
  const enter = (branches: readonly Branch[], depth: number): void => {
    for (const branch of foldSiblings(branches, effect, whole).reverse()) todo.push({ branch, depth });
  };
  enter(roots, 0);
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { branch, depth } = next;
    const indent = "  ".repeat(Math.min(depth, deepest) + 1);
    if (!("urn" in branch)) {
      for (const line of branch) out.push(`${indent}${line}`);
      continue;
    }
    if (branch.step === undefined) {
      const { text, children } = headingOf(branch);
      out.push(`${indent}${whole.view.theme.dim(text)}`);
      enter(children, depth + 1);
      continue;
    }
    for (const line of stepLines(branch.step, effect, whole)) out.push(`${indent}${line}`);
    enter(branch.children, depth + 1);
  }
}

/** Siblings that say the same, or that are too many, as a few lines in the place of the first of them. */
function foldSiblings(
  branches: readonly Branch[],
  effect: Effect,
  whole: Whole,
): (Branch | readonly string[])[] {
  if (whole.view.full) return [...branches];
  if (effect === "update") return foldUpdates(branches, whole);
  return effect === "create" && whole.brief ? foldNew(branches, whole.view.theme) : [...branches];
}

/** Resources with nothing in them; others are never folded. */
const isLeaf = (branch: Branch): branch is Branch & { readonly step: Step } =>
  branch.step !== undefined && branch.children.length === 0;

function foldUpdates(branches: readonly Branch[], whole: Whole): (Branch | readonly string[])[] {
  const groups = new Map<string, { steps: Step[]; lines: readonly string[] }>();
  const out = branches.map((branch) => {
    if (!isLeaf(branch)) return branch;
    const lines = stepLines(branch.step, "update", whole);
    const key = JSON.stringify([subject(branch.step).type, lines.slice(1)]);
    const group = groups.get(key) ?? { steps: [], lines };
    groups.set(key, group);
    group.steps.push(branch.step);
    return { group, lines };
  });
  return out.flatMap((one): (Branch | readonly string[])[] => {
    if ("urn" in one) return [one];
    const { group, lines } = one;
    if (group.steps.length < sameUpdates) return [lines];
    return group.lines === lines ? [sameLines(group.steps, lines.slice(1), whole.view.theme)] : [];
  });
}

/** Resources with the same change: their names, and what they share once. */
function sameLines(steps: readonly Step[], body: readonly string[], theme: Theme): string[] {
  const few = 8;
  const names = steps.slice(0, few).map((step) => theme.name(visible(subject(step).name)));
  const more = steps.length > few ? theme.dim(` and ${grouped(steps.length - few)} more`) : "";
  const { symbol, style } = effects.update;
  const type = visible(shortType(subject(steps[0] as Step).type));
  return [
    `${style(theme)(theme.words ? "update" : symbol)} ${style(theme)(type)}: ${theme.bold(`the same on ${count(steps.length, "resource")}`)}`,
    `    ${names.join(", ")}${more}`,
    ...body,
  ];
}

function foldNew(branches: readonly Branch[], theme: Theme): (Branch | readonly string[])[] {
  const total = new Map<string, number>();
  for (const branch of branches)
    if (isLeaf(branch)) {
      const { type } = subject(branch.step);
      total.set(type, (total.get(type) ?? 0) + 1);
    }
  const shown = new Map<string, number>();
  return branches.flatMap((branch): (Branch | readonly string[])[] => {
    if (!isLeaf(branch)) return [branch];
    const { type } = subject(branch.step);
    const all = total.get(type) as number;
    const place = shown.get(type) ?? 0;
    shown.set(type, place + 1);
    if (all <= fewNew || place < fewNew - 1) return [branch];
    if (place >= fewNew) return [];
    return [
      [theme.dim(`… and ${grouped(all - place)} more ${visible(shortType(type))} (--diff lists them)`)],
    ];
  });
}

const subject = (step: Step) => ("resource" in step ? step.resource : step.prior);

/** One step by itself, as it stands in a plan, and in which component it is: the head with why, and below it what. */
export function stepText(
  step: Step,
  effect: Effect,
  index: StepIndex,
  view: PlanView,
): { readonly head: string[]; readonly body: string[] } {
  const { head, body } = stepParts(step, effect, { view, index, brief: false });
  const { parent } = subject(step);
  if (parent !== undefined && !byOrch(parent)) head[0] += view.theme.dim(` in ${shortUrn(parent)}`);
  return { head, body };
}

function stepLines(step: Step, effect: Effect, whole: Whole): string[] {
  const { head, body } = stepParts(step, effect, whole);
  return [...head, ...body];
}

/** The head, and below it, further in, why and what. */
function stepParts(step: Step, effect: Effect, whole: Whole): { head: string[]; body: string[] } {
  const { view, index, brief } = whole;
  const { theme } = view;
  const text = effects[effect];
  const style = text.style(theme);
  const { type, name } = subject(step);
  const symbol = theme.words
    ? effect
    : effect === "replace"
      ? replaceOrder(step) === "delete-before-create"
        ? "-/+"
        : "+/-"
      : text.symbol;
  let head = `${style(symbol)} ${style(visible(shortType(type)))} ${theme.name(visible(name))}`;
  const id = idOf(step);
  if (id !== undefined) head += theme.dim(` (${id})`);
  const time = view.durations && expectedText(step, view.durations);
  if (time !== undefined) head += theme.dim(` ${time}`);
  const inner: string[] = [];
  if (view.full) inner.push(theme.dim(visible(step.urn)));
  inner.push(...reasonAndMove(step, effect, theme));
  inner.push(...whyLines(step, index, view));
  const body = bodyLines(step, effect, { ...view, unknown: unknownOf(step, index, view.theme) }, brief);
  const further = (line: string): string => `    ${line}`;
  return { head: [head, ...inner.map(further)], body: body.map(further) };
}

function reasonAndMove(step: Step, effect: Effect, theme: Theme): string[] {
  const moved = step.op === "update" || step.op === "same" ? step.movedFrom : undefined;
  return [
    ...reasonLines(step, effect, theme),
    ...(moved === undefined ? [] : [theme.read(`was ${visible(moved)}`)]),
  ];
}

function replaceOrder(step: Step): string | undefined {
  return step.op === "create" ? step.replaces?.order : undefined;
}

function idOf(step: Step): string | undefined {
  const objectId =
    step.op === "import" || step.op === "read"
      ? step.objectId
      : step.op === "create"
        ? step.replaces?.prior.id
        : step.prior.id;
  if (objectId === undefined || typeof objectId !== "string") return undefined;
  const deposed = step.op === "delete" && step.prior.deposed !== undefined ? ", old half of a replace" : "";
  return `${visible(objectId.length > 60 ? `${objectId.slice(0, 59)}…` : objectId)}${deposed}`;
}

/** Why the step is in the plan, where the properties do not tell. */
function reasonLines(step: Step, effect: Effect, theme: Theme): string[] {
  const lines: string[] = [];
  if (effect === "replace" && step.op === "create" && step.replaces !== undefined) {
    const { diff, order: replaceOrder, prior } = step.replaces;
    const paths = diff.changes.filter((c) => c.effect === "replace").map((c) => formatPath(c.path));
    const how =
      replaceOrder === "delete-before-create"
        ? "the old one is deleted first, then the new one created"
        : "the new one is created first, then the old one deleted";
    const why = paths.length > 0 ? `because ${listed(paths.map(visible))} cannot be changed in place; ` : "";
    lines.push(theme.replace(`${why}${how}`));
    if (prior.options.retainOnDelete === true) lines.push(theme.dim("the old one is kept (retainOnDelete)"));
  }
  const { reason } = step;
  switch (reason?.kind) {
    case undefined:
    case "new":
    case "changed":
      break;
    case "removed-from-program":
      lines.push(theme.dim("no longer in the program"));
      break;
    case "destroy":
      break;
    case "undo":
      lines.push(theme.dim(`not there before run ${reason.run}`));
      break;
    // The chain of causes says these, link by link.
    case "dependency-replaced":
    case "replace-with":
      break;
    case "replacement-trigger":
      lines.push(theme.replace("because its replacementTrigger changed"));
      break;
    case "requested":
      lines.push(theme.replace("as asked for with --replace"));
      break;
    case "provider-changed":
      lines.push(theme.replace("because its provider changed"));
      break;
    case "half-done":
      lines.push(theme.warning("the last attempt ended half-done:"));
      for (const error of reason.errors) lines.push(theme.warning(`  ${visible(error)}`));
      break;
    case "deposed":
      lines.push(theme.dim("left over from a replace that could not delete it"));
      break;
    case "gone":
      lines.push(theme.warning(`it is gone: ${visible(reason.detail)}`));
      break;
  }
  if (step.op === "delete" && step.forget !== undefined)
    lines.push(
      theme.dim(
        step.forget === "retain"
          ? "kept, because of retainOnDelete"
          : step.forget === "deleted-with"
            ? "goes together with the resource that holds it (deletedWith)"
            : step.forget === "imported"
              ? "kept: an import took it over, and only that is undone"
              : "read only; never managed here",
      ),
    );
  return lines;
}

const listed = (items: readonly string[]): string =>
  items.length <= 4 ? items.join(", ") : `${items.slice(0, 3).join(", ")} and ${items.length - 3} more`;

function bodyLines(step: Step, effect: Effect, plain: PlanView & ValueView, brief: boolean): string[] {
  const { hideDiffs = [] } = subject(step).options;
  const view = { ...plain, hideDiffs };
  switch (step.op) {
    case "create":
      if (step.replaces !== undefined)
        return renderChanges(step.replaces.diff.changes, withInputs(view, step.replaces.prior, step));
      return brief || !step.resource.custom ? [] : properties(step.inputs, view);
    case "update":
      return updateLines(step.diff, step.reason?.kind === "half-done", withInputs(view, step.prior, step));
    case "import":
      return brief ? [] : properties(step.inputs, view);
    case "refresh":
      return step.observed === undefined ? [] : observedLines(step.prior, step.observed, view);
    case "delete":
      return view.full && effect === "delete" ? properties(step.prior.inputs, view) : [];
    case "same":
    case "read":
      return [];
  }
}

const withInputs = (
  view: ChangesView,
  before: { readonly inputs: PropertyMap },
  after: { readonly inputs: PropertyMap },
): ChangesView => ({ ...view, inputs: { before: before.inputs, after: after.inputs } });

function updateLines(diff: Diff, explained: boolean, view: ChangesView): string[] {
  const lines = renderChanges(diff.changes, view);
  if (lines.length === 0 && !explained)
    lines.push(view.theme.dim("the provider reports a change but not which property"));
  return lines;
}

function observedLines(prior: ResourceState, observed: ResourceState, view: ChangesView): string[] {
  const changes = mapChanges(prior.outputs, observed.outputs);
  return renderChanges(changes.length > 0 ? changes : mapChanges(prior.inputs, observed.inputs), view);
}

/** Top-level differences of two property maps as changes; the renderer goes into the values itself. */
function mapChanges(before: PropertyMap, after: PropertyMap): PropertyChange[] {
  const changes: PropertyChange[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (equal(before[key], after[key])) continue;
    changes.push({
      path: [key],
      ...(before[key] === undefined ? {} : { before: before[key] as Value }),
      ...(after[key] === undefined ? {} : { after: after[key] as Value }),
      effect: "update",
      side: "output",
    });
  }
  return changes;
}

/** Properties, one per line or more. The SDK's bookkeeping (`__defaults`, the code of a dynamic provider) only when asked for. */
export function properties(map: PropertyMap, view: ValueView, internals = view.full): string[] {
  const out: string[] = [];
  for (const [key, value] of Object.entries(map)) {
    if (key.startsWith("__") && !internals) continue;
    for (const line of labelled(keyText(key), value, { ...view, path: [key] })) out.push(line);
  }
  return out;
}

function renderOutputs(plan: Plan, { view, index }: Whole, out: string[]): void {
  const lines = outputLines(plan, view, index);
  if (lines.length > 0) out.push(view.theme.bold("Outputs"), ...lines.map((line) => `  ${line}`), "");
}

/** What changes of the stack's outputs. */
export function outputLines(plan: Plan, plain: ValueView, index: StepIndex): string[] {
  const view = { ...plain, unknown: unknownOutput(plan, index, plain.theme) };
  const lines: string[] = [];
  for (const key of new Set([...Object.keys(plan.priorOutputs), ...Object.keys(plan.outputs)])) {
    const before = plan.priorOutputs[key];
    const after = plan.outputs[key];
    if (equal(before, after)) continue;
    lines.push(
      ...renderChanges(
        [
          {
            path: [key],
            ...(before === undefined ? {} : { before }),
            ...(after === undefined ? {} : { after }),
            effect: "update",
            side: "output",
          },
        ],
        view,
      ),
    );
  }
  return lines;
}

/** Outputs after an apply, one per line; secrets masked unless the map holds none. */
export function renderOutputValues(outputs: PropertyMap, view: ValueView): string[] {
  return properties(outputs, view);
}

/** `Plan: 3 to create, 1 to update, 1 to replace, 2 to delete, 12 unchanged.` */
export function summaryLine(plan: Plan, theme: Theme, changes = hasChanges(plan)): string {
  const undone = undoneText(plan);
  const line = ownSummaryLine(plan, theme, changes);
  return undone === undefined
    ? line
    : `${line} ${theme.warning(`${undone[0]?.toUpperCase()}${undone.slice(1)}.`)}`;
}

function ownSummaryLine(plan: Plan, theme: Theme, changes: boolean): string {
  const summary = summarize(plan);
  if (!changes) {
    // A refresh plans only what differs, and so does not know how many do not.
    if (plan.kind === "refresh")
      return `${theme.bold("Plan:")} ${theme.success("nothing to do; everything is as the state says.")}`;
    const what = plan.kind === "destroy" ? "there is nothing to destroy" : "nothing to do";
    return `${theme.bold("Plan:")} ${theme.success(`${what}; ${count(summary.same, "resource")} unchanged.`)}`;
  }
  const parts = summaryParts(summary, theme);
  const changed = parts.length === 0 ? ["outputs only"] : parts;
  return `${theme.bold("Plan:")} ${[...changed, `${grouped(summary.same)} unchanged`].join(", ")}.`;
}

/** `3 to create`, `1 to delete`: what is not zero. */
export function summaryParts(n: PlanSummary, theme: Theme): string[] {
  const part = (k: number, verb: string, style: (text: string) => string): string[] =>
    k === 0 ? [] : [style(`${grouped(k)} to ${verb}`)];
  return [
    ...part(n.create, "create", theme.create),
    ...part(n.update, "update", theme.update),
    ...part(n.replace, "replace", theme.replace),
    ...part(n.delete, "delete", theme.remove),
    ...part(n.forget, "forget", theme.update),
    ...part(n.import, "import", theme.read),
    ...part(n.move, "rename in the state", theme.read),
    ...part(n.refresh, "refresh in the state", theme.read),
    ...part(n.read, "read", theme.read),
  ];
}

const done: readonly [keyof PlanSummary, string][] = [
  ["create", "created"],
  ["update", "updated"],
  ["replace", "replaced"],
  ["delete", "deleted"],
  ["forget", "forgotten"],
  ["import", "imported"],
  ["move", "renamed in the state"],
  ["refresh", "refreshed"],
  ["read", "read"],
];

/** What was done, in the past tense: `3 created, 1 updated`. */
export function doneText(summary: PlanSummary): string {
  const parts = done
    .filter(([key]) => summary[key] > 0)
    .map(([key, verb]) => `${grouped(summary[key])} ${verb}`);
  return parts.length === 0 ? "nothing changed" : parts.join(", ");
}
