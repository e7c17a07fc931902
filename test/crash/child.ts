/**
 * What is killed: plans and applies one version of the program, with real state on disk. Its task comes as JSON in the first argument; what came of it goes to
 * standard output as JSON. Kills its own process with SIGKILL at the journal boundary that the task names.
 */
import { writeFileSync } from "node:fs";
import { apply, closeEngine, plan, resumeRun } from "@orch/core/engine";
import type { EngineContext } from "@orch/core/engine-contract";
import type { ResumeAnswer } from "@orch/core/execute/resume";
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";
import { hasChanges } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import type { Urn } from "@orch/core/model/urn";
import { type PropertyMap, reveal } from "@orch/core/model/value";
import { createCrypter, openSqliteBackend } from "@orch/core/state/index";
import { type Death, deadly, deathAt, die } from "./deadly.js";
import { runVersion } from "./program.js";
import { type StoreOptions, storeLoader } from "./provider.js";
import { logEnd } from "./wal.js";

export interface Task {
  readonly dir: string;
  readonly port: number;
  /** 0: destroy. */
  readonly version: 0 | 1 | 2;
  /** Die around the n-th boundary of the journal, counted from 1: run begun, each append, run finished. */
  readonly kill?: Death;
  /** Die this many ms after the apply began. */
  readonly killAfter?: number;
  readonly fail?: StoreOptions["failAt"];
  readonly continueOnError?: boolean;
  readonly slow?: number;
  readonly parallel?: number;
  readonly answers?: Readonly<Record<Urn, ResumeAnswer>>;
  /** Start with a resume of its own, as `orch resume` does. */
  readonly resume?: boolean;
  /** File in which is noted, after each boundary, up to where the write-ahead log had been acknowledged. */
  readonly acknowledged?: string;
  /** Tell on standard error what begins. */
  readonly lines?: boolean;
  /** ms that this process's clock is wrong by. */
  readonly clock?: number;
}

export interface Report {
  readonly outcome?: "succeeded" | "failed" | "interrupted";
  readonly failures: readonly Pick<Failure, "reason" | "message" | "urn">[];
  readonly boundaries: number;
  readonly open: readonly {
    readonly urn: Urn;
    readonly op: string;
    readonly type: string;
    readonly at: number;
  }[];
  readonly warnings: readonly Pick<Failure, "reason" | "message" | "urn">[];
  readonly rows: readonly ResourceState[];
  readonly outputs: PropertyMap;
  /** Steps left to do in a plan made afterwards; -1 when none was made. */
  readonly left: number;
  readonly settled: readonly string[];
}

const task = JSON.parse(process.argv[2] as string) as Task;
const key = Buffer.alloc(32, 7);
const database = `${task.dir}/state.db`;

const { now } = Date;
Date.now = () => now() + (task.clock ?? 0);

const death = deathAt(task.kill, () => {
  if (task.acknowledged) writeFileSync(task.acknowledged, String(logEnd(`${database}-wal`)));
});

const say = (line: string): void => {
  if (task.lines) process.stderr.write(`${line}\n`);
};

const backend = deadly(await openSqliteBackend(database), death.around);
if ((await backend.listStacks("crash")).length === 0) await backend.createStack("crash", "dev");
const store = await backend.openStack("crash", "dev", createCrypter(key));
const signal = new AbortController();
const cancelSignal = new AbortController();
process.on("SIGINT", () => {
  if (signal.signal.aborted) cancelSignal.abort();
  else signal.abort();
  say("interrupted");
});
const context: EngineContext = {
  project: {
    name: "crash",
    dir: task.dir,
    file: `${task.dir}/orch.yaml`,
    programDir: task.dir,
    settings: { backend: "sqlite:state.db", pluginMirrors: [], providers: {} },
    defaultConfig: {},
  },
  config: { values: {}, crypter: store.crypter },
  store,
  loaders: [
    storeLoader({ port: task.port, slow: task.slow ?? 5, ...(task.fail ? { failAt: task.fail } : {}) }),
  ],
  events: (event) => {
    if (event.type === "lock-waiting") say("waiting");
    if (event.type === "step-started") say(`started ${event.op} ${event.urn}`);
    if (event.type === "apply-started" && task.killAfter !== undefined) setTimeout(die, task.killAfter);
  },
  signal: signal.signal,
  cancelSignal: cancelSignal.signal,
  parallel: task.parallel ?? 8,
  orchVersion: "0.0.0",
  runProgram: runVersion(task.version === 0 ? 1 : task.version),
};

const failures: Failure[] = [];
const settled: string[] = [];
let outcome: Report["outcome"];
let warnings: readonly Failure[] = [];
let left = -1;
const kind = task.version === 0 ? "destroy" : "apply";
try {
  if (task.resume || task.answers) {
    const resumed = await resumeRun(context, new Map(Object.entries(task.answers ?? {})));
    settled.push(...resumed.settled.map(({ how, op, urn }) => `${how} ${op} ${urn}`));
  }
  const made = await plan(context, { kind, complete: true });
  warnings = made.warnings;
  const result = await apply(context, made, { continueOnError: task.continueOnError ?? false });
  outcome = result.outcome;
  failures.push(...result.failed.map(({ failure }) => failure), ...(result.problem ? [result.problem] : []));
  if (outcome === "succeeded") {
    const again = await plan(context, { kind });
    left = hasChanges(again) ? again.steps.filter(({ op }) => op !== "same").length + 1 : 0;
  }
} catch (error) {
  if (!(error instanceof OrchError)) throw error;
  failures.push(toFailure(error));
}
const snapshot = await store.snapshot();
const report: Report = {
  ...(outcome ? { outcome } : {}),
  failures: failures.map(told),
  warnings: warnings.map(told),
  boundaries: death.count,
  open: snapshot.unfinished.map(({ intent: { urn, op, type, at } }) => ({ urn, op, type, at })),
  rows: snapshot.resources.map((row) => ({
    ...row,
    inputs: reveal(row.inputs) as PropertyMap,
    outputs: reveal(row.outputs) as PropertyMap,
  })),
  outputs: reveal(snapshot.outputs) as PropertyMap,
  left,
  settled,
};
await closeEngine(context);
await store.close();
await backend.close();
process.stdout.write(JSON.stringify(report));

function told({ reason, message, urn, detail, causes }: Failure): Report["failures"][number] {
  const because = (causes ?? []).map((cause) => cause.message).join("; ");
  return {
    reason,
    message: `${message} ${because} ${reason === "internal" ? detail : ""}`.trim(),
    ...(urn ? { urn } : {}),
  };
}
