/** Failures that more than one part of planning makes. */
import type { Failure } from "../model/failure.js";
import type { Resource } from "../model/resource.js";
import type { CheckFailure } from "./contract.js";

/** One failure for all the properties that a provider refused, each as a cause with its path. */
export function checkFailure(resource: Resource, failures: readonly CheckFailure[]): Failure {
  const causes = failures.map(
    (f): Failure => ({
      reason: "invalid-property",
      message: f.message,
      urn: resource.urn,
      ...(f.path ? { path: f.path } : {}),
      ...(f.expected ? { expected: f.expected } : {}),
      ...(f.found ? { found: f.found } : {}),
    }),
  );
  const [only] = causes;
  const source = resource.source ? { source: resource.source } : {};
  if (causes.length === 1 && only) return { ...only, ...source };
  return {
    reason: "invalid-property",
    message: `${causes.length} properties of ${resource.name} (${resource.type}) are not valid.`,
    urn: resource.urn,
    ...source,
    causes,
  };
}

/** A function or method that refused its arguments. */
export const invokeFailure = (token: string, failures: readonly CheckFailure[]): Failure => ({
  reason: "invoke-failed",
  message: `${token}: ${failures.map((f) => (f.path ? `${f.path}: ${f.message}` : f.message)).join("; ")}`,
});

/** The same failure, with the resource that it concerns where it does not say so itself. */
export function about(resource: Pick<Resource, "urn" | "source">, failure: Failure): Failure {
  return {
    ...failure,
    urn: failure.urn ?? resource.urn,
    ...(failure.source || !resource.source ? {} : { source: resource.source }),
  };
}
