/** From what was decided about each resource to the plan's steps: deletions added, edges drawn, numbers given. Pure. */
import type { Diff } from "../model/diff.js";
import type { DeleteStep, ReplaceOrder, Step, StepId, StepReason } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { equal, type PropertyMap, type Value } from "../model/value.js";
import { noDiff } from "../provider/diff.js";
import { neededBy } from "../state/order.js";
import type { Prior } from "./prior.js";

/** What was decided about one resource of the program. Its outputs may still change while the program runs (components). */
export interface Draft {
  readonly op: "same" | "create" | "update" | "read" | "import";
  readonly resource: Resource;
  readonly prior?: ResourceState;
  readonly inputs: PropertyMap;
  outputs: PropertyMap;
  id?: Value;
  /** The live object will be another one. */
  readonly replaced: boolean;
  readonly reason: StepReason;
  readonly diff?: Diff;
  readonly seed?: string;
  order?: ReplaceOrder;
  /** Planned without asking the provider: its configuration is not known yet. */
  readonly blind?: boolean;
  /** For `same`: must be written whatever else is equal. */
  readonly write?: boolean;
  /** For `same`: must not be written whatever differs. */
  readonly held?: true;
}

interface Removal {
  readonly row: ResourceState;
  readonly reason: StepReason;
  readonly replaced?: ReplaceOrder;
  readonly forget?: DeleteStep["forget"];
}

/** What is there and not wanted any more. */
export interface Leaving {
  readonly reason: StepReason;
  /** URNs of what is let go, not deleted. */
  readonly imported?: ReadonlySet<Urn>;
  /** Rows that stay all the same. */
  readonly kept?: ReadonlySet<ResourceState>;
}

/** `drafts` in the program's order. Without any, everything that is there goes. */
export function makeSteps(drafts: readonly Draft[], prior: Prior, leaving: Leaving): Step[] {
  const removals = collectRemovals(drafts, prior, leaving);
  const early = earlyRemovals(removals, prior);
  const earlyRows = new Set([...early].map((removal) => removal.row));
  // Dependents before dependencies, which is the reverse of the state's order, on both sides of what is made.
  const before = removals.filter((r) => early.has(r)).reverse();
  const after = removals.filter((r) => !early.has(r)).reverse();

  const idOfDraft = new Map<Urn, StepId>();
  const idOfRemoval = new Map<Urn, StepId>();
  let next = 0;
  for (const removal of before) idOfRemoval.set(removalKey(removal.row), next++);
  for (const draft of drafts) idOfDraft.set(draft.resource.urn, next++);
  for (const removal of after) idOfRemoval.set(removalKey(removal.row), next++);

  const dependents = removalDependents(removals);
  const replacement = new Map<ResourceState, StepId>();
  for (const draft of drafts) {
    if (draft.prior) replacement.set(draft.prior, idOfDraft.get(draft.resource.urn) as StepId);
  }
  const removalStep = (removal: Removal): Step => {
    const { row } = removal;
    const waits = new Set<StepId>();
    for (const dependent of dependents.get(row.urn) ?? []) {
      // What goes first can't wait for what goes last: a replaced dependent that is created first lets go of it only after.
      if (dependent === row || (early.has(removal) && !earlyRows.has(dependent))) continue;
      const id = idOfRemoval.get(removalKey(dependent));
      if (id !== undefined) waits.add(id);
    }
    if (removal.replaced === "create-before-delete") {
      const created = replacement.get(row);
      if (created !== undefined) waits.add(created);
    }
    return {
      op: "delete",
      id: idOfRemoval.get(removalKey(row)) as StepId,
      urn: row.urn,
      after: sorted(waits),
      prior: row,
      reason: removal.reason,
      late: !early.has(removal),
      ...(removal.replaced ? { replaced: removal.replaced } : {}),
      ...(removal.forget ? { forget: removal.forget } : {}),
    };
  };
  return [
    ...before.map(removalStep),
    ...drafts.map((draft) => draftStep(draft, idOfDraft, idOfRemoval)),
    ...after.map(removalStep),
  ];
}

const removalKey = (row: ResourceState): string => (row.deposed ? `${row.urn}#${row.deposed}` : row.urn);
const sorted = (ids: Iterable<StepId>): StepId[] => [...ids].sort((a, b) => a - b);

function collectRemovals(
  drafts: readonly Draft[],
  prior: Prior,
  { reason, imported, kept }: Leaving,
): Removal[] {
  const replacedRows = new Map<ResourceState, Draft>();
  for (const draft of drafts) if (draft.prior && draft.replaced) replacedRows.set(draft.prior, draft);
  const removals: Removal[] = [];
  const going = new Set<Urn>();
  for (const row of prior.snapshot.resources) {
    if (kept?.has(row)) continue;
    if (row.deposed !== undefined) {
      removals.push({ row, reason: { kind: "deposed" }, ...retained(row) });
      continue;
    }
    const draft = replacedRows.get(row);
    if (draft) {
      removals.push({
        row,
        reason: draft.reason,
        replaced: draft.order ?? "create-before-delete",
        ...retained({ options: draft.resource.options }),
      });
    } else if (!prior.isClaimed(row.urn)) {
      going.add(row.urn);
      const forget = row.external
        ? { forget: "external" as const }
        : imported?.has(row.urn)
          ? { forget: "imported" as const }
          : retained(row);
      removals.push({ row, reason, ...forget });
    }
  }
  return removals.map((removal) => {
    const { deletedWith } = removal.row.options;
    return deletedWith && going.has(deletedWith) && !removal.forget
      ? { ...removal, forget: "deleted-with" as const }
      : removal;
  });
}

