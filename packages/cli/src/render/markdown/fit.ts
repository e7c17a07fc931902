/**
 * A text of blocks, cut to a number of bytes. What matters least goes first: resources that stay as they are, values that are only known
 * afterwards, the details of updates, then the rest; deletions and replaces only when they alone do not fit, and what failed last of all. What was cut is told.
 */
import { count } from "../text.js";
import { fence } from "./escape.js";

/** In the order in which they are cut. */
export const cutOrder = [
  "no-ops",
  "computed",
  "outputs",
  "updates",
  "names",
  "remarks",
  "replace-details",
  "destroys",
  "failures",
] as const;
export type Level = (typeof cutOrder)[number];

/** Lines that are kept or cut together. */
export interface Unit {
  readonly level: Level;
  readonly lines: readonly Line[];
}
export interface Line {
  /** As `diffLine` gives it. */
  readonly text: string;
  /** Tells only that a value is not known yet: cut before the others. */
  readonly computed?: boolean;
}

export interface Block {
  /** Markdown on one line, without the `####`. */
  readonly heading: string;
  /** Closed until somebody opens it. `heading` is then HTML. */
  readonly folded: boolean;
  readonly units: readonly Unit[];
}

export interface Document {
  /** Never cut. */
  readonly head: string;
  readonly blocks: readonly Block[];
  /** Where all of it can be seen: ends the sentence on what was cut. */
  readonly elsewhere: string;
}

/** Of a comment. What GitHub takes is 65,536 characters; GitLab and Gitea take more. */
export const maxComment = 60_000;
/** Of a section: room is left for what a comment puts around it. */
export const maxBytes = maxComment - 1_500;

export const byteLength = (text: string): number => Buffer.byteLength(text);

const left: Readonly<Record<Level, (n: number) => string>> = {
  "no-ops": (n) => count(n, "unchanged resource"),
  computed: (n) => count(n, "value that is known after apply", "values that are known after apply"),
  outputs: (n) => count(n, "output"),
  updates: (n) => `the details of ${count(n, "resource")}`,
  names: (n) => `${count(n, "resource")} altogether`,
  remarks: (n) => count(n, "remark"),
  "replace-details": (n) => `the details of ${count(n, "replace")}`,
  failures: (n) => count(n, "failure"),
  destroys: (n) => count(n, "deletion or replace", "deletions and replaces"),
};

/** At most `limit` bytes, for any document whose `head` and headings leave room for a kilobyte. */
export function fit({ head, blocks, elsewhere }: Document, limit = maxBytes): string {
  const kept = blocks.map(({ units }) => units.map((unit): Line[] | undefined => [...unit.lines]));
  const cut = new Map<Level, number>();
  const text = (): string => {
    const notes = cutNotes(cut, elsewhere);
    const shown = blocks.map((block, b) => blockText(block, (kept[b] as (Line[] | undefined)[]).flat()));
    return [head, ...notes.loud, ...shown, ...notes.quiet].join("\n\n");
  };
  let whole = text();
  for (const level of cutOrder) {
    if (byteLength(whole) <= limit) return whole;
    // What is taken away is estimated line by line, then measured; a fence that gets shorter, or a note, makes a difference.
    for (let b = blocks.length - 1; b >= 0 && byteLength(whole) > limit; b--) {
      const units = (blocks[b] as Block).units;
      const lines = kept[b] as (Line[] | undefined)[];
      let over = byteLength(whole) - limit;
      for (let u = units.length - 1; u >= 0; u--) {
        const now = lines[u];
        if (now === undefined) continue;
        if (level === "computed") {
          const others = now.filter(({ computed }) => computed !== true);
          if (others.length === now.length && (units[u] as Unit).level !== "computed") continue;
          const rest = (units[u] as Unit).level === "computed" ? [] : others;
          lines[u] = rest.length === 0 ? undefined : rest;
          cut.set(level, (cut.get(level) ?? 0) + now.length - rest.length);
          over -= bytesOf(now) - bytesOf(rest);
        } else {
          if ((units[u] as Unit).level !== level) continue;
          lines[u] = undefined;
          cut.set(level, (cut.get(level) ?? 0) + 1);
          over -= bytesOf(now);
        }
        if (over <= 0) {
          whole = text();
          over = byteLength(whole) - limit;
          if (over <= 0) break;
        }
      }
      whole = text();
    }
  }
  return whole;
}

const bytesOf = (lines: readonly Line[]): number =>
  lines.reduce((sum, { text }) => sum + byteLength(text) + 1, 0);

function blockText({ heading, folded }: Block, lines: readonly (Line | undefined)[]): string {
  const texts = lines.flatMap((line) => (line === undefined ? [] : [line.text]));
  if (!folded) return [`#### ${heading}`, ...(texts.length === 0 ? [] : [fence(texts)])].join("\n\n");
  if (texts.length === 0) return `${heading} (left out)`;
  return [`<details><summary>${heading}</summary>`, fence(texts), "</details>"].join("\n\n");
}

/** What of this is missing is said first of all. */
const loudest: ReadonlySet<Level> = new Set(["destroys", "failures"]);

interface Notes {
  readonly loud: readonly string[];
  readonly quiet: readonly string[];
}

function cutNotes(cut: ReadonlyMap<Level, number>, elsewhere: string): Notes {
  const parts = (levels: readonly Level[]): readonly string[] =>
    levels.flatMap((level) => (cut.has(level) ? [left[level](cut.get(level) as number)] : []));
  const missing = parts(cutOrder.filter((level) => loudest.has(level))).join(" and ");
  const others = parts(cutOrder.filter((level) => !loudest.has(level)));
  return {
    loud:
      missing === ""
        ? []
        : [
            `> **Not all is here: ${missing} are missing below,** as they alone do not fit into one comment. ${elsewhere}`,
          ],
    quiet:
      others.length === 0 ? [] : [`Left out, to fit into one comment: ${others.join(", ")}. ${elsewhere}`],
  };
}
