/** After a crash: steps that were begun and of which no outcome is known. Each is looked into, and either settled or put to a person. */
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import type { PropertyMap } from "../model/value.js";
import { findAgainOf } from "../provider/find-again.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { forProvider, fromProvider } from "../provider/secrets.js";
import { timeouts } from "../provider/timeouts.js";
import type { Intent, Run, Snapshot, StateWrite, UnfinishedStep } from "../state/contract.js";
import { create } from "./operations.js";

/** What a person says of a step that can't be settled otherwise. */
export type ResumeAnswer =
  /** It did not take place, or may take place again: the next apply does it. */
  | { readonly kind: "retry" }
  /** Of a creation: it made the object with this id. */
  | { readonly kind: "adopt"; readonly id: string }
  /** Whatever became of it is no business of orch's any more: of a deletion, the row goes without its object. */
  | { readonly kind: "forget" };

export interface Settled {
  readonly urn: Urn;
  readonly op: Intent["op"];
  readonly id?: string;
  readonly how: /** The object that a cut-off creation made was found, and is in the state. */
    | "adopted"
    /** The creation was sent again with its own token and inputs; the object is in the state. */
    | "completed"
    /** It did not take place; the next apply does it. */
    | "retry"
    /** The object is not there any more; neither is its row. */
    | "gone"
    /** The deletion did not take place; the next apply does it. */
    | "kept"
    /** The object is as it was read; the next apply goes over it once more. */
    | "half-done"
    | "forgotten";
}

/** A sentence for people about one settled step. */
export function settledText({ op, how, id }: Pick<Settled, "op" | "how" | "id">): string {
  const object = id === undefined ? "the object" : `the object ${id}`;
  switch (how) {
    case "adopted":
      return `its creation was cut off; ${object} was found and is in the state now.`;
    case "completed":
      return `its creation was cut off and sent once more with the same token; ${object} is in the state now.`;
    case "retry":
      return `its ${op === "create" ? "creation" : op} was cut off and did not take place; the next apply does it.`;
    case "gone":
      return `its ${op === "delete" ? "deletion" : op} was cut off; ${object} is gone, and so is its row.`;
    case "kept":
      return `its deletion was cut off and did not take place; the next apply does it.`;
    case "half-done":
      return `its update was cut off; ${object} was read back, and the next apply goes over it once more.`;
    case "forgotten":
      return `its ${op} was cut off; it is left as it is, and no longer asked about.`;
  }
}

export interface OpenStep {
  readonly unfinished: UnfinishedStep;
  /** Why it is open, and the commands that answer. */
  readonly failure: Failure;
  /** The reason alone, as part of a sentence. */
  readonly why: string;
  /** Only calling `create` again can tell, and that was not asked for. */
  readonly waits?: true;
}

export interface Resumed {
  readonly settled: readonly Settled[];
  readonly open: readonly OpenStep[];
}

export interface ResumeRequest {
  readonly snapshot: Snapshot;
  readonly run: Run;
  readonly registry: ProviderRegistry;
  /** By the URN of the step. */
  readonly answers: ReadonlyMap<Urn, ResumeAnswer>;
  /** False: only look. Creations that are found again by sending them again stay open. */
  readonly complete: boolean;
  readonly parallel: number;
  readonly signal?: AbortSignal;
}

export async function resume(request: ResumeRequest): Promise<Resumed> {
  const { snapshot, run, answers, parallel } = request;
  const settled: Settled[] = [];
  const open: OpenStep[] = [];
  const settleOne = async (unfinished: UnfinishedStep): Promise<void> => {
    const { intent } = unfinished;
    const result = await tryToSettle(request, unfinished, answers.get(intent.urn));
    if ("failure" in result) {
      open.push(result);
      return;
    }
    const { step, op, urn } = intent;
    await run.append([
      {
        kind: "outcome",
        step,
        op,
        urn,
        result:
          result.how === "adopted" || result.how === "completed" || result.how === "gone" ? "done" : "failed",
        message: `resumed: ${result.how}`,
        writes: result.writes,
        at: Date.now(),
      },
    ]);
    settled.push({ urn, op, how: result.how, ...(result.id === undefined ? {} : { id: result.id }) });
  };
  // They stand beside each other: what needs one of them was not begun before it had ended.
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < snapshot.unfinished.length && request.signal?.aborted !== true) {
      await settleOne(snapshot.unfinished[next++] as UnfinishedStep);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, snapshot.unfinished.length) }, worker));
  // Interrupted before they were looked into.
  for (const unfinished of snapshot.unfinished.slice(next)) {
    open.push(mustAsk(unfinished, "it was not looked into yet"));
  }
  return { settled, open };
}

