/**
 * The live view: lines that stay scroll up as usual; below them a region of bounded height shows what is running. Every line
 * of the region is cut to the terminal's width, so that erasing it is exact; when the terminal gets narrower in between, the
 * rows that the old lines then take are counted anew.
 */
import type { Event } from "@orch/core/model/event";
import { byOrch } from "@orch/core/model/plan";
import { type Applying, applying, clock } from "../render/applying.js";
import { wantsUnicode } from "../render/ascii.js";
import { waitingText } from "../render/locks.js";
import { failedLine, finishedLine, logLines, lookupIn } from "../render/progress.js";
import { count, duration, grouped, truncate, upperFirst, visible, width } from "../render/text.js";
import { outTheme, session, shownOn } from "../session.js";
import type { View } from "./view.js";

const braille = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const bars = ["|", "/", "-", "\\"];
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
  | { readonly kind: "applying" };

export function liveView(): View {
  const { stdout } = process;
  const theme = outTheme();
  const frames = wantsUnicode(process.env) ? braille : bars;
  let phase: Phase = { kind: "idle" };
  let verb = "Planning";
  let lookup = lookupIn(undefined);
  let progress: Applying = applying({ steps: [] }, "Applying");
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
        const rows = Math.max(2, Math.min(12, Math.floor((stdout.rows || 24) / 2) - 1));
        return progress.lines({ theme, rows, columns: columns(), now, spinner });
      }
    }
  };
  const draw = (above: readonly string[] = []): void => {
    const erase = erasure();
    const lines = region().map((line) => truncate(shownOn(stdout, line), columns() - 1));
    const text = [...above.map((line) => shownOn(stdout, line)), ...lines]
      .map((line) => `${line}\n`)
      .join("");
    if (erase === "" && text === "") return;
    drawn = lines;
    // One write per frame between "begin/end synchronized update", so that terminals do not show half of it.
    stdout.write(`\x1b[?2026h${erase}${text}\x1b[?2026l`);
  };
  const tick = (): void => {
    frame++;
    draw(pending.splice(0));
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
  /** Lines that stay. They wait for the next drawing, if there is one: applies may finish thousands in a second. */
  const permanent = (...lines: string[]): void => {
    pending.push(...lines);
    if (flushing || timer !== undefined) return;
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
    progress.take(event, Date.now());
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
        if (event.ephemeral !== true && (event.level !== "debug" || session.verbose))
          permanent(...logLines(event, theme));
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
        phase = { kind: "applying" };
        wake();
        break;
      case "step-finished":
        if (event.op !== "same" && !byOrch(event.urn))
          permanent(finishedLine({ ...event, step: lookup(event.step) }, event.elapsedMs, theme, true));
        break;
      case "step-failed":
        permanent(failedLine({ ...event, step: lookup(event.step) }, event.failure.message, theme));
        break;
      case "step-started":
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
    apply: (plan, how) => {
      lookup = lookupIn(plan);
      verb = { apply: "Applying", destroy: "Destroying", refresh: "Writing" }[plan.kind];
      progress = applying(plan, verb, how);
    },
    say: (line) => permanent(theme.warning(line)),
    clear,
    close: () => {
      clear();
      process.off("exit", onExit);
    },
  };
}
