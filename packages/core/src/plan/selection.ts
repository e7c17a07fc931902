/** Which resources a plan is of, when it is not of all: what was named, what is in it, and what depends on it. */
import type { Failure } from "../model/failure.js";
import { type Named, namesResource } from "../model/pattern.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { rootStackType, shortType, type Urn, urnPrefix } from "../model/urn.js";
import { didYouMean } from "../state/closest.js";
import { dependenciesFirst, neededBy } from "../state/order.js";

/** Patterns as of model/pattern.ts. */
export interface SelectionOptions {
  /** Without any, everything that is not excluded. */
  readonly targets?: readonly string[];
  readonly excludes?: readonly string[];
  /** What depends on a target is part of it too. */
  readonly dependents?: boolean;
}

/** The values of one flag, and which of them named something. */
export class Patterns {
  readonly #hit = new Set<string>();
  readonly #seen = new Map<Urn, Named>();

  constructor(
    readonly flag: "--target" | "--exclude" | "--replace",
    readonly patterns: readonly string[],
  ) {}

  names(one: Named): boolean {
    let found = false;
    for (const pattern of this.patterns) {
      if (!namesResource(pattern, one)) continue;
      this.#hit.add(pattern);
      found = true;
    }
    if (this.patterns.length > 0) this.#seen.set(one.urn, one);
    return found;
  }

  /** A failure for each pattern that named nothing. */
  missed(): readonly Failure[] {
    return this.patterns
      .filter((pattern) => !this.#hit.has(pattern))
      .map(
        (pattern): Failure => ({
          reason: "invalid-flag",
          message: `${this.flag} ${pattern} names no resource of the stack.`,
          expected: "a URN, a name or type::name of a resource, with * for any text",
          next: [
            ...didYouMean(
              pattern,
              [...this.#seen.values()].map((one) => likeIn(pattern, one)),
            ),
            "See what there is with `orch state ls`.",
          ],
        }),
      );
  }
}

/** How the resource would be named in the pattern's way. */
function likeIn(pattern: string, { urn, type, name }: Named): string {
  if (pattern.startsWith(urnPrefix)) return urn;
  if (!pattern.includes("::")) return name;
  return `${pattern.split(":").length > 4 ? type : shortType(type)}::${name}`;
}

type Subject = Resource | ResourceState;

export class Selection {
  readonly #targets: Patterns;
  readonly #excludes: Patterns;
  readonly #dependents: boolean;
  /** Named, or in a component that was. */
  readonly #components = new Set<Urn>();
  readonly #chosen = new Set<Urn>();
  /** Excluded by name, or in something that was. */
  readonly #left = new Set<Urn>();
  /** Those, and all that depends on them. */
  readonly #excluded = new Set<Urn>();

  /** `rows`: the state as it is. */
  constructor(
    { targets = [], excludes = [], dependents = false }: SelectionOptions,
    rows: readonly ResourceState[],
  ) {
    this.#targets = new Patterns("--target", targets);
    this.#excludes = new Patterns("--exclude", excludes);
    this.#dependents = dependents;
    for (const row of dependenciesFirst(rows)) this.#place(row, row.urn);
  }

  get options(): Required<SelectionOptions> {
    return {
      targets: this.#targets.patterns,
      excludes: this.#excludes.patterns,
      dependents: this.#dependents,
    };
  }

  /** Is this resource of the program part of the plan? Asked once of each, after those that it needs. `former`: the row that it is. */
  take(resource: Resource, former: ResourceState | undefined): boolean {
    this.#place(resource, former?.urn ?? resource.urn);
    return resource.type === rootStackType || this.has(resource.urn);
  }

  /** By the state, and by what has been asked of the program's so far. */
  has(urn: Urn): boolean {
    return this.#among(urn) && !this.#excluded.has(urn);
  }

  /** May this row go, when nothing wants it any more? What depends on something excluded may: only what it is built on has to stay. */
  mayGo({ urn }: ResourceState): boolean {
    return this.#among(urn) && !this.#left.has(urn);
  }

  /** Named itself, or depending on what was: it must go if it can, and nothing else may be made of it. */
  get isTargeted(): boolean {
    return this.#targets.patterns.length > 0;
  }

  missed(): readonly Failure[] {
    return [...this.#targets.missed(), ...this.#excludes.missed()];
  }

  #among(urn: Urn): boolean {
    return !this.isTargeted || this.#chosen.has(urn);
  }

  #place(one: Subject, former: Urn): void {
    const { urn, type, parent } = one;
    // Everything is in the stack, which is nobody's target.
    if (type === rootStackType) return;
    const needs = [...neededBy(one)];
    const own = (set: ReadonlySet<Urn>): boolean => set.has(former);
    const inParent = (set: ReadonlySet<Urn>): boolean => parent !== undefined && set.has(parent);
    if (this.#excludes.names(one) || own(this.#left) || inParent(this.#left)) this.#left.add(urn);
    if (this.#left.has(urn) || own(this.#excluded) || needs.some((need) => this.#excluded.has(need)))
      this.#excluded.add(urn);
    const named = this.#targets.names(one) || own(this.#components) || inParent(this.#components);
    if (named && !one.custom) this.#components.add(urn);
    if (named || own(this.#chosen) || (this.#dependents && needs.some((need) => this.#chosen.has(need))))
      this.#chosen.add(urn);
  }
}
