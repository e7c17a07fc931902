import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { contextOptions } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class StackInit extends OrchCommand {
  static override summary = "Make a stack and select it.";
  static override description =
    `A stack is one instance of the project: its own configuration, secrets and state. Secrets are encrypted with a key of the stack, and --secrets-provider says what protects that key: \`key-file\` (a file of this machine, made on first use, mode 0600), \`passphrase\` (asked, or taken from ORCH_PASSPHRASE), or a key of AWS KMS, Azure Key Vault or HashiCorp Vault, by its URL. Without it: the passphrase where ORCH_PASSPHRASE is set, otherwise the key file.

Exit codes: 0 made, 1 not.`;
  static override examples = [
    "<%= config.bin %> stack init dev",
    "<%= config.bin %> stack init prod --secrets-provider passphrase",
    "<%= config.bin %> stack init prod --secrets-provider 'awskms://alias/orch?region=eu-central-1'",
    "<%= config.bin %> stack init prod --secrets-provider azurekeyvault://my-vault/orch",
    "<%= config.bin %> stack init prod --secrets-provider hashivault://orch",
  ];
  static override args = {
    name: Args.string({ ignoreStdin: true, description: "Name of the stack.", required: true }),
  };
  static override flags = {
    json: jsonFlag,
    "secrets-provider": Flags.string({
      summary: "What protects the stack's key: key-file, passphrase, or the URL of a service's key.",
      helpValue: "PROVIDER",
    }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StackInit);
    const { createStackContext } = await import("@orch/core/project/index");
    const context = await createStackContext({
      ...contextOptions(this.config.version),
      stack: args.name,
      ...(flags["secrets-provider"] === undefined ? {} : { secretsProvider: flags["secrets-provider"] }),
    });
    await context.store.close();
    await context.close();
    if (flags.json) {
      const { project, file } = context;
      writeJson({
        ...{ format: 1, type: "stack-made", project: project.name, stack: args.name },
        file: file.yaml.path,
      });
      return 0;
    }
    const theme = outTheme();
    write(`Made stack ${theme.name(args.name)} of ${context.project.name}, and selected it.`);
    note(`Its configuration is kept in ${context.file.yaml.path}: put that under version control.`);
    return 0;
  }
}
