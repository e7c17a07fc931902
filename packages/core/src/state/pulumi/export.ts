/** `orch stack export`: the state in the form that `pulumi stack import` takes. */
import { createHash } from "node:crypto";
import type { ResourceState } from "../../model/resource.js";
import { isProviderType, packageOf } from "../../model/urn.js";
import { hasSecret, type PropertyMap } from "../../model/value.js";
import { type EncodeOptions, encode, encodeMap, type Json } from "../../wire/json.js";
import type { Snapshot, UnfinishedStep } from "../contract.js";
import { sealText } from "../crypter.js";
import type { KeySources } from "../keys/contract.js";
import { dependenciesFirst } from "../order.js";
import { formatVersion } from "./checkpoint.js";
import { checkpointOfRow } from "./rows.js";
import { newKey } from "./secrets.js";

export interface Exported {
  readonly document: { readonly version: number; readonly deployment: Json };
  /** Resources whose secrets stand in it, encrypted or in clear. */
  readonly withSecrets: number;
}

/** `secrets`: in clear, or under a passphrase from these sources, which is only asked for when there are any. Rejects with `key-missing`. */
export async function exportCheckpoint(
  snapshot: Snapshot,
  secrets: "show" | KeySources,
  version: string,
): Promise<Exported> {
  const rows = dependenciesFirst(snapshot.resources);
  const pending = snapshot.unfinished.flatMap(operationOf);
  const secret = (row: ResourceState): boolean =>
    hasSecret(row.inputs) || hasSecret(row.outputs) || hasSecret(row.options.replacementTrigger);
  const withSecrets = rows.filter(secret).length;
  const needed = withSecrets > 0 || pending.some(({ row }) => secret(row));
  const key = secrets !== "show" && needed ? await newKey(secrets) : undefined;
  const options: EncodeOptions = {
    secrets: key === undefined ? "plaintext" : (text) => sealText(key.key, text),
  };
  const values = {
    map: (map: PropertyMap) => encodeMap(map, options),
    value: (value: Parameters<typeof encode>[0]) => encode(value, options),
  };
  const providers = new Map(
    rows
      .filter((row) => row.deposed === undefined && isProviderType(row.type))
      .map(({ urn, id }) => [urn, id]),
  );
  const written = (row: ResourceState) => checkpointOfRow(row, values, providers.get(row.provider ?? ""));
  const engine = `orch-${version}`;
  const deployment = {
    manifest: {
      time: new Date().toISOString(),
      magic: createHash("sha256").update(engine).digest("hex"),
      version: engine,
      plugins: pluginsOf(rows),
    },
    ...(key ? { secrets_providers: key.provider } : {}),
    resources: rows.map(written),
    ...(pending.length > 0
      ? { pending_operations: pending.map(({ row, type }) => ({ resource: written(row), type })) }
      : {}),
    metadata: {},
  };
  return { document: { version: formatVersion, deployment: deployment as unknown as Json }, withSecrets };
}

function pluginsOf(
  rows: readonly ResourceState[],
): { name: string; path: string; type: string; version: string }[] {
  const found = new Map<string, { name: string; path: string; type: string; version: string }>();
  for (const row of rows) {
    if (!isProviderType(row.type)) continue;
    const { name, version = "" } = row.package ?? { name: packageOf(row.type) };
    found.set(`${name} ${version}`, { name, path: "", type: "resource", version });
  }
  return [...found.values()];
}

const types: Readonly<Partial<Record<UnfinishedStep["intent"]["op"], string>>> = {
  create: "creating",
  update: "updating",
  delete: "deleting",
};

function operationOf({ intent }: UnfinishedStep): { row: ResourceState; type: string }[] {
  const { op, urn, type, id, inputs, provider, deposed, expected } = intent;
  const known = intent.changes ? "updating" : types[op];
  if (known === undefined) return [];
  const template = expected?.row ?? {
    urn,
    type,
    name: urn.slice(urn.lastIndexOf("::") + 2),
    custom: true,
    dependencies: [],
    propertyDependencies: {},
    options: {},
    ...(provider ? { provider } : {}),
  };
  const row: ResourceState = {
    ...template,
    inputs,
    outputs: {},
    ...(id === undefined ? {} : { id }),
    ...(deposed === undefined ? {} : { deposed }),
  };
  return [{ row, type: known }];
}
