/** Rules for drift reports, in the project file under `drift`. docs/drift.md tells what they mean. */
import { z } from "zod";
import { parsePath } from "../model/path.js";
import type { SourcePosition } from "../model/resource.js";
import { positionOf, type YamlFile, type YamlPath } from "./yaml-file.js";

/** Differences that are no drift. */
export interface IgnoreRule {
  /** Type token and URN, `*` for any text. At least one of them is given. */
  readonly type?: string;
  readonly urn?: string;
  /** Property paths, `*` for any key or index; what lies below one is covered. */
  readonly paths: readonly string[];
  readonly reason: string;
  /** `2027-01-31`: the last day, in UTC, on which it holds. */
  readonly until?: string;
  readonly source: SourcePosition;
}
/** Where every object ought to be in the state. */
export interface UnmanagedRule {
  readonly type: string;
  /** In the type's own words. Absent: everything that can be seen. */
  readonly scope?: Readonly<Record<string, ScopeValue>>;
  /** Name of the provider resource to ask. Absent: every one of the package. */
  readonly provider?: string;
  /** Ids or titles of objects that may be there all the same, `*` for any text. */
  readonly ignore: readonly string[];
  readonly source: SourcePosition;
}
export type ScopeValue = string | number | boolean | readonly string[];

export interface DriftRules {
  readonly ignore: readonly IgnoreRule[];
  readonly unmanaged: readonly UnmanagedRule[];
}

const text = z.string("must be text").min(1, "must not be empty");
const type = text.refine(
  (value) => value.includes(":"),
  "must be a type such as kubernetes:apps/v1:Deployment",
);

const ignoreRule = z
  .strictObject({
    type: text.optional(),
    urn: text.optional(),
    paths: z
      .array(
        text.refine(isPath, "must be a property path such as spec.replicas or tags.*"),
        "must be a list of property paths",
      )
      .min(1, "must name at least one property path"),
    reason: z.string("must be text: why these differences are no drift").min(1, "must say why"),
    until: z
      .string("must be a date such as 2027-01-31")
      .refine(isDate, "must be a date such as 2027-01-31")
      .optional(),
  })
  .refine((rule) => rule.type !== undefined || rule.urn !== undefined, "needs a type or a urn");

const unmanagedRule = z.strictObject({
  type,
  scope: z
    .record(
      z.string(),
      z.union(
        [z.string(), z.number(), z.boolean(), z.array(z.string())],
        "must be text, a number or a list of texts",
      ),
      "must be a map such as namespace: shop",
    )
    .optional(),
  provider: text.optional(),
  ignore: z.array(text, "must be a list of ids or titles").default([]),
});

/** What stands under `drift`. */
export const driftSettings = z.strictObject({
  ignore: z.array(ignoreRule, "must be a list of rules").default([]),
  unmanaged: z.array(unmanagedRule, "must be a list of rules").default([]),
});

/** The rules with their places in the file; `at` is where `drift` stands. */
export function driftRules(
  { ignore, unmanaged }: z.output<typeof driftSettings>,
  file: YamlFile,
  at: YamlPath,
): DriftRules {
  const source = (kind: string, i: number): SourcePosition => positionOf(file, [...at, kind, i]);
  return {
    ignore: ignore.map(({ type, urn, until, ...rule }, i) => ({
      ...rule,
      ...(type === undefined ? {} : { type }),
      ...(urn === undefined ? {} : { urn }),
      ...(until === undefined ? {} : { until }),
      source: source("ignore", i),
    })),
    unmanaged: unmanaged.map(({ scope, provider, ...rule }, i) => ({
      ...rule,
      ...(scope === undefined ? {} : { scope }),
      ...(provider === undefined ? {} : { provider }),
      source: source("unmanaged", i),
    })),
  };
}

function isPath(value: string): boolean {
  try {
    return parsePath(value).length > 0;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function isDate(value: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(value)) return false;
  const date = new Date(`${value}T00:00:00Z`);
  // 2027-02-30 is read as a day in March.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value);
}
