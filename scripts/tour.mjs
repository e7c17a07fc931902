// What the demos have in common: they run orch as a person would, say what they do, and look whether it is so.

import { spawnSync } from "node:child_process";
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

/** The command line in a project's folder. */
export function commandLine(project, env) {
  return {
    /** Runs orch as a person would, with its output on the screen. `input` goes to its standard input; `shown` is what is said to be run. */
    orch(args, { expected = 0, input, shown = args.join(" ") } = {}) {
      if (shown !== "") say(`\n${bold(`$ orch ${shown}`)}`);
      const screen = shown === "" ? "ignore" : "inherit";
      const stdio = [input === undefined ? "ignore" : "pipe", screen, "inherit"];
      const { status, signal, error } = spawnSync(process.execPath, [cli, ...args], {
        cwd: project,
        env,
        stdio,
        input,
      });
      if (error) throw error;
      if (status !== expected)
        throw new Broken(
          `orch ${args.join(" ")} ended with ${signal ?? status}, and ${expected} was to be expected`,
        );
    },
    /** What orch says to a program: nothing on the screen. */
    ask(args) {
      const done = spawnSync(process.execPath, [cli, ...args], { cwd: project, env, encoding: "utf8" });
      if (done.status !== 0)
        throw new Broken(`orch ${args.join(" ")} ended with ${done.status}: ${done.stderr}`);
      return JSON.parse(done.stdout);
    },
    /** For cleaning up: however it ends. */
    attempt: (args) => spawnSync(process.execPath, [cli, ...args], { cwd: project, env, stdio: "inherit" }),
    /** For a person to go on with. */
    alias: `alias orch="HOME=${env.HOME} ${process.execPath} ${cli}"`,
  };
}

/** What a demo ends with: a failure that was promised not to be, in its words alone. */
export function tellFailure(error) {
  process.stderr.write(`\ndemo: ${error instanceof Broken ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
