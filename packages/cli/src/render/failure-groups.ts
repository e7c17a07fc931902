/** One failure that many resources share is shown once: a system that is down fails everything in it. */
import type { Failure } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import { type FailureView, renderFailure } from "./failure.js";
import { shortUrn } from "./names.js";
import { count } from "./text.js";

export interface FailureGroup {
  readonly failure: Failure;
  readonly urns: readonly Urn[];
}

/** Failures that differ in nothing but their resource, together; in the order of their first. */
export function failureGroups(failures: readonly Failure[]): readonly FailureGroup[] {
  const groups = new Map<string, { failure: Failure; urns: Urn[] }>();
  for (const failure of failures) {
    const { urn, source: _, ...rest } = failure;
    const key = JSON.stringify(rest);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { failure, urns: urn === undefined ? [] : [urn] });
    else if (urn !== undefined) group.urns.push(urn);
  }
  return [...groups.values()];
}

/** Names that a folded list shows. */
const few = 8;

/** `fullWith`: the flag with which all names are listed. */
export function renderFailureGroup(
  { failure, urns }: FailureGroup,
  view: FailureView & { readonly full: boolean },
  fullWith = "--diff",
): string[] {
  const { theme, full } = view;
  if (urns.length < 2) return [renderFailure(failure, view)];
  const { urn: _urn, source: _source, ...shared } = failure;
  const shown = full ? urns : urns.slice(0, few);
  const more = urns.length - shown.length;
  const [head = "", ...rest] = renderFailure(shared, view).split("\n");
  return [
    head,
    `  ${theme.dim(count(urns.length, "resource"))} ${shown.map(shortUrn).join(", ")}${more > 0 ? theme.dim(` and ${more} more (${fullWith} shows them)`) : ""}`,
    ...rest,
  ];
}
