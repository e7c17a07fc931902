/** What may stand at the cursor of a command line that is being typed. Asks for no passphrase and decrypts nothing. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommandClass } from "../command.js";
import { commands } from "../commands.js";
import { readGlobalFlags } from "../global-flags.js";
import { type CommandId, commandIds, pluginCommands, route, takesValue } from "../route.js";
import { shells } from "./scripts.js";
import { configKeys, outputNames, projectSources, resourceNames, runNumbers, stackNames } from "./sources.js";

type Source = (current: string) => Promise<readonly string[]>;

/** `typed`: the words of the line up to the cursor, the program's name first; the last one may be empty. */
export async function wordsAt(typed: readonly string[]): Promise<readonly string[]> {
  const before = typed.slice(1, -1);
  const current = typed.at(-1) ?? "";
  const { cwd, stack } = readGlobalFlags(before);
  if (cwd !== undefined) process.chdir(cwd);
  const { id, argv, words } = route(before);
  // `--stack=p` is `--stack p` in one word.
  const [, flag = "", value = current] = /^(--[a-z][a-z-]*)=(.*)$/s.exec(current) ?? [];
  const all =
    flag === ""
      ? await candidates(id, argv, words, current, stack)
      : await valuesOfFlag(flag, id, value, projectSources(stack));
  const fitting = [...new Set(all)].filter((word) => word.startsWith(value));
  return flag === "" ? fitting : fitting.map((word) => `${flag}=${word}`);
}

async function candidates(
  id: CommandId | undefined,
  argv: readonly string[],
  words: readonly string[],
  current: string,
  stack: string | undefined,
): Promise<readonly string[]> {
  const last = argv.at(-1);
  const sources = projectSources(stack);
  if (last !== undefined && takesValue.has(last)) return valuesOfFlag(last, id, current, sources);
  if (current.startsWith("-")) return id === undefined ? ["--help", "--version"] : flagsOf(id);
  if (id === undefined) return nextWords(words);
  const position = argv.filter(
    (word, i) => !word.startsWith("-") && !takesValue.has(argv[i - 1] ?? ""),
  ).length;
  return (await positional(id, position, sources)?.(current)) ?? [];
}

/** Words of commands that can follow. */
function nextWords(words: readonly string[]): string[] {
  const [first, ...more] = words;
  if (first === undefined)
    return [...commandIds.map((one) => one.split(":")[0] as string), ...pluginCommands];
  if (more.length > 0) return [];
  return commandIds.filter((one) => one.startsWith(`${first}:`)).map((one) => one.split(":")[1] as string);
}

interface Flag {
  readonly char?: string;
  readonly allowNo?: boolean;
  readonly hidden?: boolean;
  /** What it takes, where that is a choice. */
  readonly options?: readonly string[];
}

async function definitionsOf(id: CommandId): Promise<{
  readonly flags: Readonly<Record<string, Flag>>;
  readonly baseFlags: Readonly<Record<string, Flag>>;
}> {
  const { default: Command } = await commands[id]();
  const { flags = {}, baseFlags = {} } = Command as CommandClass &
    Partial<Record<string, Record<string, Flag>>>;
  return { flags, baseFlags };
}

async function flagsOf(id: CommandId): Promise<string[]> {
  const { flags, baseFlags } = await definitionsOf(id);
  const own = Object.entries(flags).filter(([, { hidden }]) => hidden !== true);
  return [
    ...own.flatMap(([name, { allowNo }]) => [`--${name}`, ...(allowNo === true ? [`--no-${name}`] : [])]),
    ...Object.keys(baseFlags).map((name) => `--${name}`),
    "--help",
  ];
}

type Sources = ReturnType<typeof projectSources>;

async function valuesOfFlag(
  flag: string,
  id: CommandId | undefined,
  current: string,
  sources: Sources,
): Promise<readonly string[]> {
  switch (flag) {
    case "-s":
    case "--stack":
      return stackNames(sources);
    case "--replace":
    case "--target":
    case "--exclude":
    case "--parent":
    case "--provider":
      return resourceNames(sources, current.startsWith("urn:") ? "urns" : "names");
    case "--urn":
      return resourceNames(sources, "urns");
    case "--at":
      return runNumbers(sources);
    case "--to":
      return id === "state:migrate" ? [] : runNumbers(sources);
    default: {
      // A file, a number, a text: the shell's own completion.
      if (id === undefined) return [];
      const { flags } = await definitionsOf(id);
      const found = Object.entries(flags).find(
        ([name, { char }]) => flag === `--${name}` || (char !== undefined && flag === `-${char}`),
      );
      return found?.[1].options ?? [];
    }
  }
}

function positional(id: CommandId, position: number, sources: Sources): Source | undefined {
  if (id === "state:diff" && position < 2) return () => runNumbers(sources);
  if (id === "plugin:lock" || id === "plugin:rm") return plugins;
  if (position > 0) return undefined;
  switch (id) {
    case "stack:select":
    case "stack:rm":
      return () => stackNames(sources);
    case "stack:output":
      return () => outputNames(sources);
    case "state:show":
      return (current) => resourceNames(sources, current.startsWith("urn:") ? "urns" : "names");
    case "history":
    case "timeline":
    case "undo":
      return () => runNumbers(sources);
    case "config:get":
    case "config:set":
    case "config:rm":
      return () => configKeys(sources);
    case "apply":
    case "show:plan":
    case "graph":
      return async (current) => planFiles(current);
    case "explain":
      return async (current) => [
        ...Object.keys((await import("@orch/core/model/failure")).exitCodes),
        // Reasons are there without a project, too.
        ...(await resourceNames(sources, current.startsWith("urn:") ? "urns" : "names").catch(() => [])),
      ];
    case "completion":
      return async () => [...shells];
    default:
      return undefined;
  }
}

async function plugins(): Promise<readonly string[]> {
  const { listPlugins } = await import("@orch/providers/pulumi/locate");
  return listPlugins().map(({ name }) => name);
}

/** Of the folder that is being typed: plans, told by their first bytes, and folders to go on in. */
function planFiles(current: string): string[] {
  const typed = current.includes("/") ? current.slice(0, current.lastIndexOf("/") + 1) : "";
  const entries = readdirSync(typed === "" ? "." : typed, { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (entry.name.startsWith(".") || entry.name === "node_modules") return [];
    if (entry.isDirectory()) return [`${typed}${entry.name}/`];
    return entry.isFile() && isPlan(join(typed === "" ? "." : dirname(`${typed}x`), entry.name))
      ? [`${typed}${entry.name}`]
      : [];
  });
}

function isPlan(file: string): boolean {
  try {
    const fd = openSync(file, "r");
    try {
      const start = Buffer.alloc(planStart.length);
      readSync(fd, start, 0, start.length, 0);
      return start.toString("latin1") === planStart;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // Not to be read, so not to be applied.
  }
}
/** How a plan file begins; see docs/plan-file.md. */
const planStart = "orch-plan";
