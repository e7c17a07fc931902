/** `--format`: text for people, Markdown for comments, JSON for programs. */
import * as Flags from "@oclif/core/flags";
import { OrchError, toFailure } from "@orch/core/model/failure";
import { failureMarkdown } from "./render/markdown/failure.js";
import type { SectionKind } from "./render/markdown/section.js";
import { session, writeDocument } from "./session.js";

const formats = ["text", "markdown", "json"] as const;
export type Format = (typeof formats)[number];

export const formatFlag = Flags.option({
  summary:
    "How to print it: text (default), markdown for a comment on a pull request, or json as --json does.",
  helpValue: "FORMAT",
  options: formats,
});

/** Rejects (throws `invalid-flag`) when two formats are asked for. */
export function formatOf({
  json,
  format,
}: {
  readonly json: boolean;
  readonly format?: Format | undefined;
}): Format {
  if (json && format !== undefined && format !== "json")
    throw new OrchError({
      reason: "invalid-flag",
      message: "--json and --format say different things.",
      expected: "one of them",
      found: `--json --format ${format}`,
    });
  return json ? "json" : (format ?? "text");
}

/** As `formatOf`, for commands that tell what they do while they do it: beside Markdown that is on standard error. */
export function doingFormatOf(flags: Parameters<typeof formatOf>[0]): Format {
  const format = formatOf(flags);
  session.aside = format === "markdown";
  return format;
}

/**
 * Runs `work`. When it fails, and Markdown is wanted, the failure is written as the section that the result would have been, so that a
 * comment does not go on showing an older one. The failure goes on to the caller. `title`: its heading's beginning, where the kind's own does not fit.
 */
export async function orFailedSection<T>(
  kind: SectionKind,
  format: Format,
  work: () => Promise<T>,
  title?: string,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const of = session.target;
    // Without the stack's name there is no section to put in its place; the failure itself says what is wrong.
    if (format === "markdown" && of !== undefined)
      writeDocument(failureMarkdown(toFailure(error), { kind, ...of }, Date.now(), undefined, title));
    throw error;
  }
}
