/** Flags that several commands share. */
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";

export const jsonFlag = Flags.boolean({ summary: "Print JSON, for programs." });
export const diffFlag = Flags.boolean({ summary: "Show every property and every line, folding nothing." });
export const yesFlag = Flags.boolean({ char: "y", summary: "Do not ask." });
export const refreshFlag = Flags.boolean({
  char: "r",
  summary: "Read every resource first; what changed outside orch is shown and put right.",
});
export const replaceFlag = Flags.string({
  summary: "Replace this resource whatever the comparison says; may be given several times.",
  helpValue: "URN",
  multiple: true,
  multipleNonGreedy: true,
});
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
export const showSecretsFlag = Flags.boolean({ summary: "Show secret values in clear." });
