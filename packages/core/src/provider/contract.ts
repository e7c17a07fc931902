/**
 * CONTRACT. What a provider does for orch: the ideas of Pulumi's `pulumirpc.ResourceProvider`, as values of orch's model. Each verb takes one request and gives
 * one response; an optional ability is an optional member. A verb that fails rejects with an OrchError; what the object looks
 * like after a half-done creation or update comes back as `PartialFailure` in the response, never lost in an exception.
 */
import type { ChangeEffect } from "../model/diff.js";
import type { LogLevel } from "../model/event.js";
import type { Failure } from "../model/failure.js";
import type { ObjectChange } from "../model/object-change.js";
import type { Alias, PackageDescriptor, ResourceOptions } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { PropertyMap, Value } from "../model/value.js";

export type { ObjectChange };

/** What a provider understands. What it does not, orch does for it (marking secrets again, for instance). */
export interface ProviderTraits {
  /** Values may come wrapped in `Secret`; otherwise plain values are sent and results are marked again by orch. */
  readonly secrets: boolean;
  readonly resourceRefs: boolean;
  readonly outputValues: boolean;
  /** `create` and `update` take `preview: true`. Otherwise a preview's outputs are the inputs. */
  readonly preview: boolean;
  /** `unknown` inputs may be sent to check, diff and previews. All Pulumi plugins bear them. */
  readonly unknowns: boolean;
  /** How an object whose creation was cut off is found again, told in the plan beforehand. */
  readonly findAgain: FindAgain;
  /** Types for which it is another way. */
  readonly findAgainByType?: Readonly<Record<string, FindAgain>>;
}

/**
 * After a crash in the middle of a creation:
 * - `id-known-before`: the object is read by the id that the preview told; where it told none, or nothing is there (yet), `create` is called again with the
 *   same inputs, and gives the object that is there.
 * - `token`: `create` is called again with the same inputs and token, and gives the object that the first call made, or makes it.
 * - `list`: `find` looks for it.
 * - `no`: a person is asked.
 */
export type FindAgain = "id-known-before" | "token" | "list" | "no";

export interface CheckRequest {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  /** Checked inputs of the last apply; absent for something new or replaced. */
  readonly oldInputs?: PropertyMap;
  readonly newInputs: PropertyMap;
  /** 32 random bytes for generated names, kept in the plan. */
  readonly randomSeed: Uint8Array;
}
export interface CheckFailure {
  /** Path text within the inputs; empty when it concerns the whole resource. */
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
}
export interface CheckResponse {
  readonly inputs: PropertyMap;
  readonly failures: readonly CheckFailure[];
}

export interface DiffRequest {
  readonly urn: Urn;
  readonly type: string;
  readonly id: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  /** Checked. */
  readonly newInputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
}
export interface DetailedChange {
  readonly path: string;
  readonly kind: "add" | "update" | "delete";
  readonly effect: ChangeEffect;
  /** Old and new inputs differ, rather than old outputs and new inputs. */
  readonly inputDiff: boolean;
  readonly reason?: string;
  /** What the property was and would be, where that is not in the state and the inputs: something that the system itself would set. */
  readonly before?: Value;
  readonly after?: Value;
}
export interface DiffResponse {
  /** `unknown`: the provider cannot tell (DIFF_UNKNOWN), orch compares inputs itself. */
  readonly changes: "none" | "some" | "unknown";
  /** Top-level properties whose change needs a replace. */
  readonly replaces: readonly string[];
  readonly stables: readonly string[];
  /** Top-level properties that differ. */
  readonly diffs: readonly string[];
  readonly deleteBeforeReplace: boolean;
  /** Absent when the provider gives none. */
  readonly detailed?: readonly DetailedChange[];
}

export interface CallOptions {
  /** Seconds; 0 or absent: the provider's default. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

export interface CreateRequest extends CallOptions {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly inputs: PropertyMap;
  readonly preview: boolean;
  /** The same for every try of one step: lets an API that takes client tokens make only one object. */
  readonly token?: string;
}
/** The object exists, but something about it is not finished. Tried again on the next apply. */
export interface PartialFailure {
  readonly reasons: readonly string[];
}
export interface CreateResponse {
  /** Empty in previews when it is not known yet. */
  readonly id: string;
  readonly outputs: PropertyMap;
  readonly partial?: PartialFailure;
}

