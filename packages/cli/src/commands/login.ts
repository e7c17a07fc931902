import * as Args from "@oclif/core/args";
import { OrchCommand } from "../command.js";
import { contextOptions } from "../context.js";
import { jsonFlag } from "../flags.js";
import { count } from "../render/text.js";
import { note, outTheme, write, writeJson } from "../session.js";

export default class Login extends OrchCommand {
  static override summary = "Keep state in another place: PostgreSQL, or a file.";
  static override description =
    `Connects to the backend, and records its URL for every project of this user that names no backend itself (\`backend\` in the project's settings, and ORCH_BACKEND, go before it). Nothing is moved: \`orch state migrate\` does that.

URL is \`postgres://USER@HOST:PORT/DATABASE\`, with libpq's \`sslmode\`, \`sslrootcert\`, \`sslcert\`, \`sslkey\` and \`connect_timeout\`, and with \`schema\` for orch's tables (default orch); or \`sqlite:PATH\`. The password comes from PGPASSWORD or ~/.pgpass; it is never stored, and refused in the URL.

Exit codes: 0 recorded, 1 not, 64 the URL holds a password.`;
  static override examples = [
    "<%= config.bin %> login 'postgres://orch@db.example.com/infra?sslmode=verify-full'",
    "<%= config.bin %> login sqlite:/srv/orch/state.db",
  ];
  static override args = {
    url: Args.string({ ignoreStdin: true, description: "Where state is to be kept.", required: true }),
  };

  static override flags = { json: jsonFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Login);
    const { logIn } = await import("@orch/core/project/index");
    const done = await logIn(args.url, contextOptions(this.config.version));
    if (flags.json) {
      const { description, file, stacks, overruled, left } = done;
      writeJson({
        ...{ format: 1, type: "login", backend: description, file, stacks },
        ...(overruled === undefined ? {} : { overruledBy: { setBy: overruled.by, place: overruled.place } }),
        ...(left === undefined ? {} : { left }),
      });
      return 0;
    }
    write(`Logged in to ${outTheme().name(done.description)} (${count(done.stacks, "stack")}).`);
    if (done.overruled !== undefined) {
      const { by, place } = done.overruled;
      note(
        by === "ORCH_BACKEND"
          ? "ORCH_BACKEND is set, and goes before it."
          : `The project here names its backend itself, in ${place}: that goes before it.`,
      );
    }
    if (done.left !== undefined) {
      note(
        `Stacks of the project here are still in ${done.left}. Move each with \`orch state migrate --from ${done.left} --stack NAME\`.`,
      );
    }
    return 0;
  }
}
