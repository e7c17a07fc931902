import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError, toFailure } from "@orch/core/model/failure";
import { OrchCommand } from "../../command.js";
import { jsonFlag } from "../../flags.js";
import { catchInterrupts } from "../../interrupt.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class PluginInstall extends OrchCommand {
  static override summary = "Install a provider plugin.";
  static override description =
    `From the vendor, from a mirror (--mirror, or pluginMirrors of the project file), or from a file or folder on this machine (--file). A checksum in orch.lock.json must fit. The word \`resource\` before the name, as Pulumi writes it, may stand or not.

Exit codes: 0 installed or already there, 1 not.`;
  static override examples = [
    "<%= config.bin %> plugin install random 4.16.0",
    "<%= config.bin %> plugin install random@4.16.0 --mirror https://mirror.example/pulumi",
    "<%= config.bin %> plugin install random 4.16.0 --file ./pulumi-resource-random-v4.16.0-linux-amd64.tar.gz",
  ];
  static override args = {
    name: Args.string({
      ignoreStdin: true,
      description: "Name of the package, or NAME@VERSION.",
      required: true,
    }),
    version: Args.string({ ignoreStdin: true, description: "Its version." }),
    more: Args.string({ ignoreStdin: true, hidden: true }),
  };
  static override flags = {
    json: jsonFlag,
    file: Flags.string({ summary: "A .tar.gz, a folder or the executable itself.", helpValue: "PATH" }),
    mirror: Flags.string({
      summary:
        "URL or folder to ask instead of the vendor; {name}, {version}, {os} and {arch} are filled in.",
      helpValue: "URL",
      multiple: true,
      multipleNonGreedy: true,
    }),
    server: Flags.string({ summary: "The package's own download server.", helpValue: "URL" }),
    sha256: Flags.string({ summary: "Checksum that the archive must have.", helpValue: "HEX" }),
    reinstall: Flags.boolean({ summary: "Also when it is there already." }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(PluginInstall);
    const words = [args.name, args.version, args.more].filter((word) => word !== undefined);
    if (words[0] === "resource" && words.length > 1) words.shift();
    const [first = "", second] = words;
    const at = first.lastIndexOf("@");
    const name = second === undefined && at > 0 ? first.slice(0, at) : first;
    const version = second ?? (at > 0 ? first.slice(at + 1) : undefined);
    if (version === undefined || words.length > 2)
      throw new OrchError({
        reason: "invalid-flag",
        message: "`orch plugin install` needs the name and the version of a plugin.",
        found: words.join(" "),
        next: ["For instance: `orch plugin install random 4.16.0`."],
      });
    const [{ installPlugin }, project] = await Promise.all([
      import("@orch/providers/pulumi/index"),
      projectHere(),
    ]);
    const interrupts = catchInterrupts(() => note("Stopping the download."));
    const mirrors = flags.mirror ?? project?.settings.pluginMirrors ?? [];
    try {
      const { plugin, sha256, source } = await installPlugin({
        name,
        version,
        signal: interrupts.signal,
        reinstall: flags.reinstall,
        ...(flags.file === undefined ? {} : { file: flags.file }),
        ...(mirrors.length === 0 ? {} : { mirrors }),
        ...(flags.server === undefined ? {} : { downloadUrl: flags.server }),
        ...(flags.sha256 === undefined ? {} : { sha256: flags.sha256.toLowerCase() }),
        ...(project === undefined ? {} : { projectDir: project.dir }),
        ...progress(),
      });
      if (flags.json) {
        writeJson({
          ...{ format: 1, type: "plugin-installed", name: plugin.name, version: plugin.version },
          ...{ path: plugin.path, sha256, already: source === undefined },
          ...(source === undefined ? {} : { source }),
        });
        return 0;
      }
      const theme = outTheme();
      const what = `${theme.name(plugin.name)} ${plugin.version}`;
      write(source === undefined ? `${what} is already there.` : `Installed ${what} from ${source}.`);
      write(`${theme.dim("path  ")} ${plugin.path}\n${theme.dim("sha256")} ${sha256}`);
      return 0;
    } finally {
      interrupts.release();
    }
  }
}

/** A plugin may be installed outside any project. A project file that cannot be read is told, though. */
async function projectHere() {
  const { findProject } = await import("@orch/core/project/index");
  try {
    return await findProject(process.cwd());
  } catch (error) {
    if (toFailure(error).reason === "project-missing") return undefined;
    throw error;
  }
}

/** On a terminal a percentage that is overwritten; elsewhere nothing. */
function progress(): { onProgress?: (p: { received: number; total?: number }) => void } {
  if (process.stderr.isTTY !== true) return {};
  let last = 0;
  return {
    onProgress: ({ received, total }) => {
      const now = Date.now();
      const done = total !== undefined && received >= total;
      if (now - last < 100 && !done) return;
      last = now;
      const mb = (received / 1e6).toFixed(1);
      const of = total === undefined ? "" : ` of ${(total / 1e6).toFixed(1)}`;
      process.stderr.write(`\r\x1b[2K${done ? "" : `${mb}${of} MB`}`);
    },
  };
}
