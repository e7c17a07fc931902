#!/usr/bin/env node
// Installs and builds what the tests in test/lab need. Safe to run again: what is there already is kept.
//
//   node test/lab/install.mjs            everything
//   node test/lab/install.mjs --check    only say what is missing (exit 1 when something is)
//   node test/lab/install.mjs sshd tls   only these (sshd, bridge, random, tls)
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
const { goTools } = JSON.parse(readFileSync(join(here, "tools.json"), "utf8"));

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
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/go/bin"];
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

const SSHD_PROGRAMS = ["sshd", "ssh-keygen"];

function sshdMissing() {
  return SSHD_PROGRAMS.filter((name) => findProgram(name) === undefined);
}

/**
 * Installs Debian's OpenSSH server. The package would start its own service on port 22; the lab starts a server of its
 * own on loopback instead, so a policy-rc.d that refuses is laid down for the time of the install (unless the
 * machine has one already).
 */
function installSshd() {
  if (sshdMissing().length === 0) return say(`sshd: there already (${findProgram("sshd")})`);
  const aptGet = findProgram("apt-get");
  if (!aptGet)
    throw new Error("sshd is missing and this machine has no apt-get: install an OpenSSH server by hand");
  const isRoot = process.getuid?.() === 0;
  const sudo = isRoot ? undefined : findProgram("sudo");
  if (!isRoot && !sudo) {
    throw new Error(
      "sshd is missing and this user may not install it: as root, run  apt-get install openssh-server",
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
      "--no-install-recommends",
      "openssh-server",
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
  const missing = sshdMissing();
  if (missing.length > 0)
    throw new Error(`openssh-server is installed, and ${missing.join(", ")} is still not to be found`);
  say(`sshd: installed (${findProgram("sshd")})`);
}

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
  const names = ["sshd", ...goTools.map((tool) => tool.name)];
  const check = args.includes("--check");
  const wanted = args.filter((arg) => arg !== "--check");
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(
      `lab: there is no ${unknown.join(", ")}; there are ${names.join(", ")} (and --check)\n`,
    );
    return 2;
  }
  const wants = (name) => wanted.length === 0 || wanted.includes(name);
  const go = findProgram("go");

  if (check) {
    const missing = [
      ...(wants("sshd") ? sshdMissing() : []),
      ...goTools.filter((tool) => wants(tool.name) && !isBuilt(tool, go)).map((tool) => tool.output),
    ];
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
  if (wants("sshd")) attempt(installSshd);
  for (const tool of goTools.filter((each) => wants(each.name))) attempt(() => buildGoTool(tool, go));
  for (const failure of failures) process.stderr.write(`lab: ${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
