import type { Event } from "@orch/core/model/event";
import { byOrch, type Plan } from "@orch/core/model/plan";
import { waitingText } from "../render/locks.js";
import { failedLine, finishedLine, logLines, lookupIn } from "../render/progress.js";
import { duration, upperFirst } from "../render/text.js";
import { errTheme, note, outTheme, session, write } from "../session.js";
import type { View } from "./view.js";

/** For pipes and logs: a line when something is done, nothing that moves. The program's output and logs go to standard error. */
export function plainView(): View {
  let plan: Plan | undefined;
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
      case "step-finished":
        if (event.op === "same" || byOrch(event.urn)) break;
        write(
          finishedLine({ ...event, step: lookup(event.step) }, event.elapsedMs, outTheme(), session.verbose),
        );
        break;
      case "step-failed":
        write(failedLine({ ...event, step: lookup(event.step) }, event.failure.message, outTheme()));
        break;
      default:
        break;
    }
  };
  return {
    sink,
    apply: (next) => {
      plan = next;
      lookup = lookupIn(plan);
    },
    say: note,
    clear: () => {},
    close: () => {},
  };
}