export interface ReadRequest extends CallOptions {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly id: string;
  /** Empty for an import or a `.get()`. */
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}
/** Which object did a creation make, of which no answer came? */
export interface FindRequest extends CallOptions {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  /** As they were sent to `create`. */
  readonly inputs: PropertyMap;
  readonly token?: string;
  /** When the creation began, in milliseconds since the epoch, by the clock of the machine it began on. */
  readonly since: number;
  /** Ids of this type that orch knows as other objects: never the answer. */
  readonly known: readonly string[];
}
export interface FindResponse {
  /** Absent: there is no such object, and the creation can't make one any more. */
  readonly id?: string;
}

/** Undefined `object`: there is no such object any more. */
export interface ReadResponse {
  readonly object?: { readonly id: string; readonly inputs: PropertyMap; readonly outputs: PropertyMap };
  readonly partial?: PartialFailure;
  /** Who changed the object last, where the system keeps that: newest first. For people; never compared. */
  readonly changes?: readonly ObjectChange[];
}

/** Reads many objects of this provider with as few requests as its API allows. */
export interface ReadManyRequest extends CallOptions {
  readonly reads: readonly Omit<ReadRequest, keyof CallOptions>[];
}
/** One answer per read, in the same order; what could not be read fails by itself, not the others with it. */
export type ReadManyResponse = readonly (ReadResponse | { readonly failure: Failure })[];

/** Which objects of a type are there, managed or not? */
export interface ListRequest extends CallOptions {
  readonly type: string;
  /** What narrows the search, in the type's own words (a namespace, a base DN, a zone): documented with the type. */
  readonly scope?: PropertyMap;
}
export interface ListedObject {
  readonly id: string;
  /** For people: a name or a path. */
  readonly title?: string;
  readonly changes?: readonly ObjectChange[];
}

export interface UpdateRequest extends CallOptions {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
  readonly preview: boolean;
}
export interface UpdateResponse {
  readonly outputs: PropertyMap;
  readonly partial?: PartialFailure;
}

export interface DeleteRequest extends CallOptions {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

export interface InvokeRequest extends CallOptions {
  readonly token: string;
  readonly args: PropertyMap;
}
export interface InvokeResponse {
  readonly result: PropertyMap;
  readonly failures: readonly CheckFailure[];
}

/** What a program, and code that makes resources for one, is told of the run. */
export interface RunSettings {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  /** Full keys (`project:name`), values in clear. */
  readonly config: Readonly<Record<string, string>>;
  /** Which of them must be treated as secrets. */
  readonly secretKeys: readonly string[];
  /** True while planning. */
  readonly dryRun: boolean;
  readonly parallel: number;
}

/** What code that makes resources of its own needs to take part in a run. */
export interface RunContext extends RunSettings {
  /** `host:port` of a gRPC server with `pulumirpc.ResourceMonitor`, where it registers what it makes. */
  readonly monitor: string;
}

/** Makes a component and what is in it (a remote component): everything is registered with the run's monitor. */
export interface ConstructRequest extends CallOptions {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly parent?: Urn;
  /** May hold unknowns (in plans only), secrets and output values. */
  readonly inputs: PropertyMap;
  readonly inputDependencies: Readonly<Record<string, readonly Urn[]>>;
  readonly dependencies: readonly Urn[];
  /** Package → provider reference, for what is in it. */
  readonly providers: Readonly<Record<string, string>>;
  readonly aliases: readonly Alias[];
  readonly options: ResourceOptions;
  readonly run: RunContext;
}
export interface ConstructResponse {
  /** Of the component, which is registered by now. */
  readonly urn: Urn;
  readonly outputs: PropertyMap;
  readonly outputDependencies: Readonly<Record<string, readonly Urn[]>>;
}

/** A method of a component; `__self__` among the arguments is the component. */
export interface MethodRequest extends CallOptions {
  readonly token: string;
  /** May hold unknowns (in plans only), secrets and output values. */
  readonly args: PropertyMap;
  readonly argDependencies: Readonly<Record<string, readonly Urn[]>>;
  readonly run: RunContext;
}
export interface MethodResponse {
  readonly result: PropertyMap;
  readonly resultDependencies: Readonly<Record<string, readonly Urn[]>>;
  readonly failures: readonly CheckFailure[];
}

export interface ConfigureRequest {
  readonly urn: Urn;
  /** The provider resource's id. */
  readonly id: string;
  readonly name: string;
  /** Checked; never holds an unknown. */
  readonly inputs: PropertyMap;
}

/** One running instance of a package's code; configured once, then used by many resources at the same time. */
export interface Provider {
  readonly package: PackageDescriptor;
  /** What the sealed plan binds. */
  readonly origin: {
    readonly source: "plugin" | "dynamic" | "direct";
    readonly sha256?: string;
    readonly path?: string;
  };

