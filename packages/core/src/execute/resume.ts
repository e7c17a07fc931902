/** After a crash: steps that were begun and of which no outcome is known. Each is looked into, and either settled or put to a person. */
import { type Failure, OrchError } from "../model/failure.js";
import type { ResourceState } from "../model/resource.js";
import { isProviderType, type Urn } from "../model/urn.js";
import type { ProviderRegistry } from "../provider/registry.js";
import { forProvider, fromProvider } from "../provider/secrets.js";
import type { Run, Snapshot, StateWrite, UnfinishedStep } from "../state/contract.js";

/** What a person says of a creation that can't be found again. */
export type ResumeAnswer =
  /** It was not created, or does not matter: create it again. */
  | { readonly kind: "retry" }
  /** It was created, with this id. */
  | { readonly kind: "adopt"; readonly id: string };

export interface Resumed {
  readonly settled: readonly {
    readonly urn: Urn;
    readonly how: "adopted" | "retry" | "gone" | "kept" | "half-done";
  }[];
  readonly open: readonly Failure[];
}

export async function resume(
  snapshot: Snapshot,
  run: Run,
  registry: ProviderRegistry,
  answers: ReadonlyMap<Urn, ResumeAnswer>,
): Promise<Resumed> {
  const settled: Resumed["settled"][number][] = [];
  const open: Failure[] = [];
  for (const unfinished of snapshot.unfinished) {
    try {
      const result = await settle(snapshot, unfinished, registry, answers.get(unfinished.intent.urn));
      if ("failure" in result) {
        open.push(result.failure);
        continue;
      }
      const { step, op, urn } = unfinished.intent;
      const outcome = result.how === "retry" ? ("failed" as const) : ("done" as const);
      await run.append([
        {
          kind: "outcome",
          step,
          op,
          urn,
          result: outcome,
          message: `resumed: ${result.how}`,
          writes: result.writes,
          at: Date.now(),
        },
      ]);
      settled.push({ urn, how: result.how });
    } catch (error) {
      if (!(error instanceof OrchError)) throw error;
      open.push({ ...error.failure, urn: error.failure.urn ?? unfinished.intent.urn });
    }
  }
  return { settled, open };
}

type Settlement =
  | { readonly how: Resumed["settled"][number]["how"]; readonly writes: readonly StateWrite[] }
  | { readonly failure: Failure };

async function settle(
  snapshot: Snapshot,
  { intent, runId }: UnfinishedStep,
  registry: ProviderRegistry,
  answer: ResumeAnswer | undefined,
): Promise<Settlement> {
  const { urn, op, id, type } = intent;
  // Nothing was asked of anybody outside.
  if (isProviderType(type) || intent.provider === undefined) return { how: "retry", writes: [] };
  const row = snapshot.resources.find((r) => r.urn === urn && r.deposed === intent.deposed);
  const providerRow = snapshot.resources.find((r) => r.urn === intent.provider && !r.deposed);
  if (answer?.kind === "retry") return { how: "retry", writes: [] };
  if (providerRow === undefined)
    return { failure: mustAsk(intent, runId, "the state does not hold its provider any more") };
  const { provider, traits } = await registry.fromState(providerRow);
  const name = urn.slice(urn.lastIndexOf("::") + 2);

  if (op === "create" && answer === undefined) {
    // Creating again is safe where the id is chosen by the inputs: what is there is recognised and taken over.
    if (traits.findAgain === "id-known-before" || traits.findAgain === "token")
      return { how: "retry", writes: [] };
    return {
      failure: mustAsk(intent, runId, "its provider offers no way to find an object that was just made"),
    };
  }
  const known = answer?.kind === "adopt" ? answer.id : id;
  if (known === undefined) return { failure: mustAsk(intent, runId, "its id is not known") };
  const { object } = await provider.read({
    urn,
    type,
    name,
    id: known,
    inputs: forProvider(row?.inputs ?? intent.inputs, traits),
    outputs: forProvider(row?.outputs ?? {}, traits),
  });
  if (object === undefined) {
    if (op === "delete") {
      return {
        how: "gone",
        writes: [{ remove: { urn, ...(intent.deposed ? { deposed: intent.deposed } : {}) } }],
      };
    }
    if (op === "update") return { how: "gone", writes: row ? [{ remove: { urn } }] : [] };
    return { failure: mustAsk(intent, runId, `there is no object with the id ${JSON.stringify(known)}`) };
  }
  // Still there: the next plan deletes it again.
  if (op === "delete") return { how: "kept", writes: [] };
  const inputs =
    Object.keys(object.inputs).length > 0
      ? fromProvider(object.inputs, intent.inputs, traits)
      : intent.inputs;
  const outputs = fromProvider(object.outputs, intent.inputs, traits, row?.options.additionalSecretOutputs);
  const found: ResourceState = {
    ...(row ?? {
      urn,
      type,
      name,
      custom: true,
      provider: intent.provider,
      dependencies: [],
      propertyDependencies: {},
      options: {},
    }),
    id: object.id,
    inputs,
    outputs,
    modifiedAt: Date.now(),
    // Nobody knows how far it came, so the next apply goes over it once more.
    ...(op === "update" ? { initErrors: ["the update was cut off"] } : {}),
  };
  return {
    how: op === "create" ? "adopted" : "half-done",
    writes: [{ put: found, order: snapshot.resources.length + intent.step }],
  };
}

function mustAsk(intent: UnfinishedStep["intent"], runId: number, why: string): Failure {
  const quoted = `'${intent.urn}'`;
  return {
    reason: "unfinished-steps",
    message: `Run ${runId} was cut off while it did a ${intent.op} of ${intent.urn}, and orch can't tell whether it took place: ${why}.`,
    urn: intent.urn,
    expected: "the outcome of the step",
    found: `begun at ${new Date(intent.at).toISOString()}, never ended`,
    next: [
      `If it exists: orch resume --urn ${quoted} --adopt ID`,
      `If it does not, or to make it again: orch resume --urn ${quoted} --retry`,
    ],
  };
}
