/**
 * CONTRACT. A plan: everything that will be done, as data. It is printed, reviewed, sealed and applied; nothing else decides what
 * happens. Steps form a graph by `after`.
 */
import type { Diff } from "./diff.js";
import type { Failure } from "./failure.js";
import type { ObjectChange } from "./object-change.js";
import type { Origin, PackageDescriptor, Resource, ResourceState } from "./resource.js";
import { isProviderType, parseUrn, rootStackType, type Urn } from "./urn.js";
import { equal, hasUnknown, type PropertyMap, type Value } from "./value.js";

/** Unique within a plan, stable in order: the index of the step. */
export type StepId = number;

interface StepBase {
  readonly id: StepId;
  readonly urn: Urn;
  /** Steps that must have ended well before this one starts. */
  readonly after: readonly StepId[];
  /** Why this step is in the plan, when it is not plain from the diff. */
  readonly reason?: StepReason;
}

export type StepReason =
  | { readonly kind: "new" }
  | { readonly kind: "changed" }
  | { readonly kind: "removed-from-program" }
  | { readonly kind: "destroy" }
  /** It was not there yet before the run that is undone. */
  | { readonly kind: "undo"; readonly run: number }
  /** A resource that it is built on is replaced with delete-before-replace. */
  | { readonly kind: "dependency-replaced"; readonly urn: Urn }
  | { readonly kind: "replace-with"; readonly urn: Urn }
  | { readonly kind: "replacement-trigger" }
  | { readonly kind: "requested" }
  | { readonly kind: "provider-changed" }
  | { readonly kind: "half-done"; readonly errors: readonly string[] }
  | { readonly kind: "deposed" }
  | { readonly kind: "gone"; readonly detail: string };

/** What will be sent to the provider, as far as known: unknown leaves are `Unknown`. */
interface Desired {
  readonly resource: Resource;
  /** After the provider's check. */
  readonly inputs: PropertyMap;
  /** As the provider predicts them; what is not known is `Unknown`. */
  readonly outputs: PropertyMap;
  /** The provider could not be asked yet, as its own configuration was unknown: `inputs` are the program's, not checked. */
  readonly unchecked?: true;
  /** Base64 of the 32 random bytes that generated names come from. */
  readonly seed?: string;
}

export interface SameStep extends StepBase, Desired {
  readonly op: "same";
  readonly prior: ResourceState;
  /** Something that only orch keeps (options, dependencies, refreshed outputs) must be written although nothing is called. */
  readonly write: boolean;
  /** Set when the object was known under another URN. */
  readonly movedFrom?: Urn;
  /** It is not part of what was selected: its row stays as it is, whatever the program says of it. `urn` is the program's. */
  readonly held?: true;
}
export interface CreateStep extends StepBase, Desired {
  readonly op: "create";
  /** When the id is known beforehand: providers, and objects whose preview tells it. */
  readonly objectId?: string;
  /** Set on the creating half of a replace. */
  readonly replaces?: { readonly prior: ResourceState; readonly diff: Diff; readonly order: ReplaceOrder };
}
export interface UpdateStep extends StepBase, Desired {
  readonly op: "update";
  readonly prior: ResourceState;
  readonly diff: Diff;
  readonly movedFrom?: Urn;
}
export interface DeleteStep extends StepBase {
  readonly op: "delete";
  readonly prior: ResourceState;
  /** Set on the deleting half of a replace. */
  readonly replaced?: ReplaceOrder;
  /** Deleted only from the state (`retainOnDelete`, `deletedWith` a resource that goes too, the undoing of an import). */
  readonly forget?: "retain" | "deleted-with" | "external" | "imported";
  /** Starts only after every step that is not a late delete has ended well: nothing is taken away while something may still need it. */
  readonly late: boolean;
}
/** `.get()`. */
export interface ReadStep extends StepBase, Desired {
  readonly op: "read";
  /** A string, or Unknown while it comes from something not yet created. */
  readonly objectId: Value;
  readonly prior?: ResourceState;
}
export interface ImportStep extends StepBase, Desired {
  readonly op: "import";
  readonly objectId: string;
}
/** What was found by reading differs from the state, or is gone, and nothing else will be done about it. */
export interface RefreshStep extends StepBase {
  readonly op: "refresh";
  readonly prior: ResourceState;
  /** Absent when the object is gone. */
  readonly observed?: ResourceState;
}

export type ReplaceOrder = "create-before-delete" | "delete-before-create";
export type Step = SameStep | CreateStep | UpdateStep | DeleteStep | ReadStep | ImportStep | RefreshStep;
export type StepOp = Step["op"];

/** One resource that is not as orch left it. */
export interface Drift {
  readonly urn: Urn;
  readonly type: string;
  readonly id?: string;
  readonly kind: "changed" | "gone";
  readonly diff: Diff;
  /** Who made the difference, where the system keeps that: what can be behind it, newest first. */
  readonly changes?: readonly ObjectChange[];
}

export interface PlanPlugin extends PackageDescriptor {
  /** SHA-256 of the plugin's binary in hex; absent for providers that are part of orch. */
  readonly sha256?: string;
  readonly source: "plugin" | "dynamic" | "direct";
}

