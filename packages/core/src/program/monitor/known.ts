/** What a run's monitor remembers of the resources that were registered: whose children they are, and who stands for whom. */
import { OrchError } from "../../model/failure.js";
import type { ReadResource, Resource, ResourceOptions, SourcePosition } from "../../model/resource.js";
import { makeUrn, rootStackType, stackReferenceType, type Urn } from "../../model/urn.js";
import { isMap, type PropertyMap } from "../../model/value.js";
import type { RegistrationAnswer } from "../contract.js";
import type { ResourceMessages } from "../services.js";
import { duplicate } from "./failures.js";
import { invalidOption } from "./options.js";

export interface Known {
  readonly resource: Resource | ReadResource;
  readonly aliases: readonly Urn[];
  /** Resources that the component holds, in registration order. */
  children?: Urn[];
  /** Tokens of the transforms of the resource itself, which apply to its children too. */
  readonly transforms?: readonly string[];
  /** Package → provider reference, for a component's children. */
  readonly providers?: Readonly<Record<string, string>>;
  /** What is known of the object by now; of a component what it registered. */
  answer?: Pick<RegistrationAnswer, "id" | "outputs">;
}

export const optionsOf = (entry: Known | undefined): ResourceOptions | undefined =>
  entry !== undefined && "aliases" in entry.resource ? entry.resource.options : undefined;

export class KnownResources {
  readonly #byUrn = new Map<Urn, Known>();
  /** The stack itself, once it is registered. */
  root: Urn | undefined;

  constructor(readonly place: { readonly project: string; readonly stack: string }) {}

  get(urn: Urn): Known | undefined {
    return this.#byUrn.get(urn);
  }

  add(entry: Known): void {
    const { urn, parent, type } = entry.resource;
    this.#byUrn.set(urn, entry);
    if (type === rootStackType) this.root = urn;
    const above = parent === undefined ? undefined : this.#byUrn.get(parent);
    if (above === undefined) return;
    above.children ??= [];
    above.children.push(urn);
  }

  /** Throws where there is one of that URN already. */
  claim(urn: Urn, source: SourcePosition | undefined): void {
    const first = this.#byUrn.get(urn);
    if (first !== undefined) throw new OrchError(duplicate(urn, first.resource.source, source));
  }

  answered(urn: Urn, answer: NonNullable<Known["answer"]>): void {
    const entry = this.#byUrn.get(urn);
    if (entry !== undefined) entry.answer = answer;
  }

  /** Names of what the stack of a StackReference gives out, by what the program calls it; undefined for one that was not read. */
  outputsOf(reference: string): readonly string[] | undefined {
    for (const { resource, answer } of this.#byUrn.values()) {
      if (resource.type !== stackReferenceType) continue;
      const { name, outputs } = answer?.outputs ?? {};
      if (name === reference && isMap(outputs)) return Object.keys(outputs);
    }
    return undefined;
  }

  urnOf(type: string, name: string, parent: Known | undefined): Urn {
    return makeUrn(this.place.stack, this.place.project, parent?.resource.urn, type, name);
  }

  /** The stack where the program names none. */
  parentOf(given: string, type: string, name: string, source: SourcePosition | undefined): Known | undefined {
    if (given === "")
      return this.root === undefined || type === rootStackType ? undefined : this.get(this.root);
    const parent = this.get(given);
    if (parent !== undefined) return parent;
    throw new OrchError(
      invalidOption(
        this.urnOf(type, name, undefined),
        "parent",
        given,
        "a resource that this program has made",
        source,
      ),
    );
  }

  /** Components stand for what they hold: custom resources, and those of the components inside. */
  expand(list: readonly string[], of: Urn, source: SourcePosition | undefined): readonly Urn[] {
    let simple = true;
    for (const urn of list) {
      const dependency = this.get(urn);
      if (dependency === undefined) {
        throw new OrchError(
          invalidOption(of, "dependsOn", urn, "a resource that this program has made", source),
        );
      }
      if (!dependency.resource.custom) simple = false;
    }
    if (simple) return list;
    const found = new Set<Urn>();
    for (const urn of list) this.#addCustom(this.get(urn) as Known, found, of);
    return [...found];
  }

  /** The resources that each property comes from. */
  expandProperties(
    map: DependencyMap,
    inputs: PropertyMap,
    dependencies: readonly Urn[],
    of: Urn,
    source: SourcePosition | undefined,
  ): Record<string, readonly Urn[]> {
    const out: Record<string, readonly Urn[]> = {};
    if (map.getLength() === 0) {
      // SDKs that do not tell: every property may come from any of them.
      if (dependencies.length > 0) for (const key of Object.keys(inputs)) out[key] = dependencies;
      return out;
    }
    map.forEach((entry, key) => {
      const urns = entry.getUrnsList();
      if (urns.length > 0) out[key] = this.expand(urns, of, source);
    });
    return out;
  }

  #addCustom(entry: Known, found: Set<Urn>, except: Urn): void {
    const stack = [entry];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { urn, custom } = next.resource;
      if (urn === except) continue;
      if (custom) found.add(urn);
      else for (const child of next.children ?? []) stack.push(this.get(child) as Known);
    }
  }
}

type DependencyMap = ReturnType<ResourceMessages.RegisterResourceRequest["getPropertydependenciesMap"]>;
