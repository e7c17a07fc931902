/** Steps of a cut-off run whose outcome only a person can tell: asked one by one, each with all that is known of it. */
import type { OpenStep, ResumeAnswer } from "@orch/core/execute/resume";
import { answersTo } from "@orch/core/execute/resume";
import type { Urn } from "@orch/core/model/urn";
import { ask } from "./prompt.js";
import { renderFailure } from "./render/failure.js";
import { outTheme, write } from "./session.js";
import type { View } from "./view/view.js";

const meaning: Readonly<Record<ResumeAnswer["kind"], string>> = {
  adopt: "adopt ID",
  retry: "retry",
  forget: "forget",
};

/** What was answered, by URN; steps that were skipped are missing and stay open. */
export async function askOpen(
  view: View,
  open: readonly OpenStep[],
): Promise<ReadonlyMap<Urn, ResumeAnswer>> {
  view.clear();
  const theme = outTheme();
  const answers = new Map<Urn, ResumeAnswer>();
  for (const { unfinished, failure } of open) {
    const { next: _commands, ...known } = failure;
    const kinds = answersTo(unfinished);
    write(`${renderFailure(known, { theme })}\n`);
    for (;;) {
      const choices = [...kinds.map((kind) => meaning[kind]), "skip"].join(" / ");
      const line = await ask(`${theme.bold("What became of it?")} ${theme.dim(`[${choices}]`)} `);
      const [word = "", ...rest] = (line ?? "skip").split(/\s+/);
      if (word === "" || word === "skip") break;
      const answer = parseAnswer(word, rest.join(" "));
      if (answer !== undefined && kinds.includes(answer.kind)) {
        answers.set(unfinished.intent.urn, answer);
        break;
      }
      write(`Please answer one of: ${choices}.`);
    }
  }
  return answers;
}

function parseAnswer(word: string, id: string): ResumeAnswer | undefined {
  switch (word.toLowerCase()) {
    case "adopt":
      return id === "" ? undefined : { kind: "adopt", id };
    case "retry":
      return { kind: "retry" };
    case "forget":
      return { kind: "forget" };
    default:
      return undefined;
  }
}
