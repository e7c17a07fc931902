import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag, showSecretsFlag } from "../../flags.js";
import { stateJson } from "../../render/json.js";
import { findResource, renderState } from "../../render/state.js";
import { findRun } from "../../runs.js";
import { outTheme, write, writeJson } from "../../session.js";

export default class StateShow extends OrchCommand {
  static override summary = "Show one resource as orch last knew it.";
  static override description =
    "RESOURCE is a URN, or a name when only one resource has it. Secrets are `[secret]` unless --show-secrets is given.\n\nExit codes: 0 shown, 1 not, 64 there is no such resource or run.";
  static override examples = [
    "<%= config.bin %> state show web-config",
    "<%= config.bin %> state show 'urn:pulumi:dev::shop::host:index:File::web-config' --json",
    "<%= config.bin %> state show web-config --at 2",
  ];
  static override args = {
    resource: Args.string({ ignoreStdin: true, description: "URN or name.", required: true }),
  };
  static override flags = {
    at: Flags.string({
      summary: "As it was after this run; `orch history` lists them.",
      helpValue: "RUN",
    }),
    json: jsonFlag,
    "show-secrets": showSecretsFlag,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StateShow);
    return withStack(this.config.version, async ({ store, stack }) => {
      const resources =
        flags.at === undefined
          ? (await store.snapshot()).resources
          : await store.rowsAt((await findRun(store, flags.at, stack)).id);
      const resource = findResource(resources, args.resource, stack);
      if (flags.json) {
        const { type: resourceType, ...members } = stateJson(resource, flags["show-secrets"]);
        writeJson({ format: 1, type: "resource", resourceType, ...members });
      } else
        write(
          renderState(resource, outTheme(), {
            showSecrets: flags["show-secrets"],
            internals: flags.verbose,
          }).join("\n"),
        );
      return 0;
    });
  }
}