/** Nothing was looked into. */
export const leftOpen = (unfinished: readonly UnfinishedStep[], why: string): Resumed => ({
  settled: [],
  open: unfinished.map((step) => ({ ...mustAsk(step, why), waits: true })),
});

type Settlement =
  | { readonly how: Settled["how"]; readonly id?: string; readonly writes: readonly StateWrite[] }
  | OpenStep;

/** A provider that can't be asked leaves the step open; only a state that can't be written is an error. */
async function tryToSettle(
  request: ResumeRequest,
  unfinished: UnfinishedStep,
  answer: ResumeAnswer | undefined,
): Promise<Settlement> {
  try {
    return await settle(request, unfinished, answer);
  } catch (error) {
    const cause = toFailure(error);
    const step = mustAsk(unfinished, `its provider could not tell (${cause.message})`);
    return { ...step, failure: { ...step.failure, causes: [cause] } };
  }
}

async function settle(
  request: ResumeRequest,
  unfinished: UnfinishedStep,
  answer: ResumeAnswer | undefined,
): Promise<Settlement> {
  const { intent } = unfinished;
  const { op, id, type } = intent;
  // Nothing was asked of anybody outside.
  if (isProviderType(type) || intent.provider === undefined) return { how: "retry", writes: [] };
  if (answer?.kind === "retry") return { how: op === "delete" ? "kept" : "retry", writes: [] };
  if (answer?.kind === "forget") {
    return { how: "forgotten", writes: op === "delete" ? removal(intent) : [] };
  }
  const at: Place = { ...request, unfinished, before: rowBefore(request.snapshot, intent) };
  if (op === "create" && intent.changes !== true) {
    if (answer?.kind === "adopt") return adopt(at, await providerOf(at), answer.id);
    return findCreated(at, await providerOf(at));
  }
  if (answer?.kind === "adopt") {
    return mustAsk(unfinished, `a step that is a ${op} has no object to adopt`);
  }
  if (id === undefined) return mustAsk(unfinished, "its id is not known");
  const object = await readObject(at, await providerOf(at), id);
  if (op === "delete") {
    // Still there: the next plan deletes it again.
    return object === undefined
      ? { how: "gone", id, writes: removal(intent) }
      : { how: "kept", id, writes: [] };
  }
  if (object === undefined) {
    const urn = at.before?.urn ?? intent.urn;
    return { how: "gone", id, writes: at.before ? [{ remove: { urn } }] : [] };
  }
  const writes = recorded(at, object, ["the update was cut off"]);
  return { how: "half-done", id: object.id, writes };
}

interface Place extends ResumeRequest {
  readonly unfinished: UnfinishedStep;
  /** The row of the object that is changed or deleted. */
  readonly before: ResourceState | undefined;
}

