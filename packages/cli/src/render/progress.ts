/** One line per thing that happens, the same words in the live and in the plain view. */
import type { ApplyResult, Event, LogLevel } from "@orch/core/model/event";
import { byOrch, type Plan, type Step, type StepId, type StepOp } from "@orch/core/model/plan";
import { isProviderType, parseUrn, type Urn } from "@orch/core/model/urn";
import { isArray, isMap, type Value } from "@orch/core/model/value";
import { type FailureView, renderFailure, renderFailureGroup } from "./failure.js";
import { type FailureGroup, failureGroups, type OwnWords } from "./failure-groups.js";
import { shortUrn } from "./names.js";
import { doneText } from "./plan.js";
import { count, duration, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";

type Words = readonly [running: string, done: string, failed: string];

const words: Readonly<Record<StepOp, Words>> = {
  same: ["updating the state of", "updated the state of", "could not update the state of"],
  create: ["creating", "created", "could not create"],
  update: ["updating", "updated", "could not update"],
  delete: ["deleting", "deleted", "could not delete"],
  read: ["reading", "read", "could not read"],
  import: ["importing", "imported", "could not import"],
  refresh: ["refreshing", "refreshed", "could not refresh"],
};
const replacement: Readonly<Partial<Record<StepOp, Words>>> = {
  create: ["creating the new", "created the new", "could not create the new"],
  delete: ["deleting the old", "deleted the old", "could not delete the old"],
};
const forgetting: Words = ["forgetting", "forgot", "could not forget"];

/** Looks up what an event's step is; events carry only its number. */
export type StepLookup = (id: StepId) => Step | undefined;
export const lookupIn = (plan: Pick<Plan, "steps"> | undefined): StepLookup =>
  plan === undefined ? () => undefined : (id) => plan.steps[id];

function wordsOf(op: StepOp, step: Step | undefined): Words {
  if (step?.op === "delete" && step.forget !== undefined) return forgetting;
  const replaced =
    (step?.op === "create" && step.replaces !== undefined) ||
    (step?.op === "delete" && step.replaced !== undefined);
  return (replaced ? replacement[op] : undefined) ?? words[op];
}

function styleOf(
  op: StepOp,
  step: Step | undefined,
  theme: Theme,
): [symbol: string, style: (s: string) => string] {
  if (step?.op === "create" && step.replaces !== undefined) return ["±", theme.replace];
  if (step?.op === "delete" && step.replaced !== undefined) return ["±", theme.replace];
  switch (op) {
    case "create":
      return ["+", theme.create];
    case "update":
      return ["~", theme.update];
    case "delete":
      return ["-", theme.remove];
    case "import":
      return ["=", theme.read];
    case "same":
      return [">", theme.read];
    case "read":
      return ["?", theme.read];
    case "refresh":
      return ["↻", theme.read];
  }
}

export interface RunningStep {
  readonly op: StepOp;
  readonly urn: Urn;
  readonly step: Step | undefined;
}

/** The sign before a line, with a space; none where the words have to do. */
function signOf(op: StepOp, step: Step | undefined, theme: Theme): string {
  const [symbol, style] = styleOf(op, step, theme);
  return theme.words ? "" : `${style(symbol)} `;
}

/** `~ updating host:File config` */
export const runningLine = ({ op, urn, step }: RunningStep, theme: Theme): string =>
  `${signOf(op, step, theme)}${wordsOf(op, step)[0]} ${shortUrn(urn)}`;

/** `+ created host:File config (1.2 s)`; the time is left out when it is short and `times` is not set. */
export function finishedLine(running: RunningStep, elapsedMs: number, theme: Theme, times: boolean): string {
  const time = times || elapsedMs >= 1000 ? theme.dim(` (${duration(elapsedMs)})`) : "";
  return `${signOf(running.op, running.step, theme)}${wordsOf(running.op, running.step)[1]} ${shortUrn(running.urn)}${time}`;
}

/** `still creating aws:rds:Instance db after 2 min 00 s`: for logs, where nothing moves. */
export const stillLine = ({ op, urn, step }: RunningStep, elapsedMs: number): string =>
  `still ${wordsOf(op, step)[0]} ${shortUrn(urn)} after ${duration(elapsedMs)}`;

export function failedLine(running: RunningStep, message: string, theme: Theme): string {
  const first = visible(message).split("\n", 1)[0] as string;
  return `${theme.words ? "" : `${theme.error("✗")} `}${wordsOf(running.op, running.step)[2]} ${shortUrn(running.urn)}: ${first}`;
}

const logLabel: Readonly<Record<LogLevel, string>> = {
  debug: "debug",
  info: "info",
  warning: "warning",
  error: "error",
};

/** `warning host:File config: message`; further lines are indented. */
export function logLines(event: Extract<Event, { type: "log" }>, theme: Theme): string[] {
  const style = event.level === "error" ? theme.error : event.level === "warning" ? theme.warning : theme.dim;
  const [first = "", ...more] = visible(event.message.trimEnd()).split("\n");
  const who = event.urn === undefined ? "" : ` ${shortUrn(event.urn)}`;
  return [`${style(logLabel[event.level])}${who}: ${first}`, ...more.map((line) => `  ${line}`)];
}

/** Skipped steps that are named under what they wait for. */
const fewSkipped = 10;

/** Failures by what they have in common, and by the place of that group (undefined: by none) what was left out because of it. */
export function failedGroups(
  plan: Plan,
  { failed, skipped: all }: Pick<ApplyResult, "failed" | "skipped">,
): {
  readonly groups: readonly FailureGroup[];
  readonly skipped: readonly Step[];
  readonly waiting: ReadonlyMap<number | undefined, readonly Step[]>;
} {
  const skipped = all.filter(({ op, urn }) => op !== "same" && !byOrch(urn));
  const groups = failureGroups(
    failed.map(({ failure, step }) => (failure.urn === undefined ? { ...failure, urn: step.urn } : failure)),
    ownWordsIn(plan, failed),
  );
  const waiting = skippedBy(
    plan,
    groups.map(({ members }) => members.map((index) => (failed[index] as { step: Step }).step)),
    skipped,
  );
  return { groups, skipped, waiting };
}

/** `did not create host:File page` */
export const didNot = (step: Step): string =>
  `${wordsOf(step.op, step)[2].replace("could not", "did not")} ${shortUrn(step.urn)}`;

/** The end of an apply: each cause of failures once and in full, below it what was left out because of it, one line that sums up. */
export function resultText(result: ApplyResult, view: FailureView & { readonly plan: Plan }): string {
  const { theme, plan } = view;
  // In the order of the plan, whichever of them was quicker.
  const failed = [...result.failed].sort((a, b) => a.step.id - b.step.id);
  const out: string[] = [];
  const { groups, skipped, waiting } = failedGroups(plan, result);
  const notDone = (heading: string, steps: readonly Step[], indent: string): void => {
    out.push(`${indent}${heading}`);
    for (const step of steps.slice(0, fewSkipped)) out.push(`${indent}  ${didNot(step)}`);
    if (steps.length > fewSkipped) out.push(`${indent}  … ${grouped(steps.length - fewSkipped)} more`);
  };
  for (const [index, group] of groups.entries()) {
    out.push(...renderFailureGroup(group, { ...view, full: view.verbose === true }, "--verbose"));
    const after = waiting.get(index);
    if (after !== undefined)
      notDone(
        theme.warning(
          `not done because of ${group.urns.length > 1 ? "them" : "it"}: ${count(after.length, "step")}`,
        ),
        after,
        "  ",
      );
    out.push("");
  }
  if (result.problem !== undefined) out.push(renderFailure(result.problem, view), "");
  const others = waiting.get(undefined);
  if (others !== undefined) {
    const heading = failed.length > 0 ? "Not begun any more after that" : "Not done";
    notDone(theme.warning(`${heading}: ${count(others.length, "step")}`), others, "");
    out.push("");
  }
  const verb = { apply: "Apply", destroy: "Destroy", refresh: "Refresh" }[plan.kind];
  const time = duration(result.elapsedMs);
  const counts = [
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    doneText(result.summary),
    ...(skipped.length > 0 ? [`${skipped.length} not done`] : []),
  ].join(", ");
  switch (result.outcome) {
    case "succeeded":
      out.push(`${theme.success(`${verb} complete:`)} ${counts}, in ${time}.`);
      break;
    case "failed":
      out.push(`${theme.error(`${verb} failed:`)} ${counts}, in ${time}.`);
      break;
    case "interrupted":
      out.push(
        `${theme.warning(`${verb} interrupted:`)} ${counts}, in ${time}. The state holds what was done; run the command again to go on.`,
      );
      break;
  }
  return out.join("\n");
}

/** What was skipped, by the group of failed steps that it comes after, directly or not; undefined for the rest, which the stopped run did not come to. */
function skippedBy(
  plan: Plan,
  failed: readonly (readonly Step[])[],
  skipped: readonly Step[],
): Map<number | undefined, Step[]> {
  const dependents = new Map<StepId, StepId[]>();
  for (const { id, after } of plan.steps)
    for (const before of after) {
      const list = dependents.get(before);
      if (list === undefined) dependents.set(before, [id]);
      else list.push(id);
    }
  const causes = new Map<StepId, number>();
  const todo = failed.flatMap((steps, cause) => steps.map(({ id }) => ({ id, cause })));
  for (const { id, cause } of todo)
    for (const next of dependents.get(id) ?? []) {
      if (causes.has(next)) continue;
      causes.set(next, cause);
      todo.push({ id: next, cause });
    }
  const groups = new Map<number | undefined, Step[]>();
  for (const step of skipped) {
    const cause = causes.get(step.id);
    const group = groups.get(cause);
    if (group === undefined) groups.set(cause, [step]);
    else group.push(step);
  }
  return groups;
}

/** What a failure may say of its own resource alone: its id, what its properties hold, and those of the provider that serves it. */
function ownWordsIn(plan: Plan, failed: ApplyResult["failed"]): OwnWords {
  let providers: Map<Urn, Step> | undefined;
  return (_, index) => {
    const { step } = failed[index] as { step: Step };
    providers ??= new Map(
      plan.steps.filter(({ urn }) => isProviderType(parseUrn(urn).type)).map((each) => [each.urn, each]),
    );
    const served =
      "resource" in step ? step.resource.provider : "prior" in step ? step.prior?.provider : undefined;
    const provider = served === undefined ? undefined : providers.get(served);
    return [...wordsOfStep(step), ...(provider === undefined ? [] : wordsOfStep(provider))];
  };
}

function wordsOfStep(step: Step): (string | number)[] {
  const out: (string | number)[] = [];
  const collect = (value: Value | undefined): void => {
    if (typeof value === "string" || typeof value === "number") out.push(value);
    else if (isArray(value)) value.forEach(collect);
    else if (isMap(value)) Object.values(value).forEach(collect);
  };
  if ("prior" in step && step.prior !== undefined) {
    collect(step.prior.id);
    collect(step.prior.inputs);
  }
  if ("inputs" in step) collect(step.inputs);
  return out;
}
