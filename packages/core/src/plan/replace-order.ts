/** Delete-before-replace reaches further than the one resource: what can't live without it goes first, and comes again after. */
import type { ResourceState } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import { type PropertyMap, unknown } from "../model/value.js";
import type { ProviderRegistry } from "../provider/registry.js";
import { forProvider } from "../provider/secrets.js";
import type { Prior } from "./prior.js";

/**
 * The dependents of `replaced` that must be replaced with it: their provider is replaced, or it says that it could not change the properties that
 * come from what is replaced in place. Asked with those properties unknown, as their new values are.
 * Source: `calculateDependentReplacements` in pulumi/pulumi `pkg/resource/deploy/step_generator.go`.
 */
export async function forcedReplacements(
  prior: Prior,
  registry: ProviderRegistry,
  replaced: ResourceState,
): Promise<Urn[]> {
  const going = new Set<Urn>([replaced.urn]);
  const dependents = prior.graph.transitiveDependentsOf(replaced.urn);
  const forced: Urn[] = [];
  // State order has dependencies before dependents, so that one pass is enough.
  for (const [urn, row] of prior.live) {
    if (!dependents.has(urn) || !row.custom || row.external) continue;
    if (row.provider !== undefined && going.has(row.provider)) {
      going.add(urn);
      forced.push(urn);
      continue;
    }
    const affected = Object.entries(row.propertyDependencies)
      .filter(([, urns]) => urns.some((dependency) => going.has(dependency)))
      .map(([key]) => key);
    const providerRow = row.provider === undefined ? undefined : prior.live.get(row.provider);
    if (affected.length === 0 || providerRow === undefined) continue;
    const { provider, traits } = await registry.fromState(providerRow);
    const inputs: PropertyMap = {
      ...row.inputs,
      ...Object.fromEntries(affected.map((key) => [key, unknown])),
    };
    const response = await provider.diff({
      urn,
      type: row.type,
      id: row.id as string,
      oldInputs: forProvider(row.inputs, traits),
      oldOutputs: forProvider(row.outputs, traits),
      newInputs: forProvider(inputs, traits),
      ignoreChanges: row.options.ignoreChanges ?? [],
    });
    const replaces = response.replaces.length > 0 || response.detailed?.some((d) => d.effect === "replace");
    if (replaces) {
      going.add(urn);
      forced.push(urn);
    }
  }
  return forced;
}
