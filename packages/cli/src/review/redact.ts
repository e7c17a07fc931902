/** Addresses and tokens that are secrets never get into a failure, also where a server or a library repeats them. */
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";

/** What `work` rejects with, without the secrets. Short texts are left: they would be found everywhere. */
export async function withoutSecrets<T>(secrets: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new OrchError(
      cleaned(
        toFailure(error),
        secrets.filter((text) => text.length >= 8),
      ),
    );
  }
}

function cleaned(failure: Failure, secrets: readonly string[]): Failure {
  const clean = (value: unknown): unknown => {
    if (typeof value === "string")
      return secrets.reduce((text, secret) => text.replaceAll(secret, "[secret]"), value);
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item)]));
    return value;
  };
  return clean(failure) as Failure;
}
