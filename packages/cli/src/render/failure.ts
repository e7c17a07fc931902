/**
 * Failures as a good compiler shows them: what went wrong, where in the user's own file with that line, what was expected
 * and found, what caused it, and what to do next.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Failure } from "@orch/core/model/failure";
import type { SourcePosition } from "@orch/core/model/resource";
import { shortUrn } from "./names.js";
import { visible } from "./text.js";
import type { Theme } from "./theme.js";

export interface FailureView {
  readonly theme: Theme;
  /** Folder that source positions are relative to. */
  readonly baseDir?: string;
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

/** A line of a plan's warnings. */
export function renderWarning(failure: Failure, theme: Theme): string[] {
  const out: string[] = [];
  write(failure, { theme }, "", theme.warning("warning"), out);
  return out;
}

function write(failure: Failure, view: FailureView, indent: string, label: string, out: string[]): void {
  const { theme } = view;
  const [first = "", ...more] = visible(failure.message).split("\n");
  out.push(`${indent}${label}${theme.dim(`[${failure.reason}]`)}: ${theme.bold(first)}`);
  for (const line of more) out.push(`${indent}  ${line}`);
  if (failure.urn !== undefined && !failure.message.includes(failure.urn))
    out.push(
      `${indent}  ${theme.dim("resource")} ${shortUrn(failure.urn)}  ${theme.dim(visible(failure.urn))}`,
    );
  if (failure.path) out.push(`${indent}  ${theme.dim("property")} ${visible(failure.path)}`);
  const detail = visible(failure.detail?.trimEnd() ?? "");
  if (failure.source !== undefined) position(failure.source, detail, view, indent, out);
  if (failure.expected !== undefined) block("expected", failure.expected, theme, indent, out);
  if (failure.found !== undefined) block("found   ", failure.found, theme, indent, out);
  // A stack of one frame says no more than the position.
  if (detail !== "" && !(failure.source !== undefined && detail === `at ${placeText(failure.source)}`))
    for (const line of detail.split("\n")) out.push(`${indent}  ${theme.dim("|")} ${line}`.trimEnd());
  for (const cause of failure.causes ?? []) write(cause, view, `${indent}  `, theme.error("because"), out);
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

/** `file:line:column`, and the line itself where the file can be read and the failure's detail does not hold it. */
function position(
  source: SourcePosition,
  detail: string,
  view: FailureView,
  indent: string,
  out: string[],
): void {
  const { theme } = view;
  out.push(`${indent}  ${theme.dim("at")} ${placeText(source)}`);
  const line =
    view.baseDir === undefined ? undefined : sourceLine(resolve(view.baseDir, source.file), source.line);
  if (line === undefined || detail.includes(visible(line).trim())) return;
  const number = String(source.line);
  const code = visible(line.replaceAll("\t", "  ")).slice(0, 160);
  out.push(`${indent}  ${theme.dim(`${number} |`)} ${code}`);
  // A mark below a line says nothing to who hears it; the column is told above.
  if (!theme.words && source.column > 0 && source.column <= code.length) {
    const tabs = line.slice(0, source.column - 1).split("\t").length - 1;
    out.push(
      `${indent}  ${" ".repeat(number.length)} ${theme.dim("|")} ${" ".repeat(source.column - 1 + tabs)}${theme.error("^")}`,
    );
  }
}

function sourceLine(file: string, line: number): string | undefined {
  try {
    const text = readFileSync(file, "utf8").split("\n")[line - 1];
    return text === undefined || text.trim() === "" ? undefined : text.trimEnd();
  } catch {
    return undefined; // The position alone still says where.
  }
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
