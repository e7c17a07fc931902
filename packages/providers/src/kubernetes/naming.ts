/** Names of objects: generated ones, and what a name may be. */
import type { CheckFailure } from "@orch/core/provider/contract";
import type { Kind } from "./kinds.js";

export const autonamed = "pulumi.com/autonamed";

/** `web-1f2e3d4c`, as Pulumi's plugin names. The seed is in the plan: the name that was reviewed is the name that is made. */
export function generatedName(resource: string, seed: Uint8Array): string {
  return `${resource}-${Buffer.from(seed.slice(0, 4)).toString("hex")}`;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
function ruleFor({ group, kind }: Kind): readonly [RegExp, number, string] {
  if (group === "rbac.authorization.k8s.io")
    return [/^(?!\.\.?$)[^/%]+$/, 253, "a name without / and % (a path segment)"];
  if (group === "" && kind === "Namespace")
    return [label, 63, "small letters, digits and -, beginning and ending with a letter or digit"];
  if (group === "" && kind === "Service")
    return [label1035, 63, "small letters, digits and -, beginning with a letter"];
  return [subdomain, 253, "small letters, digits, - and ., beginning and ending with a letter or digit"];
}

export function nameFailure(kind: Kind, name: string, generated: boolean): CheckFailure | undefined {
  const [pattern, most, words] = ruleFor(kind);
  if (pattern.test(name) && name.length <= most) return undefined;
  return {
    path: "metadata.name",
    message: generated
      ? `metadata.name is made of the resource's name and can't be ${JSON.stringify(name)}: set it, or rename the resource`
      : `metadata.name must be ${words}, not ${JSON.stringify(name)}`,
    expected: `at most ${most} characters: ${words}`,
    found: JSON.stringify(name),
  };
}
