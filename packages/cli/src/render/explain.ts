/** One resource explained: what it is, what the plan does to it and why, where its values come from, who needs it, its past. */
import { byOrch } from "@orch/core/model/plan";
import type { Episode, Explanation, Related } from "@orch/core/plan/explain";
import type { StepIndex } from "@orch/core/plan/why";
import type { RunInfo } from "@orch/core/state/contract";
import { placeText } from "./failure.js";
import { shortType, shortUrn } from "./names.js";
import { type Effect, effectOf, type PlanView, stepText } from "./plan.js";
import { count, grouped, table, timestamp, visible } from "./text.js";
import { sign } from "./theme.js";
import { fateOf } from "./why.js";

export interface Explained {
  readonly explanation: Explanation;
  readonly index: StepIndex;
  /** Newest first. */
  readonly past: readonly Episode[];
  readonly runs: ReadonlyMap<number, Pick<RunInfo, "kind" | "who">>;
}

const few = 8;

const will: Readonly<Record<Effect, string>> = {
  delete: "deleted",
  replace: "replaced",
  forget: "forgotten, without deleting anything",
  update: "updated in place",
  create: "created",
  import: "imported",
  move: "renamed in the state",
  read: "read",
  refresh: "taken over into the state as it was found",
};

/** Lines without a final newline. */
export function renderExplanation({ explanation, index, past, runs }: Explained, view: PlanView): string {
  const { theme, full } = view;
  const { resource, step, origins, dependsOn, neededBy, holds, leadsTo } = explanation;
  const out = [
    `${theme.bold(visible(shortType(resource.type)))} ${theme.name(visible(resource.name))}`,
    theme.dim(visible(resource.urn)),
  ];
  const fact = (name: string, value: string | undefined): void => {
    if (value !== undefined) out.push(`${theme.dim(`${name}:`)} ${value}`);
  };
  const state = "outputs" in resource ? resource : step && "prior" in step ? step.prior : undefined;
  const old = step?.op === "create" ? step.replaces?.prior : undefined;
  const known = state ?? old;
  const { parent, provider } = resource;
  fact("in", parent === undefined || byOrch(parent) ? undefined : shortUrn(parent));
  fact("provider", provider === undefined || byOrch(provider) ? undefined : shortUrn(provider));
  fact("made at", resource.source === undefined ? undefined : placeText(resource.source));
  fact("id", known?.id === undefined ? undefined : visible(known.id));
  fact("created", known?.createdAt === undefined ? undefined : timestamp(known.createdAt));
  fact("changed", known?.modifiedAt === undefined ? undefined : timestamp(known.modifiedAt));
  const options = Object.entries(resource.options).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  fact("options", options.length === 0 ? undefined : options.map(([key]) => key).join(", "));
  for (const error of known?.initErrors ?? []) fact("half-done", visible(error));

  const effect = step && effectOf(step);
  out.push("", theme.bold("In the plan"));
  if (step === undefined) out.push("  nothing is done to it");
  else if (effect === undefined) out.push(`  unchanged: the program wants what is there`);
  else {
    out.push(`  it will be ${will[effect]}`);
    const { head, body } = stepText(step, effect, index, view);
    for (const line of [...head, ...body]) out.push(`  ${line}`);
  }

  const name = ({ urn, step: its }: Related): string => {
    const fate = its === undefined ? "" : theme.dim(` (${fateOf(its)})`);
    return `${shortUrn(urn)}${fate}`;
  };
  const list = (title: string, items: readonly Related[]): void => {
    if (items.length === 0) return;
    const shown = full || items.length <= few + 1 ? items : items.slice(0, few);
    out.push("", theme.bold(`${title}: ${count(items.length, "resource")}`));
    for (const item of shown) out.push(`  ${name(item)}`);
    if (shown.length < items.length)
      out.push(theme.dim(`  … ${grouped(items.length - shown.length)} more (--diff lists them)`));
  };
  if (origins.length > 0) {
    out.push("", theme.bold("Values from other resources"));
    for (const { property, from, unknown } of origins)
      out.push(
        `  ${visible(property)} ${theme.dim(sign(theme, "←"))} ${from.map(name).join(", ")}${unknown ? theme.dim(", known after apply") : ""}`,
      );
  }
  list("Told to depend on", dependsOn);
  list("Needed by", neededBy);
  list(resource.custom ? "Serves" : "Holds", holds);
  list("Because of it the plan also changes", leadsTo);

  if (past.length > 0) {
    const shown = full ? past : past.slice(0, few);
    const rows = shown.map(({ runId, at, what, properties }) => {
      const run = runs.get(runId);
      return [
        `  run ${runId}`,
        timestamp(at),
        run === undefined ? "" : `${run.kind} by ${visible(run.who)}`,
        properties.length === 0 ? what : `${what}: ${properties.map(visible).join(", ")}`,
      ];
    });
    out.push("", theme.bold("History"), ...table(rows));
    if (shown.length < past.length)
      out.push(theme.dim(`  … ${count(past.length - shown.length, "earlier version")} (--diff lists them)`));
  }
  return out.join("\n");
}
