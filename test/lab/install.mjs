#!/usr/bin/env node
// Installs and builds what the tests in test/lab need. Safe to run again: what is there already is kept.
//
//   node test/lab/install.mjs            everything
//   node test/lab/install.mjs --check    only say what is missing (exit 1 when something is)
//   node test/lab/install.mjs sshd tls   only these: names of files in test/lab/tools
//
// Each file in test/lab/tools is one thing that tests need: programs from Debian packages, a Python environment from PyPI, or a program
// built from a Go module in test/lab/go.
//
// Binaries go to .lab/bin at the root of the repository, or to $ORCH_LAB_DIR/bin. Go's own build cache does the rest:
// the first build of the bridge plugin takes about four minutes of CPU, a later one the time to link.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants as osConstants, setPriority } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const labDirectory = resolve(process.env.ORCH_LAB_DIR ?? join(here, "..", "..", ".lab"));
const binDirectory = join(labDirectory, "bin");
/** {name, kind: "debian" | "pypi" | "go", …} by name; Debian's first, as its one call of apt-get serves them all. */
const tools = readdirSync(join(here, "tools"))
  .filter((file) => file.endsWith(".json"))
  .map((file) => ({
    name: file.slice(0, -".json".length),
    ...JSON.parse(readFileSync(join(here, "tools", file), "utf8")),
  }))
  .sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));

const SERVER_FOLDERS = ["/usr/sbin", "/sbin", "/usr/local/go/bin"];

