import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as Args from "@oclif/core/args";
import { OrchError } from "@orch/core/model/failure";
import { didYouMean } from "@orch/core/state/closest";
import { OrchCommand } from "../../command.js";
import { jsonFlag, yesFlag } from "../../flags.js";
import { confirm } from "../../prompt.js";
import { isInteractive, note, write, writeJson } from "../../session.js";

export default class PluginRm extends OrchCommand {
  static override summary = "Remove a plugin from orch's cache.";
  static override description =
    "Only what `orch plugin install` put there; PATH and Pulumi's own folder are left alone.\n\nExit codes: 0 removed, 1 there is no such plugin or the answer was no, 64 there is nobody to ask and no --yes.";
  static override examples = ["<%= config.bin %> plugin rm random 4.16.0 --yes"];
  static override args = {
    name: Args.string({ ignoreStdin: true, description: "Name of the package.", required: true }),
    version: Args.string({ ignoreStdin: true, description: "Its version; without it all versions." }),
  };
  static override flags = { json: jsonFlag, yes: yesFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(PluginRm);
    const { listPlugins } = await import("@orch/providers/pulumi/index");
    const all = listPlugins().filter(({ from }) => from === "orch");
    const ours = all.filter(({ name }) => name === args.name);
    const wanted = args.version?.replace(/^v/, "");
    const chosen = ours.filter(({ version }) => wanted === undefined || version === wanted);
    if (chosen.length === 0)
      throw new OrchError({
        reason: "plugin-missing",
        message: `orch's cache holds no plugin ${args.name}${wanted === undefined ? "" : ` ${wanted}`}.`,
        ...(ours.length > 0 ? { found: ours.map(({ version }) => version).join(", ") } : {}),
        next: [
          ...(ours.length > 0
            ? didYouMean(
                wanted ?? "",
                ours.map(({ version }) => version ?? ""),
              )
            : didYouMean(
                args.name,
                all.map(({ name }) => name),
              )),
          "See what there is with `orch plugin ls`.",
        ],
      });
    if (!flags.yes) {
      if (!isInteractive())
        throw new OrchError({
          reason: "needs-confirmation",
          message: "`orch plugin rm` asks first, and there is no terminal to ask at.",
          next: ["Give --yes."],
        });
      const list = (): void => write(chosen.map(({ path }) => dirname(path)).join("\n"));
      list();
      if (!(await confirm("Remove this?", list))) {
        note("Nothing was changed.");
        return 1;
      }
    }
    for (const { name, version, path } of chosen) {
      await rm(dirname(path), { recursive: true });
      if (!flags.json) write(`Removed ${name} ${version}.`);
    }
    if (flags.json)
      writeJson({
        ...{ format: 1, type: "plugin-removed" },
        plugins: chosen.map(({ name, version }) => ({ name, ...(version === undefined ? {} : { version }) })),
      });
    return 0;
  }
}
