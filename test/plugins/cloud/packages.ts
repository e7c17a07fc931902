/**
 * How the real plugins of these packages behave, in small. The shapes are taken from their published sources, not from accounts:
 *
 * - aws: pulumi-terraform-bridge `pkg/tfbridge/provider.go` (Configure answers supportsPreview and autonaming, no secrets; checked
 *   inputs hold `__defaults`; names are auto-named with 7 hex digits; detailed diffs; `deleteBeforeReplace` for fixed names)
 * - azure-native: `provider/pkg/provider/provider.go` (no secrets; the id is the ARM path, known only after creation; `azureApiVersion`)
 * - kubernetes: `provider/pkg/provider/provider.go` (secrets; `__inputs`, `__initialApiVersion`, `__fieldManager` in outputs; no
 *   `replaces` without detailed diff; unknown `status` in previews; id `namespace/name`)
 * - scripted: no real package; everything that a test may want to provoke
 */
// biome-ignore-all lint/suspicious/noExplicitAny: properties are free-form JSON, read here as a plugin's author would.
import { createHash } from "node:crypto";
import { isSecret, type Props, RpcError, reveal, unknownText } from "../kit.ts";

export interface Package {
  /** Does it answer to Handshake, as plugins since 2025 do? */
  readonly handshake: boolean;
  readonly secrets: boolean;
  readonly preview: boolean;
  readonly requiredConfig: readonly { name: string; description: string }[];
  readonly configProblems: (config: Props) => [property: string, reason: string][];
  /** Checked inputs: defaults applied, names chosen from the seed. */
  readonly check: (type: string, name: string, news: Props, olds: Props, seed: Uint8Array) => Props;
  readonly problems: (type: string, inputs: Props) => [property: string, reason: string][];
  /** Top-level properties that cannot be changed in place. */
  readonly immutable: (type: string) => readonly string[];
  /** Properties in outputs that stay whatever happens in an update. */
  readonly stables: readonly string[];
  readonly deleteBeforeReplace: (inputs: Props) => boolean;
  readonly id: (type: string, name: string, inputs: Props) => string;
  /** What exists after creation; for previews `id` is undefined and what the far side decides is unknown. */
  readonly outputs: (type: string, inputs: Props, id: string | undefined) => Props;
  readonly invoke: (token: string, args: Props) => Props;
}

const hex = (seed: Uint8Array, text: string, length: number): string =>
  createHash("sha256").update(seed).update(text).digest("hex").slice(0, length);
const known = (id: string | undefined, value: (id: string) => unknown): unknown =>
  id === undefined ? unknownText : value(id);
const noInvoke = (token: string): never => {
  throw new RpcError(`unknown function ${token}`);
};

