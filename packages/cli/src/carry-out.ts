/** What a command does that plans without a program, asks, and carries out. */
import type { PlanOptions } from "@orch/core/engine-contract";
import { type EngineFlags, withEngine } from "./context.js";
import { doingFormatOf, type Format, orFailedSection } from "./format.js";
import { openView } from "./view/view.js";

interface DoingFlags extends EngineFlags {
  readonly yes: boolean;
  readonly json: boolean;
  readonly diff: boolean;
  readonly format?: Format | undefined;
}

/** The exit code. Where Markdown is wanted a failure is a section too. */
export function carryOut(
  orchVersion: string,
  flags: DoingFlags,
  {
    continueOnError,
    ...options
  }: PlanOptions & { readonly kind: "destroy" | "refresh"; readonly continueOnError: boolean },
): Promise<number> {
  const format = doingFormatOf(flags);
  const view = openView({ jsonEvents: true });
  const how = { yes: flags.yes, diff: flags.diff, format, continueOnError };
  const work = () =>
    withEngine(orchVersion, view, flags, async (engine) => {
      const { planAndPerform } = await import("./perform.js");
      return planAndPerform(engine, view, options, how, options.kind);
    });
  return orFailedSection("apply", format, work, options.kind === "destroy" ? "Destroy of" : "Refresh of");
}
