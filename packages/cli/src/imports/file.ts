/**
 * The file of `pulumi import --file`: resources by type, name and id, with names for URNs of the state. Source of the format: pulumi/pulumi
 * `pkg/cmd/pulumi/operations/import.go` (`importFile`, `importSpec`).
 */
import type { ImportObject } from "@orch/core/engine-contract";
import { fail } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import { z } from "zod";
import { readWhole } from "../plan-file.js";

const spec = z.strictObject({
  type: z.string().min(1),
  name: z.string().min(1),
  /** A label for `parent` of others, when two resources have one name. */
  logicalName: z.string().optional(),
  id: z.string().optional(),
  parent: z.string().optional(),
  provider: z.string().optional(),
  version: z.string().optional(),
  pluginDownloadUrl: z.string().optional(),
  properties: z.array(z.string()).optional(),
  component: z.boolean().optional(),
  remote: z.boolean().optional(),
});
const file = z.strictObject({
  $schema: z.string().optional(),
  nameTable: z.record(z.string(), z.string()).optional(),
  resources: z.array(spec).min(1),
});

export interface ImportFile {
  readonly objects: readonly ImportObject[];
  /** URN → what a program calls it. */
  readonly variables: ReadonlyMap<Urn, string>;
}

/** Rejects with `invalid-flag` and the place of the first mistake. */
export async function readImportFile(path: string): Promise<ImportFile> {
  const text = (await readWhole(path, "The import file cannot be read")).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail({
      reason: "invalid-flag",
      message: `${path} is no JSON: ${(error as Error).message}`,
      expected: "a file as `pulumi import --file` takes it",
    });
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place =
      issue?.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("") ?? "";
    return fail({
      reason: "invalid-flag",
      message: `${path}${place === "" ? "" : ` at ${place.replace(/^\./, "")}`}: ${issue?.message ?? "is not right"}.`,
      expected:
        '{ "nameTable": { NAME: URN }, "resources": [{ "type", "name", "id", "parent", "provider", "version", "properties" }] }',
    });
  }
  const { nameTable = {}, resources } = parsed.data;
  const made = new Map<string, { -readonly [K in keyof ImportObject]: ImportObject[K] }>();
  const objects = resources.map((one, i) => {
    if (one.id === undefined && one.component !== true)
      return fail({
        reason: "invalid-flag",
        message: `${path} at resources[${i}]: ${one.name} has no id.`,
        expected: "an id, or `component: true`",
      });
    if (one.remote === true)
      return fail({
        reason: "unsupported",
        message: `${path} at resources[${i}]: the component ${one.name} is made by a plugin, and can't be imported.`,
        next: ["Import what is in it, below another parent."],
      });
    const object = {
      type: one.type,
      name: one.name,
      ...(one.component ? { component: true as const } : { id: one.id as string }),
      ...(one.version === undefined ? {} : { version: one.version.replace(/^v/, "") }),
      ...(one.pluginDownloadUrl === undefined ? {} : { downloadUrl: one.pluginDownloadUrl }),
      ...(one.properties === undefined ? {} : { properties: one.properties }),
    };
    made.set(one.logicalName ?? one.name, object);
    return object;
  });
  const known = (name: string, what: string, i: number): string | ImportObject =>
    nameTable[name] ??
    (what === "parent" ? made.get(name) : undefined) ??
    (name.startsWith("urn:")
      ? name
      : fail({
          reason: "invalid-flag",
          message: `${path} at resources[${i}].${what}: nothing is called ${name}.`,
          expected:
            [...Object.keys(nameTable), ...(what === "parent" ? made.keys() : [])].join(", ") ||
            "a name of nameTable",
          found: name,
        }));
  for (const [i, one] of resources.entries()) {
    const object = objects[i] as { parent?: Urn | ImportObject; provider?: Urn };
    if (one.parent !== undefined) object.parent = known(one.parent, "parent", i);
    if (one.provider !== undefined) object.provider = known(one.provider, "provider", i) as Urn;
  }
  return { objects, variables: new Map(Object.entries(nameTable).map(([name, urn]) => [urn, name])) };
}
