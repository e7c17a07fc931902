import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { contextOptions, withStack } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { readWhole } from "../../plan-file.js";
import { count } from "../../render/text.js";
import { who } from "../../runs.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class StackImport extends OrchCommand {
  static override summary = "Take over a stack from Pulumi.";
  static override description =
    `Reads what \`pulumi stack export\` wrote into an empty stack of the same name, as one run. Nothing outside is read or changed. Secrets are decrypted with Pulumi's passphrase (PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, or asked) and encrypted with the stack's own key. Operations that Pulumi did not finish are looked into by the next \`orch plan\`.

Exit codes: 0 imported, 1 not, and nothing was written.`;
  static override examples = ["<%= config.bin %> stack import --file state.json"];
  static override flags = {
    file: Flags.string({
      summary: "The file that Pulumi exported.",
      helpValue: "FILE",
      required: true,
    }),
    json: jsonFlag,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(StackImport);
    const { file } = flags;
    const text = (await readWhole(file, "The checkpoint cannot be read")).toString("utf8");
    return withStack(this.config.version, async ({ store, stack }) => {
      const { importCheckpoint } = await import("@orch/core/state/pulumi/import");
      const { sourcesOf } = await import("@orch/core/project/index");
      const sources = sourcesOf(contextOptions(this.config.version));
      const { runId, resources, unfinished, notes } = await importCheckpoint(
        store,
        { text, name: file },
        sources,
        who(),
      );
      if (flags.json) {
        writeJson({
          format: 1,
          type: "imported",
          stack,
          run: runId,
          resources,
          unfinished,
          notes: [...notes],
        });
        return 0;
      }
      write(
        `Imported ${count(resources, "resource")} into stack ${outTheme().name(stack)}, as run ${runId}.`,
      );
      if (unfinished > 0)
        note(
          `Pulumi had not finished ${count(unfinished, "operation")}: \`orch plan\` looks into what became of it.`,
        );
      for (const text of notes) note(text);
      return 0;
    });
  }
}
