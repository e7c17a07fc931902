/** What a command shows while the engine works. */
import type { EventSink } from "@orch/core/model/event";
import type { Plan } from "@orch/core/model/plan";
import type { Durations } from "@orch/core/state/durations";
import { session } from "../session.js";
import { jsonView } from "./json.js";
import { liveView } from "./live.js";
import { plainView } from "./plain.js";

/** What the time that is left is worked out from. */
export interface ApplyView {
  readonly durations?: Durations | undefined;
  /** Steps at the same time. */
  readonly parallel?: number | undefined;
}

export interface View {
  readonly sink: EventSink;
  /** From now on events tell of the steps of this plan. */
  apply(plan: Plan, how?: ApplyView): void;
  /** A remark for the person, above what is live. */
  say(line: string): void;
  /** Nothing live is left on the screen; a question or a result may be written. Events draw again. */
  clear(): void;
  /** For good. */
  close(): void;
}

/** Live where a person watches, plain lines otherwise, a stream of JSON lines for `apply --json`. */
export function openView(options: { readonly jsonEvents?: boolean } = {}): View {
  if (session.json) return jsonView(options.jsonEvents === true);
  const live =
    process.stdout.isTTY === true &&
    process.stderr.isTTY === true &&
    !session.plain &&
    process.env.TERM !== "dumb" &&
    !process.env.CI;
  return live ? liveView() : plainView();
}
