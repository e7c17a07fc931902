/**
 * The process that runs a program. Started as `node main.js <program folder> [<own process id>]` with a socket as descriptor 3, possibly long before
 * the engine knows what to run: it loads the SDK at once and waits for the `start` message.
 *
 * Ends: normally once nothing is left to do and the engine has read all (`finished` … `bye`); on an error of the
 * program likewise, after what was under way is through; at once when the engine is gone (watchdog.ts where the program is busy).
 */
import Module from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FromChild, PendingRegistration, StartOptions } from "../protocol.js";
import type { Compiler } from "./compile.js";
import { describe, explainSyntaxWith } from "./errors.js";
import { compilerFor, findEntry, installLoader, programSources } from "./loader.js";
import { Pipe } from "./pipe.js";
import { mapStackTraces, userFiles, userFrames } from "./positions.js";
import { loadSdk, openStore, type PendingEntry, type Sdk, SdkMissing, type Store } from "./sdk.js";
import { callsUnderWay } from "./tuning.js";
import { startWatchdog } from "./watchdog.js";

const programDir = process.argv[2] as string;
/** Set where nothing else ends this process with the one that started it: the process id of that. */
const engine = process.argv[3];
const debug = process.env.ORCH_PROGRAM_DEBUG === "1";
/** How long a program that has failed may go on without asking the engine for anything. */
const failedGraceMs = 1500;
/** After twice this long with nothing left to do but something keeping the process alive, the user is told. */
const lingerMs = 2000;

const cacheRoot =
  process.env.ORCH_CACHE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "orch");

const { exit } = process;
let sdk: Sdk | undefined;
let store: Store | undefined;
let failed = false;
let ending = false;
/** The exports have become stack outputs. */
let programDone = false;
let started = false;
const reported = new Set<unknown>();

let start: (options: StartOptions) => void;
const options = new Promise<StartOptions>((resolve) => {
  start = resolve;
});

const pipe = new Pipe(
  3,
  (message) => {
    if (message.type === "start") {
      releaseStart();
      start(message.options);
    } else exit.call(process, failed ? 1 : 0);
  },
  // Nobody is left to run for.
  () => exit.call(process, 1),
);
pipe.describe = describe;
const releaseStart = pipe.hold();

// A terminal sends its interrupt to the whole group; when to stop is for the engine to say, with SIGTERM.
process.on("SIGINT", () => {});
process.on("uncaughtException", (error) => void report(error));
process.on("unhandledRejection", (error) => void report(error));
process.on("beforeExit", () => void idle());

process.exit = ((code?: number | string | null): never => {
  if (!ending) {
    const frames = userFrames(new Error().stack);
    pipe.controlNow({ type: "exiting", code: Number(code ?? process.exitCode ?? 0), frames });
  }
  return exit.call(process, code);
}) as typeof process.exit;

/** Each error once: the SDK rejects several promises with the same. */
async function report(thrown: unknown): Promise<void> {
  if (reported.has(thrown)) return;
  reported.add(thrown);
  failed = true;
  const release = pipe.hold();
  try {
    pipe.control({
      type: "error",
      error: { ...(await describe(thrown)), ...(started ? {} : { early: true }) },
    });
  } finally {
    release();
  }
  endWhenQuiet();
}

/** A failed program may have timers or servers that would keep it alive for ever. */
function endWhenQuiet(): void {
  let seen = -1;
  const timer = setInterval(() => {
    if (pipe.pending > 0 || pipe.requests !== seen) {
      seen = pipe.requests;
      return;
    }
    clearInterval(timer);
    end();
  }, failedGraceMs);
  timer.unref();
}

/** Nothing is scheduled and no answer is awaited: the program is done, or hangs. */
function idle(): void {
  if (started && !ending) end();
}

function end(): void {
  if (ending) return;
  ending = true;
  pipe.hold();
  const code = Number(process.exitCode ?? 0);
  // Said without leaving: the program wants to fail all the same.
  if (code !== 0) pipe.control({ type: "exiting", code, frames: [] });
  pipe.control({ type: "finished", files: [...userFiles], ...(failed ? {} : hanging()) });
}

type Hanging = Pick<Extract<FromChild, { type: "finished" }>, "hanging">;

function hanging(): Hanging {
  const entries = [...(store?.pendingResourceRegistrations?.values() ?? [])];
  if (programDone && entries.length === 0 && callsUnderWay() === 0) return {};
  const explanation = cycle();
  return {
    hanging: {
      pending: entries.map(pendingRegistration),
      program: !programDone,
      ...(explanation === undefined ? {} : { explanation }),
    },
  };
}

function cycle(): string | undefined {
  const leaked = sdk?.load("runtime/debuggable.js").leakedPromises as
    | (() => [Set<unknown>, string])
    | undefined;
  const candidates = (store as { leakCandidates?: Set<unknown> } | undefined)?.leakCandidates;
  if (leaked === undefined || candidates === undefined) return undefined;
  // It explains only when it sees a leak, and leaks aren't tracked here.
  candidates.add({});
  const [, message] = leaked();
  return /^input[^\n]* would deadlock\.[^\n]*/m.exec(message)?.[0];
}

