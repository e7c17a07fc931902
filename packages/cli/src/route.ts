/** Finding the command in the arguments. Loads nothing: main.ts then loads one command. */

/** Every command, with `:` between topic and name; commands.ts says where each lives. */
export const commandIds = [
  "new",
  "plan",
  "apply",
  "destroy",
  "refresh",
  "import",
  "undo",
  "drift",
  "comment",
  "resume",
  "unlock",
  "graph",
  "login",
  "logout",
  "whoami",
  "doctor",
  "completion",
  "console",
  "watch",
  "history",
  "timeline",
  "show:plan",
  "explain",
  "stack:init",
  "stack:ls",
  "stack:select",
  "stack:rm",
  "stack:output",
  "stack:import",
  "stack:export",
  "config:set",
  "config:get",
  "config:rm",
  "config:ls",
  "secrets:rotate",
  "secrets:change-provider",
  "state:ls",
  "state:show",
  "state:diff",
  "state:pull",
  "state:push",
  "state:migrate",
  "plugin:ls",
  "plugin:install",
  "plugin:lock",
  "plugin:rm",
] as const;
export type CommandId = (typeof commandIds)[number];

const isCommand = (words: string): words is CommandId => (commandIds as readonly string[]).includes(words);

/** Commands that oclif's plugins bring. */
export const pluginCommands = ["help", "autocomplete"] as const;

export interface Route {
  /** `stack:init`; undefined when the words name no command. */
  readonly id: CommandId | undefined;
  readonly argv: string[];
  /** The words before the first flag, as typed. */
  readonly words: readonly string[];
}

/** Flags whose value is the next word. */
export const takesValue: ReadonlySet<string> = new Set([
  "-C",
  "--cwd",
  "-s",
  "--stack",
  "-p",
  "--parallel",
  "--lock-timeout",
  "--replace",
  "--target",
  "--exclude",
  "--file",
  "--parent",
  "--provider",
  "--properties",
  "--urn",
  "--adopt",
  "--at",
  "--to",
  "--limit",
  "--events",
  "--from",
  "--format",
  "-f",
  "--out",
  "-o",
  "--notify",
  "--news",
  "--platform",
  "--api-url",
  "--repository",
  "--number",
  "--commit",
  "--id",
  "--key",
]);

/**
 * Finds the command in the arguments. Global flags may stand before it (`orch -C dir plan`); they are handed on to it, behind
 * its own words.
 */
export function route(argv: readonly string[]): Route {
  const before: string[] = [];
  let i = 0;
  while (i < argv.length && (argv[i] as string).startsWith("-") && argv[i] !== "--") {
    const flag = argv[i++] as string;
    before.push(flag);
    if (takesValue.has(flag) && i < argv.length) before.push(argv[i++] as string);
  }
  const words: string[] = [];
  for (let k = i; k < argv.length && !(argv[k] as string).startsWith("-"); k++) words.push(argv[k] as string);
  const [first, second] = words;
  if (first === undefined) return { id: undefined, argv: [...argv], words };
  const both = `${first}:${second}`;
  if (isCommand(both)) return { id: both, argv: [...before, ...argv.slice(i + 2)], words };
  // `orch stack:init` is oclif's other spelling.
  if (isCommand(first)) return { id: first, argv: [...before, ...argv.slice(i + 1)], words };
  return { id: undefined, argv: [...argv.slice(i), ...before], words };
}
