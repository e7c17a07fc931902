import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../../command.js";
import { withStack } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { askHidden, readStdin } from "../../prompt.js";
import { note, writeJson } from "../../session.js";

export default class ConfigSet extends OrchCommand {
  static override summary = "Set a configuration value of the stack.";
  static override description =
    `KEY alone is the project's own (\`name\` is \`project:name\`); \`aws:region\` belongs to a package. Without VALUE it is read from standard input, or asked for without being shown. Secrets are encrypted before they reach the disk; give them through standard input or the prompt, since arguments are seen by other processes and kept in the shell's history.

Exit codes: 0 set, 1 not.`;
  static override examples = [
    "<%= config.bin %> config set aws:region eu-central-1",
    "<%= config.bin %> config set dbPassword --secret",
    "openssl rand -base64 24 | <%= config.bin %> config set dbPassword --secret",
    "<%= config.bin %> config set --path 'servers[0].name' web",
  ];
  static override args = {
    key: Args.string({ ignoreStdin: true, description: "The value's key.", required: true }),
    value: Args.string({
      ignoreStdin: true,
      description: "The value; without it standard input or a hidden prompt.",
    }),
  };
  static override flags = {
    json: jsonFlag,
    secret: Flags.boolean({
      summary: "Encrypt it. --no-secret stores in clear what was secret before.",
      allowNo: true,
    }),
    path: Flags.boolean({ summary: "KEY is a path into an object or a list." }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(ConfigSet);
    return withStack(this.config.version, async ({ file, keyring }) => {
      const { saveStackFile, setConfig } = await import("@orch/core/project/index");
      const value = args.value ?? (await this.typedValue(args.key, flags.secret === true));
      setConfig(file, keyring.config, args.key, value, {
        path: flags.path,
        ...(flags.secret === undefined ? {} : { secret: flags.secret }),
      });
      await saveStackFile(file);
      if (flags.json) writeJson({ format: 1, type: "config-set", key: args.key, file: file.yaml.path });
      if (args.value !== undefined && flags.secret === true)
        note("The value stood on the command line, so it may be in your shell's history.");
      return 0;
    });
  }

  private async typedValue(key: string, secret: boolean): Promise<string> {
    if (process.stdin.isTTY === true) return askHidden(`${secret ? "Secret value" : "Value"} of ${key}: `);
    const value = await readStdin();
    if (value === "")
      throw new OrchError({
        reason: "config-invalid",
        message: `There is no value for ${key}: none was given, and standard input is empty.`,
        next: [`orch config set ${key} VALUE`, 'For an empty value, give it as "".'],
      });
    return value;
  }
}
