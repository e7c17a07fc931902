/** What orch remembers of a project on this machine: `.orch/` beside the project file, never committed. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Project } from "./contract.js";
import { isName } from "./names.js";
import { writeFileAtomically } from "./yaml-file.js";

const folderOf = (project: Project): string => join(project.dir, ".orch");
/** One line: the name of the selected stack. */
const selectedFile = (project: Project): string => join(folderOf(project), "selected");

/** Makes `.orch/` (mode 0700) with a .gitignore of its own. */
export async function ensureWorkspace(project: Project): Promise<void> {
  const folder = folderOf(project);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const ignore = join(folder, ".gitignore");
  if (!existsSync(ignore)) await writeFile(ignore, "# What orch keeps on this machine.\n*\n");
}

export async function selectStack(project: Project, stack: string): Promise<void> {
  await ensureWorkspace(project);
  await writeFileAtomically(selectedFile(project), `${stack}\n`, 0o600);
}

export async function unselectStack(project: Project): Promise<void> {
  await rm(selectedFile(project), { force: true });
}

/** The stack that commands work on: `ORCH_STACK`, `PULUMI_STACK`, or what was selected last. */
export async function selectedStack(
  project: Project,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string | undefined> {
  const named = env.ORCH_STACK || env.PULUMI_STACK;
  if (named) return named;
  const text = await readFile(selectedFile(project), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const name = text.trim();
  return isName(name) ? name : undefined;
}
