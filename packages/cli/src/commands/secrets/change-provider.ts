import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { changeKey } from "../../change-key.js";
import { OrchCommand } from "../../command.js";
import { jsonFlag } from "../../flags.js";

export default class SecretsChangeProvider extends OrchCommand {
  static override summary = "Protect the stack's key in another way.";
  static override description =
    `PROVIDER is \`key-file\`, \`passphrase\`, \`awskms://KEY-ID?region=REGION\`, \`azurekeyvault://VAULT/KEY\` or \`hashivault://KEY\`. The data key stays the same, so that whoever had it still has it; --rotate makes a new one. A Pulumi.<stack>.yaml with Pulumi's own passphrase always gets a new key, and Pulumi can't read its secrets afterwards.

Exit codes: 0 done, 1 not, 64 there is no such provider.`;
  static override examples = [
    "<%= config.bin %> secrets change-provider 'awskms://alias/orch?region=eu-central-1'",
    "<%= config.bin %> secrets change-provider passphrase --rotate",
  ];
  static override args = {
    provider: Args.string({
      ignoreStdin: true,
      description: "What protects the stack's key from now on.",
      required: true,
    }),
  };
  static override flags = {
    json: jsonFlag,
    rotate: Flags.boolean({ summary: "Make a new data key, too, as `orch secrets rotate` does." }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(SecretsChangeProvider);
    const { provider } = args;
    return changeKey(this.config.version, { provider, newKey: flags.rotate }, flags.json);
  }
}
