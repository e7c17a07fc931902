/** Providers as a plan sees them: running and configured, not configurable yet, or broken. */
import type { Failure } from "../model/failure.js";
import type { PackageDescriptor, Resource } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { hasUnknown, type PropertyMap } from "../model/value.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { descriptorOf } from "../provider/verbs.js";

export interface PlannedProvider {
  readonly urn: Urn;
  readonly package: PackageDescriptor;
  readonly inputs: PropertyMap;
  /** Absent while a part of its configuration is unknown: then nothing can be asked of it. */
  readonly configured?: ConfiguredProvider;
  /** It becomes another provider: everything that it serves is replaced. */
  readonly replaced: boolean;
  /** Its own, as it will be. */
  readonly id: string;
}

/** Resources of a provider that could not be planned are passed over silently: its own failure says it all. */
export class ProviderUnavailable extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

export async function configureProvider(
  registry: ProviderRegistry,
  resource: Resource,
  id: string,
  inputs: PropertyMap,
): Promise<ConfiguredProvider | undefined> {
  if (hasUnknown(inputs)) return undefined;
  return registry.configured(resource.urn, id, descriptorOf(resource), inputs);
}
