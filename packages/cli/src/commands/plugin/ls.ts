import { OrchCommand } from "../../command.js";
import { jsonFlag } from "../../flags.js";
import { table } from "../../render/text.js";
import { note, outTheme, write, writeJson } from "../../session.js";

const places = { path: "PATH", orch: "orch", pulumi: "Pulumi" } as const;

export default class PluginLs extends OrchCommand {
  static override summary = "List the provider plugins on this machine.";
  static override description =
    "Those on PATH, in orch's own cache and in Pulumi's. One on PATH is used before all others of its name.\n\nExit codes: 0 listed, 1 not.";
  static override examples = ["<%= config.bin %> plugin ls", "<%= config.bin %> plugin ls --json"];
  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(PluginLs);
    const { listPlugins } = await import("@orch/providers/pulumi/index");
    const plugins = listPlugins();
    if (flags.json) {
      writeJson({ format: 1, type: "plugins", plugins });
      return 0;
    }
    if (plugins.length === 0) {
      note("No plugin is installed. `orch plugin install NAME VERSION` gets one.");
      return 0;
    }
    const theme = outTheme();
    const rows = plugins.map(({ name, version, from, path }) => [name, version ?? "-", places[from], path]);
    write(table([["NAME", "VERSION", "FROM", "PATH"].map(theme.dim), ...rows]).join("\n"));
    return 0;
  }
}
