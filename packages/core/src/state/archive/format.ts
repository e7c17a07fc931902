/**
 * A stack with its whole history in one JSON document (docs/schemas/state-1.json): what `orch state pull` writes, and what goes from
 * backend to backend. Rows are as they are stored; secrets in them are ciphertext.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type Failure, fail } from "../../model/failure.js";
import type { Crypter } from "../contract.js";

const count = z.int().min(0);
const time = z.int().describe("Milliseconds since the epoch.");
const json = z.record(z.string(), z.json());
const urn = z.string();
const deposed = z.string().describe("Key of an object that waits for its deletion; empty for the live one.");
const run = z.int().min(1).describe("The number of the run.");

export const stackArchive = z.strictObject({
  project: z.string(),
  stack: z.string(),
  lineage: z.string().describe("Random, made with the stack."),
  createdAt: time,
  serial: count.describe("Grows with every write."),
  outputs: json,
  key: z
    .strictObject({ id: z.string(), block: z.json() })
    .nullable()
    .describe("The wrapped data key, since it was first changed."),
  runs: z.array(
    z.strictObject({
      id: run,
      kind: z.string(),
      planDigest: z.string().nullable(),
      startedAt: time,
      who: z.string(),
      endedAt: time.nullable(),
      outcome: z.string().nullable(),
    }),
  ),
  journal: z
    .array(
      z.strictObject({
        run,
        kind: z.enum(["intent", "outcome"]),
        step: count,
        op: z.string(),
        urn,
        deposed,
        at: time,
        result: z.string().nullable(),
        message: z.string().nullable(),
      }),
    )
    .describe("What was begun and how it ended, in order."),
  unfinished: z
    .array(z.strictObject({ run, step: count, op: z.string(), urn, body: json }))
    .describe("Steps that were begun and of which no outcome is known."),
  resources: z.array(z.strictObject({ urn, deposed, order: z.int(), body: json })),
  history: z
    .array(z.strictObject({ urn, deposed, run, at: time, body: json.nullable() }))
    .describe("What each run left of each object; null when it left nothing."),
});
export type StackArchive = z.output<typeof stackArchive>;

const format = 1;
export const stateFile = z
  .strictObject({
    type: z.literal("orch-state"),
    format: z.literal(format),
    orch: z.string().describe("The version that wrote it."),
    digest: z
      .string()
      .describe(
        "SHA-256 of the rest but `seal`, as JSON with sorted keys and without white space; hexadecimal.",
      ),
    seal: z.string().describe("HMAC-SHA-256 of `digest` with the stack's key; hexadecimal."),
    stack: stackArchive,
  })
  .meta({
    title: "State of a stack",
    description: "What `orch state pull` writes and `orch state push` reads.",
  });

/** JSON with sorted keys. */
export function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(object[key])}`).join(",")}}`;
}

const digestOf = (archive: unknown): string => createHash("sha256").update(canonical(archive)).digest("hex");

/** The same but for the numbers of runs, which are a database's own. */
export function sameArchive(a: StackArchive, b: StackArchive): boolean {
  return digestOf(renumbered(a, countedFromOne(a))) === digestOf(renumbered(b, countedFromOne(b)));
}
const countedFromOne = ({ runs }: StackArchive): ReadonlyMap<number, number> =>
  new Map(runs.map(({ id }, i) => [id, i + 1]));

/** With other numbers for its runs. */
export function renumbered(archive: StackArchive, numbers: ReadonlyMap<number, number>): StackArchive {
  const to = (id: number): number => numbers.get(id) ?? id;
  return {
    ...archive,
    runs: archive.runs.map((row) => ({ ...row, id: to(row.id) })),
    journal: archive.journal.map((row) => ({ ...row, run: to(row.run) })),
    unfinished: archive.unfinished.map((row) => ({ ...row, run: to(row.run) })),
    history: archive.history.map((row) => ({ ...row, run: to(row.run) })),
  };
}

export function writeStateFile(archive: StackArchive, crypter: Crypter, orchVersion: string): string {
  const digest = fileDigest(archive, orchVersion);
  return `${JSON.stringify({ type: "orch-state", format, orch: orchVersion, digest, seal: crypter.fingerprint(digest), stack: archive })}\n`;
}

const fileDigest = (stack: StackArchive, orch: string): string =>
  digestOf({ type: "orch-state", format, orch, stack });

export interface ReadStateFile {
  readonly archive: StackArchive;
  readonly digest: string;
  /** Rejects (throws `state-invalid`) what was sealed with another key. */
  checkSeal(crypter: Crypter): void;
}

/** Rejects (throws) with `state-invalid` what is damaged or something else, with `state-newer` what a newer orch wrote. `name`: the file's. */
export function readStateFile(text: string, name: string): ReadStateFile {
  const refuse = (message: string, more: Partial<Failure> = {}): never =>
    fail({
      reason: "state-invalid",
      message: `${name} ${message} Nothing was written.`,
      expected: "a file as `orch state pull` wrote it",
      next: ["Take another copy, or pull it again from the backend that has the stack."],
      ...more,
    });
  if (text.trim() === "") return refuse("is empty.", { found: `a file of ${text.length} bytes` });
  let content: { type?: unknown; format?: unknown; orch?: unknown };
  try {
    content = JSON.parse(text);
  } catch (error) {
    return text.startsWith('{"type":"orch-state"')
      ? refuse("is cut short or damaged.", { found: (error as Error).message })
      : refuse("is not a state file.", { found: "something that is not JSON" });
  }
  if (content?.type !== "orch-state") {
    return refuse("is not a state file.", { found: "JSON of another kind" });
  }
  if (typeof content.format === "number" && content.format > format) {
    return refuse("was written by a newer orch.", {
      reason: "state-newer",
      expected: `state format ${format}`,
      found: `state format ${content.format}, written by orch ${content.orch}`,
      next: [`Use orch ${content.orch} or newer.`],
    });
  }
  const parsed = stateFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse("was changed after it was made.", {
      path: issue?.path.join(".") ?? "",
      found: issue?.message ?? "something else",
    });
  }
  // Not the parsed one: what a schema would drop or add is a change, too.
  const { stack: archive, orch, digest, seal } = content as z.output<typeof stateFile>;
  const found = fileDigest(archive, orch);
  if (found !== digest) {
    return refuse("was changed after it was made.", {
      path: "digest",
      expected: digest,
      found,
    });
  }
  return {
    archive,
    digest,
    checkSeal(crypter) {
      if (crypter.fingerprint(digest) === seal) return;
      refuse("was changed after it was made, or is of a stack with another key.", {
        path: "seal",
        found: "a seal that was not made with the stack's key",
      });
    },
  };
}
