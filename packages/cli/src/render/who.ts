/** Who changed something outside orch, and when. */
import type { Who } from "@orch/core/drift/groups";
import { ago, timestamp, visible } from "./text.js";

/** `changed by kubectl-edit, 2026-11-25 09:12 UTC (12 min ago)`. Undefined when nothing is known. */
export function whoText({ by, how, first, last }: Who, now: number, verb = "changed"): string | undefined {
  const name = by ?? how;
  const way = by !== undefined && how !== undefined && how !== by ? ` (${visible(how)})` : "";
  const when = whenText(first, last, now);
  if (name === undefined) return when && `${verb} ${when}`;
  const who = by === undefined ? `according to ${visible(name)}` : `by ${visible(name)}${way}`;
  return `${verb} ${who}${when === undefined ? "" : `, ${when}`}`;
}

function whenText(first: number | undefined, last: number | undefined, now: number): string | undefined {
  if (last === undefined) return undefined;
  const past = ago(last, now);
  const until = `${timestamp(last)}${past === undefined ? "" : ` (${past})`}`;
  return first === undefined || timestamp(first) === timestamp(last)
    ? until
    : `${timestamp(first)} to ${until}`;
}
