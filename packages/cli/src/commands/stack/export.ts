import * as Flags from "@oclif/core/flags";
import { OrchCommand } from "../../command.js";
import { contextOptions, withStack } from "../../context.js";
import { jsonFlag, showSecretsFlag } from "../../flags.js";
import { writePrivate } from "../../plan-file.js";
import { count } from "../../render/text.js";
import { note, write, writeJson } from "../../session.js";

export default class StackExport extends OrchCommand {
  static override summary = "Write the stack's state as Pulumi would.";
  static override description =
    `Writes the deployment that \`pulumi stack import\` takes, to FILE (readable by its owner only) or to standard output. Secrets are encrypted with Pulumi's passphrase (PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, or asked); with --show-secrets they stand in it in clear.

Exit codes: 0 written, 1 not.`;
  static override examples = [
    "<%= config.bin %> stack export --file state.json",
    "<%= config.bin %> stack export --show-secrets | jq .deployment.resources",
  ];
  static override flags = {
    json: jsonFlag,
    file: Flags.string({ summary: "Write it to this file.", helpValue: "FILE" }),
    "show-secrets": showSecretsFlag,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(StackExport);
    return withStack(this.config.version, async ({ store }) => {
      const { exportCheckpoint } = await import("@orch/core/state/pulumi/export");
      const { sourcesOf } = await import("@orch/core/project/index");
      const show = flags["show-secrets"] === true;
      const { document, withSecrets } = await exportCheckpoint(
        await store.snapshot(),
        show ? "show" : sourcesOf(contextOptions(this.config.version)),
        this.config.version,
      );
      const text = JSON.stringify(document, undefined, 2);
      if (flags.file === undefined) write(text);
      else await writePrivate(flags.file, `${text}\n`, "The state cannot be written");
      // Without --file the output is JSON as it is.
      if (flags.json && flags.file !== undefined)
        writeJson({
          format: 1,
          type: "stack-exported",
          file: flags.file,
          withSecrets: show && withSecrets > 0,
        });
      if (show && withSecrets > 0)
        note(
          `The secrets of ${count(withSecrets, "resource")} stand in it in clear. Keep it to yourself, and destroy it afterwards.`,
        );
      return 0;
    });
  }
}
