/**
 * The dependency graph: nodes with a value, edges from a dependent to what it depends on. The structure is @dagrejs/graphlib's; the algorithms here are
 * iterative, because the library's recursive ones overflow the stack on a chain of 10,000.
 */
import { Graph as Graphlib } from "@dagrejs/graphlib";

export class DependencyGraph<T> {
  readonly #graph = new Graphlib<undefined, T, undefined>({ directed: true });

  add(id: string, value: T): void {
    this.#graph.setNode(id, value);
  }

  /** `dependent` needs `dependency`. Both must have been added; an edge to something unknown is refused, never made up. */
  depend(dependent: string, dependency: string): void {
    if (!this.#graph.hasNode(dependent) || !this.#graph.hasNode(dependency)) {
      throw new RangeError(`no such node: ${this.#graph.hasNode(dependent) ? dependency : dependent}`);
    }
    this.#graph.setEdge(dependent, dependency);
  }

  has(id: string): boolean {
    return this.#graph.hasNode(id);
  }

  get(id: string): T | undefined {
    return this.#graph.node(id);
  }

  ids(): string[] {
    return this.#graph.nodes();
  }

  dependenciesOf(id: string): string[] {
    return (this.#graph.successors(id) as string[] | undefined) ?? [];
  }

  dependentsOf(id: string): string[] {
    return (this.#graph.predecessors(id) as string[] | undefined) ?? [];
  }

  /** Everything that depends on `id`, directly or through others, without `id` itself. */
  transitiveDependentsOf(id: string): Set<string> {
    const found = new Set<string>();
    const open = [id];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const next of this.dependentsOf(at)) {
        if (!found.has(next)) {
          found.add(next);
          open.push(next);
        }
      }
    }
    found.delete(id);
    return found;
  }

  /** The ids of one cycle in dependency order, the first repeated at the end; undefined when there is none. */
  findCycle(): string[] | undefined {
    const done = new Set<string>();
    for (const start of this.ids()) {
      if (done.has(start)) continue;
      const onPath = new Map<string, number>();
      const path: { id: string; next: string[] }[] = [];
      const enter = (id: string): void => {
        onPath.set(id, path.length);
        path.push({ id, next: this.dependenciesOf(id) });
      };
      enter(start);
      for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
        const next = frame.next.pop();
        if (next === undefined) {
          path.pop();
          onPath.delete(frame.id);
          done.add(frame.id);
        } else if (onPath.has(next)) {
          return [...path.slice(onPath.get(next)).map((f) => f.id), next];
        } else if (!done.has(next)) enter(next);
      }
    }
    return undefined;
  }
}