  checkConfig(request: Omit<CheckRequest, "randomSeed">): Promise<CheckResponse>;
  diffConfig(request: Omit<DiffRequest, "id" | "type">): Promise<DiffResponse>;
  /** Must come before any verb below. Traits may depend on it. */
  configure(request: ConfigureRequest): Promise<ProviderTraits>;

  check(request: CheckRequest): Promise<CheckResponse>;
  diff(request: DiffRequest): Promise<DiffResponse>;
  create(request: CreateRequest): Promise<CreateResponse>;
  read(request: ReadRequest): Promise<ReadResponse>;
  update(request: UpdateRequest): Promise<UpdateResponse>;
  delete(request: DeleteRequest): Promise<void>;
  invoke(request: InvokeRequest): Promise<InvokeResponse>;

  /** For drift and refresh of many objects. Absent: each is read by itself. */
  readMany?(request: ReadManyRequest): Promise<ReadManyResponse>;
  /** Types that `readMany` has a shorter way for; the others are read by themselves. Absent: all. */
  readonly readManyTypes?: ReadonlySet<string>;
  /** Types that `list` knows. */
  readonly listTypes?: ReadonlySet<string>;
  /** Every object of a type within a scope, page by page. Only for `listTypes`. */
  list?(request: ListRequest): AsyncIterable<ListedObject>;

  /**
   * Needed for `findAgain: "list"`. Answers once it is sure: a request that is still under way in the other system, or an object that its lists do not show yet,
   * must be waited for. Rejects when several objects could be the one.
   */
  find?(request: FindRequest): Promise<FindResponse>;
  /** JSON text of the package's schema. */
  getSchema?(): Promise<string>;
  /** Components whose code is the provider's. */
  construct?(request: ConstructRequest): Promise<ConstructResponse>;
  /** Methods of components. */
  call?(request: MethodRequest): Promise<MethodResponse>;
  /** Ask it to stop what it does as soon as it safely can (second Ctrl-C). */
  cancel?(): Promise<void>;
  close(): Promise<void>;
}

export interface LoadContext {
  /** The folder of the project: dynamic providers resolve modules from it. */
  readonly projectDir: string;
  readonly project: string;
  readonly stack: string;
  /** What plugins print, and what they report through their log streams. */
  readonly log: (entry: { level: LogLevel; message: string; urn?: Urn; ephemeral?: boolean }) => void;
  readonly envVarMappings?: Readonly<Record<string, string>>;
}

/** Finds and starts the code of packages. Asked in order; the first that answers serves the package. */
export interface ProviderLoader {
  readonly name: string;
  /** Undefined: not mine. Rejects (`plugin-missing`, `plugin-checksum`, `plugin-start`) when it is, but can't be started. */
  load(descriptor: PackageDescriptor, context: LoadContext): Promise<Provider | undefined>;
  /**
   * What `load` would start, without starting it: an apply compares it with its plan first. Undefined: not mine. Rejects as `load` does.
   * Absent in loaders whose code is part of orch or of the program.
   */
  locate?(descriptor: PackageDescriptor, context: LoadContext): Promise<LocatedCode | undefined>;
}

export interface LocatedCode {
  readonly version?: string;
  /** In hex; absent for a process that somebody else has started. */
  readonly sha256?: string;
  readonly path?: string;
}
