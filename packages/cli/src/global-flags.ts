/** The global flags as they stand anywhere before `--`, read without knowing the command. */
export interface GlobalFlags {
  readonly cwd?: string;
  readonly stack?: string;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly noColor: boolean;
  readonly plain: boolean;
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
    json: args.includes("--json") || value("--format", "--format") === "json",
    verbose: args.includes("--verbose"),
    noColor: args.includes("--no-color"),
    plain: args.includes("--plain"),
  };
}
