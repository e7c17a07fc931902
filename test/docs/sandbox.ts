/**
 * Where a page's commands are run: a folder of its own with an empty home, `orch` as it was built, and an `npm` that installs what this checkout has
 * installed, without asking a registry. Folder and variables of one block are those of the next, as in the reader's shell.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { spawn as spawnPty } from "@lydell/node-pty";
import { watch } from "../cli/kit.js";
import { root } from "./blocks.js";

export interface Sandbox {
  readonly dir: string;
  readonly home: string;
  /** Standard output and standard error as a reader sees them, in one. With `answers` at a terminal. */
  run(script: string, answers?: Answers): Promise<{ readonly code: number; readonly output: string }>;
  write(file: string, text: string): void;
  /** From here on `restore` brings back what is there now. */
  keep(): void;
  restore(): void;
  remove(): void;
}

/** What a person at the terminal does: once this text has been printed, this is typed; in order. */
export type Answers = readonly (readonly [printed: string, typed: string])[];

/** Folders outside the home that pages name; in the sandbox they are its own. */
const folders = /(?<![\w.])\/(?=(?:var\/lib\/orch|etc\/orch|srv|usr\/local\/bin)\b)/g;

export interface SandboxOptions {
  /** Variables beside those of a new login. */
  readonly env?: Readonly<Record<string, string>>;
  /** What pages name, such as `db.example.com` → what is meant here. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** No stand-ins for `orch` and `npm`: npm is this machine's, and installs programs into the sandbox. */
  readonly real?: boolean;
}

