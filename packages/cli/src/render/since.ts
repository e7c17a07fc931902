/** What a plan does otherwise than the one before. */
import { byOrch, type Plan } from "@orch/core/model/plan";
import { changesJson } from "./json.js";
import { shortUrn } from "./names.js";
import { type Effect, effectOf } from "./plan.js";
import { visible } from "./text.js";
import type { Theme } from "./theme.js";

interface Told {
  readonly effect: Effect;
  /** Secrets in it are masked, so that one which changed into another looks the same. */
  readonly how: string;
}

function effects(plan: Plan): ReadonlyMap<string, Told> {
  const found = new Map<string, Told>();
  for (const step of plan.steps) {
    const effect = effectOf(step);
    if (effect === undefined || byOrch(step.urn)) continue;
    const diff = step.op === "update" ? step.diff : step.op === "create" ? step.replaces?.diff : undefined;
    found.set(step.urn, { effect, how: diff === undefined ? "" : JSON.stringify(changesJson(diff)) });
  }
  return found;
}

export function sinceLast(before: Plan, now: Plan, theme: Theme): string[] {
  const was = effects(before);
  const is = effects(now);
  const lines: string[] = [];
  for (const [urn, { effect, how }] of is) {
    const old = was.get(urn);
    if (old?.effect === effect && old.how === how) continue;
    const what =
      old === undefined
        ? "now"
        : old.effect === effect
          ? "otherwise than before"
          : `instead of ${old.effect}`;
    lines.push(`  ${theme.name(visible(shortUrn(urn)))}: ${effect} ${theme.dim(`(${what})`)}`);
  }
  for (const [urn, { effect }] of was)
    if (!is.has(urn)) lines.push(`  ${theme.name(visible(shortUrn(urn)))}: no ${effect} any more`);
  return [theme.bold("Since the last plan:"), ...(lines.length === 0 ? ["  nothing is different."] : lines)];
}
