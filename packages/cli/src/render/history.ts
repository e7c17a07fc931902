/** Runs: a table of them, and one with its steps. */
import type { JournalEntry, RunInfo } from "@orch/core/state/contract";
import { countChanges, type RunChanges, type RunEffect, runEffects } from "@orch/core/state/run-changes";
import type { Json } from "@orch/core/wire/json";
import { shortUrn } from "./names.js";
import { duration, grouped, table, timestamp, visible } from "./text.js";
import type { Theme } from "./theme.js";

const symbols: Readonly<
  Record<RunEffect, { symbol: string; style: (t: Theme) => (text: string) => string }>
> = {
  create: { symbol: "+", style: (t) => t.create },
  update: { symbol: "~", style: (t) => t.update },
  replace: { symbol: "±", style: (t) => t.replace },
  delete: { symbol: "-", style: (t) => t.remove },
  forget: { symbol: "x", style: (t) => t.update },
  import: { symbol: "=", style: (t) => t.read },
  refresh: { symbol: "↻", style: (t) => t.read },
};
const effects = Object.keys(symbols) as RunEffect[];

/** `+3 ~1 -2`; `nothing` when there is nothing to tell. */
function changesText(changes: RunChanges, theme: Theme): string {
  const parts = effects
    .filter((effect) => changes[effect] > 0)
    .map((effect) => symbols[effect].style(theme)(`${symbols[effect].symbol}${grouped(changes[effect])}`));
  return parts.length === 0 ? theme.dim("nothing") : parts.join(" ");
}

function resultText(run: RunInfo, changes: RunChanges, theme: Theme): string {
  const counts = [
    ...(changes.failed > 0 ? [`${grouped(changes.failed)} failed`] : []),
    ...(changes.unfinished > 0 ? [`${grouped(changes.unfinished)} not ended`] : []),
  ];
  const more = counts.length === 0 ? "" : ` (${counts.join(", ")})`;
  switch (run.outcome) {
    case "succeeded":
      return `${theme.success("succeeded")}${more}`;
    case "failed":
      return theme.error(`failed${more}`);
    case "interrupted":
      return theme.warning(`interrupted${more}`);
    default:
      return theme.warning(`not ended${more}`);
  }
}

export interface CountedRun {
  readonly run: RunInfo;
  readonly changes: RunChanges;
}

export function renderHistory(runs: readonly CountedRun[], theme: Theme): string[] {
  const head = ["RUN", "WHEN", "WHAT", "WHO", "PLAN", "CHANGED", "TOOK", "RESULT"].map(theme.dim);
  const rows = runs.map(({ run, changes }) => [
    theme.name(String(run.id)),
    timestamp(run.startedAt),
    run.kind,
    visible(run.who),
    run.planDigest === undefined ? theme.dim("-") : run.planDigest.slice(0, 12),
    changesText(changes, theme),
    run.endedAt === undefined ? theme.dim("-") : duration(Math.max(0, run.endedAt - run.startedAt)),
    resultText(run, changes, theme),
  ]);
  return table([head, ...rows]);
}

/** The facts of the table's line, and a line per step that changed something or did not end well. */
export function renderRun(run: RunInfo, entries: readonly JournalEntry[], theme: Theme): string[] {
  const changes = countChanges(entries, run.kind);
  const fact = (name: string, value: string): string => `${theme.dim(`${name}:`)} ${value}`;
  const steps = runEffects(entries, run.kind).flatMap(({ entry, effect }) => stepLines(entry, effect, theme));
  return [
    `${theme.bold(`Run ${run.id}`)}: ${run.kind} by ${visible(run.who)}`,
    fact("began", timestamp(run.startedAt)),
    ...(run.endedAt === undefined ? [] : [fact("took", duration(Math.max(0, run.endedAt - run.startedAt)))]),
    ...(run.planDigest === undefined ? [] : [fact("plan", run.planDigest)]),
    fact("changed", changesText(changes, theme)),
    fact("result", resultText(run, changes, theme)),
    ...(steps.length === 0 ? [] : ["", ...steps]),
  ];
}

function stepLines(entry: JournalEntry, effect: RunEffect | undefined, theme: Theme): string[] {
  const well = entry.result === "done";
  if (well && effect === undefined) return [];
  const { symbol, style } = effect === undefined ? { symbol: " ", style: () => theme.dim } : symbols[effect];
  const took =
    entry.beganAt === undefined || entry.endedAt === undefined
      ? ""
      : theme.dim(` ${duration(Math.max(0, entry.endedAt - entry.beganAt))}`);
  const end = well
    ? ""
    : entry.result === "failed"
      ? ` ${theme.error(`${entry.op} failed`)}`
      : ` ${theme.warning(`${entry.op} not ended`)}`;
  const why = entry.message === undefined ? [] : visible(entry.message).split("\n");
  return [
    `  ${style(theme)(symbol)} ${theme.name(shortUrn(entry.urn))}${took}${end}`,
    ...why.map((line) => `      ${line}`),
  ];
}

/** `steps`: with every one of them. */
export function runJson(
  run: RunInfo,
  entries: readonly JournalEntry[],
  steps: boolean,
): { [key: string]: Json } {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    id: run.id,
    kind: run.kind,
    who: run.who,
    startedAt: iso(run.startedAt),
    ...(run.endedAt === undefined
      ? {}
      : { endedAt: iso(run.endedAt), elapsedMs: Math.max(0, run.endedAt - run.startedAt) }),
    ...(run.planDigest === undefined ? {} : { planDigest: run.planDigest }),
    ...(run.outcome === undefined ? {} : { outcome: run.outcome }),
    changes: { ...countChanges(entries, run.kind) },
    ...(steps
      ? {
          steps: runEffects(entries, run.kind).map(({ entry, effect }) => ({
            op: entry.op,
            urn: entry.urn,
            ...(effect === undefined || entry.result !== "done" ? {} : { effect }),
            ...(entry.deposed === undefined ? {} : { deposed: entry.deposed }),
            ...(entry.result === undefined ? {} : { result: entry.result }),
            ...(entry.message === undefined ? {} : { message: entry.message }),
            ...(entry.beganAt === undefined ? {} : { beganAt: iso(entry.beganAt) }),
            ...(entry.endedAt === undefined ? {} : { endedAt: iso(entry.endedAt) }),
          })),
        }
      : {}),
  };
}
