/** What the classes of every direct provider share in programs. Imports nothing but the SDK, so that programs load fast. */
import { createRequire } from "node:module";
import type * as pulumi from "@pulumi/pulumi";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** The program's options with this package's version, which says which code serves the resource. */
export const withVersion = <O extends { version?: string }>(options: O | undefined): O =>
  ({ version, ...options }) as O;

/** Absent properties as the SDK wants them for reading an existing object. */
export const nothing = (names: readonly string[]): pulumi.Inputs =>
  Object.fromEntries(names.map((name) => [name, undefined]));

/** Is it an instance of that resource, also of another copy of its class? */
export function isOfType(value: unknown, type: string): boolean {
  return (
    typeof value === "object" && value !== null && (value as { __pulumiType?: string }).__pulumiType === type
  );
}
