/** What a run changed, out of its journal. */
import { byOrch } from "../model/plan.js";
import type { Urn } from "../model/urn.js";
import type { JournalEntry, RunInfo } from "./contract.js";

/** Resources by what happened to them; a replace counts once. What orch adds by itself is left out. */
export interface RunChanges {
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly delete: number;
  readonly forget: number;
  readonly import: number;
  readonly refresh: number;
  /** Steps that failed. */
  readonly failed: number;
  /** Begun, and not ended by this run: it still goes on, or was cut off. */
  readonly unfinished: number;
}

export type RunEffect = Exclude<keyof RunChanges, "failed" | "unfinished">;

/**
 * The effect of a step that was done; undefined for those that change nothing outside orch's own records, and for the
 * half of a replace that is told by its other half.
 */
export function effectOfEntry(
  entry: JournalEntry,
  kind: RunInfo["kind"],
  created: ReadonlySet<Urn>,
  deleted: ReadonlySet<Urn>,
): RunEffect | undefined {
  const { op, urn } = entry;
  switch (op) {
    case "create":
      return entry.existed || deleted.has(urn) ? "replace" : "create";
    case "delete":
      if (created.has(urn)) return undefined;
      // Only a resume ends what another run has begun; elsewhere nothing was called where nothing was begun.
      return entry.beganAt === undefined && !entry.component && kind !== "resume" ? "forget" : "delete";
    case "update":
    case "import":
    case "refresh":
      return op;
    case "same":
    case "read":
      return undefined;
  }
}

/** Each entry with its effect. */
export function runEffects(
  entries: readonly JournalEntry[],
  kind: RunInfo["kind"],
): readonly { readonly entry: JournalEntry; readonly effect: RunEffect | undefined }[] {
  const done = (op: JournalEntry["op"]): Set<Urn> =>
    new Set(entries.filter((e) => e.op === op && e.result === "done").map(({ urn }) => urn));
  const [created, deleted] = [done("create"), done("delete")];
  return entries
    .filter(({ urn }) => urn !== "" && !byOrch(urn))
    .map((entry) => ({ entry, effect: effectOfEntry(entry, kind, created, deleted) }));
}

export function countChanges(entries: readonly JournalEntry[], kind: RunInfo["kind"]): RunChanges {
  const n = {
    create: 0,
    update: 0,
    replace: 0,
    delete: 0,
    forget: 0,
    import: 0,
    refresh: 0,
    failed: 0,
    unfinished: 0,
  };
  for (const { entry, effect } of runEffects(entries, kind)) {
    if (entry.result === undefined) n.unfinished++;
    else if (entry.result === "failed") n.failed++;
    else if (effect !== undefined) n[effect]++;
  }
  return n;
}
