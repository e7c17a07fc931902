import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { writeJson } from "../../session.js";

export default class ConfigRm extends OrchCommand {
  static override summary = "Remove a configuration value.";
  static override description = "Exit codes: 0 removed, 1 there is no such value.";
  static override examples = ["<%= config.bin %> config rm aws:region"];
  static override args = {
    key: Args.string({ ignoreStdin: true, description: "The value's key.", required: true }),
  };
  static override flags = {
    json: jsonFlag,
    path: Flags.boolean({ summary: "KEY is a path into an object or a list." }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ConfigRm);
    return withStack(this.config.version, async ({ file }) => {
      const { removeConfig, saveStackFile } = await import("@orch/core/project/index");
      removeConfig(file, args.key, { path: flags.path });
      await saveStackFile(file);
      if (flags.json) writeJson({ format: 1, type: "config-removed", key: args.key, file: file.yaml.path });
      return 0;
    });
  }
}
