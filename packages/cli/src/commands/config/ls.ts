import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag, showSecretsFlag } from "../../flags.js";
import { table, truncate, visible } from "../../render/text.js";
import { secretText } from "../../render/value.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class ConfigLs extends OrchCommand {
  static override summary = "List the stack's configuration.";
  static override description =
    "With the values that the project file gives to all stacks. Secrets are `[secret]` unless --show-secrets is given.\n\nExit codes: 0 listed, 1 not.";
  static override examples = [
    "<%= config.bin %> config ls",
    "<%= config.bin %> config ls --json --show-secrets",
  ];
  static override flags = { json: jsonFlag, "show-secrets": showSecretsFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(ConfigLs);
    return withStack(this.config.version, async ({ config, project, stack }) => {
      const entries = Object.entries(config.values).sort(([a], [b]) => (a < b ? -1 : 1));
      const shown = (value: string, secret: boolean): string =>
        secret && !flags["show-secrets"] ? secretText : value;
      if (flags.json) {
        writeJson({
          format: 1,
          type: "config",
          project: project.name,
          stack,
          config: Object.fromEntries(
            entries.map(([key, { value, secret }]) => [key, { value: shown(value, secret), secret }]),
          ),
        });
        return 0;
      }
      if (entries.length === 0) {
        note(`Stack ${stack} has no configuration.`);
        return 0;
      }
      const theme = outTheme();
      const own = `${project.name}:`;
      const rows = entries.map(([key, { value, secret }]) => {
        const text = shown(value, secret);
        return [
          key.startsWith(own) ? key.slice(own.length) : key,
          secret && !flags["show-secrets"]
            ? theme.dim(text)
            : truncate(visible(text.replaceAll("\n", "\\n")), 100),
        ];
      });
      write(table([["KEY", "VALUE"].map(theme.dim), ...rows]).join("\n"));
      return 0;
    });
  }
}
