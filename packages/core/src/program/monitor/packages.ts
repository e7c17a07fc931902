/** Which code serves a resource, and the provider resource that stands for it when the program names none. */
import { createHash } from "node:crypto";
import { OrchError } from "../../model/failure.js";
import type { PackageDescriptor, Resource } from "../../model/resource.js";
import { makeUrn, providerTypePrefix, type Urn } from "../../model/urn.js";
import { type PropertyMap, Secret } from "../../model/value.js";
import type { ResourceMessages } from "../services.js";

interface ChecksumMap {
  getLength(): number;
  toArray(): unknown;
}

/** The package as a request names it. */
export function describePackage(
  name: string,
  version: string,
  downloadUrl: string,
  checksums: ChecksumMap,
): PackageDescriptor {
  const sums =
    checksums.getLength() === 0
      ? undefined
      : Object.fromEntries(
          (checksums.toArray() as [string, Uint8Array | string][]).map(([platform, sum]) => [
            platform,
            Buffer.from(sum as string, "base64").toString("hex"),
          ]),
        );
  return {
    name,
    ...(version === "" ? {} : { version }),
    ...(downloadUrl === "" ? {} : { downloadUrl }),
    ...(sums === undefined ? {} : { checksums: sums }),
  };
}

/** The name that tokens of the package start with. */
export const packageName = (descriptor: PackageDescriptor): string =>
  descriptor.parameterization?.name ?? descriptor.name;

/** Packages that the program registered, by the reference that its resources carry. */
export class Packages {
  readonly #byRef = new Map<string, PackageDescriptor>();

  /** The same package gets the same reference. */
  register(request: ResourceMessages.RegisterPackageRequest): string {
    if (request.hasExtension$()) {
      throw new OrchError({
        reason: "unsupported",
        message: `The package ${request.getName()} is extended with ${request.getExtension$()?.getName()}: extension parameters are not supported.`,
        next: ["Use the package without the extension, or a parameterised package of its own."],
      });
    }
    const base = describePackage(
      request.getName(),
      request.getVersion(),
      request.getDownloadUrl(),
      request.getChecksumsMap(),
    );
    const parameters = request.getParameterization();
    const descriptor: PackageDescriptor =
      parameters === undefined
        ? base
        : {
            ...base,
            parameterization: {
              name: parameters.getName(),
              version: parameters.getVersion(),
              value: parameters.getValue_asB64(),
            },
          };
    const ref = createHash("sha256").update(JSON.stringify(descriptor)).digest("hex").slice(0, 32);
    this.#byRef.set(ref, descriptor);
    return ref;
  }

  get(ref: string): PackageDescriptor {
    const descriptor = this.#byRef.get(ref);
    if (descriptor === undefined) {
      throw new OrchError({
        reason: "internal",
        message: `The program uses the package reference ${ref}, which nobody registered.`,
      });
    }
    return descriptor;
  }
}

/** The provider resource that Pulumi makes when a program names none: one per package and version. */
export function defaultProvider(
  descriptor: PackageDescriptor,
  context: {
    readonly stack: string;
    readonly project: string;
    readonly config: Readonly<Record<string, string>>;
    readonly secretKeys: ReadonlySet<string>;
  },
): Resource {
  const name = packageName(descriptor);
  const type = `${providerTypePrefix}${name}`;
  const resourceName = defaultProviderName(descriptor);
  const urn: Urn = makeUrn(context.stack, context.project, undefined, type, resourceName);
  return {
    urn,
    type,
    name: resourceName,
    custom: true,
    inputs: packageConfig(name, context.config, context.secretKeys),
    package: descriptor,
    dependencies: [],
    propertyDependencies: {},
    aliases: [],
    options: {},
  };
}

/**
 * `default_6_1_0`, with the parts of a pre-release and the download URL behind it. Source: pulumi/pulumi
 * `pkg/resource/deploy/providers/provider.go` (DefaultName).
 */
export function defaultProviderName(descriptor: PackageDescriptor): string {
  const version = descriptor.parameterization?.version ?? descriptor.version;
  const parts = version === undefined ? "" : `_${version.replace(/^v/, "").replace(/[^A-Za-z0-9]+/g, "_")}`;
  const url = descriptor.downloadUrl === undefined ? "" : `_${qualifiedName(descriptor.downloadUrl)}`;
  return `default${parts}${url}`;
}

/** Pulumi's `IntoQName`: a name per path segment, of letters, digits, `_`, `.` and `-`. */
const qualifiedName = (text: string): string =>
  text
    .split("/")
    .filter((segment) => segment !== "")
    .map((segment) => segment.replace(/^[^A-Za-z0-9_.]/, "_").replace(/[^A-Za-z0-9_.-]/g, "_"))
    .join("/") || "_";

/** Hosts of dynamic providers are the program's own code, and read the whole configuration with its full keys (`req.config`). */
const dynamicHosts: ReadonlySet<string> = new Set(["pulumi-nodejs", "pulumi-python"]);

/**
 * The stack's configuration of a package, as Pulumi hands it to its provider: texts, lists and objects as JSON text. Source: pulumi/pulumi
 * `pkg/resource/deploy/target.go` (GetPackageConfig).
 */
export function packageConfig(
  name: string,
  config: Readonly<Record<string, string>>,
  secretKeys: ReadonlySet<string>,
): PropertyMap {
  const inputs: Record<string, string | Secret> = {};
  for (const [key, value] of Object.entries(config)) {
    const dynamic = dynamicHosts.has(name);
    if (!dynamic && !key.startsWith(`${name}:`)) continue;
    const property = dynamic ? key : key.slice(name.length + 1).replace(/^config:/, "");
    inputs[property] = secretKeys.has(key) ? new Secret(value) : value;
  }
  return inputs;
}