const retained = (row: Pick<ResourceState, "options">): { forget?: "retain" } =>
  row.options.retainOnDelete ? { forget: "retain" } : {};

/** URN → the rows among the removals that need it. */
function removalDependents(removals: readonly Removal[]): Map<Urn, ResourceState[]> {
  const dependents = new Map<Urn, ResourceState[]>();
  for (const { row } of removals) {
    for (const urn of neededBy(row)) {
      const list = dependents.get(urn);
      if (list) list.push(row);
      else dependents.set(urn, [row]);
    }
  }
  return dependents;
}

/**
 * The first halves of delete-before-create, and what must be gone before them: those run among the creations, not after them. A dependent that leaves is
 * one of them unless something that is replaced the other way round still uses it: then it can only go in the end.
 */
function earlyRemovals(removals: readonly Removal[], prior: Prior): Set<Removal> {
  const early = new Set<Removal>();
  const firsts = removals.filter((r) => r.replaced === "delete-before-create");
  if (firsts.length === 0) return early;
  const byUrn = new Map<Urn, Removal>();
  for (const r of removals) if (r.row.deposed === undefined) byUrn.set(r.row.urn, r);
  const createdFirst = (urn: Urn): boolean => byUrn.get(urn)?.replaced === "create-before-delete";
  for (const first of firsts) {
    early.add(first);
    for (const urn of prior.graph.transitiveDependentsOf(first.row.urn)) {
      const dependent = byUrn.get(urn);
      if (dependent === undefined || createdFirst(urn) || early.has(dependent)) continue;
      const leaves = dependent.replaced === undefined;
      if (leaves && [...prior.graph.transitiveDependentsOf(urn)].some(createdFirst)) continue;
      early.add(dependent);
    }
  }
  return early;
}

function draftStep(
  draft: Draft,
  drafts: ReadonlyMap<Urn, StepId>,
  removals: ReadonlyMap<string, StepId>,
): Step {
  const { resource, inputs, outputs, reason, prior, diff = noDiff } = draft;
  const waits = new Set<StepId>();
  const wait = (urn: Urn | undefined): void => {
    const id = urn === undefined ? undefined : drafts.get(urn);
    if (id !== undefined) waits.add(id);
  };
  wait(resource.parent);
  wait(resource.provider);
  for (const urn of resource.dependencies) wait(urn);
  for (const urns of Object.values(resource.propertyDependencies)) for (const urn of urns) wait(urn);
  if (prior && draft.order === "delete-before-create") {
    const id = removals.get(prior.urn);
    if (id !== undefined) waits.add(id);
  }
  const id = drafts.get(resource.urn) as StepId;
  waits.delete(id);
  const base = {
    id,
    urn: resource.urn,
    after: sorted(waits),
    resource,
    inputs,
    outputs,
    ...(draft.blind ? { unchecked: true as const } : {}),
  };
  const movedFrom = prior && prior.urn !== resource.urn ? { movedFrom: prior.urn } : {};
  switch (draft.op) {
    case "same": {
      const row = prior as ResourceState;
      if (draft.held) return { ...base, op: "same", prior: row, write: false, held: true };
      const write = draft.write === true || "movedFrom" in movedFrom || differsInState(draft, row);
      return { ...base, op: "same", prior: row, write, ...movedFrom };
    }
    case "update":
      return { ...base, op: "update", prior: prior as ResourceState, diff, reason, ...movedFrom };
    case "create":
      return {
        ...base,
        op: "create",
        reason,
        ...(draft.seed ? { seed: draft.seed } : {}),
        ...(draft.id !== undefined && typeof draft.id === "string" ? { objectId: draft.id } : {}),
        ...(prior ? { replaces: { prior, diff, order: draft.order ?? "create-before-delete" } } : {}),
      };
    case "read":
      return { ...base, op: "read", objectId: draft.id as Value, reason, ...(prior ? { prior } : {}) };
    case "import":
      return { ...base, op: "import", objectId: draft.id as string, reason };
  }
}

/** Nothing is called, but orch's own record of the resource is not what it would be now. */
export function differsInState(draft: Draft, row: ResourceState): boolean {
  const { resource } = draft;
  return (
    resource.parent !== row.parent ||
    resource.provider !== row.provider ||
    !equal(draft.inputs, row.inputs) ||
    !equal(draft.outputs, row.outputs) ||
    !sameJson(resource.dependencies, row.dependencies) ||
    !sameJson(resource.propertyDependencies, row.propertyDependencies) ||
    !sameJson(resource.options, row.options) ||
    !sameJson(resource.package, row.package)
  );
}

/** Small plain data whose keys always come in the same order. `undefined` and an empty object are told apart from each other only where it matters: never here. */
function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});
}
