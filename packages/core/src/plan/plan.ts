/** Makes a {@link Plan} out of a state and, for an apply, a program. */

import type { EventSink } from "../model/event.js";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import type { Drift, Step, StepId } from "../model/plan.js";
import type { Origin, ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import { hasUnknown, type PropertyMap } from "../model/value.js";
import type { ProgramResult, ProgramSink } from "../program/contract.js";
import { about } from "../provider/failures.js";
import type { ProviderRegistry } from "../provider/registry.js";
import type { Snapshot } from "../state/contract.js";
import { Planner, protectedFailure } from "./planner.js";
import { Prior } from "./prior.js";
import { type Reading, readAll } from "./refresh.js";
import { type Leaving, makeSteps } from "./steps.js";

export interface PlanRequest {
  readonly kind: "apply" | "destroy" | "refresh";
  readonly snapshot: Snapshot;
  readonly registry: ProviderRegistry;
  /** Runs the program against the sink. Called once, for `apply` only. */
  readonly runProgram: (sink: ProgramSink) => Promise<ProgramResult>;
  readonly refresh: boolean;
  /** What can't be read does not refuse the plan. */
  readonly unreadFromState: boolean;
  readonly replace: ReadonlySet<Urn>;
  /** Of what the program does not want: why it goes, when that is not the program's doing. */
  readonly leaving?: Leaving;
  readonly parallel: number;
  readonly events: EventSink;
  readonly signal?: AbortSignal;
}

/** What planning finds out; the engine adds what binds it to a stack. */
export interface PlanBody {
  readonly steps: readonly Step[];
  readonly drift: readonly Drift[];
  /** Why resources could not be read that are planned from the state. */
  readonly unread: readonly Failure[];
  readonly outputs: PropertyMap;
  readonly outputOrigins?: readonly Origin[];
  readonly priorOutputs: PropertyMap;
  readonly needsProgram: boolean;
  readonly program?: ProgramResult;
}

/** Rejects with an OrchError that holds everything found wrong, not only the first. */
export async function makePlan(request: PlanRequest): Promise<PlanBody> {
  const { kind, snapshot, registry } = request;
  const reading =
    request.refresh || kind === "refresh" ? await readAll(snapshot, registry, request) : undefined;
  if (request.signal?.aborted) {
    throw new OrchError({ reason: "interrupted", message: "Interrupted. Nothing was changed." });
  }
  const unread = reading?.failures ?? [];
  if (unread.length > 0 && (kind === "refresh" || !request.unreadFromState))
    throw new OrchError(together(unread, "read"));
  if (kind === "refresh") return refreshOnly(snapshot, reading as Reading);

  const base = reading
    ? refreshed(snapshot, reading)
    : { snapshot, gone: new Map(), changed: new Set<Urn>() };
  const prior = new Prior(base.snapshot);
  if (kind === "destroy") {
    const steps = makeSteps([], prior, { reason: { kind: "destroy" } });
    refuseProtected(steps);
    await startProviders(steps, prior, registry);
    const forgotten = goneSteps(reading, steps);
    return {
      steps: [...steps, ...forgotten],
      drift: reading?.drift ?? [],
      unread,
      outputs: {},
      priorOutputs: snapshot.outputs,
      needsProgram: false,
    };
  }

  const planner = new Planner(prior, registry, {
    replace: request.replace,
    gone: base.gone,
    refreshed: base.changed,
    parallel: request.parallel,
    events: request.events,
  });
  let program: ProgramResult;
  try {
    program = await request.runProgram(planner);
  } catch (error) {
    // A refused property often makes the program fail too: the cause is what the person must see.
    if (planner.failures.length > 0)
      throw new OrchError(together(planner.failures, "plan"), { cause: error });
    throw error;
  }
  if (planner.failures.length > 0) throw new OrchError(together(planner.failures, "plan"));
  const order = new Map(program.resources.map((resource, i) => [resource.urn, i]));
  const drafts = [...planner.drafts.values()].sort(
    (a, b) => (order.get(a.resource.urn) ?? 0) - (order.get(b.resource.urn) ?? 0),
  );
  const steps = makeSteps(drafts, prior, request.leaving ?? { reason: { kind: "removed-from-program" } });
  refuseProtected(steps);
  await startProviders(steps, prior, registry);
  const forgotten = goneSteps(reading, steps);
  return {
    steps: [...steps, ...forgotten],
    drift: reading?.drift ?? [],
    unread,
    outputs: program.outputs,
    ...(program.outputOrigins === undefined ? {} : { outputOrigins: program.outputOrigins }),
    priorOutputs: snapshot.outputs,
    needsProgram:
      program.needsProgram ||
      hasUnknown(program.outputs) ||
      steps.some((step) => step.op !== "delete" && unfinished(step)),
    program,
  };
}

/** Something that is sent or kept is only known once the program has seen what was made. */
function unfinished(step: Step): boolean {
  if (step.op === "refresh" || step.op === "delete") return false;
  if (hasUnknown(step.resource.inputs) || hasUnknown(step.inputs)) return true;
  if (step.op === "read") return hasUnknown(step.objectId);
  return !step.resource.custom && hasUnknown(step.outputs);
}

function refuseProtected(steps: readonly Step[]): void {
  const failures = steps
    .filter(
      (step) => step.op === "delete" && step.prior.options.protect === true && !step.replaced && !step.forget,
    )
    .map((step) => protectedFailure((step as { prior: ResourceState }).prior, "delete"));
  if (failures.length > 0) throw new OrchError(together(failures, "plan"));
}

/**
 * Starts and configures the providers that only deletions need: a missing plugin or a wrong checksum must stop the plan, not the apply after it has
 * deleted half of the stack.
 */
async function startProviders(
  steps: readonly Step[],
  prior: Prior,
  registry: ProviderRegistry,
): Promise<void> {
  const providers = prior.snapshot.resources.filter((row) => isProviderType(row.type));
  const needed = new Map<ResourceState, ResourceState>();
  for (const step of steps) {
    if (step.op !== "delete" || step.forget || step.prior.provider === undefined) continue;
    const { provider, providerId } = step.prior;
    const rows = providers.filter((row) => row.urn === provider);
    const row = rows.find((r) => r.id === providerId) ?? rows[0];
    if (row && !needed.has(row)) needed.set(row, step.prior);
  }
  const failures: Failure[] = [];
  await Promise.all(
    [...needed].map(([row, served]) =>
      registry.fromState(row).catch((error: unknown) => failures.push(about(served, toFailure(error)))),
    ),
  );
  if (failures.length > 0) throw new OrchError(together(failures, "plan"));
}

/** One failure for all, in the order of their places in the program; a single one as it is. */
export function together(failures: readonly Failure[], what: "plan" | "read"): Failure {
  const causes = [...failures].sort(byPlace);
  const [first] = causes;
  if (causes.length === 1 && first) return first;
  return {
    reason: (first as Failure).reason,
    message:
      what === "plan"
        ? `${causes.length} resources can't be planned.`
        : `${causes.length} resources could not be read.`,
    causes,
  };
}

/** Providers answer in any order. What has no place in the program comes last, as it came. */
function byPlace({ source: a }: Failure, { source: b }: Failure): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

/** The warning for resources that could not be read; none where all could. */
export function notRefreshed(unread: readonly Failure[]): readonly Failure[] {
  if (unread.length === 0) return [];
  // What many share, as when a system is down, is one cause.
  const causes = new Map<string, Failure>();
  for (const failure of unread) {
    const { urn: _urn, source: _source, ...shared } = failure;
    const key = JSON.stringify(shared);
    causes.set(key, causes.has(key) ? shared : failure);
  }
  const resources = unread.length === 1 ? "1 resource" : `${unread.length} resources`;
  return [
    {
      reason: "not-refreshed",
      message: `${resources} could not be read, and this plan takes the state's word for what they are.`,
      causes: [...causes.values()],
    },
  ];
}

function refreshed(
  snapshot: Snapshot,
  reading: Reading,
): { snapshot: Snapshot; gone: Map<Urn, string>; changed: Set<Urn> } {
  const observed = new Map(reading.observations.map((o) => [o.prior, o]));
  const gone = new Map<Urn, string>();
  const changed = new Set<Urn>();
  const resources: ResourceState[] = [];
  for (const row of snapshot.resources) {
    const observation = observed.get(row);
    if (observation === undefined) resources.push(row);
    else if (observation.observed === undefined) {
      gone.set(row.urn, `${row.type} ${JSON.stringify(row.id)} is not there any more`);
    } else {
      resources.push(observation.observed);
      if (observation.observed !== row) changed.add(row.urn);
    }
  }
  return { snapshot: { ...snapshot, resources }, gone, changed };
}

/** Rows whose object is gone and that the program does not make again: only their record is left to take away. */
function goneSteps(reading: Reading | undefined, steps: readonly Step[]): Step[] {
  if (reading === undefined) return [];
  const made = new Set(steps.map((step) => step.urn));
  let next: StepId = steps.length;
  return reading.observations
    .filter((o) => o.observed === undefined && !made.has(o.prior.urn))
    .map(({ prior }) => refreshStep(next++, prior, undefined));
}

function refreshOnly(snapshot: Snapshot, reading: Reading): PlanBody {
  const steps = reading.observations
    .filter(({ prior, observed }) => observed !== prior)
    .map(({ prior, observed }, i) => refreshStep(i, prior, observed));
  return {
    steps,
    drift: reading.drift,
    unread: [],
    outputs: snapshot.outputs,
    priorOutputs: snapshot.outputs,
    needsProgram: false,
  };
}

function refreshStep(id: StepId, prior: ResourceState, observed: ResourceState | undefined): Step {
  return {
    op: "refresh",
    id,
    urn: prior.urn,
    after: [],
    prior,
    ...(observed ? { observed } : { reason: { kind: "gone", detail: "it is not there any more" } }),
  };
}
