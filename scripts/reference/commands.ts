/** docs/reference/commands: a page per command, from what the command says of itself. */
import { code, page, prose, table } from "./markdown.js";

interface Flag {
  readonly type: "boolean" | "option";
  readonly char?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly helpValue?: string | string[];
  readonly helpGroup?: string;
  readonly default?: unknown;
  readonly options?: readonly string[];
  readonly required?: boolean;
  readonly multiple?: boolean;
  readonly allowNo?: boolean;
  readonly hidden?: boolean;
}
interface Arg {
  readonly name?: string;
  readonly description?: string;
  readonly required?: boolean;
  readonly hidden?: boolean;
}
/** What is read of a command's class; oclif's own type has far more. */
export interface Described {
  readonly summary?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly strict?: boolean;
  readonly args?: Readonly<Record<string, Arg>>;
  readonly flags?: Readonly<Record<string, Flag>>;
  readonly baseFlags?: Readonly<Record<string, Flag>>;
}

const spoken = (id: string): string => id.replaceAll(":", " ");
const file = (id: string): string => `${id.replaceAll(":", "-")}.md`;

const valueWord = (name: string, { options, helpValue }: Flag): string =>
  options !== undefined && options.length <= 4 ? options.join("|") : String(helpValue ?? name.toUpperCase());

function flagName(name: string, flag: Flag): string {
  const long = flag.allowNo === true ? `--[no-]${name}` : `--${name}`;
  const value = flag.type === "boolean" ? "" : ` ${valueWord(name, flag)}`;
  return code(`${flag.char === undefined ? "" : `-${flag.char}, `}${long}${value}`);
}

function flagText(flag: Flag): string {
  const { summary = "", description, default: fallback, multiple, required } = flag;
  const more = [
    description,
    flag.options !== undefined && flag.options.length > 4
      ? `One of ${flag.options.map(code).join(", ")}.`
      : undefined,
    multiple === true && !/several times/.test(summary) ? "May be given several times." : undefined,
    required === true ? "Must be given." : undefined,
    flag.type === "option" &&
    (typeof fallback === "string" || typeof fallback === "number") &&
    !/default/i.test(`${summary}${description}`)
      ? `Default ${code(String(fallback))}.`
      : undefined,
  ];
  return prose([summary, ...more].filter((part) => part !== undefined && part !== "").join(" "));
}

const flagRows = (flags: Readonly<Record<string, Flag>>): string[][] =>
  Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .map(([name, flag]) => [flagName(name, flag), flagText(flag)]);

function usage(id: string, { args = {}, strict }: Described): string {
  const words = Object.entries(args)
    .filter(([, arg]) => arg.hidden !== true)
    .map(([name, { required }], i, all) => {
      const word = `${name.toUpperCase()}${strict === false && i === all.length - 1 ? "…" : ""}`;
      return required === true ? word : `[${word}]`;
    });
  return ["orch", spoken(id), ...words, "[FLAGS]"].join(" ");
}

const exampleText = (example: unknown): string =>
  (typeof example === "string"
    ? example
    : String((example as { command?: string }).command ?? "")
  ).replaceAll(/<%= config\.bin %>/g, "orch");

function commandPage(id: string, command: Described): string {
  const { summary = "", description = "", examples = [], args = {}, flags = {} } = command;
  const [text = "", codes] = description.split(/\n*Exit codes: /);
  return page(`the command's class, packages/cli/src/commands/${id.replace(":", "/")}.ts`, [
    `# \`orch ${spoken(id)}\``,
    "",
    prose(summary),
    "",
    "```text",
    usage(id, command),
    "```",
    "",
    prose(text),
    "",
    ...(codes === undefined ? [] : ["**Exit codes:** ".concat(prose(codes)), ""]),
    ...(Object.keys(args).length === 0 ? [] : ["## Arguments", ""]),
    ...table(
      ["argument", ""],
      Object.entries(args)
        .filter(([, arg]) => arg.hidden !== true)
        .map(([name, { description: what = "" }]) => [code(name.toUpperCase()), prose(what)]),
    ),
    ...(Object.keys(flags).length === 0 ? [] : ["## Flags", ""]),
    ...table(["flag", ""], flagRows(flags)),
    "The flags of [every command](README.md#everywhere) are taken, too.",
    "",
    ...(examples.length === 0
      ? []
      : ["## Examples", "", "<!-- examples -->", "```sh", ...examples.map(exampleText), "```"]),
  ]);
}

/** File name → text, for docs/reference/commands. `commands` by id, in the order of the table. */
export function commandPages(commands: Readonly<Record<string, Described>>): ReadonlyMap<string, string> {
  const [first] = Object.values(commands);
  const index = page("packages/cli/src/commands", [
    "# Every command",
    "",
    "What belongs together, what the marks of a plan mean and how exit codes are meant is told in [The command line](../../cli.md).",
    "",
    ...table(
      ["command", ""],
      Object.entries(commands).map(([id, { summary = "" }]) => [
        `[${code(`orch ${spoken(id)}`)}](${file(id)})`,
        prose(summary),
      ]),
    ),
    "## Everywhere",
    "",
    ...table(
      ["flag", ""],
      [...flagRows(first?.baseFlags ?? {}), [code("--help"), "What the command does, with examples."]],
    ),
  ]);
  return new Map([
    ["README.md", index],
    ...Object.entries(commands).map(([id, command]): [string, string] => [
      file(id),
      commandPage(id, command),
    ]),
  ]);
}
