import * as Args from "@oclif/core/args";
import { OrchError } from "@orch/core/model/failure";
import { map, reveal, revealMap, Secret, type Value } from "@orch/core/model/value";
import { didYouMean } from "@orch/core/state/closest";
import { encode } from "@orch/core/wire/json";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag, showSecretsFlag } from "../../flags.js";
import { renderOutputValues } from "../../render/plan.js";
import { secretText } from "../../render/value.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class StackOutput extends OrchCommand {
  static override summary = "Show what the stack gives out.";
  static override description =
    `Without NAME all outputs, with NAME the bare value of one, for scripts. With --json the values as plain JSON, an object by name or one value. Secrets are \`[secret]\` unless --show-secrets is given.

Exit codes: 0 shown, 1 there is no such output.`;
  static override examples = [
    "<%= config.bin %> stack output",
    'curl "$(<%= config.bin %> stack output url)"',
    "<%= config.bin %> stack output --json --show-secrets",
  ];
  static override args = { name: Args.string({ ignoreStdin: true, description: "Name of one output." }) };
  static override flags = { json: jsonFlag, "show-secrets": showSecretsFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(StackOutput);
    return withStack(this.config.version, async ({ store, stack }) => {
      const { outputs } = await store.snapshot();
      const shown = (value: Value): Value =>
        flags["show-secrets"] ? reveal(value) : map(value, (v) => (v instanceof Secret ? secretText : v));
      const plain = (value: Value) => encode(shown(value), { secrets: "reveal", resourceRefs: false });
      const { name } = args;
      if (name === undefined) {
        if (flags.json) {
          writeJson(plain(outputs));
          return 0;
        }
        const lines = renderOutputValues(flags["show-secrets"] ? revealMap(outputs) : outputs, {
          theme: outTheme(),
          full: true,
        });
        if (lines.length > 0) write(lines.join("\n"));
        else note(`Stack ${stack} has no outputs.`);
        return 0;
      }
      const value = outputs[name];
      if (value === undefined) {
        throw new OrchError({
          reason: "config-missing",
          message: `Stack ${stack} has no output ${name}.`,
          next: [...didYouMean(name, Object.keys(outputs)), "See what there is with `orch stack output`."],
        });
      }
      const json = plain(value);
      if (flags.json) writeJson(json);
      else write(typeof json === "string" ? json : JSON.stringify(json));
      return 0;
    });
  }
}
