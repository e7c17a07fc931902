/**
 * ELK (elkjs: the Java library, compiled to JavaScript), beside the thread that draws. Of the first hundreds of milliseconds most goes into getting its code
 * compiled, once for each thread.
 */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { OrchError } from "@orch/core/model/failure";
import type { ElkNode } from "elkjs/lib/elk-api.js";

export interface Engine {
  /** Rejects with `internal` when ELK fails. */
  layout(graph: ElkNode): Promise<ElkNode>;
  /** At once: what is under way is given up, and rejects. */
  close(): Promise<void>;
}

/** More threads than this are compiling more than laying out. */
const mostThreads = 4;
/** Parts of a graph that keep a thread busy for as long as it takes to start one. */
const worthThread = 20;

export const threadsFor = (parts: number): number =>
  Math.max(1, Math.min(mostThreads, availableParallelism(), Math.ceil(parts / worthThread)));

/** What a thread runs: text, so that it needs no file of its own wherever orch's code ends up. */
const script = `
const { parentPort, workerData } = require("node:worker_threads");
const ELK = require(workerData);
const elk = new ELK();
parentPort.on("message", (graph) => {
  elk.layout(graph).then(
    (laid) => parentPort.postMessage({ laid }),
    (error) => parentPort.postMessage({ error: String(error) }),
  );
});`;

interface Reply {
  readonly laid?: ElkNode;
  readonly error?: string;
}

interface Waiting {
  readonly done: (laid: ElkNode) => void;
  readonly failed: (error: Error) => void;
}

/** Threads start when they are first needed; each has one graph at a time. */
export function startEngine(threads: number): Engine {
  const file = createRequire(import.meta.url).resolve("elkjs/lib/elk.bundled.js");
  const queue: (Waiting & { readonly graph: ElkNode })[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Waiting>();
  let closed = false;
  const next = (): void => {
    while (queue.length > 0) {
      const worker = idle.pop() ?? (busy.size < threads ? start() : undefined);
      if (worker === undefined) return;
      const { graph, ...waiting } = queue.shift() as (typeof queue)[number];
      busy.set(worker, waiting);
      worker.postMessage(graph);
    }
  };
  const start = (): Worker => {
    const worker = new Worker(script, { eval: true, workerData: file });
    worker.on("message", ({ laid, error }: Reply) => {
      const waiting = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if (laid === undefined) waiting?.failed(notLaidOut(error ?? "no answer"));
      else waiting?.done(laid);
      next();
    });
    const lost = (found: string): void => {
      const place = idle.indexOf(worker);
      if (place >= 0) idle.splice(place, 1);
      busy.get(worker)?.failed(notLaidOut(found));
      busy.delete(worker);
      next();
    };
    worker.on("error", (error) => lost(String(error)));
    worker.on("exit", () => lost("its thread ended"));
    return worker;
  };
  return {
    layout: (graph) =>
      new Promise((done, failed) => {
        if (closed) return failed(notLaidOut("its threads were ended"));
        queue.push({ graph, done, failed });
        next();
      }),
    close: async () => {
      closed = true;
      const error = notLaidOut("its threads were ended");
      for (const { failed } of [...queue.splice(0), ...busy.values()]) failed(error);
      const workers = [...idle.splice(0), ...busy.keys()];
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

const notLaidOut = (found: string): OrchError =>
  new OrchError({
    reason: "internal",
    message: "The graph could not be laid out.",
    found: found.slice(0, 500),
    next: ["Write it as DOT (`orch graph --format dot`) and draw it with Graphviz."],
  });
