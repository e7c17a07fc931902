/** CONTRACT. What differs, per property. */
import type { PropertyPath } from "./path.js";
import type { Value } from "./value.js";

/** `suppressed`: differs, but an option (`ignoreChanges`) or the provider says it does not matter. */
export type ChangeEffect = "update" | "replace" | "suppressed";

export interface PropertyChange {
  readonly path: PropertyPath;
  /** Absent before or after means the property was or will be absent. Secret values stay wrapped in `Secret`. */
  readonly before?: Value;
  readonly after?: Value;
  readonly effect: ChangeEffect;
  /** The inputs were compared, or the provider compared what it read. */
  readonly side: "input" | "output";
  /** Why a replace is needed or a change suppressed, in a few words (`replaceOnChanges`, `provider: immutable`). */
  readonly reason?: string;
}

export interface Diff {
  readonly changes: readonly PropertyChange[];
  /** Outputs that stay as they are whatever happens. */
  readonly stables: readonly string[];
  readonly deleteBeforeReplace: boolean;
}
