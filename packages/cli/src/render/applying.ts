/**
 * An apply while it goes on: what runs, in which component, what waits for it, how much is done, how long it will still take. Folds
 * events into a state and draws it in a bounded number of lines; what a frame costs does not depend on the size of the plan.
 */
import type { Event } from "@orch/core/model/event";
import { byOrch, type Plan, type Step, type StepId } from "@orch/core/model/plan";
import type { Urn } from "@orch/core/model/urn";
import { type Forecast, forecast } from "@orch/core/plan/estimate";
import type { Durations } from "@orch/core/state/durations";
import { roughly } from "./expected.js";
import { shortUrn } from "./names.js";
import { parentsOf } from "./plan-tree.js";
import { lookupIn, type RunningStep, runningLine } from "./progress.js";
import { duration, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";

export interface Frame {
  readonly theme: Theme;
  /** Lines that may be used, the last one included. */
  readonly rows: number;
  readonly columns: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Stands before the last line: what moves. */
  readonly spinner: string;
}

export interface Applying {
  readonly take: (event: Event, now: number) => void;
  readonly lines: (frame: Frame) => string[];
}

interface Running extends RunningStep {
  readonly id: StepId;
  readonly since: number;
}

interface Component {
  total: number;
  done: number;
  failed: number;
}

/** A running time: tenths from the start, so that it does not jump between units. */
export const clock = (ms: number): string => (ms < 100 ? "0.1 s" : duration(ms));

/** Steps that wait are named when there is room, so many at most. */
const fewWaiting = 3;
/** What a step waits for, by name. */
const fewBlockers = 2;

export function applying(
  plan: Pick<Plan, "steps">,
  verb: string,
  how: { readonly durations?: Durations | undefined; readonly parallel?: number | undefined } = {},
): Applying {
  const { steps } = plan;
  const lookup = lookupIn(plan);
  const shown = (step: Pick<Step, "op" | "urn">): boolean => step.op !== "same" && !byOrch(step.urn);
  const parentOf = parentsOf(steps);
  const components = new Map<Urn, Component>();
  const inEach = (urn: Urn, change: (component: Component) => void): void => {
    // A chain of parents that closes ends where it has been.
    const seen = new Set<Urn>();
    for (let at = parentOf(urn); at !== undefined && !seen.has(at); at = parentOf(at)) {
      seen.add(at);
      const component = components.get(at) ?? { total: 0, done: 0, failed: 0 };
      components.set(at, component);
      change(component);
    }
  };
  const dependents = new Map<StepId, StepId[]>();
  let total = 0;
  for (const step of steps) {
    for (const before of step.after) {
      const list = dependents.get(before);
      if (list === undefined) dependents.set(before, [step.id]);
      else list.push(step.id);
    }
    if (!shown(step)) continue;
    total++;
    inEach(step.urn, (component) => {
      component.total++;
    });
  }
  const expecting: Forecast | undefined =
    how.durations === undefined ? undefined : forecast(steps, how.durations, how.parallel ?? 32);

  let began: number | undefined;
  const running = new Map<StepId, Running>();
  const ended = new Map<StepId, "ended">();
  const hints = new Map<Urn, string>();
  let done = 0;
  let failed = 0;
  let skipped = 0;
  let lastLeft: { readonly ms: number; readonly at: number } | undefined;

  const end = (id: StepId, urn: Urn): void => {
    running.delete(id);
    hints.delete(urn);
    ended.set(id, "ended");
  };
  const take = (event: Event, now: number): void => {
    switch (event.type) {
      case "apply-started":
        began = now;
        break;
      case "step-started":
        running.set(event.step, {
          id: event.step,
          op: event.op,
          urn: event.urn,
          step: lookup(event.step),
          since: now,
        });
        break;
      case "step-finished":
        end(event.step, event.urn);
        if (!shown(event)) break;
        done++;
        inEach(event.urn, (component) => {
          component.done++;
        });
        break;
      case "step-failed":
        end(event.step, event.urn);
        failed++;
        inEach(event.urn, (component) => {
          component.failed++;
        });
        break;
      case "step-skipped":
        end(event.step, event.urn);
        if (shown(event)) skipped++;
        break;
      case "log":
        if (event.ephemeral === true && event.urn !== undefined)
          hints.set(event.urn, visible(event.message).split("\n", 1)[0] as string);
        break;
      default:
        break;
    }
  };

  /** Worked out now and then, in between counted down. */
  const left = (now: number): number | undefined => {
    if (expecting === undefined) return undefined;
    const every = Math.max(1000, steps.length / 2);
    if (lastLeft === undefined || now - lastLeft.at >= every) {
      const elapsed = new Map<StepId, number | "ended">(ended);
      for (const { id, since } of running.values()) elapsed.set(id, now - since);
      lastLeft = { ms: expecting.left(elapsed).ms, at: now };
    }
    return Math.max(0, lastLeft.ms - (now - lastLeft.at));
  };

  const runningText = (item: Running, { theme, now }: Frame): string => {
    const usual = expecting?.expected.get(item.id);
    const hint = hints.get(item.urn);
    const of = usual === undefined || usual < 2000 ? "" : ` of about ${roughly(usual)}`;
    return `${runningLine(item, theme)}… ${theme.dim(`${clock(now - item.since)}${of}`)}${hint === undefined ? "" : ` ${theme.dim(hint)}`}`;
  };

  /** Steps that wait for nothing but what runs, and for what. */
  const waiting = (theme: Theme): string[] => {
    const out: string[] = [];
    const seen = new Set<StepId>();
    for (const { id } of running.values())
      for (const next of dependents.get(id) ?? []) {
        if (out.length === fewWaiting) return out;
        const step = lookup(next);
        if (step === undefined || seen.has(next) || !shown(step) || ended.has(next)) continue;
        seen.add(next);
        const open = step.after.filter((before) => !ended.has(before) && lookup(before)?.op !== "same");
        const names = open
          .filter((before) => running.has(before))
          .slice(0, fewBlockers)
          .map((before) => shortUrn((lookup(before) as Step).urn));
        const more = open.length - names.length;
        out.push(
          theme.dim(
            `· ${shortUrn(step.urn)} waits for ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
          ),
        );
      }
    return out;
  };

  const lines = (frame: Frame): string[] => {
    const { theme, now, rows } = frame;
    const room = Math.max(1, rows - 1);
    const visibleOnes = [...running.values()].filter(shown);
    const out: string[] = [];
    const groups = new Map<Urn | undefined, Running[]>();
    for (const item of visibleOnes) {
      const parent = parentOf(item.urn);
      const group = groups.get(parent);
      if (group === undefined) groups.set(parent, [item]);
      else group.push(item);
    }
    let named = 0;
    for (const [parent, items] of groups) {
      const indent = parent === undefined ? "  " : "    ";
      // A heading with nothing below it tells nothing.
      if (out.length + (parent === undefined ? 0 : 1) >= room) break;
      if (parent !== undefined) out.push(`  ${headingText(parent, components.get(parent), theme)}`);
      for (const item of items) {
        if (out.length >= room) break;
        out.push(`${indent}${runningText(item, frame)}`);
        named++;
      }
    }
    if (visibleOnes.length > named) {
      if (out.length >= room && out.length > 1) {
        out.pop();
        named--;
      }
      out.push(theme.dim(`  … and ${visibleOnes.length - named} more running`));
    } else if (out.length < room) {
      for (const line of waiting(theme).slice(0, room - out.length)) out.push(`  ${line}`);
    }
    out.push(status(frame, visibleOnes.length, now));
    return out;
  };

  const status = ({ theme, columns, spinner }: Frame, runs: number, now: number): string => {
    const rest = left(now);
    const since = began === undefined ? 0 : now - began;
    const wait = Math.max(0, total - done - failed - skipped - runs);
    const time =
      rest === undefined || rest < 2000 ? clock(since) : `${clock(since)}, about ${roughly(rest)} left`;
    const failures = failed > 0 ? [theme.error(`${grouped(failed)} failed`)] : [];
    const parts =
      columns < 60
        ? [`${verb} · ${grouped(done)}/${grouped(total)}`, ...failures, time]
        : [
            verb,
            `${grouped(done)}/${grouped(total)} done`,
            ...(runs > 0 ? [`${grouped(runs)} running`] : []),
            ...(wait > 0 ? [`${grouped(wait)} waiting`] : []),
            ...failures,
            time,
          ];
    return `${spinner} ${parts.join(" · ")}`;
  };

  return { take, lines };
}

function headingText(urn: Urn, component: Component | undefined, theme: Theme): string {
  if (component === undefined) return theme.dim(shortUrn(urn));
  const { total, done, failed } = component;
  const bad = failed > 0 ? ` ${theme.error(`${grouped(failed)} failed`)}` : "";
  return `${theme.dim(`${shortUrn(urn)} ${grouped(done)}/${grouped(total)}`)}${bad}`;
}
