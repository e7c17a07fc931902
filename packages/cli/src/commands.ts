/**
 * Every command and the file it lives in, so that running one loads one. `orch help` and completion, which need all of them,
 * use commands/index.ts.
 */
import type { CommandClass } from "./command.js";

type Load = () => Promise<{ readonly default: CommandClass }>;

export const commands: Readonly<Record<string, Load>> = {
  new: () => import("./commands/new.js"),
  plan: () => import("./commands/plan.js"),
  apply: () => import("./commands/apply.js"),
  destroy: () => import("./commands/destroy.js"),
  refresh: () => import("./commands/refresh.js"),
  drift: () => import("./commands/drift.js"),
  graph: () => import("./commands/graph.js"),
  "stack:init": () => import("./commands/stack/init.js"),
  "stack:ls": () => import("./commands/stack/ls.js"),
  "stack:select": () => import("./commands/stack/select.js"),
  "stack:rm": () => import("./commands/stack/rm.js"),
  "stack:output": () => import("./commands/stack/output.js"),
  "config:set": () => import("./commands/config/set.js"),
  "config:get": () => import("./commands/config/get.js"),
  "config:rm": () => import("./commands/config/rm.js"),
  "config:ls": () => import("./commands/config/ls.js"),
  "state:ls": () => import("./commands/state/ls.js"),
  "state:show": () => import("./commands/state/show.js"),
  "plugin:ls": () => import("./commands/plugin/ls.js"),
  "plugin:install": () => import("./commands/plugin/install.js"),
  "plugin:lock": () => import("./commands/plugin/lock.js"),
  "plugin:rm": () => import("./commands/plugin/rm.js"),
};

/** Commands that oclif's plugins bring. */
export const pluginCommands = ["help", "autocomplete"] as const;

export interface Route {
  /** `stack:init`; undefined when the words name no command. */
  readonly id: string | undefined;
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
  "--replace",
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
  if (second !== undefined && commands[`${first}:${second}`] !== undefined)
    return { id: `${first}:${second}`, argv: [...before, ...argv.slice(i + 2)], words };
  // `orch stack:init` is oclif's other spelling.
  if (commands[first] !== undefined) return { id: first, argv: [...before, ...argv.slice(i + 1)], words };
  return { id: undefined, argv: [...argv.slice(i), ...before], words };
}
