import type { Event } from "@orch/core/model/event";
import { eventJson } from "../render/json.js";
import { note } from "../session.js";
import type { View } from "./view.js";

/** One compact JSON object per line for each event, or, where the command prints one document at its end, nothing. */
export function jsonView(events: boolean): View {
  const sink = (event: Event): void => {
    if (events) process.stdout.write(`${JSON.stringify(eventJson(event))}\n`);
    // The program's own output must not get between the lines.
    else if (event.type === "program-output") note(event.line);
  };
  return { sink, apply: () => {}, say: note, clear: () => {}, close: () => {} };
}
