/**
 * Where a page's commands are run: a folder of its own with an empty home, `orch` as it was built, and an `npm` that installs what this checkout has
 * installed, without asking a registry. Folder and variables of one block are those of the next, as in the reader's shell.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
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
import { root } from "./blocks.js";

export interface Sandbox {
  readonly dir: string;
  /** Standard output and standard error as a reader sees them, in one. */
  run(script: string): Promise<{ readonly code: number; readonly output: string }>;
  write(file: string, text: string): void;
  remove(): void;
}

/** After this a command hangs. In ms. */
const timeLimit = 120_000;

export function sandbox(): Sandbox {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "orch-docs-")));
  const dir = join(base, "work");
  const [bin, kept, home] = [join(base, "bin"), join(base, "environment"), join(base, "home")];
  for (const folder of [dir, bin, home]) mkdirSync(folder);
  const executable = (name: string, text: string): void => {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  };
  executable(
    "orch",
    `#!/bin/sh\nexec '${process.execPath}' '${join(root, "packages/cli/bin/orch.js")}' "$@"\n`,
  );
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
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(":"),
      LANG: "C.UTF-8",
      XDG_CACHE_HOME: join(tmpdir(), `orch-test-cache-${process.getuid?.() ?? 0}`),
    })
      .map(([name, value]) => `export ${name}='${value}'\n`)
      .join("")
      .concat(`cd '${dir}'\n`),
  );
  const run: Sandbox["run"] = (script) =>
    new Promise((done, failed) => {
      const whole = `. '${kept}'\ntrap '{ export -p; printf "cd %q\\n" "$PWD"; } > "${kept}"' EXIT\nset -eo pipefail\nexec </dev/null 2>&1\n${script}\n`;
      const child = spawn("bash", ["--norc", "-c", whole], {
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
        done({ code: code ?? (signal === null ? 1 : 137), output: output.replaceAll(dir, "/home/you") });
      });
    });
  const workingFolder = (): string =>
    /^cd (.*)$/m.exec(readFileSync(kept, "utf8"))?.[1]?.replaceAll(/['\\]/g, "") ?? dir;
  return {
    dir,
    run,
    write(file, text) {
      const path = resolve(workingFolder(), file);
      if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
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
