/** From a project's settings to its backend. */
import { resolve } from "node:path";
import { fail } from "../model/failure.js";
import type { Backend } from "../state/contract.js";
import { openSqliteBackend } from "../state/sqlite.js";
import type { Project } from "./contract.js";

/** `ORCH_BACKEND` goes before the project's own setting. Paths are relative to the project's folder. */
export function openBackend(
  project: Project,
  env: Readonly<Record<string, string | undefined>> = process.env,
  orchVersion?: string,
): Promise<Backend> {
  const setting = env.ORCH_BACKEND || project.settings.backend;
  const path = /^sqlite:(.+)$/s.exec(setting)?.[1];
  if (path !== undefined) {
    return openSqliteBackend(resolve(project.dir, path), orchVersion === undefined ? {} : { orchVersion });
  }
  return fail({
    reason: "project-invalid",
    message: `orch has no backend for ${JSON.stringify(redactUrl(setting))}.`,
    path: env.ORCH_BACKEND ? "ORCH_BACKEND" : "backend",
    expected: "sqlite:PATH",
    found: redactUrl(setting),
    next: [
      `Set ${env.ORCH_BACKEND ? "ORCH_BACKEND" : `backend in ${project.file}`} to sqlite:PATH, or remove it: the default is sqlite:.orch/state.db.`,
    ],
  });
}

/** Without the password of a URL. */
const redactUrl = (text: string): string => text.replace(/(:\/\/[^:/@]*:)[^@]*@/, "$1***@");
