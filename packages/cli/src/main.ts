/**
 * From the arguments to one command, and from whatever goes wrong to one shown failure and one exit code. A known command is
 * loaded by itself and run with a bare oclif configuration; help, completion and unknown words go through all of oclif.
 */
import { resolve } from "node:path";
import { exitCodeOf, OrchError, toFailure } from "@orch/core/model/failure";
import type { ProgramHost } from "@orch/core/program/contract";
import { commands } from "./commands.js";
import { readGlobalFlags } from "./global-flags.js";
import { pluginCommands, route } from "./route.js";
import { errTheme, note, noteText, session, startSession, write, writeJsonLine } from "./session.js";
import { wantsTraces } from "./wants-traces.js";

/** `root`: this package's folder; `host`: what early.ts started. Never rejects; the process's exit code tells the outcome. */
export async function main(argv: string[], root: string, host: ProgramHost | undefined): Promise<void> {
  quieten();
  const flags = readGlobalFlags(argv);
  startSession(flags, host);
  try {
    if (flags.cwd !== undefined) changeFolder(flags.cwd);
    process.exitCode = await run(argv, root);
  } catch (error) {
    process.exitCode = await report(error);
  } finally {
    await session.events?.end(Number(process.exitCode));
    // Nothing happens when it was used.
    host?.close();
  }
}

async function run(argv: string[], root: string): Promise<number> {
  const { id, argv: rest, words } = route(argv);
  // What is behind `--` is no flag.
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  const asksForHelp = own.includes("--help") || own.includes("-h");
  if (id === "completion" && words[1] === "words") {
    // Not parsed: the words are another command's.
    const { wordsAt } = await import("./completion/words.js");
    // A Tab in a place without a project, or whose state can't be read, completes nothing, and says nothing on the line being typed.
    const found = await wordsAt(rest.slice(rest.indexOf("--") + 1)).catch(() => []);
    if (found.length > 0) write(found.join("\n"));
    return 0;
  }
  if (id === undefined || asksForHelp) {
    const { runOclif } = await import("./oclif.js");
    const known =
      asksForHelp || words.length === 0 || (pluginCommands as readonly string[]).includes(words[0] as string);
    // oclif itself knows the long form only.
    const asked = rest.map((word) => (word === "-h" ? "--help" : word));
    return runOclif(root, id === undefined ? asked : [...id.split(":"), ...asked], words, known);
  }
  const { bareConfig } = await import("./oclif.js");
  const [config, { default: Command }] = await Promise.all([bareConfig(root), commands[id]()]);
  Command.id = id;
  session.command = id;
  const start = async (): Promise<number> => {
    const code = await new Command(rest, config).start();
    return typeof code === "number" ? code : 0;
  };
  if (!wantsTraces()) return start();
  const { traceCommand } = await import("./tracing.js");
  return traceCommand(id.replace(":", " "), config.version, note, start);
}

function changeFolder(folder: string): void {
  try {
    process.chdir(folder);
  } catch (error) {
    throw new OrchError(
      {
        reason: "invalid-flag",
        message: `--cwd: cannot work in ${resolve(folder)}`,
        found:
          (error as NodeJS.ErrnoException).code === "ENOENT"
            ? "no such folder"
            : String((error as Error).message),
      },
      { cause: error },
    );
  }
}

/** Shows the failure; the exit code of its reason. */
async function report(error: unknown): Promise<number> {
  const failure = toFailure(error);
  const code = exitCodeOf(failure);
  if (session.json || session.events !== undefined) {
    const { errorJson } = await import("./render/json.js");
    const { pinpoint } = await import("./render/snippet.js");
    const json = errorJson(
      session.baseDir === undefined ? failure : pinpoint(failure, session.baseDir),
      code,
    );
    // A line by itself: those of `apply --json` may stand before it.
    if (session.json) writeJsonLine(json);
    session.events?.write(json);
  }
  const { renderFailure } = await import("./render/failure.js");
  const { columns } = process.stderr;
  noteText(
    renderFailure(failure, {
      theme: errTheme(),
      verbose: session.verbose,
      columns,
      ...(session.baseDir === undefined ? {} : { baseDir: session.baseDir }),
    }),
  );
  return code;
}

function quieten(): void {
  // The reader has gone (`orch plan | head`), or the terminal has been closed: nobody hears any more, but what was begun is
  // brought to its end all the same.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });
  // node:sqlite is announced as experimental on every start of older Node versions.
  const others = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (warning.name === "ExperimentalWarning" && /SQLite/i.test(warning.message)) return;
    for (const listener of others) listener.call(process, warning);
  });
}
