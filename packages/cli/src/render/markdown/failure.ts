/** A command that failed, as the section that its result would have been: the last good one must not stand there as if it still held. */
import type { Failure } from "@orch/core/model/failure";
import { renderFailure } from "../failure.js";
import { plainTheme } from "../theme.js";
import { code } from "./escape.js";
import { byteLength, fit, maxBytes } from "./fit.js";
import { remarks } from "./plan.js";
import { type SectionInfo, sectionText } from "./section.js";

export function failureMarkdown(
  failure: Failure,
  of: Pick<SectionInfo, "kind" | "project" | "stack">,
  at: number,
  limit = maxBytes,
  title = { plan: "Plan for", apply: "Apply of", drift: "Drift for" }[of.kind],
): string {
  const info: SectionInfo = { ...of, at, state: "failure", summary: "failed", attention: true };
  const head = `### ${title} ${code(`${of.project}/${of.stack}`)}: failed`;
  const lines = renderFailure(failure, { theme: plainTheme }).split("\n");
  const blocks = remarks(
    code(failure.reason),
    false,
    lines.map((line) => [line]),
  );
  const around = byteLength(sectionText({ info, body: "" }));
  const elsewhere = "See all of it in the log of the run.";
  return sectionText({ info, body: fit({ head, blocks, elsewhere }, limit - around) });
}
