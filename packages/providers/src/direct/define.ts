/**
 * What somebody who adds a system writes: one definition per resource, one per provider. Everything else that the `Provider`
 * contract asks for (checks with paths, defaults, diffs, secrets, previews, the schema) follows from these. docs/adding-a-provider.md
 * shows a whole one.
 */
import type { ChangeEffect } from "@orch/core/model/diff";
import type { LogLevel } from "@orch/core/model/event";
import type { Failure } from "@orch/core/model/failure";
import type { PropertyPath } from "@orch/core/model/path";
import type { Urn } from "@orch/core/model/urn";
import type { PropertyMap, Value } from "@orch/core/model/value";
import type {
  CheckFailure,
  ListedObject,
  LoadContext,
  ObjectChange,
  ProviderTraits,
} from "@orch/core/provider/contract";
import type { z } from "zod";

/**
 * Inputs and outputs are zod objects (`z.strictObject`, so that a misspelt property is an error). They validate and document; they
 * must not transform. What the schema can say beyond zod, in `.meta()`:
 * - `secret: true`: the value is a secret whether or not the program marked it.
 * - `description` (or `.describe`): the property's documentation.
 * The message of a format check (`.regex(re, "an absolute path")`) is read as "what was expected".
 */
export type Shape = z.ZodObject;

/** What every verb is given. `session` is what the provider's `open` made. */
export interface Call<S> {
  readonly urn: Urn;
  readonly session: S;
  /** Fires on timeout, on cancellation, and when the provider closes. Its `reason` is the failure to throw. */
  readonly signal: AbortSignal;
  readonly log: (level: LogLevel, message: string) => void;
}

/** Inputs are plain values here: secrets unwrapped (the framework marks results and redacts failures), nothing unknown. */
export interface CreateCall<I extends Shape, S> extends Call<S> {
  readonly name: string;
  readonly inputs: z.output<I>;
  /** The same for every try of one step. */
  readonly token: string | undefined;
}
export interface ReadCall<I extends Shape, O extends Shape, S> extends Call<S> {
  readonly id: string;
  /** Empty on an import and a `.get()`. */
  readonly inputs: Partial<z.output<I>>;
  readonly outputs: Partial<z.output<O>>;
}
export interface UpdateCall<I extends Shape, O extends Shape, S> extends Call<S> {
  readonly id: string;
  readonly oldInputs: z.output<I>;
  readonly oldOutputs: z.output<O>;
  readonly inputs: z.output<I>;
}
export interface DeleteCall<I extends Shape, O extends Shape, S> extends Call<S> {
  readonly id: string;
  readonly inputs: z.output<I>;
  readonly outputs: Partial<z.output<O>>;
}

/** Inputs as they may be while planning: any part unknown or secret. `session` is absent while the provider's configuration is unknown. */
export interface CheckCall<S> {
  readonly inputs: PropertyMap;
  readonly oldInputs: PropertyMap | undefined;
  readonly session: S | undefined;
  readonly randomSeed: Uint8Array;
}
export interface Checked {
  readonly inputs: PropertyMap;
  readonly failures?: readonly CheckFailure[];
}

export interface PropertyDifference {
  readonly path: PropertyPath;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
}
export interface DiffCall<S> {
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly session: S | undefined;
}
export interface PredictCall {
  /** Any part may be unknown or secret. */
  readonly inputs: PropertyMap;
  /** Set when it is an update. */
  readonly prior?: { readonly inputs: PropertyMap; readonly outputs: PropertyMap };
}

/** What a verb hands back when the object is there but something about it is not finished. */
export interface Unfinished {
  readonly unfinished?: readonly string[];
}

export interface ReadResult<I extends Shape, O extends Shape> {
  readonly inputs: Partial<z.input<I>>;
  readonly outputs: z.input<O>;
  /** Where it has another one by now: it was renamed in a system whose ids are names. */
  readonly id?: string;
  /** Who changed it last, newest first, where the system keeps that. */
  readonly changes?: readonly ObjectChange[];
}
export type OneRead<I extends Shape, O extends Shape> = Pick<
  ReadCall<I, O, unknown>,
  "urn" | "id" | "inputs" | "outputs"
>;

export interface ResourceDefinition<I extends Shape, O extends Shape, S> {
  /** The token: `host:index:File`. */
  readonly type: string;
  readonly description: string;
  readonly inputs: I;
  /** Everything that a program may read from the resource. */
  readonly outputs: O;

