/**
 * Failures as a good compiler shows them: what went wrong, where in the user's own file with that line, what was expected
 * and found, what caused it, and what to do next.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Failure } from "@orch/core/model/failure";
import type { SourcePosition } from "@orch/core/model/resource";
import { type FailureGroup, failureGroups } from "./failure-groups.js";
import { shortUrn } from "./names.js";
import { placeOf, snippet } from "./snippet.js";
import { count, visible } from "./text.js";
import type { Theme } from "./theme.js";

export interface FailureView {
  readonly theme: Theme;
  /** Folder that source positions are relative to. */
  readonly baseDir?: string;
  /** Of the terminal: lines of the program are cut to it, so that what is below each other stays so. */
  readonly columns?: number | undefined;
  /** Stacks of what orch did not expect are shown, not only mentioned. */
  readonly verbose?: boolean;
}

/** The failure as lines without a final newline. */
export function renderFailure(failure: Failure, view: FailureView): string {
  const out: string[] = [];
  if (failure.reason === "internal") internal(failure, view, out);
  else write(failure, view, "", view.theme.error("error"), out);
  return out.join("\n");
}

/** Names that a folded list shows. */
const few = 8;

/**
 * What many resources have in common: the first failure in full, with all that it concerns. `fullWith`: the flag with which all names are
 * listed.
 */
export function renderFailureGroup(
  group: FailureGroup,
  view: FailureView & { readonly full: boolean },
  fullWith = "--diff",
): string[] {
  if (group.urns.length < 2) return [renderFailure(group.failure, view)];
  const out: string[] = [];
  write(group.failure, view, "", view.theme.error("error"), out, {
    group: { ...group, full: view.full, fullWith },
  });
  return out;
}

/** A line of a plan's warnings. */
export function renderWarning(failure: Failure, theme: Theme): string[] {
  const out: string[] = [];
  write(failure, { theme }, "", theme.warning("warning"), out);
  return out;
}

interface Around {
  /** The failure that this one is a cause of. */
  readonly above?: Failure;
  /** All that this one stands for. */
  readonly group?: FailureGroup & { readonly full: boolean; readonly fullWith: string };
}

function write(
  failure: Failure,
  view: FailureView,
  indent: string,
  label: string,
  out: string[],
  { above, group }: Around = {},
): void {
  const { theme } = view;
  const [first = "", ...more] = visible(failure.message).split("\n");
  out.push(`${indent}${label}${theme.dim(`[${failure.reason}]`)}: ${theme.bold(first)}`);
  for (const line of more) out.push(`${indent}  ${line}`);
  if (group !== undefined) {
    const shown = group.full ? group.urns : group.urns.slice(0, few);
    const left = group.urns.length - shown.length;
    const all = left > 0 ? theme.dim(` and ${left} more (${group.fullWith} shows them)`) : "";
    out.push(
      `${indent}  ${theme.dim(count(group.urns.length, "resource"))} ${shown.map(shortUrn).join(", ")}${all}`,
    );
    if (group.differ)
      out.push(
        `${indent}  ${theme.dim("The message is the first one's; the others' differ in their own names and values alone.")}`,
      );
  } else if (
    failure.urn !== undefined &&
    failure.urn !== above?.urn &&
    !failure.message.includes(failure.urn)
  )
    out.push(
      `${indent}  ${theme.dim("resource")} ${shortUrn(failure.urn)}  ${theme.dim(visible(failure.urn))}`,
    );
  if (failure.path) out.push(`${indent}  ${theme.dim("property")} ${visible(failure.path)}`);
  // A compiler's own line and mark are shown as every other line is.
  const excerpt = /^[^\n]*\n\s*(\^+)$/.exec(failure.detail ?? "")?.[1];
  const source = placeOf(failure, above);
  const shown = source !== undefined && excerpt !== undefined && hasFile(source, view);
  const detail = shown ? "" : visible(failure.detail?.trimEnd() ?? "");
  if (source !== undefined)
    position(failure, source, { detail, length: shown ? excerpt?.length : undefined }, view, indent, out);
  if (failure.expected !== undefined) block("expected", failure.expected, theme, indent, out);
  if (failure.found !== undefined) block("found   ", failure.found, theme, indent, out);
  // A stack of one frame says no more than the position.
  if (detail !== "" && !(source !== undefined && detail === `at ${placeText(source)}`))
    for (const line of detail.split("\n")) out.push(`${indent}  ${theme.dim("|")} ${line}`.trimEnd());
  const here: Failure = source === undefined ? failure : { ...failure, source };
  for (const cause of failureGroups(failure.causes ?? [])) {
    const many = cause.urns.length > 1 && cause.urns.some((urn) => urn !== cause.urns[0]);
    write(cause.failure, view, `${indent}  `, theme.error("because"), out, {
      above: here,
      ...(many ? { group: { ...cause, full: view.verbose === true, fullWith: "--verbose" } } : {}),
    });
  }
  for (const next of failure.next ?? []) block(nextLabel(theme), next, theme, indent, out);
}

const nextLabel = (theme: Theme): string => (theme.words ? "next:" : "→");

function block(label: string, text: string, theme: Theme, indent: string, out: string[]): void {
  const [first = "", ...more] = visible(text).split("\n");
  out.push(`${indent}  ${theme.dim(label)} ${first}`);
  for (const line of more) out.push(`${indent}  ${" ".repeat(label.length)} ${line}`);
}

/** `index.ts:12:3` */
export const placeText = (source: SourcePosition): string =>
  visible(`${source.file}:${source.line}${source.column > 0 ? `:${source.column}` : ""}`);

const hasFile = (source: SourcePosition, { baseDir }: FailureView): boolean =>
  baseDir !== undefined && existsSync(resolve(baseDir, source.file));

/** `file:line:column`, and the lines themselves where the file can be read and the failure's detail does not hold them. */
function position(
  failure: Failure,
  source: SourcePosition,
  line: { readonly detail: string; readonly length: number | undefined },
  view: FailureView,
  indent: string,
  out: string[],
): void {
  const { theme, baseDir, columns = 160 } = view;
  const shown =
    baseDir === undefined
      ? { source, lines: [] }
      : snippet(failure, source, baseDir, {
          theme,
          columns: columns - indent.length - 2,
          ...line,
          alone: failure.source === undefined,
        });
  out.push(`${indent}  ${theme.dim("at")} ${placeText(shown.source)}`);
  for (const line of shown.lines) out.push(`${indent}  ${line}`);
}

/** Something orch did not expect is orch's own mistake: it says so, and how to report it. */
function internal(failure: Failure, view: FailureView, out: string[]): void {
  const { theme } = view;
  out.push(
    `${theme.error("error")}${theme.dim("[internal]")}: ${theme.bold(`orch made a mistake: ${visible(failure.message)}`)}`,
  );
  out.push(
    "  The state is safe: everything that was done is in it, and the next command looks after what was not finished.",
  );
  if (view.verbose === true) {
    for (const line of visible(failure.detail ?? "")
      .split("\n")
      .slice(1))
      out.push(`  ${theme.dim(line.trim())}`);
    out.push(`  ${theme.dim(nextLabel(theme))} Please report it with these lines and the command you ran.`);
  } else
    out.push(`  ${theme.dim(nextLabel(theme))} Run it again with --verbose and please report what it shows.`);
}
