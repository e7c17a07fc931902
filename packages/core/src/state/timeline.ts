/**
 * When a run did what: its journal, and who waited for whom. The journal holds times, not the order that the plan asked for; that is found again from the
 * dependencies of the rows before and after the run, and only what the times bear out is called waiting.
 */
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { JournalEntry, RunInfo } from "./contract.js";
import { type RunEffect, runEffects } from "./run-changes.js";

/** A call of a provider. Times are milliseconds since the epoch. */
export interface Bar {
  readonly entry: JournalEntry;
  readonly effect: RunEffect | undefined;
  readonly began: number;
  /** Of one that did not end: when the run was last heard of. */
  readonly ended: number;
  /** Indices of bars that had to end before. Only those that had ended when it began. */
  readonly needs: readonly number[];
  /** Which of them ended last. */
  readonly waitedFor?: number;
  /** From when it could have begun, as far as others are concerned: until it did, it waited for a free place or for the program. */
  readonly ready: number;
}

export interface Timeline {
  readonly start: number;
  readonly end: number;
  /** In the order in which they began. */
  readonly bars: readonly Bar[];
  /** The chain that the end of the run waited for, first to last. */
  readonly critical: readonly number[];
  /** How many ran from `at` on. */
  readonly running: readonly { readonly at: number; readonly count: number }[];
}

/** `after`: the rows as the run left them, `before`: as it found them. */
export function timelineOf(
  run: RunInfo,
  entries: readonly JournalEntry[],
  before: readonly ResourceState[],
  after: readonly ResourceState[],
): Timeline {
  const calls = runEffects(entries, run.kind)
    .filter(({ entry }) => entry.beganAt !== undefined)
    .sort((a, b) => (a.entry.beganAt as number) - (b.entry.beganAt as number));
  const times = entries.flatMap(({ beganAt, endedAt }) => [beganAt ?? 0, endedAt ?? 0]);
  const end = Math.max(run.endedAt ?? 0, run.startedAt, ...atMost(times));
  const spans = calls.map(({ entry }) => {
    const began = entry.beganAt as number;
    // An outcome of before belongs to a try that was repeated.
    return { began, ended: Math.max(began, entry.endedAt ?? end) };
  });
  const allNeeds = needsOf(
    calls.map(({ entry }) => entry),
    spans,
    before,
    after,
  );
  const bars = calls.map(({ entry, effect }, i): Bar => {
    const { began, ended } = spans[i] as Span;
    const needs = [...(allNeeds[i] ?? [])]
      .filter((k) => k !== i && endOf(spans, k) <= began)
      .sort((a, b) => a - b);
    const last = needs.reduce<number | undefined>(
      (best, k) => (best === undefined || endOf(spans, k) > endOf(spans, best) ? k : best),
      undefined,
    );
    return {
      entry,
      effect,
      began,
      ended,
      needs,
      ready: last === undefined ? run.startedAt : endOf(spans, last),
      ...(last === undefined ? {} : { waitedFor: last }),
    };
  });
  return { start: run.startedAt, end, bars, critical: criticalPath(bars), running: runningOver(spans) };
}

interface Span {
  readonly began: number;
  readonly ended: number;
}
const endOf = (spans: readonly Span[], i: number): number => (spans[i] as Span).ended;
/** Arguments of a function are limited; the largest is enough. */
const atMost = (times: readonly number[]): number[] => [times.reduce((a, b) => Math.max(a, b), 0)];

function needsOf(
  entries: readonly JournalEntry[],
  spans: readonly Span[],
  before: readonly ResourceState[],
  after: readonly ResourceState[],
): readonly ReadonlySet<number>[] {
  const makers = new Map<Urn, number[]>();
  const removers = new Map<Urn, number[]>();
  entries.forEach(({ op, urn }, i) => {
    const map = op === "delete" ? removers : makers;
    const list = map.get(urn);
    if (list === undefined) map.set(urn, [i]);
    else list.push(i);
  });
  const down = linksOf(after);
  const up = new Map<Urn, Urn[]>();
  for (const [urn, targets] of linksOf(before))
    for (const target of targets) {
      const list = up.get(target);
      if (list === undefined) up.set(target, [urn]);
      else list.push(urn);
    }
  const lastMaker = [...makers.values()]
    .flat()
    .reduce<number | undefined>(
      (best, i) => (best === undefined || endOf(spans, i) > endOf(spans, best) ? i : best),
      undefined,
    );
  return entries.map(({ op, urn }, i) => {
    if (op !== "delete") {
      const needs = nearest(urn, down, makers);
      // Delete-before-create: the old one had to go.
      for (const k of removers.get(urn) ?? []) needs.add(k);
      return needs;
    }
    const needs = nearest(urn, up, removers);
    for (const k of makers.get(urn) ?? []) needs.add(k);
    // Deletions come last, once all else has ended; where something went on, this was not one of those.
    if (lastMaker !== undefined && endOf(spans, lastMaker) <= (spans[i] as Span).began) needs.add(lastMaker);
    return needs;
  });
}

function linksOf(rows: readonly ResourceState[]): Map<Urn, ReadonlySet<Urn>> {
  const links = new Map<Urn, ReadonlySet<Urn>>();
  for (const { urn, deposed, dependencies, propertyDependencies, parent, provider } of rows) {
    if (deposed !== undefined) continue;
    const targets = new Set([...dependencies, ...Object.values(propertyDependencies).flat()]);
    if (parent !== undefined) targets.add(parent);
    if (provider !== undefined) targets.add(provider);
    links.set(urn, targets);
  }
  return links;
}

/** The bars next to a resource along the links: through those for which nobody was called. */
function nearest(
  start: Urn,
  links: ReadonlyMap<Urn, Iterable<Urn>>,
  bars: ReadonlyMap<Urn, readonly number[]>,
): Set<number> {
  const found = new Set<number>();
  const seen = new Set<Urn>([start]);
  const open = [start];
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const next of links.get(at) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      const here = bars.get(next);
      if (here === undefined) open.push(next);
      else for (const i of here) found.add(i);
    }
  return found;
}

function criticalPath(bars: readonly Bar[]): number[] {
  let at = bars.reduce<number | undefined>(
    (best, bar, i) => (best === undefined || bar.ended > (bars[best] as Bar).ended ? i : best),
    undefined,
  );
  const path: number[] = [];
  // Each began after the one before it had ended; two of no length may point at each other.
  const seen = new Set<number>();
  while (at !== undefined && !seen.has(at)) {
    seen.add(at);
    path.push(at);
    at = bars[at]?.waitedFor;
  }
  return path.reverse();
}

function runningOver(spans: readonly Span[]): { at: number; count: number }[] {
  const steps = new Map<number, number>();
  for (const { began, ended } of spans) {
    steps.set(began, (steps.get(began) ?? 0) + 1);
    steps.set(ended, (steps.get(ended) ?? 0) - 1);
  }
  let count = 0;
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([at, change]) => {
      count += change;
      return { at, count };
    });
}

/** Together, in milliseconds: what the run would have taken one after the other. */
export const workOf = ({ bars }: Timeline): number =>
  bars.reduce((sum, { began, ended }) => sum + ended - began, 0);
export const mostAtOnce = ({ running }: Timeline): number =>
  running.reduce((most, { count }) => Math.max(most, count), 0);
