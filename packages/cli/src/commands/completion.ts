import * as Args from "@oclif/core/args";
import { OrchError } from "@orch/core/model/failure";
import { didYouMean } from "@orch/core/state/closest";
import { OrchCommand } from "../command.js";
import { howTo, type Shell, scripts, shells } from "../completion/scripts.js";
import { jsonFlag } from "../flags.js";
import { writeJson } from "../session.js";

export default class Completion extends OrchCommand {
  static override summary = "Print what makes a shell complete orch's commands.";
  static override description =
    `Commands, flags, stacks, resources by name and URN, runs, configuration keys, outputs, plan files and reasons of failures. SHELL is bash, zsh or fish:

${shells.map((shell) => `  ${howTo[shell]}`).join("\n")}

What a Tab asks of the state needs no key, decrypts nothing and asks for no passphrase. (\`orch completion words -- WORDS\` is what the scripts call.)

Exit codes: 0 printed, 64 there is no such shell.`;
  static override examples = shells.map((shell) => `<%= config.bin %> completion ${shell}`);
  static override strict = false;
  static override args = {
    shell: Args.string({ ignoreStdin: true, description: "bash, zsh or fish.", required: true }),
  };

  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Completion);
    if (!(shells as readonly string[]).includes(args.shell))
      throw new OrchError({
        reason: "invalid-flag",
        message: `orch has no completion for ${JSON.stringify(args.shell)}.`,
        expected: shells.join(", "),
        next: [...didYouMean(args.shell, shells), `For instance: ${howTo.bash}`],
      });
    const script = scripts[args.shell as Shell];
    if (flags.json) writeJson({ format: 1, type: "completion", shell: args.shell, script });
    else process.stdout.write(script);
    return 0;
  }
}
