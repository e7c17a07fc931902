import { hostname, userInfo } from "node:os";
import { OrchCommand } from "../command.js";
import { contextOptions } from "../context.js";
import { jsonFlag } from "../flags.js";
import { table } from "../render/text.js";
import { outTheme, write, writeJson } from "../session.js";

export default class WhoAmI extends OrchCommand {
  static override summary = "Tell who is working, and in which backend.";
  static override description =
    `The name that runs are recorded under, where the state of the project here is kept, who says so (ORCH_BACKEND, the project's settings, a login, or the default), and whether it can be reached.

Exit codes: 0 told, 1 the backend can't be reached.`;
  static override examples = ["<%= config.bin %> whoami", "<%= config.bin %> whoami --json"];
  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(WhoAmI);
    const { whoAmI } = await import("@orch/core/project/index");
    const { project, choice, url, description, check } = await whoAmI(contextOptions(this.config.version));
    const who = `${userInfo().username}@${hostname()}`;
    const setBy = {
      ORCH_BACKEND: "ORCH_BACKEND",
      project: choice.place,
      login: choice.place,
      default: "the default",
    }[choice.by];
    const checked = await check().catch((error: unknown) => ({ error }));
    if (flags.json && !("error" in checked)) {
      writeJson({
        ...{ format: 1, type: "whoami", user: who },
        ...(project === undefined ? {} : { project }),
        backend: { description, url, setBy: choice.by, place: setBy, stacks: checked.stacks },
      });
    } else if (!flags.json) {
      const theme = outTheme();
      const rows = [
        ["User", who],
        ["Backend", description],
        ["Set by", setBy],
        ...(project === undefined ? [] : [["Project", project]]),
        ["Stacks", "error" in checked ? "not to be reached" : String(checked.stacks)],
      ];
      write(table(rows.map(([name = "", value = ""]) => [theme.dim(name), value])).join("\n"));
    }
    if ("error" in checked) throw checked.error;
    return 0;
  }
}
