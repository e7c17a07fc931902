import * as Flags from "@oclif/core/flags";
import { toFailure } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { contextOptions } from "../context.js";
import type { Check, CheckStatus } from "../doctor/check.js";
import { jsonFlag } from "../flags.js";
import { visible } from "../render/text.js";
import { outTheme, write, writeJson } from "../session.js";

export default class Doctor extends OrchCommand {
  static override summary = "Look whether everything that orch needs is there and works.";
  static override description =
    `Versions, the project's and the stack's files, the backend and how fast it answers, its clock against this machine's, the key, steps and locks that cut-off runs have left, plugins and their checksums, the configuration of direct providers, whether clouds' credentials are there (they are not tried), and space on the disk. Nothing is changed, no provider is called and no plugin started.

Asks the network only for what the stack is configured with already: its backend, and the service that holds its key. --offline leaves these out.

Exit codes: 0 all is well, or there are warnings only; 1 something has to be put right.`;
  static override examples = [
    "<%= config.bin %> doctor",
    "<%= config.bin %> doctor --stack prod --json",
    "<%= config.bin %> doctor --offline",
  ];
  static override flags = {
    json: jsonFlag,
    offline: Flags.boolean({ summary: "Ask nothing over the network." }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Doctor);
    const checks = await this.checks(flags.offline);
    const count = (status: CheckStatus): number => checks.filter((one) => one.status === status).length;
    const summary = {
      ok: count("ok"),
      warn: count("warn"),
      fail: count("fail"),
      skipped: count("skipped"),
    };
    if (flags.json) {
      writeJson({
        ...{ format: 1, type: "doctor", summary },
        checks: checks.map(({ name, status, message, next }) => ({
          ...{ name, status, message },
          ...(next.length === 0 ? {} : { next }),
        })),
      });
    } else {
      for (const one of checks) for (const line of linesOf(one)) write(line);
      const { ok, warn, fail } = summary;
      write(`\n${ok} well, ${warn} to look at, ${fail} to put right.`);
    }
    return summary.fail > 0 ? 1 : 0;
  }

  private async checks(offline: boolean): Promise<readonly Check[]> {
    const [{ check, skipped }, { disk, versions }] = await Promise.all([
      import("../doctor/check.js"),
      import("../doctor/machine.js"),
    ]);
    const found = [versions(this.config.version)];
    const options = contextOptions(this.config.version);
    const { findProject } = await import("@orch/core/project/index");
    const project = await findProject(options.cwd).catch((error: unknown) => toFailure(error));
    if ("reason" in project) {
      const { message, next = [] } = project;
      // Somewhere else than in a project, the machine itself may be asked about.
      const status = project.reason === "project-missing" ? "warn" : "fail";
      found.push({ name: "project", status, message, next }, skipped("stack", "there is no project"));
      found.push(...(await check("disk", () => disk(options.cwd))));
      return found;
    }
    const { projectChecks } = await import("../doctor/stack.js");
    return [...found, ...(await projectChecks(project, options, offline))];
  }
}

function linesOf({ name, status, message, next }: Check): string[] {
  const theme = outTheme();
  const mark = {
    ok: theme.success("✓"),
    warn: theme.warning("!"),
    fail: theme.error("✗"),
    skipped: theme.dim("-"),
  }[status];
  return [
    `${mark} ${theme.bold(name)}: ${visible(message)}`,
    ...next.map((text) => `  ${theme.dim("→")} ${visible(text)}`),
  ];
}
