/** What holds for the whole process: the global flags, and where output goes. Set once before a command runs. */
import { type Theme, themeFor, wantsColour } from "./render/theme.js";

export interface Session {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly noColor: boolean;
  readonly stack: string | undefined;
  /** Folder that source positions in failures are relative to; set once the project is known. */
  baseDir: string | undefined;
}

/** The global flags as they stand anywhere before `--`, read without knowing the command. */
export interface GlobalFlags {
  readonly cwd?: string;
  readonly stack?: string;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly noColor: boolean;
}

export function readGlobalFlags(argv: readonly string[]): GlobalFlags {
  const end = argv.indexOf("--");
  const args = end < 0 ? argv : argv.slice(0, end);
  const value = (short: string, long: string): string | undefined => {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string;
      if (arg === short || arg === long) return args[i + 1];
      if (arg.startsWith(`${long}=`)) return arg.slice(long.length + 1);
      if (arg.startsWith(short) && arg.length > 2 && !arg.startsWith("--"))
        return arg.slice(2).replace(/^=/, "");
    }
    return undefined;
  };
  const cwd = value("-C", "--cwd");
  const stack = value("-s", "--stack");
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(stack === undefined ? {} : { stack }),
    json: args.includes("--json"),
    verbose: args.includes("--verbose"),
    noColor: args.includes("--no-color"),
  };
}

export const session: Session = {
  json: false,
  verbose: false,
  noColor: false,
  stack: undefined,
  baseDir: undefined,
};

export function startSession(flags: GlobalFlags): void {
  Object.assign(session, {
    json: flags.json,
    verbose: flags.verbose,
    noColor: flags.noColor,
    stack: flags.stack,
  });
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
/** For people, beside the result: never part of what a pipe receives. */
export const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
