/** What `orch drift` found, as the section of a comment or of an issue. */
import type { DriftReport } from "@orch/core/engine-contract";
import { driftCounts, driftGroupLines, unmanagedLines } from "../drift.js";
import { renderDriftRules } from "../drift-rules.js";
import { renderFailureGroup } from "../failure.js";
import { failureGroups } from "../failure-groups.js";
import { count, timestamp } from "../text.js";
import { plainTheme } from "../theme.js";
import { cell, code } from "./escape.js";
import { byteLength, fit, maxBytes } from "./fit.js";
import { remarks } from "./plan.js";
import { type Section, sectionText } from "./section.js";

const view = { theme: plainTheme, full: false };

/** Of a report, `2 changed, 1 gone`; `none` when there is nothing to look at. */
export const driftSummary = (report: DriftReport): string => driftCounts(report).join(", ") || "none";

/** The whole section with its hidden lines, at most `limit` bytes. Holds no secret. */
export function driftMarkdown(report: DriftReport, limit = maxBytes): string {
  const { project, stack, at, drift, unmanaged, failures } = report;
  const found = driftSummary(report);
  const clean = found === "none" && report.unread === 0;
  const name = `${project}/${stack}`;
  const info: Section["info"] = {
    kind: "drift",
    project,
    stack,
    at,
    state: clean ? "success" : "failure",
    summary: found === "none" ? "no drift" : found,
    attention: !clean,
  };
  const objects = unmanaged.reduce((sum, one) => sum + one.objects.length, 0);
  const gone = drift.filter(({ kind }) => kind === "gone").length;
  const cells = [drift.length - gone, gone, objects, failures.length, report.checked - report.unread];
  const head = [
    `### Drift of ${code(name)}: ${found}`,
    [
      "| Stack | Changed | Gone | Not managed | Could not be read | Resources read |",
      "| --- | --: | --: | --: | --: | --: |",
      `| ${cell(name)} | ${cells.map(String).join(" | ")} |`,
    ].join("\n"),
    report.unread > 0
      ? `**Interrupted** at ${timestamp(at)}: ${count(report.unread, "resource")} not read.`
      : `Read at ${timestamp(at)}.`,
  ].join("\n\n");
  const goneGroups = report.groups.filter(({ kind }) => kind === "gone");
  const changedGroups = report.groups.filter(({ kind }) => kind === "changed");
  const lines = (groups: DriftReport["groups"]): string[][] =>
    groups.map((group) => driftGroupLines(group, view, at));
  const blocks = [
    ...remarks(`GONE: ${count(gone, "resource")}`, false, lines(goneGroups), "destroys"),
    ...remarks(
      `Changed outside orch: ${count(drift.length - gone, "resource")}`,
      false,
      lines(changedGroups),
    ),
    ...remarks(
      "Not managed",
      true,
      unmanaged.map((one) => unmanagedLines(one, view, at).filter((line) => line !== "")),
    ),
    ...remarks("Rules", true, [renderDriftRules(report, view).filter((line) => line !== "")]),
    ...remarks(
      `Could not be read: ${count(failures.length, "resource")}`,
      true,
      failureGroups(failures).map((group) =>
        renderFailureGroup(group, view).flatMap((text) => text.split("\n")),
      ),
    ),
  ];
  const around = byteLength(sectionText({ info, body: "" }));
  const elsewhere = "See all of it with `orch drift --diff`.";
  return sectionText({ info, body: fit({ head, blocks, elsewhere }, limit - around) });
}