function pendingRegistration(entry: PendingEntry): PendingRegistration {
  const waits: Record<string, string> = {
    dependencies: "its dependsOn",
    inputs: entry.inputProperty === undefined ? "its inputs" : `its input "${entry.inputProperty}"`,
    parent: "its parent",
    provider: "its provider",
    "dependency-urns": "the resources that it depends on",
  };
  return {
    name: entry.name ?? entry.label,
    type: entry.type ?? "",
    waiting: waits[entry.phase] ?? entry.phase,
  };
}

function lingerWarning(): void {
  let seen = -1;
  const timer = setInterval(() => {
    if (ending || failed || !programDone || pipe.pending > 0 || pipe.requests !== seen) {
      seen = pipe.requests;
      return;
    }
    clearInterval(timer);
    // The pipe, the standard streams and this timer do not keep the process alive.
    const handles = process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY)Wrap$/.test(name));
    pipe.control({ type: "lingering", handles: [...new Set(handles)].filter((name) => name !== "SIGINT") });
  }, lingerMs);
  timer.unref();
}

function prepare(given: StartOptions): void {
  const env: Record<string, string> = {
    ...given.env,
    PULUMI_NODEJS_PROJECT: given.project,
    PULUMI_NODEJS_STACK: given.stack,
    PULUMI_NODEJS_ORGANIZATION: given.organization,
    PULUMI_NODEJS_ROOT_DIRECTORY: given.projectDir,
    PULUMI_NODEJS_DRY_RUN: String(given.dryRun),
    // Anything but 1, which would make the SDK send one resource after the other: the engine does its own scheduling.
    PULUMI_NODEJS_PARALLEL: String(Math.max(2, given.parallel)),
    PULUMI_CONFIG: JSON.stringify(given.config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(given.secretKeys),
  };
  Object.assign(process.env, env);
  process.chdir(given.programDir);
}

/** What the entry file exports, called if it is a function: these become the stack's outputs. */
async function runEntry(file: string, format: "cjs" | "esm", require: NodeJS.Require): Promise<unknown> {
  let exported: unknown;
  if (format === "cjs") {
    exported = require(file);
    const { __esModule: compiled, default: main } = (exported ?? {}) as {
      __esModule?: boolean;
      default?: unknown;
    };
    if (compiled === true && main !== undefined && Object.keys(exported as object).length === 1)
      exported = main;
  } else {
    const namespace = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    exported = { ...namespace };
    if (Object.hasOwn(namespace, "default")) {
      if (Object.keys(namespace).length !== 1) {
        throw new Error(
          "the program's entry module has both a default export and named exports; stack outputs can be one or the other",
        );
      }
      exported = namespace.default;
    }
  }
  return typeof exported === "function" ? await (exported as () => unknown)() : exported;
}

const compilerOf = (dir: string): Compiler => compilerFor(dir, join(cacheRoot, "programs"));

/** Compiles what the program most likely begins with, in a process of its own, while this one loads the SDK. */
async function compileAhead(): Promise<Compiler> {
  const compiler = compilerOf(programDir);
  try {
    const entry = findEntry(programDir, undefined);
    if (entry !== undefined) await compiler.compileAhead(programSources(entry, compiler.tsconfig));
  } catch {
    // A package.json that is no JSON, an esbuild that can't be started: said when the program itself needs it.
  }
  return compiler;
}

async function main(): Promise<void> {
  Module.enableCompileCache?.(join(cacheRoot, "v8"));
  const ahead = compileAhead();
  // Awaited once the options are here.
  ahead.catch(() => undefined);
  try {
    sdk = loadSdk(programDir, debug);
  } catch (error) {
    if (!(error instanceof SdkMissing)) throw error;
    failed = true;
    pipe.control({
      type: "error",
      error: { kind: "sdk", name: "Error", message: error.message, frames: [], early: true },
    });
    ending = true;
    pipe.hold();
    pipe.control({ type: "finished", files: [] });
    return;
  }
  pipe.control({ type: "ready", sdkVersion: sdk.version });
  const given = await options;
  if (engine !== undefined) startWatchdog(Number(engine));
  prepare(given);
  store = openStore(sdk, pipe);
  mapStackTraces();
  const compiler = await (given.programDir === programDir ? ahead : compilerOf(given.programDir));
  installLoader(compiler);
  explainSyntaxWith(compiler);
  const entry = findEntry(given.programDir, given.entry);
  started = true;
  if (entry === undefined) {
    failed = true;
    pipe.control({
      type: "error",
      error: { kind: "entry", name: "Error", message: given.entry ?? "index.ts", frames: [] },
    });
    end();
    return;
  }
  if (entry.warning !== undefined) {
    void (sdk.load("log/index.js") as { warn: (message: string) => Promise<void> }).warn(entry.warning);
  }
  process.argv = [process.execPath, entry.file];
  const require = Module.createRequire(join(given.programDir, "program.js"));
  lingerWarning();
  const { runInPulumiStack } = sdk.load("runtime/stack.js") as {
    runInPulumiStack: (run: () => Promise<unknown>) => Promise<unknown>;
  };
  const running = runInPulumiStack(() => runEntry(entry.file, entry.format, require));
  await running;
  programDone = true;
}

main().catch(report);
