/** Flags that several commands share. */
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import type { SelectionOptions } from "@orch/core/plan/selection";

export const jsonFlag = Flags.boolean({ summary: "Print JSON, for programs." });
export const eventsFlag = Flags.string({
  summary: "Append what happens to this file as it happens, a JSON object per line.",
  helpValue: "FILE",
});
export const diffFlag = Flags.boolean({ summary: "Show every property and every line, folding nothing." });
export const yesFlag = Flags.boolean({ char: "y", summary: "Do not ask." });
export const refreshFlag = Flags.boolean({
  char: "r",
  summary: "Read every resource first; what changed outside orch is shown and put right.",
});
export const replaceFlag = Flags.string({
  summary: "Replace these resources whatever the comparison says; may be given several times.",
  helpValue: "PATTERN",
  multiple: true,
  multipleNonGreedy: true,
});
const targetFlag = Flags.string({
  summary:
    "Only these resources: URN, name or type::name, with * for any text; a component is all that is in it. May be given several times.",
  helpValue: "PATTERN",
  multiple: true,
  multipleNonGreedy: true,
});
const excludeFlag = Flags.string({
  summary: "All but these resources and what depends on them; as --target. May be given several times.",
  helpValue: "PATTERN",
  multiple: true,
  multipleNonGreedy: true,
});
/** For commands that plan. */
export const selectionFlags = {
  target: targetFlag,
  "target-dependents": Flags.boolean({
    summary: "What depends on a target is part of the plan too.",
    dependsOn: ["target"],
  }),
  exclude: excludeFlag,
};
/** For commands that only read. */
export const readSelectionFlags = { target: targetFlag, exclude: excludeFlag };

/** Undefined: everything. */
export function selectionOf(flags: {
  readonly target?: string[] | undefined;
  readonly "target-dependents"?: boolean;
  readonly exclude?: string[] | undefined;
}): SelectionOptions | undefined {
  const { target: targets = [], exclude: excludes = [] } = flags;
  if (targets.length + excludes.length === 0) return undefined;
  return { targets, excludes, dependents: flags["target-dependents"] === true };
}
export const parallelFlag = Flags.custom<number>({
  char: "p",
  summary: "How many operations run at the same time (default 32).",
  helpValue: "N",
  parse: async (text) => {
    const n = Number(text);
    if (Number.isInteger(n) && n >= 1 && n <= 10_000) return n;
    throw new OrchError({
      reason: "invalid-flag",
      message: "--parallel takes a number of operations",
      expected: "a whole number from 1 to 10000",
      found: text,
    });
  },
});
/** Milliseconds. */
export const lockTimeoutFlag = Flags.custom<number>({
  summary:
    "How long to wait for runs that change the same resources: `90s`, `10m`; 0 fails at once. Default: as long as it takes.",
  helpValue: "TIME",
  parse: async (text) => {
    const [, number, unit = "s"] = /^(\d{1,6})(s|m|h)?$/.exec(text) ?? [];
    if (number !== undefined) return Number(number) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as "s"];
    throw new OrchError({
      reason: "invalid-flag",
      message: "--lock-timeout takes a time",
      expected: "seconds, or a number with s, m or h: 90s",
      found: text,
    });
  },
});
export const showSecretsFlag = Flags.boolean({ summary: "Show secret values in clear." });
