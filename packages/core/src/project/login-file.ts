/** The backend that a person logged in to: used by every project that names none itself. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { fail } from "../model/failure.js";
import { writeFileAtomically } from "./yaml-file.js";

type Env = Readonly<Record<string, string | undefined>>;

const content = z.looseObject({ format: z.literal(1), backend: z.string().min(1) });

/** `$XDG_CONFIG_HOME/orch/login.json`, by default in `~/.config`. */
export const loginFile = (env: Env): string =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "orch", "login.json");

/** The backend's URL; undefined when nobody logged in. Rejects with `config-invalid` on a file that is not one. */
export async function readLogin(env: Env): Promise<string | undefined> {
  const path = loginFile(env);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const parsed = content.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.backend;
  return fail({
    reason: "config-invalid",
    message: `${path} does not say where state is.`,
    expected: 'JSON such as {"format":1,"backend":"postgres://orch@db.example.com/infra"}',
    next: ["Write it anew with `orch login URL`, or remove it with `orch logout`."],
  });
}

/** Mode 0600: a URL tells names of users and machines. */
export async function saveLogin(backend: string, env: Env): Promise<void> {
  const path = loginFile(env);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomically(path, `${JSON.stringify({ format: 1, backend })}\n`, 0o600);
}

/** Was there one? */
export async function removeLogin(env: Env): Promise<boolean> {
  const was = await readFile(loginFile(env)).then(
    () => true,
    () => false,
  );
  await rm(loginFile(env), { force: true });
  return was;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
