/** Which provider resource serves what a program asks for: the one it names, one from above, or the package's default one. */
import { OrchError } from "../../model/failure.js";
import type { PackageDescriptor, Resource, SourcePosition } from "../../model/resource.js";
import { isProviderType, packageOf, parseProviderRef, type Urn } from "../../model/urn.js";
import type { ProgramOptions, RegistrationAnswer } from "../contract.js";
import type { ResourceMessages } from "../services.js";
import { providerFailed } from "./failures.js";
import type { Known, KnownResources } from "./known.js";
import { invalidOption } from "./options.js";
import { defaultProvider, describePackage, Packages } from "./packages.js";

export interface ChosenProvider {
  readonly urn: Urn;
  /** Undefined once it was answered well. */
  pending: Promise<unknown> | undefined;
}

/** The part of a request that names a package. */
type PackageRequest = Pick<
  ResourceMessages.ReadResourceRequest,
  "getPackageref" | "getVersion" | "getPlugindownloadurl" | "getPluginchecksumsMap"
>;

/** Package → provider reference, for what is in a component. */
export type Inherited = Readonly<Record<string, string>>;

export class Providers {
  readonly packages = new Packages();
  readonly #defaults = new Map<string, ChosenProvider>();
  readonly #secretKeys: ReadonlySet<string>;

  /** `register`: how a default provider gets into the run. */
  constructor(
    readonly known: KnownResources,
    readonly options: Pick<ProgramOptions, "config" | "secretKeys">,
    readonly register: (resource: Resource) => Promise<RegistrationAnswer>,
  ) {
    this.#secretKeys = new Set(options.secretKeys);
  }

  /** `reference`: empty where the program names none; then the package's default one is made, or found. */
  choose(
    descriptor: () => PackageDescriptor,
    reference: string,
    urn: Urn,
    source: SourcePosition | undefined,
  ): ChosenProvider {
    if (reference === "") return this.#default(descriptor(), source);
    const provider = parseProviderRef(reference).urn;
    const entry = this.known.get(provider);
    if (entry === undefined || !isProviderType(entry.resource.type)) {
      throw new OrchError(
        invalidOption(urn, "provider", reference, "a provider that this program has made", source),
      );
    }
    return { urn: provider, pending: undefined };
  }

  #default(found: PackageDescriptor, source: SourcePosition | undefined): ChosenProvider {
    const key = JSON.stringify([
      found.name,
      found.version,
      found.downloadUrl,
      found.parameterization?.name,
      found.parameterization?.version,
    ]);
    const before = this.#defaults.get(key);
    if (before !== undefined) return before;
    const resource = defaultProvider(found, {
      ...this.known.place,
      config: this.options.config,
      secretKeys: this.#secretKeys,
    });
    this.known.claim(resource.urn, source);
    this.known.add({ resource, aliases: [] });
    const made: ChosenProvider = { urn: resource.urn, pending: undefined };
    made.pending = this.register(resource).then((answer) => {
      if (answer.failed) throw new OrchError(providerFailed(resource.urn));
      made.pending = undefined;
    });
    // Whoever uses it waits for it and gets the rejection; there may be nobody left who does.
    made.pending.catch(() => {});
    this.#defaults.set(key, made);
    return made;
  }

  packageFor(type: string, request: PackageRequest): PackageDescriptor {
    const ref = request.getPackageref();
    if (ref !== "") return this.packages.get(ref);
    return describePackage(
      packageOf(type),
      request.getVersion(),
      request.getPlugindownloadurl(),
      request.getPluginchecksumsMap(),
    );
  }
}

/** The reference that the request gives, else what a component above has for the package; empty for neither. */
export function inheritedProvider(
  given: string,
  own: Inherited | undefined,
  parent: Known | undefined,
  type: string,
): string {
  if (given !== "") return given;
  const name = packageOf(type);
  return own?.[name] ?? parent?.providers?.[name] ?? "";
}

/** What is in a component takes its providers from here. */
export function componentProviders(
  request: ResourceMessages.RegisterResourceRequest,
  parent: Known | undefined,
): Inherited | undefined {
  const map = request.getProvidersMap();
  if (map.getLength() === 0) return parent?.providers;
  return { ...parent?.providers, ...Object.fromEntries(map.toArray() as unknown as [string, string][]) };
}
