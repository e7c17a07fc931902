#!/usr/bin/env node
// Kept to syntax that old versions of Node understand, so that they say what is missing instead of failing to parse.
import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const have = process.versions.node.split(".").map(Number);
if (have[0] < 22 || (have[0] === 22 && have[1] < 20)) {
  process.stderr.write(
    `error[node-too-old]: orch needs Node.js 22.20 or newer; this is ${process.versions.node} (${process.execPath})\n` +
      "  → Install a newer Node.js (https://nodejs.org) and run the same command again.\n",
  );
  process.exit(1);
}

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === "--version" || args[0] === "-v" || args[0] === "version")) {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  process.stdout.write(`${version}\n`);
} else {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const dist = isFresh(root) ? "../dist/bundle" : "../dist";
  const { cacheCompiledCode, startEarly } = await import(`${dist}/early.js`);
  const host = startEarly(args);
  cacheCompiledCode();
  const { main } = await import(`${dist}/main.js`);
  await main(args, root, host);
}

/** In a checkout the packages may be compiled anew without being joined anew; their build notes then are the newer ones. */
function isFresh(root) {
  const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const joined = changed(`${root}dist/bundle/main.js`);
  if (joined === undefined) return false;
  return ["cli", "core", "providers"].every(
    (name) => !(changed(`${root}../${name}/dist/.tsbuildinfo`) > joined),
  );
}
