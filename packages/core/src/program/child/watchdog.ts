/** Ends this process when the engine is gone, also while the program keeps the main thread busy: then nothing there hears that the pipe closed. */
import { Worker } from "node:worker_threads";

const everyMs = 500;

/** `engine`: its process id. A process whose parent is gone gets another one; `process.exit` would end the worker alone. */
const watch = (engine: number): string =>
  `setInterval(() => { if (process.ppid !== ${engine}) process.kill(process.pid, "SIGKILL"); }, ${everyMs});`;

/** A thread that keeps nothing alive, and starts beside the main one. */
export function startWatchdog(engine: number): void {
  const worker = new Worker(watch(engine), {
    eval: true,
    name: "orch watchdog",
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  // The pipe's end still ends a program that is not busy.
  worker.on("error", () => {});
  worker.unref();
}
