/** `orch login` and `orch logout`: which backend projects use that name none themselves. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fail, toFailure } from "../model/failure.js";
import { hasPassword, redactUrl } from "../state/postgres/url.js";
import { type BackendChoice, type BackendOptions, chooseBackend, openBackendAt } from "./backend.js";
import { loginFile, readLogin, removeLogin, saveLogin } from "./login-file.js";
import { type FoundProject, findProject } from "./project-file.js";

export interface LoginOptions extends BackendOptions {
  readonly cwd: string;
}

export interface LoggedIn {
  /** For people: `PostgreSQL orch@db.example.com/infra`. */
  readonly description: string;
  /** File that says so. */
  readonly file: string;
  readonly stacks: number;
  /** What the project here uses in spite of it: ORCH_BACKEND or its own setting. */
  readonly overruled?: BackendChoice;
  /** State of the project here that the login leaves behind. */
  readonly left?: string;
}

/**
 * Asks the backend whether it lets us in, and records it. Rejects with `invalid-flag` for a URL with a password, which is not stored and
 * must not be an argument of a process; and with what the backend says.
 */
export async function logIn(url: string, options: LoginOptions): Promise<LoggedIn> {
  refusePassword(url, "orch login");
  const env = options.env ?? process.env;
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  // Projects elsewhere use it, too.
  const stored = path === undefined ? url : `sqlite:${resolve(options.cwd, path)}`;
  const backend = await openBackendAt(
    { url: stored, by: "login", dir: options.cwd, place: "the URL" },
    options,
  );
  let stacks: number;
  try {
    stacks = (await backend.listStacks()).length;
  } finally {
    await backend.close();
  }
  const project = await projectHere(options.cwd);
  const before = project === undefined ? undefined : await chooseBackend(project, env);
  await saveLogin(stored, env);
  const now = project === undefined ? undefined : await chooseBackend(project, env);
  const local =
    before?.by === "default" ? resolve(before.dir, before.url.slice("sqlite:".length)) : undefined;
  return {
    description: backend.description,
    file: loginFile(env),
    stacks,
    ...(now !== undefined && now.by !== "login" ? { overruled: now } : {}),
    ...(before !== undefined && now?.by === "login" && local !== undefined && existsSync(local)
      ? { left: before.url }
      : {}),
  };
}

/** The URL that was recorded, without a password; undefined when there was none. */
export async function logOut(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string | undefined> {
  // A file that can't be read is removed all the same.
  const was = await readLogin(env).catch(() => "an unreadable login");
  return (await removeLogin(env)) && was !== undefined ? redactUrl(was) : undefined;
}

/** Other processes can see arguments, and shells keep them. */
export function refusePassword(url: string, command: string): void {
  if (!hasPassword(url)) return;
  fail({
    reason: "invalid-flag",
    message: `\`${command}\` takes no password: an argument can be seen by every process of the machine, and stays in the shell's history.`,
    expected: "a URL without a password",
    found: redactUrl(url),
    next: [
      "Set PGPASSWORD, or put the password into ~/.pgpass (mode 0600), and leave it out of the URL.",
      "A password that was typed here should be changed.",
    ],
  });
}

async function projectHere(cwd: string): Promise<FoundProject | undefined> {
  try {
    return await findProject(cwd);
  } catch (error) {
    if (toFailure(error).reason === "project-missing") return undefined;
    throw error;
  }
}

export interface WhoAmI {
  /** The project here, if there is one. */
  readonly project?: string;
  readonly choice: BackendChoice;
  /** Without a password. */
  readonly url: string;
  readonly description: string;
  /** Is it to be reached? Rejects with what it says. */
  check(): Promise<{ readonly stacks: number }>;
}

/** Where the project here keeps its state, or would. Connects to nothing before `check`. */
export async function whoAmI(options: LoginOptions): Promise<WhoAmI> {
  const project = await projectHere(options.cwd);
  const choice = await chooseBackend(project, options.env, options.cwd);
  const backend = await openBackendAt(choice, options);
  return {
    ...(project === undefined ? {} : { project: project.name }),
    choice,
    url: redactUrl(choice.url),
    description: backend.description,
    async check() {
      try {
        return { stacks: (await backend.listStacks(project?.name)).length };
      } finally {
        await backend.close();
      }
    },
  };
}
