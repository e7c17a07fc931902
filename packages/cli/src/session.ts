/** What holds for the whole process: the global flags, and where output goes. Set once before a command runs. */
import type { ProgramHost } from "@orch/core/program/contract";
import type { EventFile } from "./event-file.js";
import type { GlobalFlags } from "./global-flags.js";
import { type Theme, themeFor, wantsColour } from "./render/theme.js";

export interface Session {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly noColor: boolean;
  readonly stack: string | undefined;
  /** The program's child, started before anything else; see early.ts. */
  readonly programHost: ProgramHost | undefined;
  /** Folder that source positions in failures are relative to; set once the project is known. */
  baseDir: string | undefined;
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
  stack: undefined,
  programHost: undefined,
  baseDir: undefined,
  say: undefined,
  command: undefined,
  events: undefined,
};

export function startSession(flags: GlobalFlags, programHost: ProgramHost | undefined): void {
  const { json, verbose, noColor, stack } = flags;
  Object.assign(session, { json, verbose, noColor, stack, programHost });
}

export const outTheme = (): Theme => themeFor(wantsColour(process.stdout, process.env, session.noColor));
export const errTheme = (): Theme => themeFor(wantsColour(process.stderr, process.env, session.noColor));

/** Is a person in front of it, who can be asked? */
export const isInteractive = (): boolean =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && !session.json;

export const write = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
export const writeJson = (document: unknown): void => write(JSON.stringify(document, undefined, 2));
/** A document as one line, which a reader of lines and a reader of documents both understand. */
export const writeJsonLine = (document: unknown): void => write(JSON.stringify(document));
/** For people, beside the result: never part of what a pipe receives. */
export const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
