/** Reading many rows: together where their provider can, else each by itself. */

import { Limit } from "../graph/limit.js";
import { type Failure, toFailure } from "../model/failure.js";
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { Provider, ReadManyResponse } from "../provider/contract.js";
import { about } from "../provider/failures.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { timeouts } from "../provider/timeouts.js";
import { type Observation, observe, readOf } from "./observation.js";

export interface ReadRowsOptions {
  /** Requests at the same time. */
  readonly parallel: number;
  /** Once it fires, nothing new is begun. */
  readonly signal?: AbortSignal;
}
export type RowAnswer = Observation | { readonly failure: Failure };

/** Rows in one `readMany`: bounds what one timeout or one failure takes with it. */
const most = 5000;

/**
 * Hands each row's answer on as it comes; rows that `signal` came before get none. Never rejects: what goes wrong is the answer of the rows that it
 * concerns.
 */
export async function readRows(
  rows: readonly ResourceState[],
  providers: ReadonlyMap<Urn, ResourceState>,
  registry: ProviderRegistry,
  { parallel, signal }: ReadRowsOptions,
  answered: (row: ResourceState, answer: RowAnswer) => void,
): Promise<void> {
  const limit = new Limit(parallel);
  const stop = signal ? { signal } : {};
  // What fails while all is being stopped was most likely stopped.
  const failed = (row: ResourceState, failure: Failure): void => {
    if (!signal?.aborted) answered(row, { failure: about(row, failure) });
  };
  /** Runs when its turn comes, unless all was stopped; a failure is that of every row it is about. */
  const turn = (concerned: readonly ResourceState[], work: () => Promise<void>): Promise<void> =>
    limit.run(async () => {
      if (signal?.aborted) return;
      try {
        await work();
      } catch (error) {
        const failure = toFailure(error);
        for (const row of concerned) failed(row, failure);
      }
    });

  const readAlone = async (row: ResourceState, { provider, traits }: ConfiguredProvider): Promise<void> => {
    const answer = await provider.read({ ...readOf(row, traits), ...timeouts(row, "read"), ...stop });
    answered(row, observe(row, answer, traits));
  };
  const readTogether = async (
    rows: readonly ResourceState[],
    readMany: NonNullable<Provider["readMany"]>,
    { traits }: ConfiguredProvider,
  ): Promise<void> => {
    const answers = await readMany({
      reads: rows.map((row) => readOf(row, traits)),
      ...timeouts(rows[0] as ResourceState, "read"),
      ...stop,
    });
    for (const [i, row] of rows.entries()) {
      const answer = answers[i] ?? noAnswer(rows, answers);
      if ("failure" in answer) failed(row, answer.failure);
      else answered(row, observe(row, answer, traits));
    }
  };

  const readOfProvider = async (urn: Urn, own: readonly ResourceState[]): Promise<void> => {
    let configured: ConfiguredProvider | undefined;
    await turn(own, async () => {
      const row = providers.get(urn);
      if (row === undefined) throw new TypeError(`the state holds no provider ${urn || "(none)"}`);
      configured = await registry.fromState(row);
    });
    if (configured === undefined) return;
    const ready = configured;
    const { provider } = ready;
    const readMany = provider.readMany?.bind(provider);
    const { batches, alone } = divide(own, provider);
    await Promise.all([
      ...batches.map((batch) =>
        turn(batch, async () => {
          if (readMany) await readTogether(batch, readMany, ready);
        }),
      ),
      ...alone.map((row) => turn([row], () => readAlone(row, ready))),
    ]);
  };
  const byProvider = groupBy(rows, (row) => row.provider ?? "");
  await Promise.all([...byProvider].map(([urn, own]) => readOfProvider(urn, own)));
}

/** Of one provider: rows of one type, with one time limit, are read together. A single one has nothing to share a request with. */
function divide(
  rows: readonly ResourceState[],
  { readMany, readManyTypes }: Pick<Provider, "readMany" | "readManyTypes">,
): { readonly batches: readonly (readonly ResourceState[])[]; readonly alone: readonly ResourceState[] } {
  if (readMany === undefined) return { batches: [], alone: rows };
  const alone: ResourceState[] = [];
  const batches: (readonly ResourceState[])[] = [];
  const together = groupBy(rows, (row) => `${row.type} ${row.options.customTimeouts?.read ?? ""}`);
  for (const group of together.values()) {
    const [first] = group as [ResourceState];
    if (group.length === 1 || readManyTypes?.has(first.type) === false) {
      alone.push(...group);
      continue;
    }
    for (let i = 0; i < group.length; i += most) batches.push(group.slice(i, i + most));
  }
  return { batches, alone };
}

const noAnswer = (rows: readonly unknown[], answers: ReadManyResponse): { failure: Failure } => ({
  failure: {
    reason: "provider-error",
    message: "The provider was asked to read many objects at once and did not answer for this one",
    expected: `${rows.length} answers`,
    found: String(answers.length),
    next: ["This is a mistake of the provider: report it to those who wrote it."],
  },
});

function groupBy<K, V>(items: readonly V[], key: (item: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const item of items) {
    const at = key(item);
    const group = groups.get(at);
    if (group) group.push(item);
    else groups.set(at, [item]);
  }
  return groups;
}
