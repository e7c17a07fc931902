/** What `orch drift` found. */

import { type DriftGroup, type SharedChange, whoOf } from "@orch/core/drift/groups";
import type { Unmanaged } from "@orch/core/drift/unmanaged";
import type { DriftReport } from "@orch/core/engine-contract";
import { formatPath } from "@orch/core/model/path";
import type { Drift } from "@orch/core/model/plan";
import { isProviderType, parseUrn, type Urn } from "@orch/core/model/urn";
import type { Value } from "@orch/core/model/value";
import { renderChanges } from "./changes.js";
import { renderDriftRules } from "./drift-rules.js";
import { renderFailureGroup } from "./failure.js";
import { failureGroups } from "./failure-groups.js";
import { nameOf, shortType, shortUrn } from "./names.js";
import { count, grouped, visible } from "./text.js";
import type { Theme } from "./theme.js";
import { inline, type ValueView } from "./value.js";
import { whoText } from "./who.js";

export interface DriftView extends ValueView {
  /** Rules that had nothing to do, and what rules ignored. */
  readonly verbose?: boolean;
}

/** Names on a folded list. */
const few = 8;

/** The whole report as lines without a final newline. `full`: nothing folded, each resource by itself. */
export function renderDriftReport(report: DriftReport, view: DriftView): string {
  const { theme, full } = view;
  const { at, drift, groups } = report;
  const out: string[] = [];
  if (drift.length > 0) {
    out.push(driftHeading(drift.length, theme, groups.length));
    for (const group of groups) out.push(...driftGroupLines(group, view, at));
    if (!full && groups.length < drift.length)
      out.push(theme.dim("  --diff shows each resource by itself, with all its values."));
    out.push("");
  }
  for (const one of report.unmanaged) out.push(...unmanagedLines(one, view, at));
  out.push(...renderDriftRules(report, view));
  for (const group of failureGroups(report.failures)) out.push(...renderFailureGroup(group, view), "");
  out.push(...summaryLines(report, theme));
  return out.join("\n");
}

/** One cause: a single resource by itself, several folded unless `full`. `now`: what "12 min ago" is counted from. */
export function driftGroupLines(group: DriftGroup, view: ValueView, now: number): string[] {
  const folded = !view.full && group.drift.length > 1;
  return folded ? groupLines(group, view, now) : group.drift.flatMap((one) => driftItem(one, view, now));
}

export function driftHeading(resources: number, theme: Theme, causes = resources): string {
  const by = causes < resources ? `, ${count(causes, "cause")}` : "";
  return theme.bold(theme.warning(`Changed outside orch: ${count(resources, "resource")}${by}`));
}

/** One resource by itself. `now`: what "12 min ago" is counted from. */
export function driftItem(item: Drift, view: ValueView, now: number): string[] {
  const { theme } = view;
  const id = item.id === undefined ? "" : theme.dim(` (${visible(item.id)})`);
  const gone = item.kind === "gone";
  const style = gone ? theme.remove : theme.warning;
  const symbol = theme.words ? (gone ? "gone" : "changed") : gone ? "!" : "≠";
  const head = `  ${style(symbol)} ${style(visible(shortType(item.type)))} ${theme.name(nameOf(item.urn))}${id}${gone ? theme.remove(" is gone") : ""}`;
  const inner = [
    ...(view.full ? [theme.dim(visible(item.urn))] : []),
    ...(gone ? [] : renderChanges(item.diff.changes, view)),
    ...whoLines(whoOf([item]), view, now, gone),
  ];
  return [head, ...inner.map((line) => `      ${line}`)];
}

function whoLines(who: DriftGroup["who"], { theme, full }: ValueView, now: number, gone: boolean): string[] {
  const texts = who
    .map((one) => whoText(one, now, gone ? "last changed" : "changed"))
    .filter((text) => text !== undefined);
  const shown = full ? texts : texts.slice(0, 3);
  const more = texts.length - shown.length;
  return [...shown, ...(more > 0 ? [`and by ${count(more, "other")}`] : [])].map(theme.dim);
}

function groupLines(group: DriftGroup, view: ValueView, now: number): string[] {
  const { theme } = view;
  const total = group.drift.length;
  const inner: string[] = [];
  let head: string;
  if (group.kind === "changed") {
    head = `${theme.warning("≠")} ${theme.warning(visible(shortType(group.type)))}: ${theme.bold(`the same on ${count(total, "resource")}`)}`;
    inner.push(...group.changes.flatMap((change) => sharedLines(change, view)));
  } else {
    head = `${theme.remove("!")} ${theme.remove(`${count(total, "resource")} ${wherefrom(group)} are gone`)}`;
    if (group.root !== undefined)
      inner.push(`with ${shortUrn(group.root)}, which held them or which they need`);
  }
  inner.push(...whoLines(group.who, view, now, group.kind === "gone"));
  const name = group.kind === "changed" ? (one: Drift) => nameOf(one.urn) : (one: Drift) => shortUrn(one.urn);
  inner.push(listed(group.drift.map(name), view));
  return [`  ${head}`, ...inner.map((line) => `      ${line}`)];
}

