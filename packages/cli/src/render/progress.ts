/** One line per thing that happens, the same words in the live and in the plain view. */
import type { ApplyResult, Event, LogLevel } from "@orch/core/model/event";
import { byOrch, type Plan, type Step, type StepId, type StepOp } from "@orch/core/model/plan";
import type { Urn } from "@orch/core/model/urn";
import { type FailureView, renderFailure } from "./failure.js";
import { failureGroups, renderFailureGroup } from "./failure-groups.js";
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

/** The end of an apply: each cause of failures once and in full, what was left out because of it, one line that sums up. */
export function resultText(result: ApplyResult, view: FailureView & { readonly plan: Plan }): string {
  const { theme, plan } = view;
  const out: string[] = [];
  for (const group of failureGroups(result.failed.map(({ failure }) => failure)))
    out.push(...renderFailureGroup(group, { ...view, full: view.verbose === true }, "--verbose"), "");
  if (result.problem !== undefined) out.push(renderFailure(result.problem, view), "");
  const skipped = result.skipped.filter(({ op, urn }) => op !== "same" && !byOrch(urn));
  if (skipped.length > 0) {
    out.push(theme.warning(`Not done: ${count(skipped.length, "step")}`));
    const groups = skippedBy(
      plan,
      result.failed.map(({ step }) => step),
      skipped,
    );
    // Where there is one cause, it stands right above.
    const headed = result.failed.length > 0 && (groups.size > 1 || result.failed.length > 1);
    for (const [cause, steps] of groups) {
      if (headed)
        out.push(
          `  ${theme.dim(cause === undefined ? "not begun any more after that" : `because of ${shortUrn(cause.urn)}`)}`,
        );
      const indent = headed ? "    " : "  ";
      const shown = steps.slice(0, 10);
      for (const step of shown) {
        const [, , failed] = wordsOf(step.op, step);
        out.push(`${indent}${failed.replace("could not", "did not")} ${shortUrn(step.urn)}`);
      }
      if (shown.length < steps.length) out.push(`${indent}… ${grouped(steps.length - shown.length)} more`);
    }
    out.push("");
  }
  const verb = { apply: "Apply", destroy: "Destroy", refresh: "Refresh" }[plan.kind];
  const time = duration(result.elapsedMs);
  const counts = [
    ...(result.failed.length > 0 ? [`${result.failed.length} failed`] : []),
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

/** What was skipped, by the failed step that it comes after, directly or not; undefined for the rest, which the stopped run did not come to. */
function skippedBy(
  plan: Plan,
  failed: readonly Step[],
  skipped: readonly Step[],
): Map<Step | undefined, Step[]> {
  const dependents = new Map<StepId, StepId[]>();
  for (const { id, after } of plan.steps)
    for (const before of after) {
      const list = dependents.get(before);
      if (list === undefined) dependents.set(before, [id]);
      else list.push(id);
    }
  const causes = new Map<StepId, Step>();
  const todo = failed.map((step) => ({ id: step.id, cause: step }));
  for (const { id, cause } of todo)
    for (const next of dependents.get(id) ?? []) {
      if (causes.has(next)) continue;
      causes.set(next, cause);
      todo.push({ id: next, cause });
    }
  const groups = new Map<Step | undefined, Step[]>();
  for (const step of skipped) {
    const cause = causes.get(step.id);
    const group = groups.get(cause);
    if (group === undefined) groups.set(cause, [step]);
    else group.push(step);
  }
  return groups;
}
