/** Makes a {@link Plan} out of a state and, for an apply, a program. */

import type { EventSink } from "../model/event.js";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import { type Drift, type PlanSelection, type Step, type StepId, settledOutputs } from "../model/plan.js";
import type { Origin, ResourceState } from "../model/resource.js";
import { isProviderType, rootStackType, type Urn } from "../model/urn.js";
import { hasUnknown, type PropertyMap } from "../model/value.js";
import type { ProgramResult, ProgramSink } from "../program/contract.js";
import { about } from "../provider/failures.js";
import type { ProviderRegistry } from "../provider/registry.js";
import type { Snapshot } from "../state/contract.js";
import { Planner, protectedFailure } from "./planner.js";
import { Prior } from "./prior.js";
import { type Reading, readAll } from "./refresh.js";
import { Patterns, Selection, type SelectionOptions } from "./selection.js";
import { type Settled, settle, settleRemovals } from "./settle.js";
import { type Draft, type Leaving, makeSteps } from "./steps.js";

export interface PlanRequest {
  readonly kind: "apply" | "destroy" | "refresh";
  readonly snapshot: Snapshot;
  readonly registry: ProviderRegistry;
  /** Runs the program against the sink. Called once, for `apply` only. */
  readonly runProgram: (sink: ProgramSink) => Promise<ProgramResult>;
  readonly refresh: boolean;
  /** What can't be read does not refuse the plan. */
  readonly unreadFromState: boolean;
  /** Patterns of what to replace whatever the comparison says. */
  readonly replace: readonly string[];
  /** Absent: of everything. */
  readonly selection?: SelectionOptions;
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
  readonly selection?: PlanSelection;
  /** Of what the selection leaves behind. */
  readonly warnings: readonly Failure[];
  readonly program?: ProgramResult;
}

