// `npm run bench`: plans, applies and plans again programs of 100, 1,000 and 10,000 resources through the real command
// line, each in a fresh project, and prints wall time, CPU time and memory beside the targets.
//
//   npm run bench -- [--smoke] [--sizes 100,1000,10000] [--runs 3] [--workload pairs|files] [--peer terraform]
//                    [--dir FOLDER] [--json FILE]

import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measure } from "./measure.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const orch = join(root, "packages", "cli", "bin", "orch.js");

/** Seconds by number of resources, from the project's goals; memory in MB over all processes. */
const targets = {
  "plan new": { 100: 0.6, 1000: 1.2, 10000: 5 },
  apply: { 10000: 10 },
  "plan unchanged": { 100: 0.6, 1000: 1.2, 10000: 5 },
  memory: { 10000: 900 },
  start: 0.15,
  growth: 1.3,
};

const { values: options } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    sizes: { type: "string", default: "100,1000,10000" },
    runs: { type: "string", default: "3" },
    workload: { type: "string", default: "pairs" },
    peer: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    json: { type: "string" },
  },
});
const sizes = options.smoke ? [20] : options.sizes.split(",").map(Number);
const runs = options.smoke ? 1 : Number(options.runs);
if (sizes.some((size) => !(size >= 2)) || !(runs >= 1)) {
  process.stderr.write("bench: --sizes takes numbers of resources (2 or more), --runs a number\n");
  process.exit(64);
}

/** A command of the run; throws with its output when it does not end with the expected code. */
async function step(name, expected, command, args, project) {
  const result = await measure(command, args, { cwd: project.dir, env: project.env });
  if (result.code !== expected) {
    throw new Error(
      `${name} ended with ${result.code} instead of ${expected} (${command} ${args.join(" ")})\n${result.output.slice(-4000)}`,
    );
  }
  const { output: _, code: __, ...numbers } = result;
  return numbers;
}

/** A folder of its own, with a home of its own, so that keys and caches of this machine play no part. */
function freshProject(size) {
  const dir = mkdtempSync(join(options.dir, "orch-bench-"));
  const home = join(dir, ".home");
  mkdirSync(home);
  const env = { ...process.env, HOME: home, N: String(size / 2), NO_COLOR: "1", TMPDIR: home };
  for (const name of Object.keys(env)) {
    if (/^(XDG_|ORCH_|PULUMI_|VITEST|NODE_OPTIONS)/.test(name)) delete env[name];
  }
  return { dir, env, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Plan, apply, plan with orch. Exit code 2 of a plan says that there are changes, 0 that there are none. */
async function runOrch(size) {
  const project = freshProject(size);
  try {
    cpSync(join(here, "programs", options.workload), project.dir, { recursive: true });
    symlinkSync(join(root, "node_modules"), join(project.dir, "node_modules"));
    const run = (name, expected, ...args) => step(name, expected, process.execPath, [orch, ...args], project);
    await run("stack init", 0, "stack", "init", "bench");
    return {
      "plan new": await run("plan new", 2, "plan", "--detailed-exitcode"),
      apply: await run("apply", 0, "apply", "--yes"),
      "plan unchanged": await run("plan unchanged", 0, "plan", "--detailed-exitcode"),
    };
  } finally {
    project.remove();
  }
}

/** The same resources with a Terraform-like, for comparison on the same machine. */
async function runPeer(size) {
  const project = freshProject(size);
  try {
    const blocks = Array.from(
      { length: size / 2 },
      (_, i) =>
        `resource "terraform_data" "a${i}" { input = "v${i}" }\nresource "terraform_data" "b${i}" { input = terraform_data.a${i}.output }\n`,
    );
    writeFileSync(join(project.dir, "main.tf"), blocks.join(""));
    const run = (name, expected, ...args) => step(name, expected, options.peer, args, project);
    await run("init", 0, "init", "-no-color");
    return {
      "plan new": await run("plan new", 2, "plan", "-no-color", "-detailed-exitcode"),
      apply: await run("apply", 0, "apply", "-no-color", "-auto-approve"),
      "plan unchanged": await run("plan unchanged", 0, "plan", "-no-color", "-detailed-exitcode"),
    };
  } finally {
    project.remove();
  }
}

/** Of several runs of one thing: the best time, the highest memory, each on its own. */
function best(measured) {
  const pick = (how, key) => how(...measured.map((each) => each[key]));
  return {
    wall: pick(Math.min, "wall"),
    cpu: pick(Math.min, "cpu"),
    rss: pick(Math.max, "rss"),
    pss: pick(Math.max, "pss"),
    largest: pick(Math.max, "largest"),
    processes: pick(Math.max, "processes"),
  };
}

const seconds = (value) =>
  value === undefined || Number.isNaN(value) ? "–" : `${value.toFixed(value < 10 ? 2 : 1)} s`;
const megabytes = (bytes) => (bytes ? `${Math.round(bytes / 1e6)} MB` : "–");
const verdict = (value, target) => (target === undefined ? "" : `${value <= target ? "met" : "MISSED"}`);

function print(rows, header) {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => String(row[column]).length)));
  const line = (row) => `| ${row.map((cell, column) => String(cell).padEnd(widths[column])).join(" | ")} |\n`;
  process.stdout.write(line(header));
  process.stdout.write(`|${widths.map((width) => "-".repeat(width + 2)).join("|")}|\n`);
  for (const row of rows) process.stdout.write(line(row));
}

