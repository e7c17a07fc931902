/** What came of a project's drift rules. */
import type { DriftReport } from "@orch/core/engine-contract";
import type { IgnoreRule } from "@orch/core/project/drift-rules";
import { shortType } from "./names.js";
import { count, visible } from "./text.js";
import type { ValueView } from "./value.js";

/** Rules past their day, always; with `verbose` those that had nothing to do, and what each of the others ignored. */
export function renderDriftRules(
  { ignored, rules }: Pick<DriftReport, "ignored" | "rules">,
  { theme, verbose = false }: ValueView & { readonly verbose?: boolean },
): string[] {
  const out: string[] = [];
  for (const { rule, resources } of rules.expired) {
    const now =
      resources > 0 ? `${count(resources, "resource")} differ there now` : "nothing differs there now";
    out.push(
      `${theme.warning(`A rule ended on ${rule.until} and ignores nothing any more`)}: ${ruleText(rule)}; ${now}.`,
    );
  }
  if (verbose) {
    for (const rule of rules.unused) out.push(theme.dim(`A rule had nothing to ignore: ${ruleText(rule)}.`));
    const byRule = new Map<IgnoreRule, number>();
    for (const { rule } of ignored) byRule.set(rule, (byRule.get(rule) ?? 0) + 1);
    for (const [rule, resources] of byRule)
      out.push(theme.dim(`Ignored on ${count(resources, "resource")}: ${ruleText(rule)}.`));
  }
  return out.length === 0 ? [] : [...out, ""];
}

/** `kubernetes:apps:Deployment spec.replicas, "autoscaler" (orch.yaml:7)` */
function ruleText({ type, urn, paths, reason, source }: IgnoreRule): string {
  const of = [type && shortType(type), urn].filter((part) => part !== undefined).join(" ");
  return visible(`${of} ${paths.join(", ")}, ${JSON.stringify(reason)} (${source.file}:${source.line})`);
}
