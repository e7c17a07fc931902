/** One thing that `orch doctor` looks at, and what came of it. */
import { toFailure } from "@orch/core/model/failure";

export type CheckStatus = "ok" | "warn" | "fail" | "skipped";

export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  /** One sentence, without a secret. */
  readonly message: string;
  /** What to do, for all but `ok`. */
  readonly next: readonly string[];
}

export const ok = (name: string, message: string): Check => ({ name, status: "ok", message, next: [] });
export const warn = (name: string, message: string, ...next: string[]): Check => ({
  ...{ name, status: "warn", message, next },
});
export const failed = (name: string, message: string, ...next: string[]): Check => ({
  ...{ name, status: "fail", message, next },
});
export const skipped = (name: string, message: string): Check => ({
  ...{ name, status: "skipped", message, next: [] },
});

/** What a check throws is what it found. */
export async function check(name: string, look: () => Promise<Check | readonly Check[]>): Promise<Check[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    const { message, expected, found, next = [] } = toFailure(error);
    const more = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean).join(", ");
    return [failed(name, more === "" ? message : `${message} (${more})`, ...next)];
  }
}
