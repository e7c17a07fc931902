/** Going back: the rows of an earlier state, registered like the resources of a program. No program runs. */
import { type Failure, OrchError } from "../model/failure.js";
import type { Step } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { isProviderType, nameWithType, rootStackType, type Urn } from "../model/urn.js";
import type { PropertyMap } from "../model/value.js";
import type { ProgramResult, ProgramSink, RegistrationAnswer } from "../program/contract.js";
import type { RunInfo, Snapshot, StackStore } from "../state/contract.js";
import { dependenciesFirst, neededBy } from "../state/order.js";
import { diffRows } from "../state/row-diff.js";
import { runEffects } from "../state/run-changes.js";
import { resourceOf, withoutDefaults } from "./row-resource.js";
import { Substitution } from "./substitution.js";

/** What a stack was before a run, and what has to be known of the time since to go back there. */
export interface EarlierState {
  readonly before: number;
  /** The runs since that changed something, oldest first. */
  readonly runs: readonly number[];
  /** Live rows as they were, dependencies before dependents. */
  readonly rows: readonly ResourceState[];
  /** URN then → URN now, of what was renamed since. */
  readonly renamed: ReadonlyMap<Urn, Urn>;
  /** URN → id of what was given up since without being deleted: it is taken over again. */
  readonly released: ReadonlyMap<Urn, string>;
  /** URNs now, of what was taken over since: to be let go, not deleted. */
  readonly imported: ReadonlySet<Urn>;
}

/** The newest run that left the state other than it found it. Rejects with `invalid-flag` when there is none. */
export async function lastChange(store: StackStore): Promise<RunInfo> {
  let seen = 0;
  // Nearly always one of the last few.
  for (const limit of [10, everyRun]) {
    for (const run of (await store.runs(limit)).slice(seen)) {
      seen++;
      if (run.done === 0) continue;
      const [were, are] = await Promise.all([store.rowsAt(run.id - 1), store.rowsAt(run.id)]);
      if (diffRows(were, are).length > 0) return run;
    }
  }
  throw new OrchError({
    reason: "invalid-flag",
    message: `No run of stack ${store.info.stack} changed anything, so there is nothing to undo.`,
    next: ["See what was done with `orch history`."],
  });
}

const everyRun = 1_000_000;

/** `snapshot`: the state as it is. Rejects with `state-locked` while one of the runs to undo has not ended. */
export async function earlierState(
  store: StackStore,
  snapshot: Snapshot,
  before: number,
): Promise<EarlierState> {
  const [newest] = await store.runs(1);
  // Numbers only grow, and other stacks of the database have some of them.
  const most = Math.max(1, (newest?.id ?? 0) - before + 1);
  const since = (await store.runs(most)).filter(({ id }) => id >= before).reverse();
  const going = since.find(({ outcome }) => outcome === undefined);
  if (going) {
    throw new OrchError({
      reason: "state-locked",
      message: `Run ${going.id} (${going.kind} by ${going.who}) has not ended; what it does can't be undone yet.`,
      next: ["Wait for its end, then run `orch undo` again."],
    });
  }
  const rows = await rowsBefore(store, before);
  const now = snapshot.resources.filter(({ deposed }) => deposed === undefined);
  const released = new Map<Urn, string>();
  const taken = new Set<string>();
  const wanted = new Set(rows.map(({ urn }) => urn));
  for (const { id, kind, done } of since) {
    if (done === 0) continue;
    for (const { entry, effect } of runEffects(await store.journal(id), kind)) {
      if (entry.result !== "done") continue;
      if (effect === "import") {
        const row = (await store.history(entry.urn)).find(({ runId }) => runId === id)?.state;
        if (row) taken.add(identity(row));
      } else if (effect === "forget" && wanted.has(entry.urn)) {
        const row = (await store.history(entry.urn)).find(({ runId, state }) => runId < id && state)?.state;
        if (row?.options.retainOnDelete && !row.external && row.id !== undefined)
          released.set(entry.urn, row.id);
      } else if (effect === "create" || effect === "replace") released.delete(entry.urn);
    }
  }
  return {
    before,
    runs: since.filter(({ done }) => done > 0).map(({ id }) => id),
    rows,
    renamed: renames(rows, now),
    released,
    imported: new Set(now.filter((row) => taken.has(identity(row))).map(({ urn }) => urn)),
  };
}

/** Live rows as they were before that run, dependencies before dependents. */
export const rowsBefore = async (store: StackStore, before: number): Promise<readonly ResourceState[]> =>
  dependenciesFirst((await store.rowsAt(before - 1)).filter(({ deposed }) => deposed === undefined));

/** The same for as long as a row is about the same object, whatever it is called. */
const identity = ({ type, id, createdAt }: ResourceState): string => JSON.stringify([type, id, createdAt]);

/** Objects that had another URN then. Told by identity, where that is no one else's too. */
function renames(then: readonly ResourceState[], now: readonly ResourceState[]): Map<Urn, Urn> {
  const only = (rows: readonly ResourceState[], others: readonly ResourceState[]): Map<string, Urn> => {
    const urns = new Set(others.map(({ urn }) => urn));
    const found = new Map<string, Urn>();
    const twice = new Set<string>();
    for (const row of rows) {
      const key = identity(row);
      if (found.has(key)) twice.add(key);
      found.set(key, row.urn);
    }
    for (const [key, urn] of found) if (twice.has(key) || urns.has(urn)) found.delete(key);
    return found;
  };
  const are = only(now, then);
  const renamed = new Map<Urn, Urn>();
  for (const [key, urn] of only(then, now)) {
    const to = are.get(key);
    if (to !== undefined) renamed.set(urn, to);
  }
  return renamed;
}

