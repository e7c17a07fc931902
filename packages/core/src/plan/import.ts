/** The `import` option: an existing object is taken over, and only if it already is what the program says. */
import { randomBytes } from "node:crypto";
import { type Failure, OrchError } from "../model/failure.js";
import { formatPath } from "../model/path.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { showValue } from "../model/show.js";
import { needsUpdate } from "../provider/diff.js";
import type { ConfiguredProvider } from "../provider/registry.js";
import { fromProvider } from "../provider/secrets.js";
import { timeouts } from "../provider/timeouts.js";
import { askDiff, check } from "../provider/verbs.js";
import type { Draft } from "./steps.js";

export async function importObject(
  resource: Resource,
  importId: string,
  configured: ConfiguredProvider | undefined,
  prior: ResourceState | undefined,
): Promise<Draft> {
  const { urn, type, name, options } = resource;
  if (prior) {
    throw new OrchError({
      reason: "invalid-option",
      message: `${name} (${type}) is already managed under another id, and can't be imported again.`,
      urn,
      expected: `the id ${JSON.stringify(prior.id)}, or no \`import\` option`,
      found: JSON.stringify(importId),
    });
  }
  if (configured === undefined) {
    throw new OrchError({
      reason: "invalid-option",
      message: `${name} (${type}) can't be imported while its provider's configuration is not known.`,
      urn,
      next: ["Apply what the provider's configuration comes from first."],
    });
  }
  const { provider, traits } = configured;
  const { object } = await provider.read({
    urn,
    type,
    name,
    id: importId,
    inputs: {},
    outputs: {},
    ...timeouts(resource, "read"),
  });
  if (object === undefined) {
    throw new OrchError({
      reason: "provider-error",
      message: `There is no ${type} with the id ${JSON.stringify(importId)} to import.`,
      urn,
      expected: "an existing object",
      found: "nothing",
    });
  }
  const outputs = fromProvider(object.outputs, resource.inputs, traits, options.additionalSecretOutputs);
  const found: ResourceState = {
    urn,
    type,
    name,
    custom: true,
    id: object.id,
    inputs: fromProvider(object.inputs, resource.inputs, traits),
    outputs,
    dependencies: [],
    propertyDependencies: {},
    options: {},
  };
  const inputs = await check(configured, resource, resource.inputs, found.inputs, randomBytes(32));
  const diff = await askDiff(configured, resource, found, inputs);
  if (needsUpdate(diff)) {
    throw new OrchError({
      reason: "invalid-property",
      message: `The object ${JSON.stringify(importId)} is not what the program says ${name} (${type}) is, so importing it would change it.`,
      urn,
      ...(resource.source ? { source: resource.source } : {}),
      causes: diff.changes.map(
        (change): Failure => ({
          reason: "invalid-property",
          message: `${formatPath(change.path)} differs.`,
          urn,
          path: formatPath(change.path),
          expected: showValue(change.before),
          found: showValue(change.after),
        }),
      ),
      next: ["Set these properties in the program to what the object has, or name them in ignoreChanges."],
    });
  }
  return {
    op: "import",
    resource,
    inputs,
    outputs,
    id: object.id,
    replaced: false,
    reason: { kind: "new" },
  };
}
