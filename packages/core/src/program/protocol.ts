/** The control messages between the engine and the process that runs a program. Requests of the SDK are frames of their own. */

import type { ProgramOptions } from "./contract.js";

/** What the child needs before it can run the program: the part of ProgramOptions that can go as JSON. */
export type StartOptions = Omit<ProgramOptions, "signal" | "events" | "env"> & {
  readonly env: Readonly<Record<string, string>>;
};

/**
 * Among the properties of a registration, where a child tells it: a list of `[path, urn, output]`, the outputs of other resources that
 * the properties were made of. Taken out before anything else looks at the properties.
 */
export const originsKey = "__orch:origins";

export type ToChild =
  | { readonly type: "start"; readonly options: StartOptions }
  /** Everything the child said has been read; it may exit. */
  | { readonly type: "bye" };

/** A place in a user's file: an absolute path, and a line and column counted from 1. */
export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What the stack trace calls the function; absent at the top level of a file. */
  readonly function?: string;
}

/** Something that went wrong in the program, as the child saw it. */
export interface ChildError {
  /**
   * `run` and `resource` are the SDK's RunError and ResourceError; `syntax` comes from the compiler; `module` is a module that
   * can't be found; `entry` no file to run; `sdk` no `@pulumi/pulumi`.
   */
  readonly kind: "error" | "run" | "resource" | "syntax" | "module" | "entry" | "sdk" | "config";
  /** The class of what was thrown. */
  readonly name: string;
  readonly message: string;
  /** The user's own frames, innermost first, in TypeScript positions. */
  readonly frames: readonly Frame[];
  /** `resource`: the URN. */
  readonly urn?: string;
  /** `syntax`: the line of source and a marker under it. */
  readonly excerpt?: string;
  /** `module`: the specifier; `config`: the full key. */
  readonly subject?: string;
  /** `module`: the importing file; `entry`: what was looked for. */
  readonly importer?: string;
  readonly secret?: boolean;
  /** Of a member that is none: those that there are. */
  readonly candidates?: readonly string[];
  /** Thrown while the SDK itself was loaded or prepared. */
  readonly early?: boolean;
  /** Ids of the engine's refusals that this error comes from. */
  readonly request?: number;
}

/** A resource whose registration the program never completed. */
export interface PendingRegistration {
  readonly name: string;
  readonly type: string;
  /** What it waits for, in words. */
  readonly waiting: string;
}

export type FromChild =
  | { readonly type: "ready"; readonly sdkVersion: string }
  | { readonly type: "error"; readonly error: ChildError }
  /** The program called `process.exit`; `frames` says where. */
  | { readonly type: "exiting"; readonly code: number; readonly frames: readonly Frame[] }
  /** The program is done but something (a timer, a server) keeps the process alive. */
  | { readonly type: "lingering"; readonly handles: readonly string[] }
  | {
      readonly type: "finished";
      /** The program's own files, absolute. */
      readonly files: readonly string[];
      /** Set when promises were left that nothing can settle any more. */
      readonly hanging?: {
        readonly pending: readonly PendingRegistration[];
        /** The SDK's own explanation of a cycle, if it found one. */
        readonly explanation?: string;
        /** True when what never settled is the program's own promise (its exports), not a resource. */
        readonly program: boolean;
      };
    };
