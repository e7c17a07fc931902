/** Where what goes wrong becomes one kind of failure. */
import { type Failure, OrchError, toFailure } from "../model/failure.js";

export const interrupted = (): OrchError =>
  new OrchError({ reason: "interrupted", message: "Interrupted. Nothing was changed." } satisfies Failure);

/** The boundary: whatever is thrown inside leaves as an OrchError. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OrchError) throw error;
    throw new OrchError(toFailure(error), { cause: error });
  }
}
