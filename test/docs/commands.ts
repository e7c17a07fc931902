/** Is what a page shows as a command line of orch one? Its command and its flags are looked up; nothing is run. */
import commands from "../../packages/cli/src/commands/index.js";
import { pluginCommands, route } from "../../packages/cli/src/route.js";

interface Known {
  readonly flags?: Readonly<Record<string, Flag>>;
  readonly baseFlags?: Readonly<Record<string, Flag>>;
}
interface Flag {
  readonly char?: string;
  readonly allowNo?: boolean;
}

/** A line of shell in simple commands, each in words; quotes taken off, comments and redirections left out. */
export function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  const token =
    /\s*(?:(#.*$)|(\|\||&&|[;|&()]|[0-9]?[<>]+&?)|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\;|&()<>])+))/y;
  for (let redirected = false; token.lastIndex < line.length; ) {
    const match = token.exec(line);
    if (match === null) break;
    const [, comment, operator, word] = match;
    if (comment !== undefined) break;
    if (operator !== undefined) {
      redirected = /[<>]/.test(operator);
      if (!redirected) commands.push([]);
    } else if (redirected) redirected = false;
    else if (word !== undefined) commands.at(-1)?.push(word.replaceAll(/['"]/g, ""));
  }
  // Variables that are set for one command.
  return commands
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word))))
    .filter((words) => words.length > 0);
}

/** What is wrong with it; nothing when it is no command of orch. */
export function faultOfCommand(words: readonly string[]): string | undefined {
  const [program, ...argv] = words;
  if (program !== "orch" || argv.length === 0) return undefined;
  const { id, words: typed } = route(argv);
  if (id === undefined) {
    const [first] = typed;
    if (
      first === undefined ||
      /^[A-Z…<[]/.test(first) ||
      (pluginCommands as readonly string[]).includes(first)
    )
      return undefined;
    const topic = Object.keys(commands).some((known) => known.startsWith(`${first}:`));
    return topic && typed.length === 1
      ? undefined
      : `there is no command \`orch ${typed.slice(0, 2).join(" ")}\``;
  }
  const { flags, baseFlags } = (commands as unknown as Record<string, Known>)[id] as Known;
  const known = Object.entries({ ...baseFlags, ...flags });
  const isKnown = (flag: string): boolean =>
    ["--help", "-h", "--version"].includes(flag) ||
    known.some(
      ([name, { char, allowNo }]) =>
        flag === `--${name}` ||
        (allowNo === true && flag === `--no-${name}`) ||
        (char !== undefined && flag.startsWith(`-${char}`) && !flag.startsWith("--")),
    );
  for (const word of argv) {
    if (word === "--") break;
    if (!/^-[-A-Za-z]/.test(word)) continue;
    const flag = word.replace(/[=,…].*$/s, "");
    if (!isKnown(flag)) return `\`orch ${id.replace(":", " ")}\` has no flag ${flag}`;
  }
  return undefined;
}
