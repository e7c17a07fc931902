/** All commands at once, for oclif's help and completion. */
import type { CommandClass } from "../command.js";
import { commands } from "../commands.js";

const entries = await Promise.all(
  Object.entries(commands).map(async ([id, load]): Promise<[string, CommandClass]> => {
    const { default: Command } = await load();
    Command.id = id;
    return [id, Command];
  }),
);

export default Object.fromEntries(entries);