export function sandbox({ env = {}, elsewhere = {}, real = false }: SandboxOptions = {}): Sandbox {
  /** After this a command hangs. In ms. */
  const timeLimit = real ? 900_000 : 120_000;
  const base = realpathSync(mkdtempSync(join(tmpdir(), "orch-docs-")));
  const dir = join(base, "work");
  const [bin, kept, home] = [join(base, "bin"), join(base, "environment"), join(base, "home")];
  const here = (text: string): string =>
    Object.entries(elsewhere).reduce(
      (all, [named, meant]) => all.replaceAll(named, meant),
      text.replaceAll(folders, `${base}/root/`),
    );
  for (const folder of [dir, bin, home, join(base, "root")]) mkdirSync(folder);
  for (const folder of ["var/lib/orch", "etc/orch", "srv", "usr/local/bin"])
    mkdirSync(join(base, "root", folder), { recursive: true });
  const executable = (name: string, text: string): void => {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  };
  if (!real)
    executable(
      "orch",
      `#!/bin/sh\nexec '${process.execPath}' '${join(root, "packages/cli/bin/orch.js")}' "$@"\n`,
    );
  if (!real)
    executable(
      "npm",
      `#!/bin/sh
case "$1" in
  i|install|ci) ln -sfn '${join(root, "node_modules")}' node_modules && echo "added packages" ;;
  *) echo "npm $1 is not for the sandbox" >&2; exit 1 ;;
esac
`,
    );
  writeFileSync(
    kept,
    Object.entries({
      HOME: home,
      ...(real
        ? { npm_config_prefix: dirname(bin), npm_config_audit: "false", npm_config_fund: "false" }
        : {}),
      PATH: [bin, join(base, "root/usr/local/bin"), dirname(process.execPath), process.env.PATH].join(":"),
      LANG: "C.UTF-8",
      XDG_CACHE_HOME: join(tmpdir(), `orch-test-cache-${process.getuid?.() ?? 0}`),
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, here(value)])),
    })
      .map(([name, value]) => `export ${name}='${value}'\n`)
      .join("")
      .concat(`cd '${dir}'\n`),
  );
  const asShown = (output: string): string =>
    Object.entries(elsewhere)
      .reduce((all, [named, meant]) => all.replaceAll(meant, named), output)
      .replaceAll(dir, "/home/you")
      .replaceAll(`${base}/root/`, "/")
      .replaceAll(home, "/home/you");
  const whole = (script: string, streams: string): string =>
    `. '${kept}'\ntrap '{ export -p; printf "cd %q\\n" "$PWD"; } > "${kept}"' EXIT\nset -eo pipefail\n${streams}\n${here(script)}\n`;
  const run: Sandbox["run"] = (script, answers) =>
    answers === undefined ? runPlainly(script) : runAtTerminal(script, answers);
  const runPlainly = (script: string): ReturnType<Sandbox["run"]> =>
    new Promise((done, failed) => {
      const child = spawn("bash", ["--norc", "-c", whole(script, "exec </dev/null 2>&1")], {
        env: {},
        cwd: dir,
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      const timer = setTimeout(() => {
        output += `\n(ended after ${timeLimit / 1000} s)\n`;
        // The whole group: what a block started ends with it.
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      }, timeLimit);
      child.on("error", failed);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        done({ code: code ?? (signal === null ? 1 : 137), output: asShown(output) });
      });
    });
  const runAtTerminal = async (script: string, answers: Answers): ReturnType<Sandbox["run"]> => {
    const terminal = watch(
      spawnPty("bash", ["--norc", "-c", whole(script, "")], {
        ...{ cwd: dir, cols: 200, rows: 50 },
        env: { TERM: "xterm-256color" },
      }),
    );
    try {
      for (const [printed, typed] of answers) {
        await terminal.until(printed);
        terminal.type(typed);
      }
      return { code: await terminal.ended, output: asShown(terminal.text()) };
    } finally {
      terminal.kill();
    }
  };
  const copies = ["work", "home", "root", "environment"];
  const workingFolder = (): string =>
    /^cd (.*)$/m.exec(readFileSync(kept, "utf8"))?.[1]?.replaceAll(/['\\]/g, "") ?? dir;
  return {
    dir,
    home,
    run,
    write(file, text) {
      const path = resolve(workingFolder(), here(file));
      if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, here(text));
      if (text.startsWith("#!")) chmodSync(path, 0o755);
    },
    keep() {
      for (const name of copies)
        cpSync(join(base, name), join(base, "kept", name), {
          recursive: true,
          verbatimSymlinks: true,
          preserveTimestamps: true,
        });
    },
    restore() {
      for (const name of copies) {
        rmSync(join(base, name), { recursive: true, force: true });
        cpSync(join(base, "kept", name), join(base, name), {
          recursive: true,
          verbatimSymlinks: true,
          preserveTimestamps: true,
        });
      }
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/**
 * Is `output` what the page shows? `…` on a line stands for any text, a line of nothing else for any lines. What differs first, or undefined.
 */
export function difference(shown: string, output: string): string | undefined {
  const clean = (text: string): string[] => text.split("\n").map((line) => line.trimEnd());
  const trim = (lines: string[]): string[] => {
    while (lines.at(-1) === "") lines.pop();
    while (lines[0] === "") lines.shift();
    return lines;
  };
  const [wanted, found] = [trim(clean(shown)), trim(clean(output))];
  const fits = (line: string, pattern: string): boolean =>
    new RegExp(
      `^${pattern
        .split("…")
        .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
        .join(".*")}$`,
    ).test(line);
  const skips = (line: string | undefined): boolean => line?.trim() === "…";
  const match = (w: number, f: number): boolean => {
    for (; w < wanted.length; w++, f++) {
      if (skips(wanted[w])) {
        for (let next = f; next <= found.length; next++) if (match(w + 1, next)) return true;
        return false;
      }
      if (f >= found.length || !fits(found[f] as string, wanted[w] as string)) return false;
    }
    return f === found.length;
  };
  return match(0, 0) ? undefined : `shown:\n${wanted.join("\n")}\nprinted:\n${found.join("\n")}`;
}

/** The commands of a `console` block, each with what is shown of its output. */
export function transcriptOf(text: string): { readonly command: string; readonly shown: string }[] {
  const parts: { command: string; shown: string }[] = [];
  for (const line of text.split("\n")) {
    const last = parts.at(-1);
    if (line.startsWith("$ ")) parts.push({ command: line.slice(2), shown: "" });
    else if (last === undefined) {
      if (line !== "")
        throw new Error(`A console block begins with a command: "$ …", not ${JSON.stringify(line)}`);
    } else if (line.startsWith("> ") && last.shown === "") last.command += `\n${line.slice(2)}`;
    else last.shown += `${line}\n`;
  }
  return parts;
}
