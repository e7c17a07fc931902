/** The two ways into oclif: bare, for a command that is already found, and whole, for help, completion and mistyped words. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Config } from "@oclif/core/config";
import { OrchError } from "@orch/core/model/failure";
import { closest, didYouMean } from "@orch/core/state/closest";
import { elsewhere } from "./elsewhere.js";
import { commandIds, pluginCommands } from "./route.js";

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly oclif: Record<string, unknown>;
}

/** oclif's configuration without commands and plugins: nothing is searched for and nothing loaded. */
export async function bareConfig(root: string): Promise<Config> {
  const pjson = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as PackageJson;
  const { commands: _commands, plugins: _plugins, hooks: _hooks, ...oclif } = pjson.oclif;
  return Config.load({ root, pjson: { ...pjson, oclif } } as never);
}

/** `known`: the words are help's or a plugin's to judge. */
export async function runOclif(
  root: string,
  argv: string[],
  words: readonly string[],
  known: boolean,
): Promise<number> {
  const [flag] = argv;
  if (words.length === 0 && flag?.startsWith("-") && !globalWords.includes(flag)) throw unknownFlag(flag);
  const topics = new Set(commandIds.map((id) => id.split(":")[0] as string));
  if (!known && !(words.length === 1 && topics.has(words[0] as string))) throw unknownCommand(words, topics);
  const whole = pathToFileURL(join(root, "dist", "oclif-whole.js")).href;
  const { runWhole } = (await import(whole)) as typeof import("./oclif-whole.js");
  await runWhole(argv, root);
  return 0;
}

/** What may stand alone. */
const globalWords: readonly string[] = ["--help", "--version", "-h"];

const unknownFlag = (flag: string): OrchError =>
  new OrchError({
    reason: "invalid-flag",
    message: `\`orch\` has no flag ${flag}`,
    next: [...didYouMean(flag.replace(/=.*/, ""), globalWords), "See `orch --help`."],
  });

function unknownCommand(words: readonly string[], topics: ReadonlySet<string>): OrchError {
  const all = [...commandIds.map((id) => id.replace(":", " ")), ...pluginCommands];
  const typed = words.slice(0, 2).join(" ");
  const [first = ""] = words;
  const inTopic = topics.has(first) ? all.filter((name) => name.startsWith(`${first} `)) : [];
  // What it is called in other tools.
  const known = elsewhere(typed) ?? elsewhere(first);
  const near =
    known ??
    [
      ...new Set([
        ...(inTopic.length > 0 ? closest(typed, inTopic) : []),
        ...closest(typed, all),
        ...(inTopic.length > 0 ? [] : closest(first, all)),
      ]),
    ].slice(0, 3);
  return new OrchError({
    reason: "unknown-command",
    message: `There is no command \`orch ${inTopic.length > 0 ? typed : first}\``,
    next: [
      ...(near.length > 0
        ? [`Did you mean ${near.map((name) => `\`orch ${name}\``).join(" or ")}?`]
        : inTopic.length > 0
          ? [`There are: ${inTopic.map((name) => `\`orch ${name}\``).join(", ")}.`]
          : []),
      "See `orch --help`.",
    ],
  });
}
