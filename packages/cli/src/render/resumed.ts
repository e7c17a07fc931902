/** What became of the steps that a cut-off run had begun. */
import type { Resumed, Settled } from "@orch/core/execute/resume";
import { renderFailure } from "./failure.js";
import { shortUrn } from "./names.js";
import { count, visible } from "./text.js";
import type { Theme } from "./theme.js";

const outcome: Readonly<Record<Settled["how"], string>> = {
  adopted: "was made; it is in the state now",
  completed: "was finished; it is in the state now",
  retry: "did not take place; the next apply does it",
  gone: "is gone, from the state as well",
  kept: "was not deleted; the next apply does it",
  "half-done": "is as it was found; the next apply goes over it once more",
  forgotten: "is left alone",
};

export function renderResumed({ settled, open }: Resumed, theme: Theme): string {
  const out: string[] = [];
  for (const { urn, id, how } of settled)
    out.push(
      `${theme.success("✓")} ${shortUrn(urn)}${id === undefined ? "" : theme.dim(` (${visible(id)})`)} ${outcome[how]}`,
    );
  for (const { failure } of open) out.push(renderFailure(failure, { theme }), "");
  if (settled.length === 0 && open.length === 0) out.push("Nothing is left open by earlier runs.");
  else if (open.length === 0) out.push(`${count(settled.length, "step")} settled; nothing is left open.`);
  else out.push(`${count(settled.length, "step")} settled, ${open.length} left open.`);
  return out.join("\n");
}
