import * as Args from "@oclif/core/args";
import { OrchError } from "@orch/core/model/failure";
import { isProviderType, packageOf } from "@orch/core/model/urn";
import { OrchCommand } from "../../command.js";
import { withProject, withStack } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { outTheme, write, writeJson } from "../../session.js";

interface Wanted {
  readonly name: string;
  readonly version?: string;
}

export default class PluginLock extends OrchCommand {
  static override summary = "Pin the project's plugins in orch.lock.json.";
  static override description =
    `Notes version and checksum of each plugin for this platform, and keeps those of other platforms. Without arguments: the plugins that the stack's resources use. A plugin that differs from the lock is not started. Commit the file.

Exit codes: 0 written, 1 not.`;
  static override examples = [
    "<%= config.bin %> plugin lock",
    "<%= config.bin %> plugin lock random@4.16.0 tls@5.0.0",
  ];
  static override strict = false;
  static override args = {
    plugin: Args.string({ ignoreStdin: true, description: "NAME or NAME@VERSION; several may be given." }),
  };

  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { argv, flags } = await this.parse(PluginLock);
    const named = (argv as string[]).map((word): Wanted => {
      const at = word.lastIndexOf("@");
      return at > 0 ? { name: word.slice(0, at), version: word.slice(at + 1) } : { name: word };
    });
    const { lockPlugins, lockFileName } = await import("@orch/providers/pulumi/index");
    const wanted = named.length > 0 ? named : await this.usedPlugins();
    const lock = await withProject(this.config.version, ({ project }) =>
      lockPlugins({ projectDir: project.dir, packages: wanted }),
    );
    if (flags.json) {
      writeJson({
        ...{ format: 1, type: "plugin-lock", file: lockFileName },
        plugins: lock.plugins.map(({ name, version }) => ({ name, version })),
      });
      return 0;
    }
    const theme = outTheme();
    for (const { name, version } of lock.plugins) write(`${theme.name(name)} ${version}`);
    write(theme.dim(`Pinned in ${lockFileName}.`));
    return 0;
  }

  /** What the providers in the state say of their code. */
  private usedPlugins(): Promise<Wanted[]> {
    return withStack(this.config.version, async ({ store, stack, project }) => {
      const [{ findPlugin }, { servedByOrch }] = await Promise.all([
        import("@orch/providers/pulumi/index"),
        import("@orch/providers/loaders"),
      ]);
      const served = servedByOrch(project);
      const { resources } = await store.snapshot();
      const found = new Map<string, Wanted>();
      for (const resource of resources) {
        if (!isProviderType(resource.type)) continue;
        const wanted: Wanted = resource.package ?? { name: packageOf(resource.type) };
        const { name, version } = wanted;
        // Dynamic providers are no plugins, either; a plugin that is missing is told by lockPlugins.
        if (served.has(name)) continue;
        if (version === undefined && findPlugin({ name }) === undefined) continue;
        found.set(`${name}@${version ?? ""}`, { name, ...(version === undefined ? {} : { version }) });
      }
      if (found.size > 0) return [...found.values()];
      throw new OrchError({
        reason: "invalid-flag",
        message: `Stack ${stack} uses no plugin yet, so there is nothing to pin.`,
        next: ["Apply it first, or name the plugins: `orch plugin lock NAME@VERSION`."],
      });
    });
  }
}
