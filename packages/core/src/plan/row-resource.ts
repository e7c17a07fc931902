/** What a row of the state would be in a program: for plans that are made of the state instead of one. Pure. */
import type { Resource, ResourceState } from "../model/resource.js";
import { isArray, isMap, type PropertyMap, type Value } from "../model/value.js";

/** With its inputs and options as they are in the state, and without former names. */
export function resourceOf(row: ResourceState): Resource {
  const { urn, type, name, custom, parent, provider, inputs, dependencies, propertyDependencies } = row;
  const { options, source } = row;
  return {
    urn,
    type,
    name,
    custom,
    inputs,
    dependencies,
    propertyDependencies,
    aliases: [],
    options,
    ...(parent ? { parent } : {}),
    ...(provider ? { provider } : {}),
    ...(row.package ? { package: row.package } : {}),
    ...(source ? { source } : {}),
  };
}

/**
 * Inputs without what a bridged provider filled in, which it lists in `__defaults` (pulumi-terraform-bridge, pkg/tfbridge/schema.go). Given as if a
 * person had written them they would stop being defaults, and a generated name would be drawn anew by the next plan.
 */
export function withoutDefaults<V extends Value>(value: V): V {
  if (isArray(value)) return value.map((item) => withoutDefaults(item)) as unknown as V;
  if (!isMap(value)) return value;
  const { __defaults: names, ...rest } = value as PropertyMap;
  const defaults = isArray(names) ? new Set<Value>(names) : undefined;
  const kept = defaults === undefined ? (value as PropertyMap) : rest;
  return Object.fromEntries(
    Object.entries(kept)
      .filter(([key]) => !defaults?.has(key))
      .map(([key, item]) => [key, withoutDefaults(item)]),
  ) as V;
}
