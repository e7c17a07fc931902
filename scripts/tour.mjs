// What the demos have in common: they run orch as a person would, say what they do, and look whether it is so.

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { pinnedNode, root, setup } from "./setup.mjs";

const cli = join(root, "packages", "cli", "bin", "orch.js");

/** Ends a demo: something is not as it was promised. */
export class Broken extends Error {}

export const bold = (text) =>
  process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[1m${text}\x1b[0m` : text;
export const say = (text) => process.stdout.write(`${text}\n`);
export const heading = (text) => say(`\n${bold(`── ${text} ${"─".repeat(Math.max(3, 76 - text.length))}`)}`);

export function check(holds, what) {
  if (!holds) throw new Broken(`not so: ${what}`);
  say(`  ✓ ${what}`);
}

/** A demo may be started by any Node from 20 on, right after a clone: installs, compiles, and goes on with the Node that the workspace pins. */
export function startOnPinnedNode() {
  if (process.env.ORCH_DEMO_STARTED) return;
  try {
    setup(say);
  } catch (error) {
    process.stderr.write(`demo: ${error.message}\n`);
    process.exit(1);
  }
  const env = { ...process.env, ORCH_DEMO_STARTED: "1" };
  const { status, signal } = spawnSync(pinnedNode, process.argv.slice(1), { stdio: "inherit", env });
  process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

/** The command line in a project's folder. Nothing waits in here: what a demo itself serves goes on meanwhile. */
export function commandLine(project, env) {
  const run = (args, stdio, input) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [cli, ...args], { cwd: project, env, stdio });
      let stdout = "";
      child.stdout?.on("data", (data) => {
        stdout += data;
      });
      child.stdin?.end(input);
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ ended: signal ?? code, stdout }));
    });
  const expecting = async (expected, args, stdio, input) => {
    const { ended, stdout } = await run(args, stdio, input);
    if (ended !== expected)
      throw new Broken(`orch ${args.join(" ")} ended with ${ended}, and ${expected} was to be expected`);
    return stdout;
  };
  return {
    /** Runs orch as a person would, with its output on the screen. `input` goes to its standard input; `quiet`: only failures are shown. */
    async orch(args, { expected = 0, input, quiet = false } = {}) {
      if (!quiet) say(`\n${bold(`$ orch ${args.join(" ")}`)}`);
      const stdin = input === undefined ? "ignore" : "pipe";
      await expecting(expected, args, [stdin, quiet ? "ignore" : "inherit", "inherit"], input);
    },
    /** What orch says to a program: nothing on the screen. */
    ask: async (args) => JSON.parse(await expecting(0, args, ["ignore", "pipe", "inherit"])),
    /** For cleaning up: however it ends. */
    attempt: (args) => run(args, ["ignore", "inherit", "inherit"]),
    /** For a person to go on with. */
    alias: `alias orch="HOME=${env.HOME} ${process.execPath} ${cli}"`,
  };
}

/** What a demo ends with: a failure that was promised not to be, in its words alone. */
export function tellFailure(error) {
  process.stderr.write(`\ndemo: ${error instanceof Broken ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
