/**
 * A plan on screen: drift first, then what will be done grouped by effect, destroys and replaces last and loudest, then the
 * outputs, the warnings, and one summary line that counts exactly the plan's steps.
 */
import type { Diff, PropertyChange } from "@orch/core/model/diff";
import { formatPath } from "@orch/core/model/path";
import { byOrch, hasChanges, type Plan, type PlanSummary, type Step, summarize } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import { rootStackType } from "@orch/core/model/urn";
import { equal, type PropertyMap, type Value } from "@orch/core/model/value";
import { type ChangesView, renderChanges } from "./changes.js";
import { driftHeading, driftItem } from "./drift.js";
import { renderWarning } from "./failure.js";
import { renderLikelyMoves } from "./likely-moves.js";
import { shortType, shortUrn } from "./names.js";
import { count, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";
import { keyText, labelled, type ValueView } from "./value.js";

export interface PlanView extends ValueView {
  /** The command that applies the plan, shown below it; absent where the question follows at once. */
  readonly nextCommand?: string;
  /** What "12 min ago" is counted from, in milliseconds since the epoch. Default: the clock. */
  readonly now?: number;
}

/** What happens to a resource, in the words and the order of the screen. */
export type Effect =
  | "refresh"
  | "read"
  | "import"
  | "move"
  | "create"
  | "update"
  | "replace"
  | "forget"
  | "delete";

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
  refresh: {
    symbol: "↻",
    style: (t) => t.read,
    heading: (n) => `Take over into the state what was found: ${count(n, "resource")}`,
  },
  read: { symbol: "?", style: (t) => t.read, heading: (n) => `Read: ${count(n, "resource")}` },
  import: { symbol: "=", style: (t) => t.read, heading: (n) => `Import: ${count(n, "resource")}` },
  move: { symbol: ">", style: (t) => t.read, heading: (n) => `Rename in the state: ${count(n, "resource")}` },
  create: { symbol: "+", style: (t) => t.create, heading: (n) => `Create ${count(n, "resource")}` },
  update: { symbol: "~", style: (t) => t.update, heading: (n) => `Update ${count(n, "resource")} in place` },
  replace: { symbol: "±", style: (t) => t.replace, heading: (n) => `REPLACE ${count(n, "resource")}` },
  forget: {
    symbol: "x",
    style: (t) => t.update,
    heading: (n) => `Forget ${count(n, "resource")}, without deleting anything`,
  },
  delete: { symbol: "-", style: (t) => t.remove, heading: (n) => `DELETE ${count(n, "resource")}` },
};
const order = Object.keys(effects) as Effect[];

/** Beyond this many changed resources, new ones are listed without their properties unless `full`. */
const manyChanges = 100;

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
  if (plan.drift.length > 0) {
    const now = view.now ?? Date.now();
    out.push(driftHeading(plan.drift.length, theme));
    out.push(...plan.drift.flatMap((drift) => driftItem(drift, view, now)), "");
  }

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
  const brief = changed > manyChanges && !view.full;
  for (const effect of order) {
    const steps = groups.get(effect);
    if (steps === undefined) continue;
    const text = effects[effect];
    const style = text.style(theme);
    const heading = text.heading(steps.length);
    out.push(
      effect === "delete" || effect === "replace" ? theme.danger(heading) : theme.bold(style(heading)),
    );
    for (const step of steps) renderStep(step, effect, view, brief, out);
    out.push("");
  }
  if (brief && (groups.has("create") || groups.has("delete")))
    out.push(theme.dim("Many resources: their properties are left out here; --diff shows them."), "");

  out.push(...renderLikelyMoves(plan.steps, theme));
  renderOutputs(plan, view, out);
  for (const warning of plan.warnings) out.push(...renderWarning(warning, theme), "");
  out.push(summaryLine(plan, theme));
  if (view.nextCommand !== undefined && hasChanges(plan)) out.push("", view.nextCommand);
  return out.join("\n");
}

function renderStep(step: Step, effect: Effect, view: PlanView, brief: boolean, out: string[]): void {
  const { head, body } = stepLines(step, effect, view, brief);
  out.push(...head, ...body);
}

/** One step as indented lines: what and why, and below it its properties or changes. `brief`: new resources without their properties. */
export function stepLines(
  step: Step,
  effect: Effect,
  view: PlanView,
  brief: boolean,
): { readonly head: string[]; readonly body: string[] } {
  const { theme } = view;
  const text = effects[effect];
  const style = text.style(theme);
  const { type, name, parent } = "resource" in step ? step.resource : step.prior;
  const symbol =
    effect === "replace" ? (replaceOrder(step) === "delete-before-create" ? "-/+" : "+/-") : text.symbol;
  let title = `  ${style(symbol)} ${style(visible(shortType(type)))} ${theme.name(visible(name))}`;
  if (parent !== undefined && !parent.includes(`::${rootStackType}::`))
    title += theme.dim(` in ${shortUrn(parent)}`);
  const id = idOf(step);
  if (id !== undefined) title += theme.dim(` (${id})`);
  const head = [title];
  if (view.full) head.push(`      ${theme.dim(visible(step.urn))}`);
  for (const line of reasonLines(step, effect, theme)) head.push(`      ${line}`);
  if (step.op === "update" || step.op === "same") {
    if (step.movedFrom !== undefined) head.push(`      ${theme.read(`was ${visible(step.movedFrom)}`)}`);
  }
  return { head, body: bodyLines(step, effect, view, brief).map((line) => `      ${line}`) };
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
    case "dependency-replaced":
      lines.push(theme.replace(`because ${shortUrn(reason.urn)} is replaced`));
      break;
    case "replace-with":
      lines.push(theme.replace(`together with ${shortUrn(reason.urn)} (replaceWith)`));
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

function bodyLines(step: Step, effect: Effect, plain: PlanView, brief: boolean): string[] {
  const { hideDiffs = [] } = ("resource" in step ? step.resource : step.prior).options;
  const view = { ...plain, hideDiffs };
  switch (step.op) {
    case "create":
      if (step.replaces !== undefined) return renderChanges(step.replaces.diff.changes, view);
      return brief || !step.resource.custom ? [] : properties(step.inputs, view);
    case "update":
      return updateLines(step.diff, step.reason?.kind === "half-done", view);
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
    for (const line of labelled(keyText(key), value, view)) out.push(line);
  }
  return out;
}

function renderOutputs(plan: Plan, view: ValueView, out: string[]): void {
  const lines = outputLines(plan, view);
  if (lines.length > 0) out.push(view.theme.bold("Outputs"), ...lines.map((line) => `  ${line}`), "");
}

/** What changes of the stack's outputs. */
export function outputLines(plan: Plan, view: ValueView): string[] {
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
