/**
 * Blocks of code in Markdown pages, and what a page says of them in hidden comments right before a block. CONTRIBUTING.md has the list for writers.
 *
 * | comment | |
 * |---|---|
 * | `<!-- run -->`, `<!-- run: exit=2 -->` | the commands are run in the page's sandbox; of a `console` block, what they print is compared |
 * | `<!-- run: lab -->` | the same, where the lab has what test/docs/lab-pages.ts names for the page: `npm run test:lab` |
 * | `<!-- answers: JSON -->` | it is run at a terminal; pairs of what is printed and what a person then types |
 * | `<!-- asks: METHOD URL -->` | with it, this is asked of test/docs/internet.ts |
 * | `<!-- printed -->` | it stands in what the block before has printed |
 * | `<!-- not run: REASON -->` | it can't be run here, and why |
 * | `<!-- file: PATH -->` | the block is that file in the sandbox from here on |
 * | `<!-- given: CODE -->` | TypeScript that a `ts` block goes on from |
 * | `<!-- as in: FILE -->` | the text stands in that file of the repository, which has a test of its own |
 * | `<!-- is: SCHEMA -->` | what a yaml or json block must be right for: `project`, `settings`, or a file of docs/schemas |
 * | `<!-- examples -->` | (made pages of commands) each line is run by itself, as test/docs/examples.ts says |
 * | `<!-- do: COMMANDS -->` | commands that are run there, and that the reader does not see |
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export type Mark =
  | "run"
  | "not run"
  | "file"
  | "given"
  | "as in"
  | "is"
  | "examples"
  | "answers"
  | "printed"
  | "asks";
const markNames: readonly string[] = [
  "run",
  "not run",
  "file",
  "given",
  "as in",
  "is",
  "examples",
  "answers",
  "printed",
  "asks",
] satisfies Mark[];

export interface Block {
  readonly kind: "block";
  /** Relative to the repository. */
  readonly page: string;
  /** Of its first line, counted from 1. */
  readonly line: number;
  /** Empty: none was given. */
  readonly language: string;
  readonly text: string;
  readonly marks: ReadonlyMap<Mark, string>;
}
/** Commands that the reader does not see. */
export interface Hidden {
  readonly kind: "hidden";
  readonly page: string;
  readonly line: number;
  readonly text: string;
}
export interface Page {
  readonly file: string;
  readonly parts: readonly (Block | Hidden)[];
  /** Code in the middle of a sentence, with its line. */
  readonly spans: readonly { readonly line: number; readonly text: string }[];
  /** What is wrong with the page itself, each with its place. */
  readonly faults: readonly string[];
}

export function readPage(file: string): Page {
  return parsePage(file, readFileSync(join(root, file), "utf8"));
}

export function parsePage(file: string, source: string): Page {
  const lines = source.split("\n");
  const parts: (Block | Hidden)[] = [];
  const spans: { line: number; text: string }[] = [];
  const faults: string[] = [];
  let marks = new Map<Mark, string>();
  let before = "";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const at = `${file}:${i + 1}`;
    const fence = /^(\s*)(`{3,})(.*)$/.exec(line);
    if (fence !== null) {
      const [, indent = "", ticks = "", info = ""] = fence;
      const start = i + 1;
      while (++i < lines.length && (lines[i] as string).trim() !== ticks) {}
      if (i >= lines.length) faults.push(`${at}: this block has no end`);
      const text = lines
        .slice(start, i)
        .map((each) => (each.startsWith(indent) ? each.slice(indent.length) : each))
        .join("\n");
      const language = info.trim().split(/[\s{]/)[0] ?? "";
      parts.push({ kind: "block", page: file, line: start + 1, language, text: `${text}\n`, marks });
      marks = new Map();
      before = line;
      continue;
    }
    if (line.trimStart().startsWith("<!--")) {
      const start = i;
      while (!(lines[i] as string).includes("-->") && i < lines.length - 1) i++;
      const comment = lines
        .slice(start, i + 1)
        .join("\n")
        .replace(/^\s*<!--\s*/, "")
        .replace(/\s*-->.*$/s, "");
      const [, name = "", value = ""] = /^([a-z ]+?)\s*(?::\s*([\s\S]*))?$/.exec(comment) ?? [];
      if (name === "do") parts.push({ kind: "hidden", page: file, line: start + 1, text: `${value}\n` });
      else if (markNames.includes(name)) marks.set(name as Mark, value);
      else if (name !== "") faults.push(`${at}: there is no mark "${name}"`);
      continue;
    }
    if (line.trim() === "") {
      before = "";
      continue;
    }
    for (const name of marks.keys()) faults.push(`${at}: the comment "${name}" stands before no block`);
    marks = new Map();
    // Four spaces make a block of code, too, unless they go on with a list.
    if (/^ {4}\S/.test(line) && before === "" && !inList(lines, i))
      faults.push(`${at}: a block of code by indentation; give it a fence and a language`);
    before = line;
    for (const [, text = ""] of line.matchAll(/`([^`]+)`/g)) spans.push({ line: i + 1, text });
  }
  return { file, parts, spans, faults };
}

/** Is the nearest line above that is not indented an item of a list? */
function inList(lines: readonly string[], at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const line = lines[i] as string;
    if (line.trim() === "" || line.startsWith("  ")) continue;
    return /^([-*]|\d+\.) /.test(line);
  }
  return false;
}

export const isBlock = (part: Block | Hidden): part is Block => part.kind === "block";
export const place = ({ page, line }: { page: string; line: number }): string => `${page}:${line}`;