/** The resources as the earlier state holds them. `now`: the live rows as they are. */
export function earlierResources(
  earlier: EarlierState,
  now: readonly ResourceState[],
): ReadonlyMap<Urn, Resource> {
  const ids = new Map(now.filter((r) => r.deposed === undefined).map(({ urn, id }) => [urn, id]));
  return new Map(
    earlier.rows.map((row) => {
      const { urn } = row;
      const was = earlier.renamed.get(urn);
      const { importId, ...options } = row.options;
      const there = ids.get(was ?? urn);
      // An import is over once it was done: only what was let go since is taken over anew.
      const taken =
        there === undefined ? earlier.released.get(urn) : there === importId ? importId : undefined;
      const resource: Resource = {
        ...resourceOf(row),
        inputs: withoutDefaults(row.inputs),
        aliases: was === undefined ? [] : [was],
        options: taken === undefined ? options : { ...options, importId: taken },
      };
      return [urn, resource] as const;
    }),
  );
}

/** The resources as a plan holds them, with their inputs as they were: what is unknown in it is found again. */
export function plannedResources(
  rows: readonly ResourceState[],
  steps: readonly Step[],
): ReadonlyMap<Urn, Resource> {
  const inputs = new Map(rows.map((row) => [row.urn, row.inputs]));
  const resources = new Map<Urn, Resource>();
  for (const step of steps) {
    const then = inputs.get(step.urn);
    if (then && "resource" in step)
      resources.set(step.urn, { ...step.resource, inputs: withoutDefaults(then) });
  }
  return resources;
}

/**
 * Registers the resources of an earlier state, each once what it needs has been answered: values that came from an object which is made anew are
 * those of the new object. `dryRun`: a plan, where they are unknown.
 */
export async function registerEarlier(
  rows: readonly ResourceState[],
  resources: ReadonlyMap<Urn, Resource>,
  sink: ProgramSink,
  dryRun: boolean,
): Promise<ProgramResult> {
  const answers = new Map<Urn, Promise<RegistrationAnswer | undefined>>();
  const substitution = new Substitution(dryRun);
  const register = async (
    row: ResourceState,
    needed: readonly Urn[],
  ): Promise<RegistrationAnswer | undefined> => {
    const before = await Promise.all(needed.map((urn) => answers.get(urn)));
    // It failed, and so did everything that needs it: the apply says so.
    if (before.some((answer) => answer === undefined)) return undefined;
    const resource = resources.get(row.urn);
    if (resource === undefined) return undefined;
    const inputs = Object.fromEntries(
      Object.entries(resource.inputs).map(([key, value]) => [
        key,
        substitution.in(value, row.propertyDependencies[key] ?? []),
      ]),
    );
    const wanted: Resource = { ...resource, inputs };
    const { aliases: _aliases, options, ...read } = wanted;
    const { additionalSecretOutputs } = options;
    const answer = row.external
      ? await sink.read({
          ...read,
          id: substitution.in(row.id as string, row.dependencies),
          options: additionalSecretOutputs ? { additionalSecretOutputs } : {},
        })
      : await sink.register(wanted);
    if (answer.failed) return undefined;
    substitution.learn(row, answer);
    return answer;
  };
  const placed = new Set<Urn>();
  for (const row of rows) {
    // Those that come earlier: rows that need each other in a circle wait for nobody twice.
    const needed = [...neededBy(row)].filter((urn) => placed.has(urn));
    placed.add(row.urn);
    const answered = register(row, needed);
    // Awaited below, all of them.
    answered.catch(() => undefined);
    answers.set(row.urn, answered);
  }
  await Promise.all(answers.values());
  let outputs: PropertyMap = {};
  for (const row of rows) {
    if (row.custom || (await answers.get(row.urn)) === undefined) continue;
    const given = substitution.in(row.outputs) as PropertyMap;
    if (row.type === rootStackType) outputs = given;
    await sink.registerOutputs(row.urn, given);
  }
  return {
    resources: rows.flatMap(({ urn }) => resources.get(urn) ?? []),
    outputs,
    needsProgram: false,
    files: [],
  };
}

/** What such a plan can't bring back, and what it takes away, in words. */
export function undoWarnings(steps: readonly Step[], earlier: EarlierState): Failure[] {
  const were = new Set(earlier.rows.filter(({ external }) => !external).map(({ urn }) => urn));
  const anew = steps.filter(
    (step) =>
      step.op === "create" &&
      step.resource.custom &&
      !isProviderType(step.resource.type) &&
      were.has(step.urn),
  );
  const lost = steps.filter(
    (step) =>
      step.op === "delete" &&
      step.forget === undefined &&
      step.replaced === undefined &&
      step.prior.deposed === undefined &&
      step.prior.custom &&
      !isProviderType(step.prior.type),
  );
  const warn = (found: readonly Step[], one: string, many: string): Failure[] =>
    found.length === 0
      ? []
      : [{ reason: "not-restored", message: `${names(found)} ${found.length === 1 ? one : many}` }];
  return [
    ...warn(
      anew,
      "is made anew. Its id may be another one, and what was in it or was generated for it (data, passwords, keys) does not come back.",
      "are made anew. Their ids may be others, and what was in them or was generated for them (data, passwords, keys) does not come back.",
    ),
    ...warn(
      lost,
      "was not there then. It is deleted, with all that is in it by now.",
      "were not there then. They are deleted, with all that is in them by now.",
    ),
  ];
}

function names(steps: readonly Step[]): string {
  const all = steps.map(({ urn }) => nameWithType(urn));
  return all.length <= 4 ? all.join(", ") : `${all.slice(0, 3).join(", ")} and ${all.length - 3} more`;
}
