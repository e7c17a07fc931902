import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { consoleValues } from "../console/values.js";
import { withStack } from "../context.js";
import { jsonFlag } from "../flags.js";
import { readStdin } from "../prompt.js";
import { note, outTheme, write, writeJsonLine } from "../session.js";

const help = `outputs            what the stack gives out
config             its configuration
resources          by name, or by URN: resources.page, resources["web-config"]
state              all of them, in order
graph.dependents(X), graph.dependencies(X), graph.urns
.secrets on|off    secret values in clear
.reload            reads the state again
Anything else is JavaScript.`;

const textAnswers = {
  answer(_input: string, value: unknown): void {
    if (value !== undefined) write(typeof value === "string" ? value : JSON.stringify(value, undefined, 2));
  },
  mistake: (_input: string, text: string): void => note(text),
};
const jsonAnswers = {
  answer: (input: string, value: unknown): void =>
    writeJsonLine({ format: 1, type: "answer", input, ...(value === undefined ? {} : { value }) }),
  mistake: (input: string, mistake: string): void =>
    writeJsonLine({ format: 1, type: "answer", input, mistake }),
};

export default class Console extends OrchCommand {
  static override summary = "Ask about the stack's state, outputs and graph, in JavaScript.";
  static override description = `${help}

On a terminal with completion by Tab; from a pipe it answers each line (texts bare, all else as JSON; with --json a JSON object per line, mistakes among them) and ends. Nothing is changed, and no provider is called: what is looked at is a copy of the state. Secrets are \`[secret]\` until .secrets on.

Exit codes: 0 ended, 1 the stack can't be opened, or a line from a pipe had a mistake.`;
  static override examples = [
    "<%= config.bin %> console",
    "echo 'outputs.url' | <%= config.bin %> console",
    "echo 'graph.dependents(\"vpc\").length' | <%= config.bin %> console --stack prod",
  ];

  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(Console);
    if (flags.json && process.stdin.isTTY === true)
      throw new OrchError({
        reason: "invalid-flag",
        message: "--json answers what comes over a pipe, and standard input is a terminal.",
        next: ["`echo outputs | orch console --json`, or leave it out."],
      });
    return withStack(this.config.version, async ({ store, config, project, stack }) => {
      let snapshot = await store.snapshot();
      let showSecrets = false;
      const values = () => consoleValues({ project: project.name, stack, snapshot, config }, showSecrets);
      const reload = async (): Promise<void> => {
        snapshot = await store.snapshot();
      };
      const setSecrets = (text: string): void => {
        if (!/^(on|off)$/.test(text))
          throw new OrchError({ reason: "invalid-flag", message: ".secrets takes on or off.", found: text });
        showSecrets = text === "on";
      };
      if (process.stdin.isTTY === true) {
        await this.talk(`${project.name}/${stack}`, values, reload, setSecrets);
        return 0;
      }
      const { runLines } = await import("../console/script.js");
      const well = await runLines(await readStdin(), {
        globals: values,
        ...(flags.json ? jsonAnswers : textAnswers),
        async command(line) {
          const [name, argument = ""] = line.split(/\s+/);
          if (name === ".secrets") setSecrets(argument);
          else if (name === ".reload") await reload();
          else if (name === ".help") note(help);
          else return false;
          return true;
        },
      });
      return well ? 0 : 1;
    });
  }

  /** Until Ctrl-D or .exit. */
  private async talk(
    title: string,
    values: () => ReturnType<typeof consoleValues>,
    reload: () => Promise<void>,
    setSecrets: (text: string) => void,
  ): Promise<void> {
    const { start } = await import("node:repl");
    const theme = outTheme();
    note(theme.dim(`${title}: outputs, config, resources, state, graph. .help tells more.`));
    const server = start({ prompt: "> ", useGlobal: false, ignoreUndefined: true });
    let now = values();
    const put = (): void => {
      now = values();
      for (const [name, value] of Object.entries(now))
        Object.defineProperty(server.context, name, { value, configurable: true, enumerable: true });
    };
    put();
    server.on("reset", put);
    const usual = server.completer;
    // Names between quotes: resources["…, graph.dependents("…
    Object.assign(server, {
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        const typed = /(?:resources\[|dependents\(|dependencies\()(["'])([^"']*)$/.exec(line)?.[2];
        if (typed === undefined) return usual.call(server, line, done as never);
        const names = Object.keys(now.resources).filter((name) => name.startsWith(typed));
        done(null, [names, typed]);
      },
    });
    server.defineCommand("secrets", {
      help: "Show secret values in clear: on, off",
      // At once: the next line may be there already.
      action: (text) => {
        try {
          setSecrets(text.trim());
          put();
        } catch (error) {
          note((error as Error).message);
        }
        server.displayPrompt();
      },
    });
    server.defineCommand("reload", {
      help: "Read the state again",
      action: () => {
        reload()
          .then(put)
          .catch((error: Error) => note(error.message))
          .finally(() => server.displayPrompt());
      },
    });
    server.defineCommand("values", {
      help: "What there is to ask about",
      action: () => {
        write(help);
        server.displayPrompt();
      },
    });
    await new Promise<void>((resolve) => server.on("exit", resolve));
  }
}
