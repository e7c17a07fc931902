import { OrchCommand } from "../../command.js";
import { withProject } from "../../context.js";
import { jsonFlag } from "../../flags.js";
import { grouped, table, timestamp } from "../../render/text.js";
import { note, outTheme, write, writeJson } from "../../session.js";

export default class StackLs extends OrchCommand {
  static override summary = "List the project's stacks.";
  static override description = "The selected one is marked with `*`.\n\nExit codes: 0 listed, 1 not.";
  static override examples = ["<%= config.bin %> stack ls", "<%= config.bin %> stack ls --json"];
  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(StackLs);
    return withProject(this.config.version, async ({ project, backend }) => {
      const { selectedStack } = await import("@orch/core/project/index");
      const selected = await selectedStack(project);
      const stacks = [...(await backend.listStacks(project.name))].sort((a, b) =>
        a.stack.localeCompare(b.stack, "en"),
      );
      if (flags.json) {
        writeJson({
          format: 1,
          type: "stacks",
          project: project.name,
          stacks: stacks.map(({ stack, resources, createdAt, lastRunAt }) => ({
            name: stack,
            selected: stack === selected,
            resources,
            createdAt: new Date(createdAt).toISOString(),
            ...(lastRunAt === undefined ? {} : { lastRunAt: new Date(lastRunAt).toISOString() }),
          })),
        });
        return 0;
      }
      if (stacks.length === 0) {
        note(`The project ${project.name} has no stack yet. Make one with \`orch stack init dev\`.`);
        return 0;
      }
      const theme = outTheme();
      const rows = stacks.map(({ stack, resources, lastRunAt }) => [
        stack === selected ? theme.success("*") : " ",
        stack === selected ? theme.name(stack) : stack,
        grouped(resources),
        lastRunAt === undefined ? "never" : timestamp(lastRunAt),
      ]);
      write(table([[" ", "NAME", "RESOURCES", "LAST RUN"].map(theme.dim), ...rows]).join("\n"));
      return 0;
    });
  }
}