interface Found {
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

async function findCreated(at: Place, configured: ConfiguredProvider): Promise<Settlement> {
  const { unfinished, snapshot, complete } = at;
  const { intent } = unfinished;
  const { type, urn } = intent;
  const how = findAgainOf(configured, type);
  switch (how) {
    case "id-known-before":
      if (intent.id !== undefined) {
        const object = await readObject(at, configured, intent.id);
        if (object) return adopted(at, object);
      }
      // Not there yet is not never: the request may still be on its way, and a new plan could draw another name. The same once more makes no second one.
      return complete ? createAgain(at, configured) : waiting(unfinished);
    case "token":
      if (intent.token === undefined) return mustAsk(unfinished, "it was begun without a token");
      return complete ? createAgain(at, configured) : waiting(unfinished);
    case "list": {
      const known = snapshot.resources
        .filter((row) => row.id !== undefined && besides(row, at))
        .map((row) => row.id as string);
      const { provider, traits } = configured;
      const found = await provider.find?.({
        urn,
        type,
        name: nameOf(urn),
        inputs: forProvider(intent.inputs, traits),
        since: intent.at,
        known,
        ...(intent.token ? { token: intent.token } : {}),
        ...(at.signal ? { signal: at.signal } : {}),
      });
      if (found?.id === undefined) return { how: "retry", writes: [] };
      return adopt(at, configured, found.id);
    }
    case "no":
      return mustAsk(unfinished, "its provider offers no way to find an object that was just made");
  }
}

async function adopt(at: Place, configured: ConfiguredProvider, id: string): Promise<Settlement> {
  const { snapshot, unfinished } = at;
  const owner = snapshot.resources.find((row) => row.id === id && besides(row, at));
  if (owner) {
    return mustAsk(
      unfinished,
      `the object with the id ${JSON.stringify(id)} is already in the state, as ${owner.urn}`,
    );
  }
  const object = await readObject(at, configured, id);
  return object
    ? adopted(at, object)
    : mustAsk(unfinished, `there is no object with the id ${JSON.stringify(id)}`);
}

/** Of the same type and in the same system, where an id means one object. */
function besides(row: ResourceState, at: Place): boolean {
  const { type, provider } = at.unfinished.intent;
  const { providerId } = templateOf(at);
  return (
    row.type === type &&
    row.provider === provider &&
    (row.providerId === undefined || providerId === undefined || row.providerId === providerId)
  );
}

const adopted = (at: Place, object: Found): Settlement => ({
  how: "adopted",
  id: object.id,
  writes: recorded(at, object, undefined),
});

/** The same call once more: whoever takes tokens, or ids that are in the inputs, makes one object of it. */
async function createAgain(at: Place, configured: ConfiguredProvider): Promise<Settlement> {
  const { unfinished } = at;
  const { intent } = unfinished;
  const { urn, type, inputs, provider, token } = intent;
  const template = templateOf(at);
  const resource: Resource = {
    ...template,
    urn,
    type,
    custom: true,
    inputs,
    aliases: [],
    ...(provider ? { provider } : {}),
  };
  const { row } = await create(configured, { urn }, resource, inputs, token as string);
  const made = row as ResourceState;
  const { writes } = intent.expected ?? { writes: [] };
  const put = { ...template, ...made, ...providerIdOf(template) };
  return {
    how: "completed",
    id: made.id as string,
    writes: [...writes, { put, order: orderOf(at) }],
  };
}

async function readObject(
  at: Place,
  { provider, traits }: ConfiguredProvider,
  id: string,
): Promise<Found | undefined> {
  const { before, unfinished, signal } = at;
  const { urn, type, inputs } = unfinished.intent;
  const { object } = await provider.read({
    urn,
    type,
    name: nameOf(urn),
    id,
    inputs: forProvider(before?.inputs ?? inputs, traits),
    outputs: forProvider(before?.outputs ?? {}, traits),
    ...timeouts(templateOf(at), "read"),
    ...(signal ? { signal } : {}),
  });
  if (object === undefined) return undefined;
  const read = Object.keys(object.inputs).length > 0;
  return {
    id: object.id,
    // Not read back: what was there before an update is all that is sure, and the next plan goes over it again.
    inputs: read ? fromProvider(object.inputs, inputs, traits) : (before?.inputs ?? inputs),
    outputs: fromProvider(object.outputs, inputs, traits, templateOf(at).options.additionalSecretOutputs),
  };
}

/** What the step's own outcome would have written, with the object as it was found. */
function recorded(
  at: Place,
  { id, inputs, outputs }: Found,
  initErrors: readonly string[] | undefined,
): StateWrite[] {
  const { initErrors: _, ...template } = templateOf(at);
  const put: ResourceState = {
    ...template,
    id,
    inputs,
    outputs,
    modifiedAt: Date.now(),
    ...(initErrors ? { initErrors } : {}),
  };
  return [...(at.unfinished.intent.expected?.writes ?? []), { put, order: orderOf(at) }];
}

/** The row to be, as the intent tells it; an intent of an older orch tells less. */
function templateOf({ before, unfinished }: Place): Omit<ResourceState, "id" | "inputs" | "outputs"> {
  const { intent } = unfinished;
  if (intent.expected?.row) return intent.expected.row;
  if (before && intent.op !== "create") return before;
  const { urn, type, provider } = intent;
  return {
    urn,
    type,
    name: nameOf(urn),
    custom: true,
    dependencies: [],
    propertyDependencies: {},
    options: {},
    ...(provider ? { provider } : {}),
  };
}

/** The row that an update or a deletion was about, under the URN that it still has. */
function rowBefore(snapshot: Snapshot, intent: Intent): ResourceState | undefined {
  if (intent.op === "create" && intent.changes !== true) return undefined;
  let { urn } = intent;
  for (const write of intent.expected?.writes ?? []) {
    if ("rename" in write && write.to === urn) urn = write.rename;
    if ("remove" in write) urn = write.remove.urn;
  }
  return snapshot.resources.find((row) => row.urn === urn && row.deposed === intent.deposed);
}

const removal = (intent: Intent): readonly StateWrite[] =>
  intent.expected?.writes ?? [
    { remove: { urn: intent.urn, ...(intent.deposed ? { deposed: intent.deposed } : {}) } },
  ];

/** The provider that the step was begun with, even if another one stands in its place by now. */
async function providerOf(at: Place): Promise<ConfiguredProvider> {
  const { snapshot, registry, unfinished, before } = at;
  const { provider: urn } = unfinished.intent;
  const rows = snapshot.resources.filter((row) => row.urn === urn);
  const id = before?.providerId ?? templateOf(at).providerId;
  const row = rows.find((r) => r.id === id) ?? rows.find((r) => !r.deposed) ?? rows[0];
  if (row === undefined) {
    throw new OrchError({
      reason: "state-invalid",
      message: "The state does not hold its provider any more.",
      urn: unfinished.intent.urn,
      expected: urn ?? "a provider",
      found: "no such resource",
    });
  }
  return registry.fromState(row);
}

/** Where a row stands in the state matters little: reading puts dependencies before dependents. */
const orderOf = ({ unfinished }: Place): number => unfinished.intent.step;
const providerIdOf = ({
  providerId,
}: Pick<ResourceState, "providerId">): Pick<ResourceState, "providerId"> =>
  providerId === undefined ? {} : { providerId };
const nameOf = (urn: Urn): string => urn.slice(urn.lastIndexOf("::") + 2);

/** In the order in which a person would think of them. */
export function answersTo({ intent }: UnfinishedStep): readonly ResumeAnswer["kind"][] {
  return intent.op === "create" && intent.changes !== true
    ? ["adopt", "retry", "forget"]
    : ["retry", "forget"];
}

const mustAsk = (unfinished: UnfinishedStep, why: string): OpenStep => ({
  unfinished,
  why,
  failure: openFailure(
    unfinished,
    why,
    answersTo(unfinished).map((kind) => {
      const { op, urn } = unfinished.intent;
      return `${whenTo(kind, op)}: orch resume --urn ${quoted(urn)} --${kind === "adopt" ? "adopt ID" : kind}`;
    }),
  ),
});

function openFailure({ intent, runId }: UnfinishedStep, why: string, next: readonly string[]): Failure {
  const { op, urn, at } = intent;
  return {
    reason: "unfinished-steps",
    message: `Run ${runId} was cut off while it did a ${op} of ${urn}, and orch can't tell whether it took place: ${why}.`,
    urn,
    expected: "the outcome of the step",
    found: `begun at ${new Date(at).toISOString()}, never ended`,
    next,
  };
}

function whenTo(answer: ResumeAnswer["kind"], op: Intent["op"]): string {
  switch (answer) {
    case "adopt":
      return "If it exists";
    case "retry":
      return op === "create" ? "If it does not exist, to make it anew" : "To do it again";
    case "forget":
      return op === "delete"
        ? "If it is gone, or to leave it alone from now on"
        : "To drop the question and leave everything as it is";
  }
}

/** Only sending the creation again tells; a plan does not do that. */
function waiting(unfinished: UnfinishedStep): OpenStep {
  const why = "sending it again tells, and makes no second object, but a plan sends nothing";
  const next = ["orch resume", "Or orch apply, which does that before it plans."];
  return { unfinished, why, waits: true, failure: openFailure(unfinished, why, next) };
}

const quoted = (urn: Urn): string => `'${urn.replaceAll("'", "'\\''")}'`;

/** One failure for all that is open; a single one as it is. */
export function together(open: readonly Failure[], first: Failure): Failure {
  if (open.length === 1) return first;
  return {
    reason: "unfinished-steps",
    message: `${open.length} steps of a run that was cut off are still open.`,
    causes: open,
    next: ["orch resume lists them with all that is known."],
  };
}
