import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const repositoryRoot = resolve(here, "..", "..");

/** How one call of the command line ended. */
export interface Run {
  /** Null when it was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, for messages and for looking for what must not be there. */
  readonly all: string;
}

/** A copy of a program in a folder of its own, with a home folder of its own, to run the real command line in. */
export interface LabStack {
  /** Holds all of it; nobody else uses it. */
  readonly root: string;
  readonly directory: string;
  readonly home: string;
  /** Runs `orch` with these arguments and returns however it ends. */
  orch(...args: string[]): Promise<Run>;
  /** Runs `orch`; throws with everything it printed when the exit code is not 0. */
  succeed(...args: string[]): Promise<Run>;
  /** Runs `orch` with this text as its standard input, as secrets are given. */
  orchWith(input: string, ...args: string[]): Promise<Run>;
  /** Starts `orch` and leaves it running, for whoever wants to kill it. */
  begin(...args: string[]): ChildProcess;
  /** Names of the files that orch keeps (state, configuration, home) in which this text stands as it is. */
  filesWith(text: string): string[];
  remove(): void;
}

/**
 * @param program a folder below `programs/`, or the path of one from there
 * @param env extra environment for orch, and for the program through it
 */
export function labStack(program: string, env: Readonly<Record<string, string>> = {}): LabStack {
  const root = mkdtempSync(join(tmpdir(), `orch-lab-${basename(program)}-`));
  const directory = join(root, "program");
  const home = join(root, "home");
  const source = join(here, "programs", program);
  // Nothing that a person left there by trying it.
  const own = (path: string): boolean => !/^(node_modules|\.orch)$/.test(basename(path));
  cpSync(source, directory, { recursive: true, filter: own });
  mkdirSync(home, { mode: 0o700 });
  symlinkSync(join(repositoryRoot, "node_modules"), join(directory, "node_modules"));

  const begin = (...args: string[]) =>
    spawn(
      join(repositoryRoot, "node_modules", ".bin", "node"),
      [join(repositoryRoot, "packages", "cli", "bin", "orch.js"), ...args],
      {
        cwd: directory,
        // Nothing of the machine's own configuration, agents and terminals.
        env: { PATH: process.env.PATH ?? "", HOME: home, LANG: "C.UTF-8", ...env },
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
  const orchWith = (input: string, ...args: string[]): Promise<Run> =>
    new Promise((resolve, reject) => {
      const child = begin(...args);
      child.stdin.end(input);
      let stdout = "";
      let stderr = "";
      let all = "";
      child.stdout.on("data", (data: Buffer) => {
        stdout += data.toString();
        all += data.toString();
      });
      child.stderr.on("data", (data: Buffer) => {
        stderr += data.toString();
        all += data.toString();
      });
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, stdout, stderr, all }));
    });

  const orch = (...args: string[]) => orchWith("", ...args);

  return {
    root,
    directory,
    home,
    begin,
    orch,
    orchWith,
    succeed: async (...args) => {
      const run = await orch(...args);
      if (run.code !== 0) throw new Error(`orch ${args.join(" ")} ended with ${run.code}:\n${run.all}`);
      return run;
    },
    filesWith: (text) =>
      files(root)
        .filter((file) => readFileSync(file).includes(text))
        .map((file) => file.slice(root.length + 1)),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The command lines of the processes that run from this folder, or that name it in an argument. */
export function processesOf(folder: string): string[] {
  const all = execFileSync("ps", ["-eo", "args="], { encoding: "utf8" }).split("\n");
  return all.filter((line) => line.includes(folder));
}

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return entry.isFile() ? [path] : [];
  });
}
