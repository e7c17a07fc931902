import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { stateJson } from "../../render/json.js";
import { shownResources, stateTree } from "../../render/state.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class StateLs extends OrchCommand {
  static override summary = "List the stack's resources as orch last knew them.";
  static override description =
    "As a tree: children below their components. Providers that orch made by itself are left out unless --all is given.\n\nExit codes: 0 listed, 1 not.";
  static override examples = [
    "<%= config.bin %> state ls",
    "<%= config.bin %> state ls --urns | grep Bucket",
    "<%= config.bin %> state ls --json",
  ];
  static override flags = {
    json: jsonFlag,
    urns: Flags.boolean({ summary: "Only URNs, one a line." }),
    all: Flags.boolean({ char: "a", summary: "Also the stack's root and default providers." }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(StateLs);
    return withStack(this.config.version, async ({ store, project, stack }) => {
      const snapshot = await store.snapshot();
      const resources = shownResources(snapshot.resources, flags.all || flags.json);
      if (flags.json) {
        writeJson({
          format: 1,
          type: "state",
          project: project.name,
          stack,
          serial: snapshot.serial,
          unfinished: snapshot.unfinished.map(({ runId, intent }) => ({
            runId,
            op: intent.op,
            urn: intent.urn,
          })),
          resources: resources.map((resource) => stateJson(resource)),
        });
        return 0;
      }
      if (flags.urns) for (const { urn } of resources) write(urn);
      else if (resources.length === 0) note(`Stack ${stack} holds no resources.`);
      else write(stateTree(resources, outTheme()).join("\n"));
      for (const { intent, runId } of snapshot.unfinished)
        note(
          `Run ${runId} was cut off in the middle of "${intent.op}" of ${intent.urn}; the next command that needs it looks after it.`,
        );
      return 0;
    });
  }
}
