/**
 * The live view: lines that stay scroll up as usual; below them a region of bounded height shows what is running. Every line
 * of the region is cut to the terminal's width, so that erasing it is exact; when the terminal gets narrower in between, the
 * rows that the old lines then take are counted anew.
 */
import type { Event } from "@orch/core/model/event";
import { byOrch, type StepId } from "@orch/core/model/plan";
import type { Urn } from "@orch/core/model/urn";
import { waitingText } from "../render/locks.js";
import {
  failedLine,
  finishedLine,
  logLines,
  lookupIn,
  type RunningStep,
  runningLine,
} from "../render/progress.js";
import { count, duration, grouped, truncate, upperFirst, visible, width } from "../render/text.js";
import { outTheme, session } from "../session.js";
import type { View } from "./view.js";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Time between two drawings, in ms. */
const interval = 80;

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; text: string }
  | {
      readonly kind: "planning";
      readonly since: number;
      registered: number;
      toRead: number;
      read: number;
      planned: number;
    }
  | {
      readonly kind: "applying";
      readonly since: number;
      readonly total: number;
      done: number;
      failed: number;
    };

/** A running time: tenths from the start, so that it does not jump between units. */
const clock = (ms: number): string => (ms < 100 ? "0.1 s" : duration(ms));

export function liveView(): View {
  const { stdout } = process;
  const theme = outTheme();
  const running = new Map<StepId, RunningStep & { readonly since: number }>();
  const hints = new Map<Urn, string>();
  let phase: Phase = { kind: "idle" };
  let verb = "Planning";
  let lookup = lookupIn(undefined);
  /** Steps that get a line of their own. */
  let shown = 0;
  let drawn: string[] = [];
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;

  const columns = (): number => Math.max(10, stdout.columns || 80);
  const erasure = (): string => {
    if (drawn.length === 0) return "";
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(width(line) / columns())), 0);
    drawn = [];
    return `\r\x1b[${rows}A\x1b[0J`;
  };
  const region = (): string[] => {
    const spinner = theme.read(frames[frame % frames.length] as string);
    const now = Date.now();
    switch (phase.kind) {
      case "idle":
        return [];
      case "waiting":
        return [`${spinner} ${phase.text}`];
      case "planning": {
        const parts = [
          phase.toRead > 0 ? `${grouped(phase.read)}/${grouped(phase.toRead)} read` : "",
          phase.registered > 0 ? count(phase.registered, "resource") : "",
        ].filter(Boolean);
        return [
          `${spinner} ${verb}${parts.length > 0 ? ` · ${parts.join(" · ")}` : ""} · ${clock(now - phase.since)}`,
        ];
      }
      case "applying": {
        const room = Math.max(1, Math.min(10, Math.floor((stdout.rows || 24) / 2) - 2));
        const lines: string[] = [];
        const visibleOnes = [...running.values()].filter(({ op, urn }) => op !== "same" && !byOrch(urn));
        for (const item of visibleOnes) {
          if (lines.length === room) break;
          const hint = hints.get(item.urn);
          lines.push(
            `  ${runningLine(item, theme)}… ${theme.dim(clock(now - item.since))}${hint === undefined ? "" : ` ${theme.dim(hint)}`}`,
          );
        }
        if (visibleOnes.length > lines.length)
          lines.push(theme.dim(`  … and ${visibleOnes.length - lines.length} more running`));
        const failed = phase.failed > 0 ? ` · ${theme.error(`${phase.failed} failed`)}` : "";
        lines.push(
          `${spinner} ${verb} · ${grouped(phase.done)}/${grouped(phase.total)} done${failed} · ${clock(now - phase.since)}`,
        );
        return lines;
      }
    }
  };
  const draw = (above: readonly string[] = []): void => {
    const erase = erasure();
    const lines = region().map((line) => truncate(line, columns() - 1));
    const text = [...above, ...lines].map((line) => `${line}\n`).join("");
    if (erase === "" && text === "") return;
    drawn = lines;
    // One write per frame between "begin/end synchronized update", so that terminals do not show half of it.
    stdout.write(`\x1b[?2026h${erase}${text}\x1b[?2026l`);
  };
  const tick = (): void => {
    frame++;
    draw();
  };
  const wake = (): void => {
    if (timer !== undefined) return;
    stdout.write("\x1b[?25l");
    timer = setInterval(tick, interval);
    timer.unref();
  };
  const rest = (): void => {
    clearInterval(timer);
    if (timer !== undefined) stdout.write("\x1b[?25h");
    timer = undefined;
  };
  // Whatever ends the process, the cursor comes back.
  const onExit = (): void => rest();
  process.on("exit", onExit);

  const pending: string[] = [];
  let flushing = false;
  /** Lines that stay. Those of one turn of the event loop are written together: applies may finish thousands at once. */
  const permanent = (...lines: string[]): void => {
    pending.push(...lines);
    if (flushing) return;
    flushing = true;
    setImmediate(flush);
  };
  const flush = (): void => {
    flushing = false;
    if (pending.length > 0) draw(pending.splice(0));
  };

  const planning = (): Extract<Phase, { kind: "planning" }> => {
    if (phase.kind !== "planning")
      phase = { kind: "planning", since: Date.now(), registered: 0, toRead: 0, read: 0, planned: 0 };
    wake();
    return phase as Extract<Phase, { kind: "planning" }>;
  };

  const sink = (event: Event): void => {
    switch (event.type) {
      case "run-started":
        verb = {
          plan: "Planning",
          apply: "Applying",
          destroy: "Destroying",
          refresh: "Reading",
          drift: "Reading",
        }[event.run];
        if (event.run === "plan" || event.run === "drift" || event.run === "refresh") planning();
        break;
      case "program-output":
        permanent(visible(event.line));
        break;
      case "resource-registered":
        if (phase.kind === "planning" && !byOrch(event.resource.urn)) phase.registered++;
        break;
      case "plan-progress":
        planning().planned = event.done;
        break;
      case "read-started":
        if (phase.kind !== "applying") planning().toRead += event.resources;
        break;
      case "resource-read":
        if (phase.kind !== "applying") planning().read++;
        break;
      case "log":
        if (event.ephemeral === true) {
          if (event.urn !== undefined)
            hints.set(event.urn, visible(event.message).split("\n", 1)[0] as string);
        } else if (event.level !== "debug" || session.verbose) permanent(...logLines(event, theme));
        break;
      case "plan-made":
        // The plan is written by the command once it has cleared the region.
        break;
      case "lock-waiting":
        phase = { kind: "waiting", text: upperFirst(waitingText(event)) };
        wake();
        break;
      case "lock-acquired":
        phase = { kind: "idle" };
        permanent(theme.dim(`Waited ${duration(event.waitedMs)} for other runs.`));
        break;
      case "apply-started":
        phase = { kind: "applying", since: Date.now(), total: shown || event.steps, done: 0, failed: 0 };
        wake();
        break;
      case "step-started":
        running.set(event.step, {
          op: event.op,
          urn: event.urn,
          step: lookup(event.step),
          since: Date.now(),
        });
        break;
      case "step-finished":
        running.delete(event.step);
        hints.delete(event.urn);
        if (event.op !== "same" && !byOrch(event.urn)) {
          if (phase.kind === "applying") phase.done++;
          permanent(finishedLine({ ...event, step: lookup(event.step) }, event.elapsedMs, theme, true));
        }
        break;
      case "step-failed":
        running.delete(event.step);
        hints.delete(event.urn);
        if (phase.kind === "applying") phase.failed++;
        permanent(failedLine({ ...event, step: lookup(event.step) }, event.failure.message, theme));
        break;
      case "program-ended":
      case "step-skipped":
      case "apply-ended":
        break;
    }
  };

  const clear = (): void => {
    flush();
    phase = { kind: "idle" };
    draw();
    rest();
  };
  return {
    sink,
    apply: (plan) => {
      lookup = lookupIn(plan);
      shown = plan.steps.filter(({ op, urn }) => op !== "same" && !byOrch(urn)).length;
      verb = { apply: "Applying", destroy: "Destroying", refresh: "Writing" }[plan.kind];
    },
    say: (line) => permanent(theme.warning(line)),
    clear,
    close: () => {
      clear();
      process.off("exit", onExit);
    },
  };
}
