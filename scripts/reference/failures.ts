/** docs/reference/failures.md: every reason, its exit code, its cause and cure. */
import { exitCodes, type FailureReason } from "@orch/core/model/failure";
import { type Explanation, failureIndex } from "../../packages/cli/src/failure-index.js";
import { page, prose } from "./markdown.js";

/** docs/conformance.md is the one page that the texts name. */
const linked = (text: string): string =>
  prose(text).replace("docs/conformance.md", "[the page on conformance](../conformance.md)");

export const failuresPage = (): string =>
  page("packages/cli/src/failure-index.ts", [
    "# Failures",
    "",
    "A failure names its reason in brackets: `error[plan-stale]: …`. A reason keeps its name and its exit code between versions, so scripts may rely on both; `--json` has it as `reason`.",
    "The failure itself says where, what was expected and found, and what to do next. `orch explain REASON` prints what stands here.",
    "",
    ...Object.entries(failureIndex).flatMap(([part, reasons]) => [
      `## ${part}`,
      "",
      ...(Object.entries(reasons) as [FailureReason, Explanation][]).flatMap(([reason, { cause, cure }]) => [
        `### ${reason}`,
        "",
        `Exit code ${exitCodes[reason]}. ${linked(cause)}`,
        "",
        `**What to do:** ${linked(cure)}`,
        "",
      ]),
    ]),
  ]);
