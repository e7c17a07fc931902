/** A refusal, with the right that the token lacks: what a platform says itself is seldom enough to put it right. */
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";

export interface Rights {
  /** For people: `GitHub`. */
  readonly service: string;
  /** What the token must be allowed to: `pull-requests: write`. */
  readonly right: string;
  readonly next: readonly string[];
}

/** Failures of `work` that are refusals get `right` and `next`. */
export async function needing<T>(rights: Rights, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = toFailure(error);
    throw new OrchError(explained(failure, rights), { cause: error });
  }
}

export function explained(failure: Failure, { service, right, next }: Rights): Failure {
  if (failure.reason === "authentication-failed")
    return {
      ...failure,
      message: `${service} does not accept the token.`,
      expected: `a token that holds, with the right ${right}`,
      next: ["It may have expired, or belong to another server: make a new one.", ...next],
    };
  if (failure.reason === "permission-denied")
    return {
      ...failure,
      message: `The token may not do this on ${service}.`,
      expected: `the right ${right}`,
      next,
    };
  return failure;
}
