/** The providers of a run: loads the code of a package, configures it once per provider resource, and closes all at the end. */
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import type { PlanPlugin } from "../model/plan.js";
import type { PackageDescriptor, ResourceState } from "../model/resource.js";
import { packageOf, type Urn } from "../model/urn.js";
import { equal, hasUnknown, type PropertyMap } from "../model/value.js";
import type { LoadContext, LocatedCode, Provider, ProviderLoader, ProviderTraits } from "./contract.js";
import { traced } from "./traced.js";

export interface ConfiguredProvider {
  readonly provider: Provider;
  readonly traits: ProviderTraits;
}

interface Instance {
  readonly provider: Provider;
  configured?: {
    readonly inputs: PropertyMap;
    readonly id: string;
    readonly traits: Promise<ProviderTraits>;
  };
}

export class ProviderRegistry {
  readonly #loaders: readonly ProviderLoader[];
  readonly #context: LoadContext;
  /** By provider resource: more than one while a provider is replaced, and its old self still has objects to delete. */
  readonly #instances = new Map<Urn, Promise<Instance>[]>();
  /** Packages that can't be loaded, so that the tenth resource of a missing plugin does not search the disk again. */
  readonly #missing = new Map<string, OrchError>();

  constructor(loaders: readonly ProviderLoader[], context: LoadContext) {
    this.#loaders = loaders;
    this.#context = context;
  }

  /** The running code behind a provider resource, not necessarily configured. */
  async load(urn: Urn, descriptor: PackageDescriptor): Promise<Provider> {
    const [first] = this.#instances.get(urn) ?? [];
    return (await (first ?? this.#add(urn, descriptor))).provider;
  }

  #add(urn: Urn, descriptor: PackageDescriptor): Promise<Instance> {
    const instance = this.#start(descriptor);
    const list = this.#instances.get(urn);
    if (list) list.push(instance);
    else this.#instances.set(urn, [instance]);
    return instance;
  }

  async #start(descriptor: PackageDescriptor): Promise<Instance> {
    const key = JSON.stringify(descriptor);
    const missing = this.#missing.get(key);
    if (missing) throw missing;
    for (const loader of this.#loaders) {
      try {
        const provider = await loader.load(descriptor, this.#context);
        if (provider) return { provider: traced(provider) };
      } catch (error) {
        const failure = new OrchError(toFailure(error), { cause: error });
        this.#missing.set(key, failure);
        throw failure;
      }
    }
    const failure = new OrchError({
      reason: "plugin-missing",
      message: `Nothing here serves the package "${descriptor.name}"${descriptor.version ? ` ${descriptor.version}` : ""}.`,
      next: [`orch plugin install resource ${descriptor.name} ${descriptor.version ?? "VERSION"}`],
    });
    this.#missing.set(key, failure);
    throw failure;
  }

  /**
   * The instance for a provider resource, configured with these inputs (checked, wholly known). One that is configured with others (the apply updates
   * the plan's provider) is left alone and a fresh one started, since configuring twice is not in the protocol.
   */
  async configured(
    urn: Urn,
    id: string,
    descriptor: PackageDescriptor,
    inputs: PropertyMap,
  ): Promise<ConfiguredProvider> {
    if (hasUnknown(inputs)) throw new TypeError(`${urn} can't be configured with unknown values`);
    let instance: Instance | undefined;
    for (const started of this.#instances.get(urn) ?? []) {
      const candidate = await started;
      const { configured } = candidate;
      if (configured === undefined) instance ??= candidate;
      else if (configured.id === id && equal(configured.inputs, inputs)) {
        instance = candidate;
        break;
      }
    }
    instance ??= await this.#add(urn, descriptor);
    instance.configured ??= {
      inputs,
      id,
      traits: instance.provider.configure({ urn, id, name: urn.slice(urn.lastIndexOf("::") + 2), inputs }),
    };
    return { provider: instance.provider, traits: await instance.configured.traits };
  }

  /** The provider that a state row was made with. */
  async fromState(state: ResourceState): Promise<ConfiguredProvider> {
    return this.configured(
      state.urn,
      state.id ?? "",
      state.package ?? { name: packageOf(state.type) },
      state.inputs,
    );
  }

  /** The instance that was configured last for a provider resource, if any was. */
  async current(urn: Urn): Promise<ConfiguredProvider | undefined> {
    for (const started of [...(this.#instances.get(urn) ?? [])].reverse()) {
      const { provider, configured } = await started;
      if (configured) return { provider, traits: await configured.traits };
    }
    return undefined;
  }

  /** Code that was loaded so far, for the plan to bind. */
  async plugins(): Promise<readonly PlanPlugin[]> {
    const found = new Map<string, PlanPlugin>();
    for (const { provider } of await this.#started()) {
      const plugin: PlanPlugin = {
        ...provider.package,
        source: provider.origin.source,
        ...(provider.origin.sha256 ? { sha256: provider.origin.sha256 } : {}),
      };
      found.set(JSON.stringify(plugin), plugin);
    }
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** What would serve these packages now and is not the code that a plan was made with. Starts nothing. */
  async otherThan(planned: readonly PlanPlugin[]): Promise<readonly Failure[]> {
    const found = await Promise.all(planned.map((plugin) => this.#otherThan(plugin)));
    return found.filter((failure) => failure !== undefined);
  }

  async #otherThan({ source, sha256, ...descriptor }: PlanPlugin): Promise<Failure | undefined> {
    if (source !== "plugin") return undefined;
    const what = `The plugin ${descriptor.name}${descriptor.version === undefined ? "" : ` ${descriptor.version}`}`;
    for (const loader of this.#loaders) {
      let now: LocatedCode | undefined;
      try {
        now = await loader.locate?.(descriptor, this.#context);
      } catch (error) {
        const cause = toFailure(error);
        return { ...cause, reason: "plan-stale", message: `${what} can't be used: ${cause.message}` };
      }
      if (now === undefined) continue;
      // Equal bytes are the same version, however it is written.
      if (now.sha256 === sha256) return undefined;
      const code = (version: string | undefined, sum: string | undefined): string =>
        `${version === undefined ? "" : `version ${version}, `}${sum === undefined ? "a process that was started already (PULUMI_DEBUG_PROVIDERS)" : `SHA-256 ${sum}`}`;
      return {
        reason: "plan-stale",
        message: `${what} is not the one that the plan was made with.`,
        expected: code(descriptor.version, sha256),
        found: `${code(now.version, now.sha256)}${now.path === undefined ? "" : ` (${now.path})`}`,
      };
    }
    return undefined;
  }

  async #started(): Promise<Instance[]> {
    const settled = await Promise.allSettled([...this.#instances.values()].flat());
    return settled.filter((s) => s.status === "fulfilled").map((s) => s.value);
  }

  /** Second interrupt: ask every provider to stop what it is doing. */
  async cancel(): Promise<void> {
    await Promise.allSettled((await this.#started()).map(({ provider }) => provider.cancel?.()));
  }

  async close(): Promise<void> {
    await Promise.allSettled((await this.#started()).map(({ provider }) => provider.close()));
  }
}
