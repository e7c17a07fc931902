/** A plan as stable text, a line per step: for tests, for `--verbose`, and for reading one in a debugger. */
import { formatPath } from "../model/path.js";
import type { Plan, Step, StepReason } from "../model/plan.js";
import { showValue } from "../model/show.js";
import { parseUrn } from "../model/urn.js";

/**
 * `3 create test:index:Thing b after 1 2 (new)`, then a line per property change (`~ size: 1 → 2`) or input (`+ size: 1`). Ids, seeds and times are
 * left out: the text of two plans that do the same is the same.
 */
export function describePlan(plan: Pick<Plan, "steps" | "outputs" | "drift" | "selection">): string {
  const lines = plan.steps.flatMap(describeStep);
  for (const drift of plan.drift) {
    lines.push(`drift ${name(drift.urn)} ${drift.kind}`);
    for (const change of drift.diff.changes) {
      lines.push(
        `    ~ ${formatPath(change.path)}: ${showValue(change.before)} → ${showValue(change.after)}`,
      );
    }
  }
  for (const { urn, neededBy } of plan.selection?.brought ?? [])
    lines.push(`brought ${name(urn)}${neededBy === undefined ? "" : ` for ${name(neededBy)}`}`);
  for (const { urn, would } of plan.selection?.held ?? []) lines.push(`left ${name(urn)} would ${would}`);
  for (const [key, value] of Object.entries(plan.outputs)) lines.push(`output ${key}: ${showValue(value)}`);
  return `${lines.join("\n")}\n`;
}

function describeStep(step: Step): string[] {
  const after = step.after.length > 0 ? ` after ${step.after.join(" ")}` : "";
  const words: string[] = [];
  if (step.reason) words.push(describeReason(step.reason));
  if ("movedFrom" in step && step.movedFrom) words.push(`moved from ${name(step.movedFrom)}`);
  if (step.op === "same" && step.write) words.push("write");
  if (step.op === "same" && step.held) words.push("held");
  if (step.op === "create" && step.replaces) words.push(`replaces, ${step.replaces.order}`);
  if (step.op === "delete") {
    if (step.replaced) words.push(`replaced, ${step.replaced}`);
    if (step.forget) words.push(`forget: ${step.forget}`);
    if (step.late) words.push("late");
  }
  const head = `${step.id} ${step.op} ${name(step.urn)}${after}${words.length > 0 ? ` (${words.join("; ")})` : ""}`;
  const lines = [head];
  if (step.op === "create" && step.replaces === undefined) {
    for (const [key, value] of Object.entries(step.inputs)) lines.push(`    + ${key}: ${showValue(value)}`);
  }
  const diff = step.op === "update" ? step.diff : step.op === "create" ? step.replaces?.diff : undefined;
  for (const change of diff?.changes ?? []) {
    const mark = change.effect === "replace" ? "!" : change.effect === "suppressed" ? "=" : "~";
    lines.push(
      `    ${mark} ${formatPath(change.path)}: ${showValue(change.before)} → ${showValue(change.after)}`,
    );
  }
  return lines;
}

function name(urn: string): string {
  const parts = parseUrn(urn);
  return `${parts.type} ${parts.name}`;
}

function describeReason(reason: StepReason): string {
  switch (reason.kind) {
    case "dependency-replaced":
    case "replace-with":
      return `${reason.kind} ${parseUrn(reason.urn).name}`;
    case "half-done":
      return `half-done: ${reason.errors.join("; ")}`;
    case "undo":
      return `not there before run ${reason.run}`;
    case "gone":
      return `gone: ${reason.detail}`;
    default:
      return reason.kind;
  }
}
