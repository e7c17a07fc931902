import type { Event } from "@orch/core/model/event";
import { byOrch, type StepId } from "@orch/core/model/plan";
import { waitingText } from "../render/locks.js";
import {
  failedLine,
  finishedLine,
  logLines,
  lookupIn,
  type RunningStep,
  stillLine,
} from "../render/progress.js";
import { count, duration, upperFirst } from "../render/text.js";
import { errTheme, note, outTheme, session, write } from "../session.js";
import type { View } from "./view.js";

/** How often it is said what has been running for so long, in ms: services that run pipelines end what is silent for long. */
const every = 60_000;
/** Of many at the same time, those that began first. */
const few = 3;

/** For pipes, logs and screen readers: a line when something is done, nothing that moves. The program's output and logs go to standard error. */
export function plainView(): View {
  const running = new Map<StepId, RunningStep & { readonly since: number }>();
  let timer: NodeJS.Timeout | undefined;
  const still = (): void => {
    const long = [...running.values()].filter(
      ({ op, urn, since }) => op !== "same" && !byOrch(urn) && Date.now() - since >= every,
    );
    for (const item of long.slice(0, few)) note(upperFirst(stillLine(item, Date.now() - item.since)));
    if (long.length > few) note(`And ${count(long.length - few, "more step")}.`);
  };
  let lookup = lookupIn(undefined);
  let nextWait = 0;
  const sink = (event: Event): void => {
    switch (event.type) {
      case "program-output":
        note(event.line);
        break;
      case "log":
        if (event.ephemeral === true) break;
        if (event.level !== "debug" || session.verbose)
          for (const line of logLines(event, errTheme())) note(line);
        break;
      case "lock-waiting":
        // Once, and then every half minute.
        if (event.waitedMs >= nextWait) {
          note(upperFirst(waitingText(event)));
          nextWait = event.waitedMs + 30_000;
        }
        break;
      case "lock-acquired":
        note(`Waited ${duration(event.waitedMs)}; going on.`);
        break;
      case "apply-started":
        timer ??= setInterval(still, every);
        timer.unref();
        break;
      case "step-started":
        running.set(event.step, { ...event, step: lookup(event.step), since: Date.now() });
        break;
      case "step-finished":
        running.delete(event.step);
        if (event.op === "same" || byOrch(event.urn)) break;
        write(
          finishedLine({ ...event, step: lookup(event.step) }, event.elapsedMs, outTheme(), session.verbose),
        );
        break;
      case "step-failed":
        running.delete(event.step);
        write(failedLine({ ...event, step: lookup(event.step) }, event.failure.message, outTheme()));
        break;
      default:
        break;
    }
  };
  return {
    sink,
    apply: (plan) => {
      lookup = lookupIn(plan);
    },
    say: note,
    clear: () => {},
    close: () => clearInterval(timer),
  };
}
