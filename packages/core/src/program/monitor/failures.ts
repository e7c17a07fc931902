/** What the monitor refuses, in words. */
import type { Failure } from "../../model/failure.js";
import type { SourcePosition } from "../../model/resource.js";
import type { Urn } from "../../model/urn.js";

const places = (source: SourcePosition | undefined): string =>
  source === undefined ? "an unknown place" : `${source.file}:${source.line}:${source.column}`;

export function duplicate(
  urn: Urn,
  first: SourcePosition | undefined,
  second: SourcePosition | undefined,
): Failure {
  return {
    reason: "duplicate-urn",
    message: `Two resources have the same URN ${urn}: one is made at ${places(first)}, the other at ${places(second)}.`,
    urn,
    ...(second === undefined ? {} : { source: second }),
    next: ["Give one of them another name, or another parent."],
  };
}

export function unsupported(what: string, urn: Urn | undefined, source: SourcePosition | undefined): Failure {
  return {
    reason: "unsupported",
    message: `${what}${/ (is|are)$/.test(what) ? "" : " is"} not supported yet.`,
    ...(urn === undefined ? {} : { urn }),
    ...(source === undefined ? {} : { source }),
  };
}

export const providerFailed = (urn: Urn): Failure => ({
  reason: "step-failed",
  message: `The provider ${urn} failed, so nothing that needs it can be made.`,
  urn,
});
