/** Where what goes wrong becomes one kind of failure. */

import type { Span } from "@opentelemetry/api";
import type { EngineContext } from "../engine-contract.js";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import { inSpan } from "../trace/span.js";

export const interrupted = (): OrchError =>
  new OrchError({ reason: "interrupted", message: "Interrupted. Nothing was changed." } satisfies Failure);

/** The boundary: a span around it, and whatever is thrown inside leaves as an OrchError. */
export async function guarded<T>(
  name: "plan" | "apply" | "drift" | "resume",
  { store: { info } }: EngineContext,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  try {
    return await inSpan(name, { "orch.project": info.project, "orch.stack": info.stack }, work);
  } catch (error) {
    if (error instanceof OrchError) throw error;
    throw new OrchError(toFailure(error), { cause: error });
  }
}
