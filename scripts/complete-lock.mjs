// Adds to package-lock.json the optional packages of other platforms that npm left out, because the registry or mirror
// that it asked did not have them. Without these entries `npm ci` refuses the lock file ("Missing: … from lock file"),
// on every platform. They carry no integrity hash: the platform that installs one gets it from its own registry.
//
//   node scripts/complete-lock.mjs      after `npm install`, when `npm ci` complains

import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));

const systems = { darwin: "darwin", linux: "linux", windows: "win32", win32: "win32", android: "android" };
const processors = { 64: "x64", x64: "x64", arm64: "arm64", ia32: "ia32", arm: "arm" };

/** `@biomejs/cli-linux-x64-musl` → what npm needs to know so as not to install it elsewhere. */
function platformOf(name) {
  const parts = name.split("/").at(-1).split("-");
  const os = parts.map((part) => systems[part]).find(Boolean);
  const cpu = parts.map((part) => processors[part]).find(Boolean);
  const libc = parts.includes("musl") ? { libc: ["musl"] } : {};
  if (!os || !cpu)
    throw new Error(`${name} is missing from the lock file, and its name does not say its platform`);
  return { os: [os], cpu: [cpu], ...libc };
}

const added = [];
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] || !/^\d+\.\d+\.\d+$/.test(version)) continue;
    lock.packages[path] = {
      version,
      ...platformOf(name),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}
const { "": root, ...packages } = lock.packages;
lock.packages = {
  "": root,
  ...Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en"))),
};
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length === 0 ? "nothing is missing\n" : `added ${added.join(", ")}\n`);