  /** Paths whose change needs a new object; `*` for any key or index. Without `update`, every change does. */
  readonly replaceOn?: readonly string[];
  /** Outputs that keep their value through updates. */
  readonly stables?: readonly string[];
  /** Outputs that are secret, besides those the schema marks and those that repeat a secret input. */
  readonly secretOutputs?: readonly string[] | ((inputs: PropertyMap) => readonly string[]);
  /** The id, where the inputs alone decide it: an object whose creation was cut off is then found again. */
  readonly idOf?: (inputs: z.output<I>) => string;
  /** What the option `import` takes, for the reference: "`ZONE/NAME/TYPE`". Absent: it can't be imported. */
  readonly importId?: string;
  /** After a crash in the middle of a creation. Default: by `idOf` where there is one, else a person is asked. */
  readonly findAgain?: ProviderTraits["findAgain"];
  /** Default: when old and new object would have the same id. */
  readonly deleteBeforeReplace?: boolean;

  /** Runs after the schema has passed; for rules across properties, and for values that follow from others. Changes nothing outside. */
  readonly check?: (call: CheckCall<S>) => Checked | Promise<Checked>;
  /** Overrides what a change of one property does; `unseen`: another change says all there is to say of it. */
  readonly effect?: (
    change: PropertyDifference,
    call: DiffCall<S>,
  ) => { readonly effect: ChangeEffect; readonly reason?: string } | "unseen" | undefined;
  /** Changes that no input shows: what was read is not what it should be. The path is one of an output. */
  readonly outputChanges?: (
    call: DiffCall<S>,
  ) => readonly { readonly path: string; readonly reason: string }[];
  /** Outputs that are known beforehand; the rest is unknown. Default: those of an input's name, and on updates the `stables`. */
  readonly predict?: (call: PredictCall) => PropertyMap;

  readonly create: (
    call: CreateCall<I, S>,
  ) => Promise<{ readonly id: string; readonly outputs: z.input<O> } & Unfinished>;
  /** Undefined: gone. Absent: the recorded outputs are believed. `inputs` are the given ones with what is really there put in. */
  readonly read?: (call: ReadCall<I, O, S>) => Promise<ReadResult<I, O> | undefined>;
  /**
   * Reads many objects of this type with as few requests as the API allows: one answer per read, in the same order. One that can't be read is a failure
   * beside the others; what concerns them all is thrown. Absent: each is read by itself.
   */
  readonly readMany?: (
    call: Omit<Call<S>, "urn"> & { readonly reads: readonly OneRead<I, O>[] },
  ) => Promise<readonly (ReadResult<I, O> | { readonly failure: Failure } | undefined)[]>;
  /** Every object of this type within `scope`, for what nobody manages; `scope`'s words are in the description. */
  readonly list?: (
    call: Omit<Call<S>, "urn"> & { readonly scope: Readonly<Record<string, unknown>> },
  ) => AsyncIterable<ListedObject>;
  readonly update?: (call: UpdateCall<I, O, S>) => Promise<{ readonly outputs: z.input<O> } & Unfinished>;
  /** Must succeed when the object is gone already. Absent: nothing to do. */
  readonly delete?: (call: DeleteCall<I, O, S>) => Promise<void>;
}

export interface InvokeDefinition<A extends Shape, R extends Shape, S> {
  /** `host:index:facts`. */
  readonly token: string;
  readonly description: string;
  readonly args: A;
  readonly result: R;
  readonly invoke: (call: Omit<Call<S>, "urn"> & { readonly args: z.output<A> }) => Promise<z.input<R>>;
}

export interface ProviderDefinition<C extends Shape, S> {
  /** The package: first part of its tokens. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Configuration: inputs of the provider resource. Strings (from stack configuration) are read as JSON where the schema wants something else. */
  readonly config: C;
  /** Paths of the configuration whose change means "another system": resources are replaced. */
  readonly replaceOn?: readonly string[];
  /** Runs before the schema, for shorthands; after it `config` is checked. */
  readonly normalize?: (config: PropertyMap) => PropertyMap;
  /** Called once, on configuration. Must not connect: planning may never need to. */
  readonly open: (config: z.output<C>, context: LoadContext) => S | Promise<S>;
  readonly close?: (session: S) => Promise<void>;
  readonly resources: readonly AnyResource<S>[];
  readonly invokes?: readonly AnyInvoke<S>[];
}

/** A resource whatever its shapes; what the framework works with. */
// biome-ignore lint/suspicious/noExplicitAny: shapes are checked where a resource is defined, and by zod when it is used
export type AnyResource<S> = ResourceDefinition<any, any, S>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyInvoke<S> = InvokeDefinition<any, any, S>;

/** `defineResource<Session>()({ … })`: the types of inputs and outputs come from the schemas. */
export const defineResource =
  <S>() =>
  <I extends Shape, O extends Shape>(definition: ResourceDefinition<I, O, S>): ResourceDefinition<I, O, S> =>
    definition;

export const defineInvoke =
  <S>() =>
  <A extends Shape, R extends Shape>(definition: InvokeDefinition<A, R, S>): InvokeDefinition<A, R, S> =>
    definition;

export const defineProvider = <C extends Shape, S>(
  definition: ProviderDefinition<C, S>,
): ProviderDefinition<C, S> => definition;
