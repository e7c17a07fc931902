import { OrchCommand } from "../command.js";
import { jsonFlag } from "../flags.js";
import { note, write, writeJson } from "../session.js";

export default class Logout extends OrchCommand {
  static override summary = "Forget the backend that `orch login` recorded.";
  static override description =
    "State stays where it is. Projects that name no backend keep theirs in `.orch/state.db` again.\n\nExit codes: 0 forgotten, or there was none.";
  static override examples = ["<%= config.bin %> logout"];

  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { flags } = await this.parse(Logout);
    const { logOut } = await import("@orch/core/project/index");
    const was = await logOut();
    if (flags.json) writeJson({ format: 1, type: "logout", ...(was === undefined ? {} : { backend: was }) });
    else if (was === undefined) note("There was no login.");
    else write(`Logged out of ${was}.`);
    return 0;
  }
}
