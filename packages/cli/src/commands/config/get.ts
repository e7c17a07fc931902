import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { write, writeJson } from "../../session.js";

export default class ConfigGet extends OrchCommand {
  static override summary = "Print one configuration value.";
  static override description =
    `The bare value, for scripts. A secret is decrypted: asking for it by name is asking to see it.

Exit codes: 0 printed, 1 there is no such value.`;
  static override examples = [
    "<%= config.bin %> config get aws:region",
    "<%= config.bin %> config get --path 'servers[0].name'",
  ];
  static override args = {
    key: Args.string({ ignoreStdin: true, description: "The value's key.", required: true }),
  };
  static override flags = {
    path: Flags.boolean({ summary: "KEY is a path into an object or a list." }),
    json: jsonFlag,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ConfigGet);
    return withStack(this.config.version, async ({ config, project }) => {
      const { getConfig } = await import("@orch/core/project/index");
      const { value, secret } = getConfig(config.values, project.name, args.key, { path: flags.path });
      if (flags.json) writeJson({ format: 1, type: "config-value", key: args.key, value, secret });
      else write(value);
      return 0;
    });
  }
}