function wherefrom({ place, provider }: Extract<DriftGroup, { kind: "gone" }>): string {
  if (place !== undefined) return `in ${place.startsWith("urn:") ? shortUrn(place) : visible(place)}`;
  return provider === undefined ? "" : `of provider ${providerName(provider)}`;
}

function sharedLines({ path, kind, before, after, varies }: SharedChange, view: ValueView): string[] {
  if (!varies.before && !varies.after) {
    const values = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
    return renderChanges([{ path, ...values, effect: "update", side: "output" }], view);
  }
  const { theme } = view;
  const symbol = { added: theme.create("+"), removed: theme.remove("-"), changed: theme.update("~") }[kind];
  const some = theme.dim("different values");
  const text = (value: Value | undefined): string =>
    (value === undefined ? undefined : inline(value, view)) ?? some;
  const values = kind === "changed" ? [...new Set([text(before), text(after)])] : [some];
  return [`${symbol} ${visible(formatPath(path))}: ${values.join(" → ")}`];
}

function listed(names: readonly string[], { full, theme }: ValueView): string {
  if (full || names.length <= few + 1) return names.join(", ");
  return `${names.slice(0, few).join(", ")} ${theme.dim(`and ${grouped(names.length - few)} more`)}`;
}

const providerName = (urn: Urn): string => {
  const { type, name } = parseUrn(urn);
  return visible(`${type.slice("pulumi:providers:".length)} ${name}`);
};

/** Empty when nothing was found. The last line is empty. */
export function unmanagedLines(found: Unmanaged, view: ValueView, now: number): string[] {
  const { theme, full } = view;
  const { rule, objects } = found;
  if (objects.length === 0) return [];
  const scope = Object.entries(rule.scope ?? {})
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(", ") : value}`)
    .join(", ");
  const heading = `Not managed by this stack: ${count(objects.length, "object")} of ${shortType(rule.type)}${scope === "" ? "" : ` in ${scope}`}`;
  const shown = full ? objects : objects.slice(0, 20);
  const lines = shown.map(({ id, title, changes }) => {
    const name =
      title === undefined || title === id
        ? theme.name(visible(id))
        : `${theme.name(visible(title))} ${theme.dim(`(${visible(id)})`)}`;
    const [last] = changes ?? [];
    const who =
      last && whoText({ ...last, ...(last.at === undefined ? {} : { last: last.at }) }, now, "last changed");
    return `  ${theme.warning("?")} ${name}${who === undefined ? "" : theme.dim(`  ${who}`)}`;
  });
  const hidden = objects.length - shown.length;
  return [
    theme.bold(theme.warning(visible(heading))),
    ...lines,
    ...(hidden > 0 ? [theme.dim(`  … and ${grouped(hidden)} more (--diff shows them)`)] : []),
    "",
  ];
}

const unmanagedObjects = ({ unmanaged }: DriftReport): number =>
  unmanaged.reduce((sum, { objects }) => sum + objects.length, 0);

/** `2 changed`, `1 gone`: what is not zero. */
export function driftCounts(report: DriftReport): string[] {
  const gone = report.drift.filter(({ kind }) => kind === "gone").length;
  const counts: [n: number, what: string][] = [
    [report.drift.length - gone, "changed"],
    [gone, "gone"],
    [unmanagedObjects(report), "not managed"],
    [report.failures.length, "could not be read"],
  ];
  return counts.filter(([n]) => n > 0).map(([n, what]) => `${grouped(n)} ${what}`);
}

function summaryLines(report: DriftReport, theme: Theme): string[] {
  const found = driftCounts(report);
  const ignoredOn = new Set(report.ignored.map(({ drift }) => drift.urn)).size;
  const ignored =
    ignoredOn > 0 ? ` ${theme.dim(`${grouped(ignoredOn)} with differences that rules ignore;`)}` : "";
  // A list of objects that nobody manages can fail, too: at a provider, and no resource is left unread by that.
  const someUnread = report.failures.some(
    ({ urn }) => urn !== undefined && !isProviderType(parseUrn(urn).type),
  );
  const read =
    report.unread > 0
      ? `${theme.warning("interrupted:")} only ${grouped(report.checked - report.unread)} of ${count(report.checked, "resource")} of stack ${report.stack} read`
      : someUnread
        ? `the rest of ${count(report.checked, "resource")} of stack ${report.stack} read`
        : `${count(report.checked, "resource")} of stack ${report.stack} read`;
  const what =
    found.length > 0
      ? theme.warning(`${found.join(", ")};`)
      : report.unread > 0
        ? "none found;"
        : theme.success("none;");
  const lines = [`${theme.bold("Drift:")} ${what}${ignored} ${read}.`];
  const hint = (text: string): void => void lines.push(theme.dim(text));
  if (report.drift.length > 0)
    hint(
      someUnread
        ? "Put right what can be with `orch apply --refresh --continue-on-error`."
        : "Put it right with `orch apply --refresh`, or take it over into the state with `orch refresh`.",
    );
  if (unmanagedObjects(report) > 0)
    hint("Take an object into the stack with `orch import TYPE NAME ID`, or name it in its rule's `ignore`.");
  return lines;
}
