/** Which backend a project's state is in, and opening it. */
import { resolve } from "node:path";
import { fail } from "../model/failure.js";
import { didYouMean } from "../state/closest.js";
import type { Backend } from "../state/contract.js";
import { hasPassword, isPostgresUrl, redactUrl } from "../state/postgres/url.js";
import { openSqliteBackend } from "../state/sqlite.js";
import type { Project } from "./contract.js";
import { loginFile, readLogin } from "./login-file.js";

type Env = Readonly<Record<string, string | undefined>>;

export interface BackendOptions {
  /** Default: `process.env`. */
  readonly env?: Env | undefined;
  readonly orchVersion?: string | undefined;
  /** What a person should know while it waits for a backend that went away. */
  readonly notice?: ((text: string) => void) | undefined;
}

export interface BackendChoice {
  /** `sqlite:PATH` or `postgres://…`. May hold a password: show it by `redactUrl` only. */
  readonly url: string;
  /** Who says so. */
  readonly by: "ORCH_BACKEND" | "project" | "login" | "default";
  /** Folder that a relative path starts from. */
  readonly dir: string;
  /** Where to change it: a file, or the name of the variable. */
  readonly place: string;
}

export const defaultBackend = "sqlite:.orch/state.db";

/** `ORCH_BACKEND` goes before the project's own setting, that before what `orch login` recorded. Without a project: the folder `cwd`. */
export async function chooseBackend(
  project: Pick<Project, "dir" | "file" | "settings"> | undefined,
  env: Env = process.env,
  cwd: string = process.cwd(),
): Promise<BackendChoice> {
  const dir = project?.dir ?? cwd;
  if (env.ORCH_BACKEND) return { url: env.ORCH_BACKEND, by: "ORCH_BACKEND", dir, place: "ORCH_BACKEND" };
  if (project?.settings.backend !== undefined) {
    return { url: project.settings.backend, by: "project", dir, place: project.file };
  }
  const login = await readLogin(env);
  if (login !== undefined) return { url: login, by: "login", dir, place: loginFile(env) };
  return { url: defaultBackend, by: "default", dir, place: "the default" };
}

/** Opens the project's backend. Rejects with `project-invalid`, `config-invalid`, and what the backend says. */
export async function openBackend(project: Project, options: BackendOptions = {}): Promise<Backend> {
  const choice = await chooseBackend(project, options.env);
  if (choice.by === "project" && hasPassword(choice.url)) {
    return fail({
      reason: "project-invalid",
      message: `${project.file} holds the password of its backend.`,
      path: "backend",
      expected: "a URL without a password: the file belongs under version control",
      found: redactUrl(choice.url),
      next: [
        "Remove it there, and give it by PGPASSWORD or ~/.pgpass. Whoever can read the file knows it: change it.",
      ],
    });
  }
  return openBackendAt(choice, options);
}

/** Opens a backend by its URL. `path`, `place`: where a wrong one stands. */
export async function openBackendAt(choice: BackendChoice, options: BackendOptions = {}): Promise<Backend> {
  const { url, by, dir, place } = choice;
  const { env, orchVersion, notice } = options;
  const version = orchVersion === undefined ? {} : { orchVersion };
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path !== undefined) return openSqliteBackend(resolve(dir, path), version);
  if (isPostgresUrl(url)) {
    // Only when it is wanted: its library would slow every command down.
    const { openPostgresBackend } = await import("../state/postgres.js");
    return openPostgresBackend(url, {
      ...version,
      ...(env === undefined ? {} : { env }),
      ...(notice === undefined ? {} : { notice }),
    });
  }
  return fail({
    reason: "project-invalid",
    message: `orch has no backend for ${JSON.stringify(redactUrl(url))}.`,
    path: by === "ORCH_BACKEND" ? "ORCH_BACKEND" : "backend",
    expected: "sqlite:PATH or postgres://USER@HOST/DATABASE",
    found: redactUrl(url),
    next: [
      ...didYouMean(url.replace(/:.*/s, ""), ["sqlite", "postgres"], (kind) => `${kind}:`),
      `Set ${by === "project" ? `backend in ${place}` : place} to one of these, or remove it: the default is ${defaultBackend}.`,
    ],
  });
}
