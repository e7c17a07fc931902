/** What `orch drift` found. */
import type { DriftReport } from "@orch/core/engine-contract";
import { renderFailure } from "./failure.js";
import { renderDrift } from "./plan.js";
import { count } from "./text.js";
import type { ValueView } from "./value.js";

export function renderDriftReport(report: DriftReport, view: ValueView): string {
  const { theme } = view;
  const out: string[] = [];
  renderDrift(report.drift, view, out);
  for (const failure of report.failures) out.push(renderFailure(failure, { theme }), "");
  const gone = report.drift.filter(({ kind }) => kind === "gone").length;
  const changed = report.drift.length - gone;
  const found = [
    ...(changed > 0 ? [`${changed} changed`] : []),
    ...(gone > 0 ? [`${gone} gone`] : []),
    ...(report.failures.length > 0 ? [`${report.failures.length} could not be read`] : []),
  ];
  const checked = `${count(report.checked, "resource")} of stack ${report.stack} read`;
  if (found.length === 0) {
    out.push(`${theme.bold("Drift:")} ${theme.success("none;")} ${checked}.`);
    return out.join("\n");
  }
  out.push(`${theme.bold("Drift:")} ${theme.warning(found.join(", "))}; ${checked}.`);
  if (report.drift.length > 0)
    out.push(
      theme.dim(
        "Put it right with `orch apply --refresh`, or take it over into the state with `orch refresh`.",
      ),
    );
  return out.join("\n");
}
