/** Running the stack's program, or what stands in for it. */
import type { EngineContext } from "../engine-contract.js";
import type { Plan } from "../model/plan.js";
import { plannedResources, registerEarlier, rowsBefore } from "../plan/undo.js";
import type { ProgramHost, ProgramOptions, ProgramResult, ProgramSink } from "../program/contract.js";
import { bound, here, inSpan, traceEnvironment } from "../trace/span.js";
import { defaultParallel } from "./providers.js";

export async function run(
  context: EngineContext,
  sink: ProgramSink,
  dryRun: boolean,
  signal: AbortSignal | undefined,
): Promise<ProgramResult> {
  const { project, config, store } = context;
  const options: ProgramOptions = {
    projectDir: project.dir,
    programDir: project.programDir,
    project: project.name,
    stack: store.info.stack,
    organization: "organization",
    config: Object.fromEntries(Object.entries(config.values).map(([key, { value }]) => [key, value])),
    secretKeys: Object.entries(config.values)
      .filter(([, { secret }]) => secret)
      .map(([key]) => key),
    dryRun,
    parallel: context.parallel ?? defaultParallel,
    events: context.events,
    env: traceEnvironment(),
    ...(project.entry ? { entry: project.entry } : {}),
    ...(signal ? { signal } : {}),
  };
  // Loaded when first needed: reading, destroying and drift run no program.
  const start = context.runProgram ?? (await import("../program/run.js")).runProgram;
  const host = dryRun ? unspentHost(context) : undefined;
  return inSpan("program", { "orch.dry_run": dryRun }, () => start(options, inThisSpan(sink), host));
}

/** What the program asks for arrives as events of a pipe that was opened before there was a span. */
function inThisSpan(sink: ProgramSink): ProgramSink {
  const parent = here();
  return {
    register: bound(parent, (resource) => sink.register(resource)),
    registerOutputs: bound(parent, (urn, outputs) => sink.registerOutputs(urn, outputs)),
    read: bound(parent, (resource) => sink.read(resource)),
    invoke: bound(parent, (request) => sink.invoke(request)),
    construct: bound(parent, (request) => sink.construct(request)),
    call: bound(parent, (request) => sink.call(request)),
  };
}

/** A child runs one program; a second plan of the same command starts its own. */
const spentHosts = new WeakSet<ProgramHost>();
function unspentHost({ programHost }: EngineContext): ProgramHost | undefined {
  if (programHost === undefined || spentHosts.has(programHost)) return undefined;
  spentHosts.add(programHost);
  return programHost;
}

/** While a plan is applied: the program once more, or the earlier state. What was unknown is known now. */
export async function runAgain(
  context: EngineContext,
  { undo, steps }: Plan,
  sink: ProgramSink,
  signal: AbortSignal,
): Promise<ProgramResult> {
  if (undo === undefined) return run(context, sink, false, signal);
  const rows = await rowsBefore(context.store, undo.before);
  return registerEarlier(rows, plannedResources(rows, steps), sink, false);
}
