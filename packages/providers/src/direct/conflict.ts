/** Somebody else was there: what a change must not write over. */
import { isDeepStrictEqual } from "node:util";
import { fail } from "@orch/core/model/failure";

type Properties = Readonly<Record<string, unknown>>;

const next = ["Look at it: orch drift", "Then plan with what is really there: orch plan --refresh"];

/** Rejects (throws `conflict`): the object was there when the plan was made. */
export const goneMeanwhile = (what: string, service: string): never =>
  fail({
    reason: "conflict",
    message: `${what} is not there any more.`,
    expected: "the object that was there when the plan was made",
    found: `nothing at ${service}`,
    next: ["Plan with what is really there: orch plan --refresh"],
  });

/**
 * What is about to be changed must be as the plan showed it, or already as it should be. `there` is what is really there, in the form of `before` and in that of
 * `after`. Rejects (throws `conflict`) with the property; `path` gives its path.
 */
export function refuseChanged(
  what: string,
  before: Properties,
  after: Properties,
  there: { readonly before: Properties; readonly after: Properties },
  path: (property: string) => string = (property) => property,
): void {
  for (const [name, value] of Object.entries(before)) {
    if (isDeepStrictEqual(value, after[name]) || isDeepStrictEqual(there.before[name], value)) continue;
    if (isDeepStrictEqual(there.after[name], after[name])) continue;
    fail({
      reason: "conflict",
      message: `${what} was changed by somebody else since it was last read.`,
      path: path(name),
      expected: "what the plan showed",
      found: "another value",
      next,
    });
  }
}
