/** The journal of a run as people read it: an intent and its outcome are one entry. */
import type { Urn } from "../../model/urn.js";
import type { JournalEntry } from "../contract.js";

export interface JournalRow {
  readonly kind: "intent" | "outcome";
  readonly step: number;
  readonly op: string;
  readonly urn: string;
  readonly deposed: string;
  readonly at: number;
  readonly result: string | null;
  readonly message: string | null;
}

/** `rows` in the order of the journal; `before`: the bodies of the live rows that there were before the run. */
export function entriesOf(rows: readonly JournalRow[], before: ReadonlyMap<Urn, string>): JournalEntry[] {
  const entries = new Map<string, JournalEntry>();
  const was = (urn: Urn): Pick<JournalEntry, "existed" | "component"> => {
    const body = before.get(urn);
    if (body === undefined) return { existed: false };
    const { custom } = JSON.parse(body) as { custom: boolean };
    return custom ? { existed: true } : { existed: true, component: true };
  };
  for (const { kind, step, op, urn, deposed, at, result, message } of rows) {
    const key = `${step} ${op} ${urn}`;
    const begun = entries.get(key);
    if (kind === "intent") {
      // A step that is tried again is still one.
      const entry = { step, op: op as JournalEntry["op"], urn, ...was(urn), beganAt: at };
      entries.set(key, deposed === "" ? entry : { ...entry, deposed });
      continue;
    }
    entries.set(key, {
      ...(begun ?? { step, op: op as JournalEntry["op"], urn, ...was(urn) }),
      endedAt: at,
      ...(result === null ? {} : { result: result as "done" | "failed" }),
      ...(message === null ? {} : { message }),
    });
  }
  return [...entries.values()];
}
