import { changeKey } from "../../change-key.js";
import { OrchCommand } from "../../command.js";
import { jsonFlag } from "../../flags.js";

export default class SecretsRotate extends OrchCommand {
  static override summary = "Give the stack a new key.";
  static override description =
    `Makes a new data key, kept as the old one is, and encrypts every secret of the stack with it: in its state, its history and its settings file. Cut off at any moment, the stack stays readable, and the same command again finishes it. Plans that were kept with \`orch plan --out\` before don't apply any more. The values themselves stay as they are: one that somebody may know has to be changed where it is used.

Exit codes: 0 done, 1 not.`;
  static override examples = ["<%= config.bin %> secrets rotate"];
  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(SecretsRotate);
    return changeKey(this.config.version, { newKey: true }, flags.json);
  }
}
