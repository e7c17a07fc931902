/** Starts a second process on the sources, so that what two processes do to each other is tested with two processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ChildTask } from "./backend-child.js";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "..", "..", "packages");

/** Bundles a module, given as source with imports relative to this folder and `@orch/core/...`. Gives the file's path. */
export async function compile(source: string): Promise<string> {
  const outfile = join(await mkdtemp(join(tmpdir(), "orch-child-")), "child.mjs");
  await build({
    stdin: { contents: source, resolveDir: here, loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    plugins: [
      {
        name: "sources",
        setup(plugin) {
          plugin.onResolve({ filter: /^@orch\/core\// }, ({ path }) => ({
            path: join(packages, "core", "src", `${path.slice("@orch/core/".length)}.ts`),
          }));
        },
      },
    ],
  });
  return outfile;
}

export interface Child {
  readonly process: ChildProcess;
  /** The next line of JSON that it prints. Rejects, with what it said on standard error, when it ends without one. */
  next(): Promise<unknown>;
  ended: Promise<void>;
}

export function startChild(script: string, task: ChildTask, argument: string): Child {
  const child = spawn(process.execPath, [script, task, argument], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (data) => {
    errors += String(data);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    async next() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the child ended without a word: ${errors}`);
      return JSON.parse(value);
    },
    ended: new Promise((resolve) => child.once("exit", () => resolve())),
  };
}
