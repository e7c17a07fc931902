/** Steps of a run that was cut off, put to the person at the terminal with all that is known of them. */
import { answersTo, type OpenStep, type ResumeAnswer } from "@orch/core/execute/resume";
import type { Plan } from "@orch/core/model/plan";
import type { Urn } from "@orch/core/model/urn";
import { ask } from "./prompt.js";
import { shortUrn } from "./render/names.js";
import { properties } from "./render/plan.js";
import { timestamp, visible } from "./render/text.js";
import type { Theme } from "./render/theme.js";
import { outTheme, write } from "./session.js";
import type { View } from "./view/view.js";

/** Does the plan leave something alone until a person has answered? */
export const hasOpen = (plan: Plan): boolean =>
  plan.warnings.some(({ reason }) => reason === "unfinished-steps");

/** Lines without a final newline. `who`: who ran the run that was cut off. */
export function renderOpen({ unfinished, why }: OpenStep, theme: Theme, who?: string): string[] {
  const { intent, runId } = unfinished;
  const { op, urn, id, token, provider, deposed, inputs, at } = intent;
  const out = [`${theme.warning("?")} ${op} ${theme.name(shortUrn(urn))}`, `  ${theme.dim(visible(urn))}`];
  const fact = (name: string, value: string | undefined): void => {
    if (value !== undefined) out.push(`  ${theme.dim(`${name}:`)} ${visible(value)}`);
  };
  fact("begun", `${timestamp(at)}, by run ${runId}${who === undefined ? "" : ` of ${who}`}`);
  fact("id", id);
  fact("old half of a replace", deposed);
  fact("token", token);
  fact("provider", provider === undefined ? undefined : shortUrn(provider));
  fact("why it is open", why);
  const sent = properties(inputs, { theme, full: false });
  if (sent.length > 0)
    out.push(`  ${theme.dim(op === "delete" ? "inputs:" : "sent:")}`, ...sent.map((line) => `    ${line}`));
  return out;
}

/** Asks about each. Empty answers leave a step open. */
export async function askOpen(
  open: readonly OpenStep[],
  view: View,
): Promise<ReadonlyMap<Urn, ResumeAnswer>> {
  view.clear();
  const theme = outTheme();
  const answers = new Map<Urn, ResumeAnswer>();
  for (const step of open) {
    const { urn } = step.unfinished.intent;
    const kinds = answersTo(step.unfinished);
    write(renderOpen(step, theme).join("\n"));
    const words = kinds.map((kind) => (kind === "adopt" ? "adopt ID" : kind));
    for (;;) {
      const choices = [...words, "skip"].join(" / ");
      const text = await ask(`${theme.bold("What became of it?")} ${theme.dim(`[${choices}]`)} `);
      const answer = parse(text ?? "", kinds);
      if (answer === undefined) {
        write(`Please answer one of: ${choices}.`);
        continue;
      }
      if (answer !== "skip") answers.set(urn, answer);
      break;
    }
    write("");
  }
  return answers;
}

function parse(text: string, kinds: readonly ResumeAnswer["kind"][]): ResumeAnswer | "skip" | undefined {
  const [word = "", ...rest] = text.split(/\s+/);
  const kind = kinds.find((candidate) => candidate === word.toLowerCase());
  const id = rest.join(" ");
  if (word === "" || word.toLowerCase() === "skip") return "skip";
  if (kind === "adopt") return id === "" ? undefined : { kind, id };
  return kind !== undefined && id === "" ? { kind } : undefined;
}
