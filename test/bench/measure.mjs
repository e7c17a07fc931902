// Runs one command and measures it with all the processes that it starts. Linux only for memory and CPU time: it reads /proc.

import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const SAMPLE_EVERY_MS = 20;
/** Kernel ticks a second in /proc/…/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;
const PAGE = 4096;
const hasProc = existsSync("/proc/self/statm");

const read = (file) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // The process ended between two looks.
  }
};

function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Resident memory in bytes; pages that processes share count in each. */
const rssOf = (pid) => Number(read(`/proc/${pid}/statm`).split(" ")[1] ?? 0) * PAGE;
/** Proportional memory in bytes: a page that n processes share counts 1/n in each. Slow to read: the kernel walks all pages. */
const pssOf = (pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;

/** CPU seconds of all children of this process that ended and were waited for, and of theirs. */
function cpuOfEndedChildren() {
  const fields = read("/proc/self/stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** Looks at a process tree every 20 ms. Processes that lost their parent are still followed. */
function watch(root) {
  const known = new Set([root]);
  const peak = { rss: 0, pss: 0, largest: 0, processes: 0 };
  let rssAtLastPss = 0;
  const look = () => {
    const queue = [...known];
    for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
      for (const child of childrenOf(pid)) {
        if (!known.has(child)) {
          known.add(child);
          queue.push(child);
        }
      }
    }
    let rss = 0;
    let alive = 0;
    for (const pid of known) {
      const own = rssOf(pid);
      if (own === 0) {
        known.delete(pid);
        continue;
      }
      alive++;
      rss += own;
      peak.largest = Math.max(peak.largest, own);
    }
    peak.rss = Math.max(peak.rss, rss);
    peak.processes = Math.max(peak.processes, alive);
    if (rss > rssAtLastPss * 1.02) {
      rssAtLastPss = rss;
      let pss = 0;
      for (const pid of known) pss += pssOf(pid);
      peak.pss = Math.max(peak.pss, pss);
    }
  };
  const timer = hasProc ? setInterval(look, SAMPLE_EVERY_MS) : undefined;
  return () => {
    clearInterval(timer);
    return peak;
  };
}

/**
 * Runs a command to its end with no terminal and no input.
 *
 * @returns wall and cpu in seconds; rss, pss and largest in bytes (peaks: sum of all processes, sum by proportion, the
 *   largest single process); processes: how many there were at once; code, and what was written to both outputs
 */
export function measure(command, args, options) {
  return new Promise((resolve, reject) => {
    const cpuBefore = hasProc ? cpuOfEndedChildren() : 0;
    const started = process.hrtime.bigint();
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", reject);
    const stop = child.pid === undefined ? () => ({}) : watch(child.pid);
    let wall;
    child.on("exit", () => {
      wall = Number(process.hrtime.bigint() - started) / 1e9;
    });
    child.on("close", (code, signal) => {
      const peak = stop();
      const cpu = hasProc ? cpuOfEndedChildren() - cpuBefore : undefined;
      resolve({ wall, cpu, ...peak, code: code ?? signal, output: Buffer.concat(output).toString() });
    });
  });
}
