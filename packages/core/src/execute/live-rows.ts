/** The live rows as an apply makes them, and the providers that stand behind them. */
import { OrchError } from "../model/failure.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { packageOf, type Urn } from "../model/urn.js";
import type { PropertyMap } from "../model/value.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import type { Snapshot } from "../state/contract.js";
import { rowOf } from "./operations.js";
import { resolveProvider } from "./resolve.js";

export class LiveRows {
  readonly #rows = new Map<Urn, ResourceState>();

  constructor(
    private readonly snapshot: Snapshot,
    private readonly registry: ProviderRegistry,
  ) {
    for (const row of snapshot.resources) if (!row.deposed) this.#rows.set(row.urn, row);
  }

  get(urn: Urn): ResourceState | undefined {
    return this.#rows.get(urn);
  }

  set(urn: Urn, row: ResourceState): void {
    this.#rows.set(urn, row);
  }

  async provider(urn: Urn | undefined): Promise<ConfiguredProvider> {
    const row = urn === undefined ? undefined : this.#rows.get(urn);
    if (row === undefined) throw new TypeError(`no provider ${urn ?? "(none)"} in the state`);
    return this.registry.fromState(row);
  }

  /** For a deletion: the provider that made the object, even if it is being replaced or is leaving too. */
  async providerOf(prior: ResourceState): Promise<ConfiguredProvider> {
    const urn = prior.provider as Urn;
    const before = this.snapshot.resources.filter((r) => r.urn === urn);
    const live = this.#rows.get(urn);
    const row =
      [...(live ? [live] : []), ...before].find((r) => r.id === prior.providerId) ?? live ?? before[0];
    if (row === undefined) {
      throw new OrchError({
        reason: "state-invalid",
        message: `The state does not hold the provider of ${prior.name} (${prior.type}), so it can't be deleted.`,
        urn: prior.urn,
        expected: urn,
        found: "no such resource",
      });
    }
    return this.registry.fromState(row);
  }

  /** A provider resource's row, with the provider configured. `inputs`: checked; absent: they are only known now. */
  async providerRow(
    resource: Resource,
    id: string,
    inputs: PropertyMap | undefined,
    prior: ResourceState | undefined,
  ): Promise<ResourceState> {
    const checked = inputs ?? (await resolveProvider(this.registry, resource, prior));
    await this.registry.configured(
      resource.urn,
      id,
      resource.package ?? { name: packageOf(resource.type) },
      checked,
    );
    return rowOf(resource, id, checked, checked, prior, Date.now());
  }

  /** With the id of the provider that made it: a provider that is replaced has the same URN and is another one. */
  withProviderId(row: ResourceState): ResourceState {
    const providerId = row.provider === undefined ? undefined : this.#rows.get(row.provider)?.id;
    return providerId === undefined ? row : { ...row, providerId };
  }
}
