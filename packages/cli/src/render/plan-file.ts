/** What is to be known of a kept plan besides what it does. */
import type { SealedPlan } from "@orch/core/plan/seal";
import type { RunInfo } from "@orch/core/state/contract";
import { timestamp, visible } from "./text.js";
import type { Theme } from "./theme.js";

const kinds = { apply: "an apply", destroy: "a destroy", refresh: "a refresh" } as const;

/** `applied`: the run that carried it out, if one did. */
export function renderPlanFile(
  { plan, digest }: SealedPlan,
  applied: RunInfo | undefined,
  theme: Theme,
): string[] {
  const fact = (name: string, value: string): string => `${theme.dim(`${name}:`)} ${value}`;
  const plugins = plan.plugins
    .filter(({ source }) => source === "plugin")
    .map(
      ({ name, version, sha256 }) =>
        `${name}${version === undefined ? "" : ` ${version}`}${sha256 === undefined ? "" : ` ${theme.dim(`SHA-256 ${sha256}`)}`}`,
    );
  return [
    `${theme.bold(`Plan of ${kinds[plan.kind]}`)} of ${theme.name(`${visible(plan.project)}/${visible(plan.stack)}`)}`,
    fact("digest", digest),
    fact("made", `${timestamp(plan.createdAt)} by orch ${visible(plan.orchVersion)}`),
    fact("stack", plan.lineage),
    ...plugins.map((text) => fact("plugin", visible(text))),
    ...(applied === undefined
      ? []
      : [
          fact(
            "applied",
            theme.warning(
              `by run ${applied.id} (${visible(applied.who)}, ${timestamp(applied.startedAt)}); it can't be applied again`,
            ),
          ),
        ]),
  ];
}
