/** What `orch completion` prints, in real shells at a terminal: what Tab puts on the line, and what the shell makes of that line. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { bin, type Project, stack, type Terminal } from "../cli/kit.js";
import { filesProgram } from "../cli/programs.js";
import { describeLab, findProgram } from "./requirements.js";

const urn = "urn:pulumi:dev::shop::shop:index:Site$host:index:File::page";

let made: Project;
/** Has a program `orch` that completes, and of all else keeps the arguments that the shell gave it. */
let programs: string;
beforeEach(async () => {
  made = await stack(filesProgram());
  await made.ok(["stack", "init", "prod"]);
  await made.ok(["stack", "select", "dev"]);
  await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
  await made.ok(["apply", "--yes"]);
  await made.ok(["plan", "--out", "kept.plan"]);
  programs = join(made.env.HOME as string, "bin");
  mkdirSync(programs);
  made.write({
    "a folder/settings.json": "",
    "with space.plan": "",
    [join("..", "home", "bin", "orch")]: `#!/bin/sh
case " $* " in *" completion "*) exec '${process.execPath}' '${bin}' "$@" ;; esac
printf '<%s>' "$@" >> "$HOME/ran"
echo >> "$HOME/ran"
`,
  });
});

const start = (program: string, args: readonly string[]): Terminal =>
  made.terminal(args, {
    program: findProgram(program) as string,
    columns: 200,
    env: { PATH: `${programs}:${made.env.PATH}` },
  });

/** What a person types up to the Tab, and the arguments that the completed line then has. */
const lines: Readonly<Record<string, readonly string[]>> = {
  "orch stack select p": ["stack", "select", "prod"],
  "orch stack sel": ["stack", "select"],
  "orch state show pa": ["state", "show", "page"],
  // Colons break words in some shells, and a dollar has to be quoted.
  "orch state show urn:pulumi:dev::shop::shop:index:Site\\$": ["state", "show", urn],
  "orch apply --replace urn:pulumi:dev::shop::shop:index:Site\\$h": ["apply", "--replace", urn],
  "orch plan --format m": ["plan", "--format", "markdown"],
  "orch plan --stack=p": ["plan", "--stack=prod"],
  "orch -s dev -C a\\ folder/.. config get to": ["-s", "dev", "-C", "a folder/..", "config", "get", "token"],
  "orch apply ke": ["apply", "kept.plan"],
  // No plan: the shell's own completion of files.
  "orch plan --out with": ["plan", "--out", "with space.plan"],
  "orch state push a\\ folder/set": ["state", "push", "a folder/settings.json"],
};

const ran = (): readonly string[] => {
  const file = join(made.env.HOME as string, "ran");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
};

async function completes(terminal: Terminal): Promise<void> {
  for (const [i, [typed, wanted]] of Object.entries(lines).entries()) {
    terminal.type(`${typed}\t`);
    terminal.type("\r");
    await expect.poll(() => ran().length, { timeout: 60_000, message: typed }).toBeGreaterThan(i);
    expect(`${typed} → ${ran()[i]}`).toBe(`${typed} → ${wanted.map((word) => `<${word}>`).join("")}`);
  }
  expect(terminal.text()).not.toContain("s3cret-value");
}

describeLab("completion in zsh", ["zsh"], () => {
  test("puts names, values and files on the line, quoted", async () => {
    const terminal = start("zsh", ["-f", "-i"]);
    terminal.type("PS1='% '; autoload -Uz compinit && compinit -u -D; unsetopt beep\r");
    terminal.type('eval "$(orch completion zsh)" && echo "<loaded>"\r');
    await terminal.until(/<loaded>(?!["'])/);
    await completes(terminal);
    terminal.type("orch stack select \t");
    await terminal.until(/dev +prod/);
  });
});

describeLab("completion in fish", ["fish"], () => {
  test("puts names, values and files on the line, quoted", async () => {
    const terminal = start("fish", ["--no-config", "--interactive"]);
    terminal.type("orch completion fish | source; and echo '<loaded>'\r");
    await terminal.until(/<loaded>(?!["'])/);
    await completes(terminal);
  });
});

describeLab("completion in bash", [], () => {
  test("puts names, values and files on the line, quoted", async () => {
    const terminal = start("bash", ["--norc", "--noprofile", "-i"]);
    terminal.type("PS1='% '; bind 'set bell-style none'\r");
    terminal.type('eval "$(orch completion bash)" && echo "<loaded>"\r');
    await terminal.until(/<loaded>(?!["'])/);
    await completes(terminal);
    terminal.type("orch stack select \t\t");
    await terminal.until(/dev +prod/);
  });
});
