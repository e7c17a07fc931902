/** What a plan of some resources alone is of, what it takes along, and what it leaves undone. */
import { byOrch, type Held, type Plan, type PlanSelection } from "@orch/core/model/plan";
import { shortUrn } from "./names.js";
import { count, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";

const list = (patterns: readonly string[]): string => patterns.map(visible).join(", ");

/** `Only web, db-* and what depends on them; not cache.` */
export function selectionText({ targets, excludes, dependents }: PlanSelection): string {
  const not =
    excludes.length === 0
      ? ""
      : `${list(excludes)} and what depends on ${excludes.length === 1 ? "it" : "them"}`;
  if (targets.length === 0) return `Everything but ${not}.`;
  const more = dependents ? ` and what depends on ${targets.length === 1 ? "it" : "them"}` : "";
  return `Only ${list(targets)}${more}${not === "" ? "" : `; not ${not}`}.`;
}

/** What a plan of everything would do besides, that a person asked for. */
export const leftUndone = (selection: PlanSelection | undefined): readonly Held[] =>
  (selection?.held ?? []).filter(({ urn, would }) => !byOrch(urn) && would !== "read");

const title = ({ targets }: PlanSelection): string => (targets.length > 0 ? "Not targeted" : "Excluded");

/** `not targeted: 3 would change`; undefined when nothing is left undone. */
export function undoneText(plan: Pick<Plan, "selection" | "kind">): string | undefined {
  const { selection, kind } = plan;
  const held = leftUndone(selection);
  if (selection === undefined || held.length === 0) return undefined;
  return `${title(selection).toLowerCase()}: ${grouped(held.length)} would ${kind === "destroy" ? "be deleted" : "change"}`;
}

const few = 12;

/** Below the plan's steps: an empty line ends each part. */
export function selectionLines(
  plan: Pick<Plan, "selection" | "kind">,
  theme: Theme,
  full: boolean,
): string[] {
  const { selection } = plan;
  if (selection === undefined) return [];
  const out: string[] = [];
  const { brought } = selection;
  if (brought.length > 0)
    out.push(
      theme.bold(`Comes along, as what is named needs it: ${count(brought.length, "resource")}`),
      ...brought.map(
        ({ urn, neededBy }) =>
          `    ${shortUrn(urn)}${neededBy === undefined ? "" : theme.dim(` for ${shortUrn(neededBy)}`)}`,
      ),
      "",
    );
  const held = leftUndone(selection);
  if (held.length === 0) return out;
  // Of a destroy that is nearly everything, and nobody asked.
  const most = full ? held.length : plan.kind === "destroy" ? 0 : few;
  const shown = held.slice(0, most);
  const more = held.length - shown.length;
  const heading = `${title(selection)}, left as they are: ${count(held.length, "resource")}`;
  out.push(
    theme.bold(heading) + (shown.length === 0 ? theme.dim(" (--diff lists them)") : ""),
    ...shown.map(
      ({ urn, would, failure }) =>
        `    ${shortUrn(urn)}${theme.dim(failure ? ` can't be planned: ${visible(failure.message)}` : ` (${wouldText[would]})`)}`,
    ),
    ...(more > 0 && shown.length > 0
      ? [theme.dim(`    … and ${grouped(more)} more (--diff lists them)`)]
      : []),
    "",
  );
  return out;
}

const wouldText: Readonly<Record<Held["would"], string>> = {
  create: "would be created",
  update: "would be updated",
  replace: "would be replaced",
  move: "would be renamed in the state",
  import: "would be imported",
  read: "would be read",
  delete: "would be deleted",
  forget: "would be forgotten",
  fail: "can't be planned",
};
