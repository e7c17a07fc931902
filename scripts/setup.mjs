// Makes a checkout ready to use: installs what package-lock.json pins, when that is not there yet, and compiles.
// Needs only the Node (20 or newer) and npm of the machine; everything after it runs on the Node that is installed here.
// `npm test`, `npm run bench` and `npm run demo` call it first, so that each works as the first command after a clone.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** The Node that the `node` dev dependency installs; orch is developed and tested on it. */
export const pinnedNode = join(root, "node_modules", ".bin", "node");

/** Name → version of what package-lock.json wants at the top level; other platforms' optional packages left out. */
function wanted() {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(lock.packages).filter(
    ([path, entry]) => path.startsWith("node_modules/") && !entry.optional && !entry.link,
  );
}

const installed = join(root, "node_modules", ".package-lock.json");

/** Why npm must install, or undefined when all that the lock file pins is there. */
function missing() {
  if (!existsSync(installed)) return "nothing is installed yet";
  if (!existsSync(pinnedNode)) return "the pinned Node is not installed";
  const there = JSON.parse(readFileSync(installed, "utf8")).packages;
  const other = wanted().find(([path, entry]) => there[path]?.version !== entry.version);
  return (
    other && `${other[0].replace("node_modules/", "")} is not at the version that package-lock.json pins`
  );
}

function run(command, args) {
  const done = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (done.error) throw new Error(`${command} could not be started: ${done.error.message}`);
  if (done.status !== 0)
    throw new Error(
      `${[command, ...args].join(" ")} ended with ${done.signal ?? `exit code ${done.status}`}`,
    );
}

/** Installs and compiles as far as needed; seconds when there is nothing to do. Throws with the command that failed. */
export function setup(say = (line) => process.stderr.write(`setup: ${line}\n`)) {
  const why = missing();
  if (why) {
    // `npm ci` begins by deleting what is there: too much for one package that is out of date, while others may use it.
    const verb = existsSync(installed) ? "install" : "ci";
    say(`npm ${verb} (${why})`);
    run("npm", [verb, "--loglevel=error"]);
  }
  run(pinnedNode, [join("node_modules", "tsc7", "bin", "tsc"), "-b", "tsconfig.json"]);
  run(pinnedNode, [join("packages", "cli", "scripts", "bundle.mjs")]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    setup();
  } catch (failure) {
    process.stderr.write(`setup: ${failure.message}\n`);
    process.exitCode = 1;
  }
}
