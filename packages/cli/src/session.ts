/** What holds for the whole process: the global flags, and where output goes. Set once before a command runs. */
import type { ProgramHost } from "@orch/core/program/contract";
import type { EventFile } from "./event-file.js";
import type { GlobalFlags } from "./global-flags.js";
import { asciiOnly, wantsUnicode } from "./render/ascii.js";
import { hang } from "./render/text.js";
import { type Theme, themeFor, wantsColour, wordsTheme } from "./render/theme.js";

export interface Session {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly noColor: boolean;
  /** For screen readers: words instead of signs, no colours, nothing that moves. */
  readonly plain: boolean;
  readonly stack: string | undefined;
  /** The program's child, started before anything else; see early.ts. */
  readonly programHost: ProgramHost | undefined;
  /** Folder that source positions in failures are relative to; set once the project is known. */
  baseDir: string | undefined;
  /** The stack that the command works on; set once it is known. */
  target: { readonly project: string; readonly stack: string } | undefined;
  /** Text for people goes to standard error: standard output is for a document that is no JSON. */
  aside: boolean;
  /** Id of the command that runs: `stack:init`. */
  command: string | undefined;
  /** `--events FILE`, once it is open; main.ts writes its last line. */
  events: EventFile | undefined;
  /** Where remarks of the backend go while a view is open. */
  say: ((line: string) => void) | undefined;
}

export const session: Session = {
  json: false,
  verbose: false,
  noColor: false,
  plain: false,
  stack: undefined,
  programHost: undefined,
  baseDir: undefined,
  say: undefined,
  target: undefined,
  aside: false,
  command: undefined,
  events: undefined,
};

export function startSession(flags: GlobalFlags, programHost: ProgramHost | undefined): void {
  const { json, verbose, noColor, stack } = flags;
  const plain = flags.plain || (process.env.ORCH_PLAIN ?? "") !== "";
  Object.assign(session, { json, verbose, noColor, plain, stack, programHost });
}

const themeOf = (stream: { readonly isTTY?: boolean }): Theme =>
  session.plain ? wordsTheme : themeFor(wantsColour(stream, process.env, session.noColor));
const outStream = (): NodeJS.WriteStream => (session.aside ? process.stderr : process.stdout);
export const outTheme = (): Theme => themeOf(outStream());
export const errTheme = (): Theme => themeOf(process.stderr);

/** Text as the terminal can show it. What goes into a pipe or a file is never changed. */
export const shownOn = (stream: { readonly isTTY?: boolean }, text: string): string =>
  stream.isTTY === true && !wantsUnicode(process.env) ? asciiOnly(text) : text;

/** Text for people, fitted to the terminal's width where there is one. Not for values that somebody copies. */
const fitted = (stream: { readonly isTTY?: boolean; readonly columns?: number }, text: string): string =>
  stream.isTTY === true && (stream.columns ?? 0) >= 20 ? hang(text, stream.columns as number) : text;

/** Is a person in front of it, who can be asked? */
export const isInteractive = (): boolean =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && !session.json;

export const write = (text: string): void => {
  const stream = outStream();
  stream.write(`${shownOn(stream, text)}\n`);
};
/** A plan, a result: text for people. */
export const writeText = (text: string): void => write(fitted(outStream(), text));
/** Markdown: the same wherever it goes. */
export const writeDocument = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
export const writeJson = (document: unknown): void => {
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
};
/** A document as one line, which a reader of lines and a reader of documents both understand. */
export const writeJsonLine = (document: unknown): void => {
  process.stdout.write(`${JSON.stringify(document)}\n`);
};
/** For people, beside the result: never part of what a pipe receives. */
export const note = (text: string): void => {
  process.stderr.write(`${shownOn(process.stderr, text)}\n`);
};
/** As `note`, for longer text. */
export const noteText = (text: string): void => note(fitted(process.stderr, text));