/** Rejects with an OrchError that holds everything found wrong, not only the first. */
export async function makePlan(request: PlanRequest): Promise<PlanBody> {
  const { kind, snapshot, registry } = request;
  const selection = request.selection ? new Selection(request.selection, snapshot.resources) : undefined;
  // Without a program the state is all that a pattern can name.
  if (selection && kind !== "apply") refuse(selection.missed());
  const reading =
    request.refresh || kind === "refresh"
      ? await readAll(snapshot, registry, request, selection && (({ urn }) => selection.has(urn)))
      : undefined;
  if (request.signal?.aborted) {
    throw new OrchError({ reason: "interrupted", message: "Interrupted. Nothing was changed." });
  }
  const unread = reading?.failures ?? [];
  if (unread.length > 0 && (kind === "refresh" || !request.unreadFromState))
    throw new OrchError(together(unread, "read"));
  if (kind === "refresh") return { ...refreshOnly(snapshot, reading as Reading), ...selected(selection) };

  const base = reading
    ? refreshed(snapshot, reading)
    : { snapshot, gone: new Map(), changed: new Set<Urn>() };
  const prior = new Prior(base.snapshot);
  if (kind === "destroy") {
    const settled = selection && settleRemovals(selection, prior, base.gone);
    refuse(settled?.failures ?? []);
    const steps = makeSteps([], prior, {
      reason: { kind: "destroy" },
      ...(settled ? { kept: settled.kept } : {}),
    });
    refuseProtected(steps);
    await startProviders(steps, prior, registry);
    const forgotten = goneSteps(reading, steps);
    return {
      steps: [...steps, ...forgotten],
      drift: reading?.drift ?? [],
      unread,
      // What is left of the stack gives out what it gave.
      outputs: selection ? snapshot.outputs : {},
      priorOutputs: snapshot.outputs,
      needsProgram: false,
      warnings: [],
      ...selected(selection, settled),
    };
  }

  const replace = new Patterns("--replace", request.replace);
  const planner = new Planner(prior, registry, {
    replace,
    ...(selection ? { selection } : {}),
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
  refuse(planner.failures);
  const settled = selection && settlePlan(planner, selection, base.gone);
  refuse([...replace.missed(), ...leftOfReplace(planner), ...(settled?.failures ?? [])]);
  const outputs = settled ? settleOutputs(settled.drafts, program, snapshot.outputs) : program.outputs;
  const order = new Map(program.resources.map((resource, i) => [resource.urn, i]));
  const drafts = [...(settled?.drafts ?? planner.drafts.values())].sort(
    (a, b) => (order.get(a.resource.urn) ?? 0) - (order.get(b.resource.urn) ?? 0),
  );
  const steps = makeSteps(drafts, prior, {
    ...(request.leaving ?? { reason: { kind: "removed-from-program" } }),
    ...(settled ? { kept: settled.kept } : {}),
  });
  refuseProtected(steps);
  await startProviders(steps, prior, registry);
  const forgotten = goneSteps(reading, steps);
  return {
    steps: [...steps, ...forgotten],
    drift: reading?.drift ?? [],
    unread,
    outputs,
    ...(program.outputOrigins === undefined ? {} : { outputOrigins: program.outputOrigins }),
    priorOutputs: snapshot.outputs,
    needsProgram:
      program.needsProgram ||
      hasUnknown(outputs) ||
      steps.some((step) => step.op !== "delete" && unfinished(step)),
    program,
    warnings: settled?.warnings ?? [],
    ...selected(selection, settled),
  };
}

/** Throws all of them as one. */
export function refuse(failures: readonly Failure[]): void {
  if (failures.length > 0) throw new OrchError(together(failures, "plan"));
}

const selected = (
  selection: Selection | undefined,
  { brought = [], held = [] }: Partial<Pick<Settled, "brought" | "held">> = {},
): { readonly selection?: PlanSelection } =>
  selection ? { selection: { ...selection.options, brought, held } } : {};

const settlePlan = (
  { drafts, left, forced, called, prior }: Planner,
  selection: Selection,
  gone: ReadonlyMap<Urn, string>,
): Settled => settle({ drafts, left, forced, called, prior, selection, gone });

/** To be replaced, and not part of the plan. */
const leftOfReplace = ({ asked, left }: Pick<Planner, "asked" | "left">): Failure[] =>
  [...asked].flatMap((urn) => {
    const one = left.get(urn);
    if (one === undefined) return [];
    const { name, type } = one.resource;
    return [
      {
        reason: "invalid-flag",
        message: `${name} (${type}) is to be replaced, but it is not part of the plan.`,
        urn,
        expected: "--replace for what is targeted and not excluded",
        next: [`Give \`--target\` for it as well.`],
      } satisfies Failure,
    ];
  });

/**
 * What the stack gives out in the end. An output that is unknown because of what is left out stays what it was: where nothing of the plan has an unknown
 * outcome, and where all that it is made of is known to be left out. Otherwise only the apply can tell the two apart.
 */
function settleOutputs(
  drafts: readonly Draft[],
  { outputs, outputOrigins = [] }: ProgramResult,
  before: PropertyMap,
): PropertyMap {
  const done = drafts.filter(({ held, resource }) => !held && resource.type !== rootStackType);
  const open = done.some(({ outputs: its, id }) => hasUnknown(its) || (id !== undefined && hasUnknown(id)));
  const urns = new Set(done.map(({ resource }) => resource.urn));
  const isLeft = (key: string): boolean => {
    const from = outputOrigins.filter(({ path }) => path[0] === key);
    return from.length > 0 && from.every(({ urn }) => !urns.has(urn));
  };
  const settled = settledOutputs(outputs, before, (key) => !open || isLeft(key));
  for (const draft of drafts) if (draft.resource.type === rootStackType) draft.outputs = settled;
  return settled;
}

/** Something that is sent or kept is only known once the program has seen what was made. */
function unfinished(step: Step): boolean {
  if (step.op === "refresh" || step.op === "delete" || (step.op === "same" && step.held)) return false;
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
  refuse(failures);
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
    warnings: [],
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
