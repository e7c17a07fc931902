/** The state that a plan is made against, indexed: what is there, who depends on whom, and which rows have found their resource. */
import { DependencyGraph } from "../graph/graph.js";
import type { Resource, ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { Snapshot } from "../state/contract.js";
import { dependenciesFirst, neededBy } from "../state/order.js";

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
