import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { note, outTheme, write } from "../../session.js";

export default class StackInit extends OrchCommand {
  static override summary = "Make a stack and select it.";
  static override description =
    `A stack is one instance of the project: its own configuration, secrets and state. Secrets are encrypted with a key of the stack, which a key file of this machine protects (made on first use, mode 0600), or a passphrase with --secrets-provider passphrase (asked, or taken from ORCH_PASSPHRASE).

Exit codes: 0 made, 1 not.`;
  static override examples = [
    "<%= config.bin %> stack init dev",
    "<%= config.bin %> stack init prod --secrets-provider passphrase",
  ];
  static override args = {
    name: Args.string({ ignoreStdin: true, description: "Name of the stack.", required: true }),
  };
  static override flags = {
    "secrets-provider": Flags.option({
      summary: "What protects the stack's key.",
      options: ["key-file", "passphrase"] as const,
      default: "key-file" as const,
    })(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StackInit);
    const { createStackContext } = await import("@orch/core/project/index");
    const context = await createStackContext({
      ...contextOptions(this.config.version),
      stack: args.name,
      secretsProvider: flags["secrets-provider"],
    });
    await context.store.close();
    await context.close();
    const theme = outTheme();
    write(`Made stack ${theme.name(args.name)} of ${context.project.name}, and selected it.`);
    note(`Its configuration is kept in ${context.file.yaml.path}: put that under version control.`);
    return 0;
  }
}
