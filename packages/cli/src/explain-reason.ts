/** What is behind a failure's reason: `orch explain plan-stale`. */
import { exitCodes, type FailureReason } from "@orch/core/model/failure";
import { explanations, failureIndex } from "./failure-index.js";
import { table } from "./render/text.js";
import { outTheme, session, write, writeJson } from "./session.js";

export const reasons = Object.keys(explanations) as FailureReason[];

/** The reason that is asked for; as it is shown, `error[plan-stale]`, it may be pasted. */
export function reasonIn(text: string): FailureReason | undefined {
  const asked = text.replace(/^(?:error|warning|because)?\[(.*)\]:?$/, "$1");
  return reasons.find((reason) => reason === asked);
}

/** Of one reason, or the list of them all. */
export function tellReason(asked: FailureReason | undefined): void {
  if (session.json) {
    writeJson({
      ...{ format: 1, type: "failure-reasons" },
      reasons: (asked === undefined ? reasons : [asked]).map((reason) => ({
        reason,
        exitCode: exitCodes[reason],
        ...explanations[reason],
      })),
    });
    return;
  }
  const theme = outTheme();
  if (asked === undefined) {
    for (const [part, some] of Object.entries(failureIndex)) {
      write(theme.bold(part));
      const rows = (Object.keys(some) as FailureReason[]).map((reason) => [
        reason,
        String(exitCodes[reason]),
      ]);
      for (const line of table(rows)) write(`  ${line}`);
    }
    return;
  }
  const { cause, cure } = explanations[asked];
  write(`${theme.bold(asked)}  ${theme.dim(`exit code ${exitCodes[asked]}`)}`);
  write(cause);
  write(`${theme.dim(theme.words ? "next:" : "→")} ${cure}`);
}
