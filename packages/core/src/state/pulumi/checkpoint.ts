/**
 * The file of `pulumi stack export`: `{version: 3, deployment}`. Also read: the checkpoints that Pulumi's file backends keep, where the deployment is
 * `checkpoint.latest`. Source: pulumi/pulumi `sdk/go/common/apitype/core.go` (DeploymentV3, ResourceV3, OperationV2, ManifestV1).
 */
import { z } from "zod";
import { type Failure, fail } from "../../model/failure.js";
import { formatPath } from "../../model/path.js";

const properties = z.record(z.string(), z.unknown());
const urns = z.array(z.string());
const seconds = z.number().nonnegative();

/** What orch keeps of a resource; whatever else stands there is told, not kept. */
const resource = z.object({
  urn: z.string().min(1),
  custom: z.boolean(),
  delete: z.boolean().optional(),
  id: z.string().optional(),
  type: z.string().min(1),
  inputs: properties.nullish(),
  outputs: properties.nullish(),
  parent: z.string().optional(),
  protect: z.boolean().optional(),
  external: z.boolean().optional(),
  dependencies: urns.nullish(),
  initErrors: z.array(z.string()).nullish(),
  provider: z.string().optional(),
  propertyDependencies: z.record(z.string(), urns.nullable()).nullish(),
  pendingReplacement: z.boolean().optional(),
  additionalSecretOutputs: z.array(z.string()).nullish(),
  aliases: urns.nullish(),
  customTimeouts: z
    .object({
      create: seconds.optional(),
      update: seconds.optional(),
      delete: seconds.optional(),
      read: seconds.optional(),
    })
    .nullish(),
  importID: z.string().optional(),
  retainOnDelete: z.boolean().optional(),
  deletedWith: z.string().optional(),
  created: z.iso.datetime({ offset: true }).optional(),
  modified: z.iso.datetime({ offset: true }).optional(),
  sourcePosition: z.string().optional(),
  ignoreChanges: z.array(z.string()).nullish(),
  replaceOnChanges: z.array(z.string()).nullish(),
  hideDiff: z.array(z.string()).nullish(),
  replaceWith: urns.nullish(),
  replacementTrigger: z.unknown().optional(),
  envVarMappings: z.record(z.string(), z.string()).nullish(),
});
export type CheckpointResource = z.infer<typeof resource>;
export const knownFields: ReadonlySet<string> = new Set(Object.keys(resource.shape));

const deployment = z.object({
  manifest: z
    .object({
      time: z.string(),
      magic: z.string(),
      version: z.string(),
      plugins: z
        .array(z.object({ name: z.string(), path: z.string(), type: z.string(), version: z.string() }))
        .optional(),
    })
    .partial()
    .optional(),
  secrets_providers: z.object({ type: z.string(), state: z.unknown().optional() }).nullish(),
  // As they are: each is read by itself, so that what is wrong is told with its URN.
  resources: z.array(z.looseObject({})).nullish(),
  pending_operations: z.array(z.object({ resource: z.looseObject({}), type: z.string() })).nullish(),
});
export type Deployment = Omit<z.infer<typeof deployment>, "resources" | "pending_operations"> & {
  readonly resources: readonly CheckpointResource[];
  readonly pending: readonly { readonly resource: CheckpointResource; readonly type: string }[];
  /** Fields that a resource has and orch does not keep, by name. */
  readonly unknownFields: readonly string[];
};

export const formatVersion = 3;

/** `name`: of the file, for failures. Rejects (throws `checkpoint-invalid`) with all that is wrong, as far as five of it. */
export function parseDeployment(text: string, name: string): Deployment {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refuse(name, {
      message: "is cut short, or no JSON at all.",
      // The engine quotes the text at the place, which may be a secret in clear.
      found: text.trim() === "" ? "an empty file" : place(error as Error, text),
    });
  }
  const outer = z.looseObject({ version: z.unknown() }).safeParse(json);
  if (!outer.success || outer.data.version === undefined)
    return refuse(name, { message: "is JSON, but no deployment.", found: "no member `version`" });
  const { version, ...rest } = outer.data;
  if (version !== formatVersion) {
    const older = typeof version === "number" && version < formatVersion;
    return refuse(name, {
      message: "has another version of the format.",
      expected: `version ${formatVersion}`,
      found: `version ${JSON.stringify(version)}`,
      next: [
        older
          ? "Run `pulumi up` or `pulumi refresh` with a Pulumi of 2019 or later, and export again."
          : "It needs features that orch does not know. Export it with a Pulumi that writes version 3.",
      ],
    });
  }
  const checkpoint = (rest.checkpoint as { latest?: unknown } | undefined)?.latest;
  const parsed = deployment.safeParse(rest.deployment ?? checkpoint);
  const root =
    rest.deployment === undefined && checkpoint !== undefined ? ["checkpoint", "latest"] : ["deployment"];
  if (!parsed.success) return refuseIssues(name, root, parsed.error);
  const unknownFields = new Set<string>();
  const causes: Failure[] = [];
  const read = (given: Record<string, unknown>, ...path: (string | number)[]): CheckpointResource => {
    const found = resource.safeParse(given);
    if (found.success) {
      for (const key of Object.keys(given)) if (!knownFields.has(key)) unknownFields.add(key);
      return found.data;
    }
    const urn = typeof given.urn === "string" ? { urn: given.urn } : {};
    causes.push(...issues([...root, ...path], found.error).map((cause) => ({ ...cause, ...urn })));
    return given as CheckpointResource;
  };
  const { resources, pending_operations, ...others } = parsed.data;
  const result: Deployment = {
    ...others,
    resources: (resources ?? []).map((given, i) => read(given, "resources", i)),
    pending: (pending_operations ?? []).map(({ resource: given, type }, i) => ({
      resource: read(given, "pending_operations", i, "resource"),
      type,
    })),
    unknownFields: [...unknownFields].sort(),
  };
  if (causes.length > 0) return invalid(name, causes);
  return result;
}

/** Where it stops being JSON, without what stands there. */
function place(error: Error, text: string): string {
  const at = /position (\d+)/.exec(error.message)?.[1];
  const offset = at === undefined ? text.length : Number(at);
  const line = text.slice(0, offset).split("\n").length;
  return `${offset >= text.trimEnd().length ? "the end of the file" : "something else"} in line ${line}`;
}

const issues = (root: readonly (string | number)[], { issues: found }: z.ZodError): Failure[] =>
  found.map((issue) => ({
    reason: "checkpoint-invalid",
    message: issue.message,
    path: formatPath([...root, ...(issue.path as (string | number)[])]),
  }));

const refuseIssues = (name: string, root: readonly string[], error: z.ZodError): never =>
  invalid(name, issues(root, error));

/** Throws with the first five. */
export function invalid(name: string, causes: readonly Failure[]): never {
  const more = causes.length > 5 ? ` (${causes.length} in all; these are the first 5)` : "";
  return refuse(name, { message: `does not hold together${more}.`, causes: causes.slice(0, 5) });
}

export const refuse = (name: string, failure: Partial<Failure>): never =>
  fail({
    reason: "checkpoint-invalid",
    expected: "the output of `pulumi stack export`",
    next: ["Export the stack again: `pulumi stack export --file FILE`."],
    ...failure,
    message: `${name} ${failure.message} Nothing was imported.`,
  });
