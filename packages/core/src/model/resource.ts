/** CONTRACT. What a program wants, and what orch last knew. */
import type { PropertyPath } from "./path.js";
import type { Urn } from "./urn.js";
import type { PropertyMap, Value } from "./value.js";

export interface SourcePosition {
  /** Relative to the program's folder where it lies inside it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Which code serves a resource: a package in a version, from a place, perhaps with parameters (a bridged provider). */
export interface PackageDescriptor {
  readonly name: string;
  readonly version?: string;
  /** The server that offers the plugin, from the program's `pluginDownloadURL`. */
  readonly downloadUrl?: string;
  /** SHA-256 by platform (`linux-amd64`), in hex. */
  readonly checksums?: Readonly<Record<string, string>>;
  /** The plugin is `name`/`version` above; what it becomes is this. `value` is base64. */
  readonly parameterization?: { readonly name: string; readonly version: string; readonly value: string };
}

/** Options of a resource that shape its plan. Absent means the default. Times are Go durations (`5m`), as SDKs send them. */
export interface ResourceOptions {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: Urn;
  readonly deleteBeforeReplace?: boolean;
  readonly replaceOnChanges?: readonly string[];
  readonly ignoreChanges?: readonly string[];
  readonly additionalSecretOutputs?: readonly string[];
  readonly customTimeouts?: {
    readonly create?: string;
    readonly update?: string;
    readonly delete?: string;
    readonly read?: string;
  };
  readonly importId?: string;
  readonly replaceWith?: readonly Urn[];
  readonly replacementTrigger?: Value;
  readonly hideDiffs?: readonly string[];
  readonly envVarMappings?: Readonly<Record<string, string>>;
}

/** One of the program's `aliases`: a URN, or what differed. An empty text means the same as now. */
export type Alias =
  | { readonly urn: Urn }
  | {
      readonly name: string;
      readonly type: string;
      readonly stack: string;
      readonly project: string;
      /** Undefined: the present parent; null: none. */
      readonly parent: Urn | null | undefined;
    };

/** Where an input comes from: the value at `path`, or something in it, was made of the output `endpoint` of `db`. */
export interface Origin {
  readonly path: PropertyPath;
  readonly urn: Urn;
  readonly output: string;
}

/** A node of the desired graph: one resource as the program registered it. */
export interface Resource {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  /** False for components: they have no provider and no id. */
  readonly custom: boolean;
  readonly parent?: Urn;
  /** As the program gave them; not yet checked by the provider. */
  readonly inputs: PropertyMap;
  /** URN of the provider resource that serves it; absent for components and for providers themselves. */
  readonly provider?: Urn;
  /** For provider resources: the code they configure. */
  readonly package?: PackageDescriptor;
  readonly dependencies: readonly Urn[];
  /** Input property → the resources that its value came from. */
  readonly propertyDependencies: Readonly<Record<string, readonly Urn[]>>;
  /** Outputs of other resources that the inputs were made of, as far as the program's side can name them. */
  readonly origins?: readonly Origin[];
  /** Former URNs, expanded through the parents' aliases, most likely first. */
  readonly aliases: readonly Urn[];
  readonly options: ResourceOptions;
  readonly source?: SourcePosition;
}

/** A `.get()`: a resource that somebody else manages. */
export interface ReadResource extends Omit<Resource, "options" | "aliases"> {
  readonly id: Value;
  readonly options: Pick<ResourceOptions, "additionalSecretOutputs">;
}

/** What orch last knew of a resource: a row of the state. */
export interface ResourceState {
  readonly urn: Urn;
  /** Set on the old half of a replace that still waits for its deletion: the key of that object beside the live one. */
  readonly deposed?: string;
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  /** Read, not managed: never updated or deleted. */
  readonly external?: boolean;
  readonly id?: string;
  readonly parent?: Urn;
  /** After the provider's check: defaults applied, names chosen. */
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
  readonly provider?: Urn;
  /** Id of the provider resource that made it: a replaced provider has the same URN but is another one. */
  readonly providerId?: string;
  readonly package?: PackageDescriptor;
  readonly dependencies: readonly Urn[];
  readonly propertyDependencies: Readonly<Record<string, readonly Urn[]>>;
  readonly options: ResourceOptions;
  /** Why the last creation or update ended half-done; empty or absent when it did not. */
  readonly initErrors?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly createdAt?: number;
  readonly modifiedAt?: number;
  readonly source?: SourcePosition;
}
