/** Components that a plugin makes (`remote: true`), and calls of their methods: requests of the program as orch's own values, and back. */
import type { SourcePosition } from "../../model/resource.js";
import type { Urn } from "../../model/urn.js";
import { isArray, isMap, OutputValue, type PropertyMap, Secret, type Value } from "../../model/value.js";
import type { RunContext } from "../../provider/contract.js";
import { fromStruct } from "../../wire/struct.js";
import type { ProgramOptions } from "../contract.js";
import type { ResourceMessages } from "../services.js";

/** What the program said of a remote component, for when the plugin registers it. */
export interface Remote {
  /** Where the program makes it: a line in the plugin's code would tell nobody anything. */
  readonly source: SourcePosition | undefined;
  readonly transforms: readonly string[] | undefined;
}

export function runContext(
  options: Pick<
    ProgramOptions,
    "project" | "stack" | "organization" | "config" | "secretKeys" | "dryRun" | "parallel"
  >,
  monitor: string,
): RunContext {
  const { project, stack, organization, config, secretKeys, dryRun, parallel } = options;
  return { project, stack, organization, config, secretKeys, dryRun, parallel, monitor };
}

/** The arguments of a method with the resources that each depends on. */
export function methodArguments(request: ResourceMessages.ResourceCallRequest): {
  readonly args: PropertyMap;
  readonly argDependencies: Record<string, readonly Urn[]>;
} {
  const args = fromStruct(request.getArgs());
  const argDependencies: Record<string, readonly Urn[]> = {};
  request.getArgdependenciesMap().forEach((entry, key) => {
    argDependencies[key] = entry.getUrnsList();
  });
  for (const [key, value] of Object.entries(args)) argDependencies[key] ??= dependenciesIn(value);
  return { args, argDependencies };
}

function dependenciesIn(value: Value): readonly string[] {
  if (value instanceof OutputValue)
    return [...value.dependencies, ...(value.value === undefined ? [] : dependenciesIn(value.value))];
  if (value instanceof Secret) return dependenciesIn(value.value);
  if (isArray(value)) return value.flatMap(dependenciesIn);
  return isMap(value) ? Object.values(value).flatMap(dependenciesIn) : [];
}