function machine() {
  let commit = "unknown";
  try {
    commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  } catch {
    // Not a git checkout: the numbers stand all the same.
  }
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    memory: totalmem(),
    node: process.version,
    pulumi: JSON.parse(readFileSync(join(root, "node_modules", "@pulumi", "pulumi", "package.json"), "utf8"))
      .version,
    // In memory, a commit that waits for the disk costs nothing: such numbers say too little about apply.
    onMemoryDisk: statfsSync(options.dir).type === 0x01021994,
    loadBefore: loadavg(),
    commit,
    startedAt: new Date().toISOString(),
  };
}

const report = {
  machine: machine(),
  workload: options.workload,
  runs,
  start: undefined,
  sizes: {},
  peer: undefined,
};
const about = report.machine;
process.stdout.write(
  `${about.cores} cores (${about.cpu}), ${Math.round(about.memory / 1e9)} GB, load ${about.loadBefore.map((value) => value.toFixed(1)).join(" ")}, ` +
    `Node ${about.node}, @pulumi/pulumi ${about.pulumi}, orch at ${about.commit}${about.onMemoryDisk ? ", state on a memory disk" : ""}\n` +
    `workload ${options.workload}, ${runs === 1 ? "one run" : `best of ${runs} runs`}; memory is the peak, looked at every 20 ms: resident (shared pages count in each\n` +
    `process) and proportional (they count once) of all processes together, and resident of the largest\n\n`,
);

{
  const project = freshProject(2);
  const starts = [];
  for (let i = 0; i < (options.smoke ? 1 : 7); i++)
    starts.push(await step("start", 0, process.execPath, [orch, "--version"], project));
  project.remove();
  report.start = { runs: starts, best: best(starts), target: targets.start };
}

async function series(run) {
  const bySize = {};
  for (const size of sizes) {
    const measured = [];
    for (let i = 0; i < runs; i++) {
      process.stderr.write(
        `bench: ${size} resources, run ${i + 1} of ${runs}, load ${loadavg()[0].toFixed(1)}\n`,
      );
      measured.push(await run(size));
    }
    const names = Object.keys(measured[0]);
    bySize[size] = Object.fromEntries(
      names.map((name) => [
        name,
        { runs: measured.map((each) => each[name]), best: best(measured.map((each) => each[name])) },
      ]),
    );
  }
  return bySize;
}

report.sizes = await series(runOrch);
if (options.peer) report.peer = { tool: options.peer, sizes: await series(runPeer) };
report.machine.loadAfter = loadavg();

const header = [
  "resources",
  "what",
  "wall",
  "target",
  "",
  "CPU",
  "resident",
  "target",
  "",
  "proportional",
  "largest",
  "processes",
];
const rows = [
  [
    "–",
    "orch --version",
    seconds(report.start.best.wall),
    `≤ ${targets.start} s`,
    verdict(report.start.best.wall, targets.start),
    seconds(report.start.best.cpu),
    megabytes(report.start.best.rss),
    "",
    "",
    megabytes(report.start.best.pss),
    megabytes(report.start.best.largest),
    report.start.best.processes,
  ],
];
const addRows = (bySize, tool, judged) => {
  for (const [size, steps] of Object.entries(bySize)) {
    for (const [name, { best: it }] of Object.entries(steps)) {
      const time = judged ? targets[name]?.[size] : undefined;
      const memory = judged ? targets.memory[size] : undefined;
      rows.push([
        Number(size).toLocaleString("en"),
        tool ? `${tool}: ${name}` : name,
        seconds(it.wall),
        time ? `≤ ${time} s` : "",
        verdict(it.wall, time),
        seconds(it.cpu),
        megabytes(it.rss),
        memory ? `≤ ${memory} MB` : "",
        verdict(it.rss / 1e6, memory),
        megabytes(it.pss),
        megabytes(it.largest),
        it.processes ?? "–",
      ]);
    }
  }
};
const judged = options.workload === "pairs";
addRows(report.sizes, "", judged);
if (report.peer) addRows(report.peer.sizes, options.peer, false);
print(rows, header);

const [load] = report.machine.loadAfter;
if (load > about.cores + 1.5) {
  process.stdout.write(
    `\nThe load was ${load.toFixed(1)} on ${about.cores} cores: others were at work, and wall times say little. CPU times are nearer to the truth.\n`,
  );
}

if (report.sizes[1000] && report.sizes[10000]) {
  report.growth = {};
  process.stdout.write(`\ncost per resource at 10,000 against 1,000 (target ≤ ${targets.growth}):`);
  for (const name of Object.keys(report.sizes[1000])) {
    const ratio = report.sizes[10000][name].best.cpu / 10 / report.sizes[1000][name].best.cpu;
    const wall = report.sizes[10000][name].best.wall / 10 / report.sizes[1000][name].best.wall;
    report.growth[name] = { cpu: ratio, wall };
    process.stdout.write(
      ` ${name} ${wall.toFixed(2)} wall, ${ratio.toFixed(2)} CPU (${verdict(wall, targets.growth)});`,
    );
  }
  process.stdout.write("\n");
}

const file = resolve(
  options.json ??
    join(root, "bench-results", `${about.startedAt.replaceAll(":", "")}-${options.workload}.json`),
);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(`\nwritten to ${file}\n`);