/** What a plan is restricted to, and what it therefore leaves. Resources that are not part of it keep their rows, byte for byte. */
export interface PlanSelection {
  /** Patterns as of model/pattern.ts. Without any, everything that is not excluded. */
  readonly targets: readonly string[];
  readonly excludes: readonly string[];
  /** What depends on a target is part of it too. */
  readonly dependents: boolean;
  /** Not named, but in the plan, because something that was named needs it and it is not there yet, or not as it needs it. */
  readonly brought: readonly { readonly urn: Urn; readonly neededBy?: Urn }[];
  /** What a plan of everything would do besides, as far as can be told with the rest left as it is. What orch adds by itself is in it too. */
  readonly held: readonly Held[];
}

export interface Held {
  readonly urn: Urn;
  readonly would: "create" | "update" | "replace" | "move" | "import" | "read" | "delete" | "forget" | "fail";
  /** For `fail`: why it can't be planned. */
  readonly failure?: Failure;
}

export interface Plan {
  readonly format: 1;
  readonly kind: "apply" | "destroy" | "refresh";
  /** Goes back to the state before that run, instead of to what a program says: `runs` are those that are undone, oldest first. */
  readonly undo?: { readonly before: number; readonly runs: readonly number[] };
  /** Absent: of everything. */
  readonly selection?: PlanSelection;
  readonly project: string;
  readonly stack: string;
  /** Random id that the stack got when it was made. */
  readonly lineage: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly orchVersion: string;
  /** SHA-256 over the program's sources and lock files, by path relative to the project; empty for destroy, refresh and undo. */
  readonly program: Readonly<Record<string, string>>;
  /** Key → keyed fingerprint of the value. */
  readonly config: Readonly<Record<string, string>>;
  readonly plugins: readonly PlanPlugin[];
  /** URN (deposed ones as `urn#key`) → keyed fingerprint of the state that the plan was made against, for all it touches or reads. */
  readonly prior: Readonly<Record<string, string>>;
  readonly drift: readonly Drift[];
  readonly steps: readonly Step[];
  /** Stack outputs, as far as known, and as they were. */
  readonly outputs: PropertyMap;
  /** Where those that are not known yet come from, as far as that has a name. */
  readonly outputOrigins?: readonly Origin[];
  readonly priorOutputs: PropertyMap;
  /** The program must run again while applying: something is unknown until then, or it has hooks. */
  readonly needsProgram: boolean;
  /** Not fatal, but to be read: hanging promises, resources that may appear later, types whose creation can't be found again. */
  readonly warnings: readonly Failure[];
}

/** Counts by what happens to a resource; a replace counts once. */
export interface PlanSummary {
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly delete: number;
  readonly forget: number;
  readonly read: number;
  readonly import: number;
  readonly refresh: number;
  readonly move: number;
  readonly same: number;
}

/** What orch adds by itself (the stack's root, default providers) is in the plan, but no person asked for it. */
export const byOrch = (urn: Urn): boolean => {
  // Asked of every step, so the quick way out comes first.
  if (!urn.includes("pulumi:p", 11)) return false;
  const { type, name } = parseUrn(urn);
  return type === rootStackType || (isProviderType(type) && /^default(_|$)/.test(name));
};

export function summarize(plan: Pick<Plan, "steps">): PlanSummary {
  const n = {
    create: 0,
    update: 0,
    replace: 0,
    delete: 0,
    forget: 0,
    read: 0,
    import: 0,
    refresh: 0,
    move: 0,
    same: 0,
  };
  for (const step of plan.steps) {
    if (byOrch(step.urn)) continue;
    switch (step.op) {
      case "create":
        n[step.replaces ? "replace" : "create"]++;
        break;
      case "delete":
        if (step.replaced === undefined) n[step.forget ? "forget" : "delete"]++;
        break;
      case "same":
        n[step.movedFrom ? "move" : "same"]++;
        break;
      default:
        n[step.op]++;
    }
  }
  return n;
}

/** Would applying the plan change anything outside orch's own bookkeeping, or what the stack gives out? */
export function hasChanges(plan: Plan): boolean {
  const { same: _same, ...rest } = summarize(plan);
  return Object.values(rest).some((count) => count > 0) || outputsChanged(plan);
}

/**
 * Stack outputs of a plan that leaves resources as they are: what comes of one that does not exist, and so is not known, stays what it was, and is
 * missing where it never was. `settles`: of which outputs this is said.
 */
export const settledOutputs = (
  outputs: PropertyMap,
  before: PropertyMap,
  settles: (key: string) => boolean = () => true,
): PropertyMap =>
  Object.fromEntries(
    Object.entries(outputs).flatMap(([key, value]): [string, Value][] => {
      const settled = hasUnknown(value) && settles(key) ? before[key] : value;
      return settled === undefined ? [] : [[key, settled]];
    }),
  );

function outputsChanged(plan: Plan): boolean {
  return !equal(plan.outputs, plan.priorOutputs);
}
