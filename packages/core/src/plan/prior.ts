/** The state that a plan is made against, indexed: what is there, who depends on whom, and which rows have found their resource. */
import { DependencyGraph } from "../graph/graph.js";
import type { Resource, ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { Snapshot } from "../state/contract.js";

export class Prior {
  /** Live rows in state order. */
  readonly live = new Map<Urn, ResourceState>();
  readonly deposed: readonly ResourceState[];
  /** Row → the URN that the program now calls it. */
  readonly #claimed = new Map<Urn, Urn>();
  #graph: DependencyGraph<ResourceState> | undefined;

  readonly snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    const deposed: ResourceState[] = [];
    this.snapshot = { ...snapshot, resources: dependenciesFirst(snapshot.resources) };
    for (const row of this.snapshot.resources) {
      if (row.deposed === undefined) this.live.set(row.urn, row);
      else deposed.push(row);
    }
    this.deposed = deposed;
  }

  /**
   * The row that this resource is, under its own URN or a former one. Each row belongs to one resource at most; a resource's own URN wins over
   * somebody else's alias. Synchronous, so that two registrations at the same time can't take the same row.
   */
  claim(resource: Pick<Resource, "urn" | "aliases">): ResourceState | undefined {
    for (const urn of [resource.urn, ...resource.aliases]) {
      const row = this.live.get(urn);
      if (row === undefined || this.#claimed.has(urn)) continue;
      this.#claimed.set(urn, resource.urn);
      return row;
    }
    return undefined;
  }

  isClaimed(urn: Urn): boolean {
    return this.#claimed.has(urn);
  }

  /** Who depends on whom among the live rows: by dependency, property, parent, provider and `deletedWith`. */
  get graph(): DependencyGraph<ResourceState> {
    if (this.#graph === undefined) {
      this.#graph = new DependencyGraph();
      for (const [urn, row] of this.live) this.#graph.add(urn, row);
      for (const [urn, row] of this.live) {
        for (const dependency of neededBy(row)) {
          if (dependency !== urn && this.live.has(dependency)) this.#graph.depend(urn, dependency);
        }
      }
    }
    return this.#graph;
  }
}

/** Everything that must be there while this row is: the reverse is the order of deletion. */
export function neededBy(row: ResourceState): Set<Urn> {
  const needed = new Set<Urn>(row.dependencies);
  for (const urns of Object.values(row.propertyDependencies)) for (const urn of urns) needed.add(urn);
  if (row.parent) needed.add(row.parent);
  if (row.provider) needed.add(row.provider);
  if (row.options.deletedWith) needed.add(row.options.deletedWith);
  return needed;
}

/**
 * Rows with dependencies before dependents, otherwise in the given order. The stored order is that of the runs that wrote the rows: a row that was
 * written again later stands behind those that depend on it.
 */
export function dependenciesFirst(rows: readonly ResourceState[]): readonly ResourceState[] {
  const byUrn = new Map<Urn, ResourceState[]>();
  for (const row of rows) {
    const list = byUrn.get(row.urn);
    if (list) list.push(row);
    else byUrn.set(row.urn, [row]);
  }
  const placed = new Set<ResourceState>();
  const ordered: ResourceState[] = [];
  for (const start of rows) {
    if (placed.has(start)) continue;
    placed.add(start);
    const path: { row: ResourceState; next: ResourceState[] }[] = [{ row: start, next: needs(start, byUrn) }];
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      const next = frame.next.pop();
      if (next === undefined) {
        ordered.push(frame.row);
        path.pop();
      } else if (!placed.has(next)) {
        placed.add(next);
        path.push({ row: next, next: needs(next, byUrn) });
      }
    }
  }
  return ordered;
}

function needs(row: ResourceState, byUrn: ReadonlyMap<Urn, ResourceState[]>): ResourceState[] {
  const found: ResourceState[] = [];
  for (const urn of neededBy(row))
    for (const other of byUrn.get(urn) ?? []) if (other !== row) found.push(other);
  return found.reverse();
}
