/** Names of projects and stacks, by Pulumi's rules: they become part of every URN. */
import { type Failure, fail } from "../model/failure.js";

/** Source: pulumi/pulumi `sdk/go/common/tokens`. */
const pattern = /^[A-Za-z0-9_.-]{1,100}$/;
const rule = "1 to 100 letters, digits, hyphens, underscores and periods";

export const isName = (name: string): boolean => pattern.test(name) && name !== "." && name !== "..";
export const projectNameRule = `must be ${rule}`;

/** Fails with `config-invalid` on a name that a stack can't have. */
export function checkStackName(name: string): string {
  if (isName(name)) return name;
  const failure: Failure = {
    reason: "config-invalid",
    message: `${JSON.stringify(name)} can't be the name of a stack.`,
    expected: rule,
    found: name === "" ? "an empty name" : name,
    next: [suggest(name)],
  };
  return fail(failure);
}

function suggest(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1);
  const cleaned = last.replaceAll(/[^A-Za-z0-9_.-]+/g, "-").slice(0, 100);
  return isName(cleaned) && !/^-*$/.test(cleaned)
    ? `Name it ${cleaned}, for instance.`
    : "Name it dev, for instance.";
}