export const packages: Record<string, Package> = {
  aws: {
    handshake: false,
    secrets: false,
    preview: true,
    requiredConfig: [
      {
        name: "aws:region",
        description:
          "The region where AWS operations will take place. Examples are us-east-1, us-west-2, etc.",
      },
    ],
    configProblems: (config) =>
      config.region === "nowhere-1"
        ? [["region", `expected region to be one of the known ones, got nowhere-1`]]
        : [],
    check: (type, name, news, olds, seed) => {
      const defaults: string[] = [];
      const inputs: Props = { ...news };
      if (type === "aws:s3/bucket:Bucket" || type === "aws:s3/bucketV2:BucketV2") {
        if (inputs.bucket === undefined) {
          inputs.bucket =
            olds.bucket !== undefined && isDefault(olds, "bucket")
              ? olds.bucket
              : `${name.toLowerCase()}-${hex(seed, name, 7)}`;
          defaults.push("bucket");
        }
        if (inputs.forceDestroy === undefined) {
          inputs.forceDestroy = false;
          defaults.push("forceDestroy");
        }
      }
      return { ...inputs, __defaults: defaults };
    },
    problems: (_type, inputs) => {
      const bucket = reveal(inputs.bucket);
      return typeof bucket === "string" && bucket !== unknownText && !/^[a-z0-9.-]{3,63}$/.test(bucket)
        ? [["bucket", `"bucket" isn't a valid bucket name: ${bucket}`]]
        : [];
    },
    immutable: (type) =>
      type.includes("Bucket") && !type.includes("Object")
        ? ["bucket"]
        : type.includes("Object")
          ? ["bucket", "key"]
          : [],
    stables: ["arn", "bucket", "region"],
    deleteBeforeReplace: (inputs) => !isDefault(inputs, "bucket"),
    id: (_type, name, inputs) =>
      inputs.key
        ? `${reveal(inputs.bucket)}/${reveal(inputs.key)}`
        : reveal(inputs.bucket ?? inputs.name ?? name),
    outputs: (type, { __defaults, ...inputs }, id) => {
      if (!type.startsWith("aws:s3/bucket:") && !type.startsWith("aws:s3/bucketV2:"))
        return { ...inputs, id: known(id, (it) => it) };
      return {
        ...inputs,
        id: known(id, (it) => it),
        arn: known(id, (it) => `arn:aws:s3:::${it}`),
        bucketDomainName: known(id, (it) => `${it}.s3.amazonaws.com`),
        region: known(id, () => "eu-central-1"),
        tagsAll: inputs.tags ?? {},
      };
    },
    invoke: (token, args) =>
      token === "aws:index/getCallerIdentity:getCallerIdentity"
        ? {
            accountId: "123456789012",
            arn: "arn:aws:iam::123456789012:user/orch",
            id: "123456789012",
            userId: "AIDAORCH",
            ...args,
          }
        : noInvoke(token),
  },
  "azure-native": {
    handshake: false,
    secrets: false,
    preview: true,
    requiredConfig: [],
    configProblems: () => [],
    check: (type, name, news, olds, seed) => {
      const inputs: Props = { ...news };
      const property = azureName(type);
      if (inputs[property] === undefined) inputs[property] = olds[property] ?? `${name}${hex(seed, name, 8)}`;
      if (inputs.location === undefined && type !== "azure-native:storage:BlobContainer")
        inputs.location = "westeurope";
      return inputs;
    },
    problems: () => [],
    immutable: (type) => [azureName(type), "location", "resourceGroupName"],
    stables: ["id", "name", "type"],
    deleteBeforeReplace: () => false,
    id: (type, _name, inputs) => {
      const group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups";
      const name = reveal(inputs[azureName(type)]);
      return type === "azure-native:resources:ResourceGroup"
        ? `${group}/${name}`
        : `${group}/${reveal(inputs.resourceGroupName)}/providers/Microsoft.Storage/storageAccounts/${name}`;
    },
    outputs: (type, inputs, id) => ({
      ...inputs,
      name: inputs[azureName(type)],
      azureApiVersion: "2024-03-01",
      type: known(id, () =>
        type.endsWith("ResourceGroup")
          ? "Microsoft.Resources/resourceGroups"
          : "Microsoft.Storage/storageAccounts",
      ),
      provisioningState: known(id, () => "Succeeded"),
      ...(type.endsWith("StorageAccount")
        ? {
            primaryEndpoints: known(id, (it) => ({
              blob: `https://${it.split("/").pop()}.blob.core.windows.net/`,
            })),
          }
        : {}),
    }),
    invoke: noInvoke,
  },
  kubernetes: {
    handshake: false,
    secrets: true,
    preview: true,
    requiredConfig: [],
    configProblems: () => [],
    check: (_type, name, news, olds, seed) => {
      const metadata = { ...(news.metadata ?? {}) };
      const before = reveal(olds.metadata ?? {});
      if (metadata.name === undefined && metadata.generateName === undefined) {
        metadata.annotations = { ...metadata.annotations, "pulumi.com/autonamed": "true" };
        metadata.name =
          before.annotations?.["pulumi.com/autonamed"] === "true"
            ? before.name
            : `${name}-${hex(seed, name, 8)}`;
      }
      return { ...news, metadata };
    },
    problems: (_type, inputs) => {
      const replicas = reveal(inputs.spec?.replicas);
      return typeof replicas === "number" && replicas < 0
        ? [["spec.replicas", `Invalid value: ${replicas}: must be greater than or equal to 0`]]
        : [];
    },
    immutable: () => ["kind", "apiVersion"],
    stables: [],
    deleteBeforeReplace: (inputs) => inputs.metadata?.annotations?.["pulumi.com/autonamed"] !== "true",
    id: (_type, _name, inputs) => {
      const { namespace = "default", name } = reveal(inputs.metadata);
      return `${namespace}/${name}`;
    },
    outputs: (type, inputs, id) => {
      const data = inputs.stringData;
      const encode = (value: any) => {
        const text = Buffer.from(String(reveal(value))).toString("base64");
        return isSecret(value) ? { ...value, value: text } : text;
      };
      return {
        ...inputs,
        metadata: {
          ...inputs.metadata,
          namespace: inputs.metadata?.namespace ?? "default",
          ...(id === undefined
            ? {}
            : {
                uid: `uid-of-${id}`,
                resourceVersion: "1",
                generation: 1,
                creationTimestamp: "2026-01-01T00:00:00Z",
              }),
        },
        ...(data !== undefined && !isSecret(data)
          ? { data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, encode(value)])) }
          : {}),
        ...(type.endsWith("Deployment")
          ? {
              status: known(id, () => ({
                replicas: reveal(inputs.spec?.replicas) ?? 1,
                readyReplicas: reveal(inputs.spec?.replicas) ?? 1,
              })),
            }
          : {}),
        __inputs: inputs,
        __initialApiVersion: inputs.apiVersion,
        __fieldManager: "pulumi-kubernetes-1f2e3d4c",
      };
    },
    invoke: noInvoke,
  },
  scripted: {
    handshake: true,
    secrets: true,
    preview: true,
    requiredConfig: [],
    configProblems: () => [],
    check: (_type, name, news, olds, seed) => ({
      ...news,
      label: news.label ?? olds.label ?? `${name}-${hex(seed, name, 6)}`,
    }),
    problems: (_type, inputs) => {
      const wrong: [string, string][] = [];
      const size = reveal(inputs.size);
      if (size !== undefined && size !== unknownText && typeof size !== "number")
        wrong.push(["size", "must be a number"]);
      if (inputs.rules?.[0]?.port === "none") wrong.push(["rules[0].port", "must be a port number"]);
      return wrong;
    },
    immutable: () => ["label"],
    stables: ["label"],
    deleteBeforeReplace: () => false,
    id: (_type, _name, inputs) => `thing-${reveal(inputs.label)}`,
    outputs: (_type, inputs, id) => ({
      ...inputs,
      address: known(id, (it) => `https://things.example/${it}`),
    }),
    invoke: (token, args) => (token === "scripted:index:echo" ? args : noInvoke(token)),
  },
};

const azureName = (type: string): string =>
  type.endsWith(":ResourceGroup")
    ? "resourceGroupName"
    : type.endsWith(":StorageAccount")
      ? "accountName"
      : "containerName";
const isDefault = (inputs: Props, property: string): boolean =>
  ((inputs.__defaults ?? []) as string[]).includes(property);
