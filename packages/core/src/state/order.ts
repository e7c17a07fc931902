/** Rows in the order in which they can be made, and so, reversed, deleted. */
import type { Resource, ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";

/** Everything that must be there while this row is: the reverse is the order of deletion. */
export function neededBy(row: Resource | ResourceState): Set<Urn> {
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
