/** Projects in folders of their own, and the real binary run in them: plainly, or in a pseudo-terminal. */
import { spawn as spawnChild } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type IPty, spawn as spawnPty } from "@lydell/node-pty";
import { afterEach, vi } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const bin = join(root, "packages", "cli", "bin", "orch.js");

export type Files = Readonly<Record<string, string>>;

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Relative to the project. */
  readonly cwd?: string;
}

export interface Project {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  write(files: Files): void;
  path(file: string): string;
  /** The binary without a terminal. */
  orch(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** As `orch`, and fails unless it ends with 0. Its standard output. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** The binary, or another program, in a pseudo-terminal. */
  terminal(
    args: readonly string[],
    options?: { columns?: number; rows?: number; env?: Record<string, string>; program?: string },
  ): Terminal;
}

// Each run of the binary is a process or two; on a busy machine a test of twenty runs takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A project with node_modules as after `npm install`, a home of its own, and no variables of this machine. */
export function project(files: Files, { modules = true }: { readonly modules?: boolean } = {}): Project {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "orch-cli-")));
  cleanups.push(() => rmSync(base, { recursive: true, force: true }));
  const dir = join(base, "project");
  const home = join(base, "home");
  mkdirSync(dir);
  mkdirSync(home);
  if (modules) symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  const env: Record<string, string> = {
    HOME: home,
    PATH: process.env.PATH ?? "",
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
  };
  // Compiled code may be shared between tests: it does not change what happens.
  env.XDG_CACHE_HOME = join(tmpdir(), `orch-test-cache-${process.getuid?.() ?? 0}`);
  const write = (more: Files): void => {
    for (const [file, text] of Object.entries(more)) {
      const path = join(dir, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      if (text.startsWith("#!")) chmodSync(path, 0o755);
    }
  };
  write(files);

  const orch = (args: readonly string[], options: RunOptions = {}): Promise<Result> =>
    new Promise((resolve, reject) => {
      const child = spawnChild(process.execPath, [bin, ...args], {
        cwd: join(dir, options.cwd ?? "."),
        env: { ...env, ...options.env },
        stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
      child.stdin?.end(options.input);
    });
  return {
    dir,
    env,
    write,
    path: (file) => join(dir, file),
    orch,
    ok: async (args, options) => {
      const result = await orch(args, options);
      if (result.code !== 0)
        throw new Error(
          `orch ${args.join(" ")} ended with ${result.code}\n${result.stdout}\n${result.stderr}`,
        );
      return result.stdout;
    },
    terminal: (args, options = {}) => {
      const { program } = options;
      const pty = spawnPty(program ?? process.execPath, program === undefined ? [bin, ...args] : [...args], {
        cwd: dir,
        env: { ...env, ...options.env },
        cols: options.columns ?? 80,
        rows: options.rows ?? 24,
      });
      const terminal = watch(pty);
      cleanups.push(() => terminal.kill());
      return terminal;
    },
  };
}

/** A project with a stack `dev`. */
export async function stack(files: Files): Promise<Project> {
  const made = project(files);
  await made.ok(["stack", "init", "dev"]);
  return made;
}

export interface Terminal {
  /** Everything written so far, escape sequences included. */
  readonly raw: () => string;
  /** As `raw`, without escape sequences. */
  readonly text: () => string;
  /** Waits until the text since the last `until` holds it. */
  until(text: string | RegExp): Promise<void>;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  readonly ended: Promise<number>;
  kill(): void;
}

const escapes = /\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])/g;
export const withoutEscapes = (text: string): string => text.replace(escapes, "").replaceAll("\r\n", "\n");

/** What is on a pseudo-terminal, as it comes. */
export function watch(pty: IPty): Terminal {
  let raw = "";
  let seen = 0;
  let over = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  pty.onData((data) => {
    raw += data;
    wake();
  });
  const ended = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      over = true;
      // What was written last may still be on its way.
      setTimeout(() => {
        wake();
        // As shells count an end by a signal.
        resolve(signal ? 128 + signal : exitCode);
      }, 50);
    });
  });
  return {
    raw: () => raw,
    text: () => withoutEscapes(raw),
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const started = seen;
        const check = (): void => {
          const text = withoutEscapes(raw).slice(started);
          const at = typeof wanted === "string" ? text.indexOf(wanted) : text.search(wanted);
          if (at < 0) {
            if (over) done(new Error(`ended without ${wanted}; it wrote:\n${withoutEscapes(raw)}`));
            return;
          }
          seen = started + at + 1;
          done();
        };
        const timer = setTimeout(
          () => done(new Error(`waited for ${wanted}; it wrote:\n${withoutEscapes(raw)}`)),
          60_000,
        );
        const done = (error?: Error): void => {
          clearTimeout(timer);
          waiting.delete(check);
          if (error) reject(error);
          else resolve();
        };
        waiting.add(check);
        check();
      }),
    type: (text) => pty.write(text),
    resize: (columns, rows) => pty.resize(columns, rows),
    ended,
    kill: () => {
      if (!over) pty.kill("SIGKILL");
    },
  };
}

/** Output made the same on every machine and in every run: paths, times, random ids, stack frames of Node. */
export function stable(text: string, made: Project): string {
  return withoutEscapes(text)
    .replaceAll(made.dir, "<project>")
    .replaceAll(dirname(made.dir), "<base>")
    .replaceAll(root.replace(/\/$/, ""), "<root>")
    .replaceAll(/\b\d+(\.\d+)? (ms|s)\b/g, "<time>")
    .replaceAll(/\b\d+ min \d\d s\b/g, "<time>")
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\.\d{3}Z| UTC)/g, "<date>")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<uuid>");
}

export const golden = (name: string): string => `./goldens/${name}.golden`;

/** Steps beside each other end in any order. */
const done = /^(?:[-+~±>] (?:created|updated|deleted|forgot) .*\n)+/gm;
const sorted = (text: string): string =>
  text.replaceAll(done, (block) => `${block.trimEnd().split("\n").sort().join("\n")}\n`);

/** A whole run as one text: what was asked, what came, and how it ended. */
export const transcript = (args: readonly string[], result: Result, made: Project): string =>
  stable(
    `$ orch ${args.join(" ")}\n${sorted(result.stdout)}${result.stderr === "" ? "" : `--- standard error\n${result.stderr}`}--- exit code ${result.code}\n`,
    made,
  );
