/** CONTRACT. What the command line, the server and tests call. One function per thing a person wants done; implemented in engine.ts. */
import type { DriftGroup } from "./drift/groups.js";
import type { Sorted } from "./drift/ignore.js";
import type { Unmanaged } from "./drift/unmanaged.js";
import type { OpenStep, ResumeAnswer } from "./execute/resume.js";
import type { EventSink } from "./model/event.js";
import type { Failure } from "./model/failure.js";
import type { Drift } from "./model/plan.js";
import type { Urn } from "./model/urn.js";
import type { SelectionOptions } from "./plan/selection.js";
import type { ProgramHost, RunProgram } from "./program/contract.js";
import type { Project, StackConfig } from "./project/contract.js";
import type { ProviderLoader } from "./provider/contract.js";
import type { StackStore } from "./state/contract.js";

/** All an operation works with. Made once per command. */
export interface EngineContext {
  readonly project: Project;
  readonly config: StackConfig;
  readonly store: StackStore;
  readonly loaders: readonly ProviderLoader[];
  readonly events: EventSink;
  /** First abort: finish what runs, start nothing new. */
  readonly signal?: AbortSignal;
  /** Second abort: ask providers to cancel, then stop. */
  readonly cancelSignal?: AbortSignal;
  /** How long to wait for runs that change the same resources, in ms; 0: not at all. Default: as long as it takes. */
  readonly lockTimeoutMs?: number;
  /** Steps at the same time. Default 32. */
  readonly parallel?: number;
  readonly orchVersion: string;
  /** A child that was started early, for the plan's run of the program (program/run.ts `startProgramHost`). */
  readonly programHost?: ProgramHost;
  /** Stands in for the child process in tests. */
  readonly runProgram?: RunProgram;
}

export interface PlanOptions {
  readonly kind: "apply" | "destroy" | "refresh";
  /** Read everything first; what differs is drift and part of the plan. */
  readonly refresh?: boolean;
  /**
   * What could not be read is planned from the state, with a `not-refreshed` among the warnings. Default: the plan is refused. A plan of kind refresh
   * always is.
   */
  readonly unreadFromState?: boolean;
  /**
   * A creation that was cut off and is only found again by sending it again, with its token, is sent before the plan is made. Without it
   * planning changes nothing anywhere, and such a step stays open.
   */
  readonly complete?: boolean;
  /** Puts steps of a cut-off run that can't be settled otherwise to a person. Unanswered ones stay open. */
  readonly askOpen?: (open: readonly OpenStep[]) => Promise<ReadonlyMap<Urn, ResumeAnswer>>;
  /** Patterns (model/pattern.ts) of what to replace whatever the comparison says. */
  readonly replace?: readonly string[];
  /** Plan these resources alone. Rejects with `not-targeted` when what stays would refer to something that goes. */
  readonly selection?: SelectionOptions;
  /**
   * For an apply: no program is run; what is wanted is the state before the run with this number, which may be one more than the last one's. Rejects
   * with `unfinished-steps` while a cut-off step is open, with `state-locked` while a run that would be undone goes on.
   */
  readonly undo?: number;
  /** For an apply: no program is run; what is wanted is the state as it is, and these objects in it. */
  readonly imports?: ImportOptions;
}

/** An object that exists, and what it is to be called. */
export interface ImportObject {
  readonly type: string;
  readonly name: string;
  /** As the provider takes it; absent for a component. */
  readonly id?: string;
  /** It groups others, and no provider knows it. */
  readonly component?: true;
  /** A resource of the state by its URN, or one that is imported too. Default: the stack. */
  readonly parent?: Urn | ImportObject;
  /** A provider of the state. Default: the package's default one. */
  readonly provider?: Urn;
  /** Of the package. */
  readonly version?: string;
  readonly downloadUrl?: string;
  /** Only these inputs are taken from what is read. Default: all. */
  readonly properties?: readonly string[];
}

export interface ImportOptions {
  readonly objects: readonly ImportObject[];
  readonly protect: boolean;
}

export interface DriftOptions {
  /** Look for what nobody manages, where the project's rules say so. Default true. */
  readonly unmanaged?: boolean;
  /** Read these resources alone, and look for nothing unmanaged. */
  readonly selection?: SelectionOptions;
  /** By which rules are old, in milliseconds since the epoch. Default: the clock. */
  readonly now?: number;
}

/** Plain data, for any rendering. */
export interface DriftReport {
  readonly project: string;
  readonly stack: string;
  /** When it was made, in milliseconds since the epoch. */
  readonly at: number;
  /** Resources that were to be read. */
  readonly checked: number;
  /** Those that an interruption came before: nothing is known of them. */
  readonly unread: number;
  /** What no rule ignores, in the state's order. */
  readonly drift: readonly Drift[];
  /** The same by cause: each of `drift` is in exactly one. */
  readonly groups: readonly DriftGroup[];
  readonly ignored: Sorted["ignored"];
  readonly rules: Pick<Sorted, "expired" | "unused">;
  /** What is there within the rules' scopes and not in the state: an entry per rule and provider. */
  readonly unmanaged: readonly Unmanaged[];
  /** Resources that could not be read, and rules that could not be followed. */
  readonly failures: readonly Failure[];
}
