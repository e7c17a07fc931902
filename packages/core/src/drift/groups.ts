/** Drift by cause: what one change outside did to many resources is one thing to look at. */
import { lastBehind } from "../model/object-change.js";
import { formatPath, type PropertyPath } from "../model/path.js";
import type { Drift } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { equal, type Value } from "../model/value.js";
import { placeOf } from "./place.js";

/** Every drift is in exactly one group; one that nothing else is like is a group of its own. */
export type DriftGroup = ChangedGroup | GoneGroup;

/** The same properties of the same type, changed in the same way. */
export interface ChangedGroup {
  readonly kind: "changed";
  readonly type: string;
  readonly changes: readonly SharedChange[];
  readonly drift: readonly Drift[];
  readonly who: readonly Who[];
}
/** Gone from one place: a namespace, a folder, a provider's system. */
export interface GoneGroup {
  readonly kind: "gone";
  /** Absent when nothing is known that they have in common but their provider. */
  readonly place?: string;
  readonly provider?: Urn;
  /** The one among them that held the others, or that all of them were built on. */
  readonly root?: Urn;
  readonly drift: readonly Drift[];
  readonly who: readonly Who[];
}

export interface SharedChange {
  /** `*` where the resources' lists have different indexes. */
  readonly path: PropertyPath;
  readonly kind: ChangeKind;
  /** The value on all of them; absent where it was not there, or differs between them. */
  readonly before?: Value;
  readonly after?: Value;
  readonly varies: { readonly before: boolean; readonly after: boolean };
}
export type ChangeKind = "added" | "removed" | "changed";

/** Who made the differences of a group, and when (milliseconds since the epoch). */
export interface Who {
  readonly by?: string;
  readonly how?: string;
  readonly first?: number;
  readonly last?: number;
}

/** Resources with their rows, as they were before. */
export type RowOf = (urn: Urn) => ResourceState | undefined;

/** In the order of each group's first resource. */
export function groupDrift(drift: readonly Drift[], rowOf: RowOf): readonly DriftGroup[] {
  const order = new Map(drift.map((one, i) => [one, i]));
  const groups = [
    ...changedGroups(drift.filter(({ kind }) => kind === "changed")),
    ...goneGroups(
      drift.filter(({ kind }) => kind === "gone"),
      rowOf,
    ),
  ];
  const first = (group: DriftGroup): number => order.get(group.drift[0] as Drift) ?? 0;
  return groups.sort((a, b) => first(a) - first(b));
}

function changedGroups(drift: readonly Drift[]): ChangedGroup[] {
  const byKey = new Map<string, Drift[]>();
  for (const one of drift) {
    const shared = [...sharedChanges([one]).keys()].sort();
    add(byKey, JSON.stringify([one.type, shared]), one);
  }
  return [...byKey.values()].map((members) => ({
    kind: "changed",
    type: (members[0] as Drift).type,
    changes: [...sharedChanges(members).values()],
    drift: members,
    who: whoOf(members),
  }));
}

/** By `added labels.team`, with what all have in common. */
function sharedChanges(drift: readonly Drift[]): Map<string, SharedChange> {
  const many = drift.length > 1;
  const found = new Map<string, SharedChange>();
  for (const one of drift) {
    for (const { path, before, after } of one.diff.changes) {
      const kind = before === undefined ? "added" : after === undefined ? "removed" : "changed";
      const pattern = path.map((segment) => (typeof segment === "number" ? "*" : segment));
      const key = `${kind} ${formatPath(pattern)}`;
      const known = found.get(key);
      found.set(
        key,
        known
          ? merged(known, before, after)
          : {
              path: many ? pattern : path,
              kind,
              ...(before === undefined ? {} : { before }),
              ...(after === undefined ? {} : { after }),
              varies: { before: false, after: false },
            },
      );
    }
  }
  return found;
}

function merged(shared: SharedChange, before: Value | undefined, after: Value | undefined): SharedChange {
  const { before: b, after: a, ...rest } = shared;
  const varies = {
    before: shared.varies.before || !alike(b, before),
    after: shared.varies.after || !alike(a, after),
  };
  return {
    ...rest,
    ...(b === undefined || varies.before ? {} : { before: b }),
    ...(a === undefined || varies.after ? {} : { after: a }),
    varies,
  };
}
const alike = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && equal(a, b));

function goneGroups(drift: readonly Drift[], rowOf: RowOf): GoneGroup[] {
  const groups = new Map<string, { place?: string; provider?: Urn; members: Drift[]; root?: Urn }>();
  for (const one of drift) {
    const row = rowOf(one.urn);
    const place = row && placeOf(row);
    const key = JSON.stringify([row?.provider, place]);
    const group = groups.get(key);
    if (group) group.members.push(one);
    else
      groups.set(key, {
        ...(place === undefined ? {} : { place }),
        ...(row?.provider === undefined ? {} : { provider: row.provider }),
        members: [one],
      });
  }
  // A namespace that is gone belongs to what was in it.
  for (const one of drift) {
    const row = rowOf(one.urn);
    if (row === undefined) continue;
    const own = groups.get(JSON.stringify([row.provider, placeOf(row)]));
    const held = [row.id, row.name]
      .map((place) => groups.get(JSON.stringify([row.provider, place])))
      .find((group) => group !== undefined && group !== own && group.root === undefined);
    if (own === undefined || held === undefined) continue;
    own.members.splice(own.members.indexOf(one), 1);
    held.members.unshift(one);
    held.root = one.urn;
  }
  return [...groups.values()]
    .filter(({ members }) => members.length > 0)
    .map(({ members, root = builtOn(members, rowOf), ...group }) => ({
      kind: "gone",
      ...group,
      ...(root === undefined ? {} : { root }),
      drift: members,
      who: whoOf(members),
    }));
}

/** The one that all others name as what they need. */
function builtOn(members: readonly Drift[], rowOf: RowOf): Urn | undefined {
  if (members.length < 2) return undefined;
  return members.find((one) =>
    members.every((other) => {
      if (other === one) return true;
      const row = rowOf(other.urn);
      return row?.parent === one.urn || row?.dependencies.includes(one.urn) === true;
    }),
  )?.urn;
}

/** The last change behind each difference, together by name and way. */
export function whoOf(drift: readonly Drift[]): readonly Who[] {
  const found = new Map<string, Who>();
  for (const { diff, changes = [] } of drift) {
    const last =
      diff.changes.length === 0
        ? changes.slice(0, 1)
        : new Set(diff.changes.map(({ path }) => lastBehind(changes, path)));
    for (const change of last) {
      if (change === undefined) continue;
      const { by, how, at } = change;
      const key = JSON.stringify([by, how]);
      const known = found.get(key);
      const times = [known?.first, known?.last, at].filter((time) => time !== undefined);
      found.set(key, {
        ...(by === undefined ? {} : { by }),
        ...(how === undefined ? {} : { how }),
        ...(times.length === 0 ? {} : { first: Math.min(...times), last: Math.max(...times) }),
      });
    }
  }
  return [...found.values()].sort((a, b) => (b.last ?? 0) - (a.last ?? 0));
}

function add<T>(groups: Map<string, T[]>, key: string, one: T): void {
  const group = groups.get(key);
  if (group) group.push(one);
  else groups.set(key, [one]);
}
