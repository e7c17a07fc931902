/** The status of a commit: one per stack and kind, so that a rule of the repository can ask for it. */
import { oneLine, shortened } from "../render/markdown/escape.js";
import type { Section } from "../render/markdown/section.js";
import type { CommitStatus, ReviewClient } from "./contract.js";

/** `orch/shop/dev`, and `orch/shop/dev (drift)`. */
export function statusOf({ info }: Section, url?: string): CommitStatus {
  const { project, stack, kind, state, summary } = info;
  const context = `orch/${project}/${stack}${kind === "plan" ? "" : ` (${kind})`}`;
  return {
    context: oneLine(shortened(context, 200)),
    state,
    description: oneLine(shortened(summary, 100)),
    ...(url === undefined ? {} : { url }),
  };
}

/** One after the other; what was set. */
export async function setStatuses(
  client: ReviewClient,
  commit: string,
  sections: readonly Section[],
  url: string | undefined,
): Promise<readonly CommitStatus[]> {
  const statuses = sections.map((section) => statusOf(section, url));
  for (const status of statuses) await client.setStatus(commit, status);
  return statuses;
}