/** Paths that fit a pattern in which `*` stands for one folder's name; Node 20's fs has no glob yet. */
function globSync(pattern) {
  return pattern
    .split("/")
    .slice(1)
    .reduce(
      (folders, part) =>
        folders.flatMap((folder) => {
          if (!part.includes("*")) return existsSync(join(folder, part)) ? [join(folder, part)] : [];
          const fits = new RegExp(`^${part.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
          return existsSync(folder)
            ? readdirSync(folder)
                .filter((name) => fits.test(name))
                .map((name) => join(folder, name))
            : [];
        }),
      ["/"],
    );
}

/** Prints one line of progress. */
function say(line) {
  process.stdout.write(`lab: ${line}\n`);
}

/** Runs a command with its output shown; throws with the command line when it does not end well. */
function run(command, args, options = {}) {
  say(`$ ${[command, ...args].join(" ")}`);
  const done = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  if (done.error) throw new Error(`${command} could not be started: ${done.error.message}`);
  if (done.status !== 0) {
    throw new Error(`${command} ended with ${done.signal ?? `exit code ${done.status}`}: ${args.join(" ")}`);
  }
}

/** The full path of a program on PATH or in the folders where Debian keeps servers. */
function findProgram(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SERVER_FOLDERS];
  for (const folder of folders.filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here or not executable: the next folder may have it.
    }
  }
  return undefined;
}

/** What of a Debian tool's programs is not there. A path with a slash is looked for as it is; `*` in it stands for a version. */
function programsMissing(tool) {
  return tool.programs.filter((name) =>
    name.includes("/") ? globSync(name).length === 0 : !findProgram(name),
  );
}

/**
 * Installs Debian packages. Servers among them would start on their own ports; the lab starts its own on loopback instead, so a
 * policy-rc.d that refuses is laid down for the time of the install (unless the machine has one already).
 */
function installDebian(wanted) {
  const lacking = wanted.filter((tool) => programsMissing(tool).length > 0);
  for (const tool of wanted) if (!lacking.includes(tool)) say(`${tool.name}: there already`);
  if (lacking.length === 0) return;
  const names = lacking.map(({ name }) => name).join(", ");
  const packages = [...new Set(lacking.flatMap((tool) => tool.packages))];
  const aptGet = findProgram("apt-get");
  if (!aptGet)
    throw new Error(
      `${names} missing and this machine has no apt-get: install ${packages.join(" ")} by hand`,
    );
  const isRoot = process.getuid?.() === 0;
  const sudo = isRoot ? undefined : findProgram("sudo");
  if (!isRoot && !sudo) {
    throw new Error(
      `${names} missing and this user may not install: as root, run  apt-get install ${packages.join(" ")}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const prefix = sudo ? [sudo, "-E"] : [];
  const asRoot = (...command) => {
    const [program, ...args] = [...prefix, ...command];
    run(program, args, { env });
  };
  const policy = "/usr/sbin/policy-rc.d";
  const ownPolicy = isRoot && !existsSync(policy);
  if (ownPolicy) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const install = [
      "apt-get",
      "install",
      "-y",
      "-qq",
      "-o=Dpkg::Use-Pty=0",
      "-o=DPkg::Lock::Timeout=600",
      "--no-install-recommends",
      ...packages,
    ];
    try {
      asRoot(...install);
    } catch (failure) {
      // A machine that never fetched its package lists, or whose lists are old, fails here: fetch them and try again.
      say(`${failure.message}; trying again with fresh package lists`);
      asRoot("apt-get", "update", "-qq");
      asRoot(...install);
    }
  } finally {
    if (ownPolicy) rmSync(policy, { force: true });
  }
  for (const tool of lacking) {
    const missing = programsMissing(tool);
    if (missing.length > 0)
      throw new Error(
        `${tool.packages.join(" ")} installed, and ${missing.join(", ")} still not to be found`,
      );
    say(`${tool.name}: installed`);
  }
}

/** A virtual environment in .lab/pypi/NAME with the pinned requirements. */
const pypiFolder = (tool) => join(labDirectory, "pypi", tool.name);
const pypiKey = (tool) => JSON.stringify(tool.requirements);
function isInstalledPypi(tool) {
  const stamp = join(pypiFolder(tool), "installed-from");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === pypiKey(tool);
}
function installPypi(tool) {
  if (isInstalledPypi(tool)) return say(`${tool.name}: there already`);
  const python = findProgram("python3");
  if (!python) throw new Error(`${tool.name} is missing and there is no python3`);
  const folder = pypiFolder(tool);
  rmSync(folder, { recursive: true, force: true });
  run(python, ["-m", "venv", folder]);
  run(join(folder, "bin", "pip"), ["install", "-q", "--disable-pip-version-check", ...tool.requirements]);
  writeFileSync(join(folder, "installed-from"), pypiKey(tool));
  say(`${tool.name}: installed`);
}

const isThere = (tool, go) =>
  tool.kind === "debian"
    ? programsMissing(tool).length === 0
    : tool.kind === "pypi"
      ? isInstalledPypi(tool)
      : isBuilt(tool, go);

function linkerFlags(tool) {
  const version = tool.versionVariable ? [`-X ${tool.versionVariable}=v${tool.version}`] : [];
  return ["-s", "-w", ...version];
}

/** What a build depends on: the module files and the version of Go. Kept with the binary, to know when it is old. */
function buildKey(tool, go) {
  const module = join(here, "go", tool.module);
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(module, file)));
  hash.update([tool.package, ...linkerFlags(tool)].join(" "));
  if (go)
    hash.update(
      spawnSync(go, ["env", "GOVERSION", "GOOS", "GOARCH"], { cwd: module, encoding: "utf8" }).stdout ?? "",
    );
  return hash.digest("hex");
}

/** Not beside the binary: the bridge looks for its providers by a prefix of the file name and would find this one. */
function stampFile(tool) {
  return join(labDirectory, "built-from", tool.output);
}

function isBuilt(tool, go) {
  const output = join(binDirectory, tool.output);
  const stamp = stampFile(tool);
  if (!existsSync(output)) return false;
  // Without Go nothing could be built anew, so a binary that is there is taken as it is.
  return go === undefined || (existsSync(stamp) && readFileSync(stamp, "utf8").trim() === buildKey(tool, go));
}

function buildGoTool(tool, go) {
  const output = join(binDirectory, tool.output);
  if (isBuilt(tool, go)) return say(`${tool.name}: there already (${output})`);
  if (!go)
    throw new Error(
      `${tool.output} is missing and there is no go to build it with: install Go (1.25.11 or newer)`,
    );
  mkdirSync(binDirectory, { recursive: true });
  mkdirSync(dirname(stampFile(tool)), { recursive: true });
  say(
    `${tool.name}: building ${tool.output}, ${tool.what} (minutes at first, seconds when Go has it cached)`,
  );
  const started = Date.now();
  // Built aside and then renamed, so that a run that was stopped leaves nothing that looks finished.
  const unfinished = join(labDirectory, "built-from", `${tool.output}.${process.pid}.part`);
  try {
    const flags = [
      "-mod=readonly",
      "-buildvcs=false",
      "-trimpath",
      `-ldflags=${linkerFlags(tool).join(" ")}`,
    ];
    run(go, ["build", ...flags, "-o", unfinished, tool.package], {
      cwd: join(here, "go", tool.module),
      env: { ...process.env, GOFLAGS: "" },
    });
    rmSync(stampFile(tool), { force: true });
    renameSync(unfinished, output);
    writeFileSync(stampFile(tool), `${buildKey(tool, go)}\n`);
  } finally {
    rmSync(unfinished, { force: true });
  }
  say(`${tool.name}: built in ${Math.round((Date.now() - started) / 1000)} s (${output})`);
}

function main(args) {
  const names = tools.map((tool) => tool.name);
  const check = args.includes("--check");
  const asked = args.filter((arg) => arg !== "--check");
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(
      `lab: there is no ${unknown.join(", ")}; there are ${names.join(", ")} (and --check)\n`,
    );
    return 2;
  }
  const wanted = tools.filter(({ name }) => asked.length === 0 || asked.includes(name));
  const go = findProgram("go");

  if (check) {
    const missing = wanted.filter((tool) => !isThere(tool, go)).map(({ name }) => name);
    say(
      missing.length === 0
        ? "everything is there"
        : `missing: ${missing.join(", ")} (node test/lab/install.mjs)`,
    );
    return missing.length === 0 ? 0 : 1;
  }

  // The builds take every core for minutes: let whatever else runs on the machine go first.
  setPriority(osConstants.priority.PRIORITY_BELOW_NORMAL);
  const failures = [];
  const attempt = (work) => {
    try {
      work();
    } catch (failure) {
      failures.push(failure.message);
    }
  };
  const of = (kind) => wanted.filter((tool) => tool.kind === kind);
  if (of("debian").length > 0) attempt(() => installDebian(of("debian")));
  for (const tool of of("pypi")) attempt(() => installPypi(tool));
  for (const tool of of("go")) attempt(() => buildGoTool(tool, go));
  for (const failure of failures) process.stderr.write(`lab: ${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
