/** The first page of help: what a person does with orch, in the order in which they do it. The rest is oclif's own. */
import { Help } from "@oclif/core/help";
import { table } from "./render/text.js";
import { outTheme } from "./session.js";

const sections: readonly (readonly [title: string, commands: readonly (readonly [string, string])[]])[] = [
  [
    "Start",
    [
      ["new", "start a project"],
      ["stack init", "make a stack and select it; also stack ls, select, rm, output"],
      ["config set", "configuration and secrets; also config get, ls, rm"],
    ],
  ],
  [
    "Change",
    [
      ["plan", "show what would be done, and do nothing"],
      ["watch", "plan again at each save"],
      ["apply", "carry out a plan"],
      ["destroy", "delete every resource of the stack"],
      ["import", "take objects that exist into the stack, and write the program for them"],
      ["undo", "go back to the state before a run"],
    ],
  ],
  [
    "Look after",
    [
      ["drift", "tell what changed outside orch"],
      ["refresh", "take over into the state what was found"],
      ["resume", "settle what a cut-off run had begun"],
      ["unlock", "show who holds locks, or take one away"],
      ["state ls", "list resources; also state show"],
      ["graph", "draw the resources and what they depend on"],
      ["console", "ask about state and graph in JavaScript"],
      ["explain", "tell why a resource is planned as it is, or what is behind a failure"],
    ],
  ],
  [
    "Set up",
    [
      ["doctor", "look whether everything is there and works"],
      ["login", "keep state in PostgreSQL; also logout, whoami"],
      ["plugin install", "provider plugins; also plugin ls, lock, rm"],
      ["completion", "completion for bash, zsh and fish"],
    ],
  ],
];

export default class OrchHelp extends Help {
  protected override async showRootHelp(): Promise<void> {
    const theme = outTheme();
    const width = Math.max(...sections.flatMap(([, commands]) => commands.map(([name]) => name.length)));
    const out = [
      `${theme.bold("orch")}: infrastructure as code with plans that hold.`,
      "",
      `${theme.bold("Usage")}  orch [-C DIR] COMMAND`,
    ];
    for (const [title, commands] of sections) {
      out.push("", theme.bold(title));
      for (const line of table(commands.map(([name, text]) => [theme.name(name.padEnd(width)), text])))
        out.push(`  ${line}`);
    }
    out.push(
      "",
      theme.bold("Everywhere"),
      "  -C, --cwd DIR     work as if started in this folder",
      "  -s, --stack NAME  the stack to work on, instead of the selected one",
      "      --no-color    no colours (as NO_COLOR does)",
      "      --verbose     debug messages, times and stacks",
      "      --version     the version",
      "",
      "`orch COMMAND --help` tells more, with examples and exit codes.",
    );
    this.log(out.join("\n"));
  }
}
