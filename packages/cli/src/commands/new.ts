import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { jsonFlag } from "../flags.js";
import { note, outTheme, write, writeJson } from "../session.js";
import { type Template, templates } from "../templates.js";

export default class New extends OrchCommand {
  static override summary = "Start a new project.";
  static override description =
    `Writes a project file, a small program that works, and what it needs, into a folder that is empty or not there yet.

Exit codes: 0 written, 1 the folder is not empty or cannot be written.`;
  static override examples = [
    "<%= config.bin %> new my-project",
    "<%= config.bin %> new my-project --template pulumi",
  ];
  static override args = {
    folder: Args.string({ ignoreStdin: true, description: "The project's folder; default the current one." }),
  };
  static override flags = {
    json: jsonFlag,
    name: Flags.string({ summary: "The project's name; default the folder's.", helpValue: "NAME" }),
    template: Flags.option({
      summary: "typescript: files on this machine; pulumi: any Pulumi program, with a Pulumi.yaml.",
      options: Object.keys(templates) as Template[],
      default: "typescript" as Template,
    })(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(New);
    const folder = resolve(args.folder ?? ".");
    // A repository that was just made counts as empty.
    const there = existsSync(folder) ? readdirSync(folder).filter((file) => file !== ".git") : [];
    if (there.length > 0)
      throw new OrchError({
        reason: "project-invalid",
        message: `The folder ${folder} is not empty; nothing was written.`,
        found: there.slice(0, 5).join(", ") + (there.length > 5 ? ` and ${there.length - 5} more` : ""),
        next: ["Name a new folder: `orch new my-project`."],
      });
    const { isName, projectNameRule } = await import("@orch/core/project/names");
    const guessed = basename(folder).replaceAll(/[^A-Za-z0-9_.-]+/g, "-");
    const name = flags.name ?? (isName(guessed) ? guessed : "project");
    if (!isName(name))
      throw new OrchError({
        reason: "invalid-flag",
        message: `${JSON.stringify(name)} cannot be a project's name: it ${projectNameRule}.`,
      });
    const files = templates[flags.template](name, this.config.version);
    await mkdir(folder, { recursive: true });
    for (const [file, text] of Object.entries(files))
      await writeFile(join(folder, file), text, { flag: "wx" });
    if (flags.json) {
      writeJson({ format: 1, type: "new", project: name, folder, files: Object.keys(files) });
      return 0;
    }
    const theme = outTheme();
    write(`Made project ${theme.name(name)} in ${folder}:`);
    for (const file of Object.keys(files)) write(`  ${file}`);
    const cd = relative(process.cwd(), folder);
    note(
      [
        "",
        "Next:",
        ...(cd === "" ? [] : [`  cd ${cd}`]),
        "  npm install",
        "  orch stack init dev",
        "  orch apply",
      ].join("\n"),
    );
    return 0;
  }
}
