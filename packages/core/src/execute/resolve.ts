/** What was unknown in the plan is known now: checked again by the provider, and held against what was reviewed. */
import { compare } from "../model/compare.js";
import { type Failure, OrchError } from "../model/failure.js";
import type { CreateStep, SameStep, UpdateStep } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { hasUnknown, type PropertyMap } from "../model/value.js";
import { needsReplace, needsUpdate } from "../provider/diff.js";
import { ignoreChanges } from "../provider/ignore.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { askDiff, check, checkProvider } from "../provider/verbs.js";
import { broken } from "./program-sink.js";

type Resolvable = SameStep | CreateStep | UpdateStep;

/** Checked inputs with nothing unknown. Rejects with `plan-broken` when a part that was reviewed comes out differently. */
export async function resolveInputs(
  configured: ConfiguredProvider,
  step: Resolvable,
  resource: Resource,
  prior: ResourceState | undefined,
): Promise<PropertyMap> {
  const { ignoreChanges: ignored } = resource.options;
  const wanted =
    prior && ignored?.length
      ? ignoreChanges(resource.urn, resource.inputs, prior.inputs, ignored)
      : resource.inputs;
  const seed = step.seed === undefined ? new Uint8Array(32) : Buffer.from(step.seed, "base64");
  const inputs = await check(configured, resource, wanted, prior?.inputs, seed);
  if (hasUnknown(inputs)) {
    throw new OrchError({
      reason: "internal",
      message: `The inputs of ${resource.name} (${resource.type}) still hold an unknown value while applying.`,
      urn: step.urn,
    });
  }
  if (!step.unchecked) {
    const differences = compare(step.inputs, inputs).filter(
      ({ before }) => before !== undefined && !hasUnknown(before),
    );
    if (differences.length > 0)
      throw new OrchError(broken(step, differences, "The provider makes other values of the inputs"));
  }
  return inputs;
}

export type ResolvedUpdate =
  | { readonly kind: "same" | "update"; readonly inputs: PropertyMap }
  | { readonly kind: "replace"; readonly failure: Failure };

/** What an update turns out to be. A replace is never made of it silently. */
export async function resolveUpdate(
  configured: ConfiguredProvider,
  step: Resolvable,
  resource: Resource,
  prior: ResourceState,
): Promise<ResolvedUpdate> {
  const inputs = await resolveInputs(
    configured,
    step.op === "update" ? step : { ...step, unchecked: true },
    resource,
    prior,
  );
  const diff = await askDiff(configured, resource, prior, inputs);
  if (!needsReplace(diff)) return { kind: needsUpdate(diff) ? "update" : "same", inputs };
  const replacing = diff.changes.filter((change) => change.effect === "replace");
  return {
    kind: "replace",
    failure: {
      ...broken(
        step,
        replacing,
        "The provider would have to replace what was planned as an update, with other values",
      ),
      message: `${resource.name} (${resource.type}) was planned as an update, but with the values known now the provider would replace it. It was not touched.`,
    },
  };
}

/** A provider's own configuration, once known. */
export async function resolveProvider(
  registry: ProviderRegistry,
  resource: Resource,
  prior: ResourceState | undefined,
): Promise<PropertyMap> {
  const { inputs, diff } = await checkProvider(registry, resource, prior);
  if (prior && needsReplace(diff)) {
    throw new OrchError({
      reason: "plan-broken",
      message: `The provider ${resource.name} was planned as an update, but with the values known now it becomes another provider.`,
      urn: resource.urn,
      next: ["Make a new plan and review it."],
    });
  }
  return inputs;
}
