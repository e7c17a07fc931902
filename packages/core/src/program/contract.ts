/**
 * CONTRACT. How a running program meets the rest of orch. `runProgram` (run.ts) is the only caller of a sink; plan and execute each implement one. The program side
 * has already done all that needs no state: URNs, duplicates, inherited options, default providers, packages, aliases.
 */
import type { EventSink } from "../model/event.js";
import type { Origin, PackageDescriptor, ReadResource, Resource, SourcePosition } from "../model/resource.js";
import type { Urn } from "../model/urn.js";
import type { PropertyMap, Value } from "../model/value.js";
import type {
  CallOptions,
  ConstructRequest,
  ConstructResponse,
  MethodRequest,
  MethodResponse,
  RunSettings,
} from "../provider/contract.js";

/** The answer to a registration. `id` is Unknown while the object does not exist yet; absent for components. */
export interface RegistrationAnswer {
  readonly id?: Value;
  readonly outputs: PropertyMap;
  readonly stables?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly Urn[]>>;
  /** Set when the resource failed and the run goes on without it. */
  readonly failed?: boolean;
  /** Set when the resource is left out of this run and does not exist: what it gives out stays unknown, while applying too. */
  readonly unknown?: boolean;
}

/** Requests arrive in the program's order and are answered in any. A rejection (OrchError) fails that request in the program. */
export interface ProgramSink {
  /** Also called for provider resources: explicit ones by the program, default ones before their first use. */
  register(resource: Resource): Promise<RegistrationAnswer>;
  registerOutputs(urn: Urn, outputs: PropertyMap): Promise<void>;
  read(resource: ReadResource): Promise<RegistrationAnswer>;
  invoke(request: ProgramInvoke): Promise<PropertyMap>;
  /** A component whose code is a plugin's; what the plugin makes in it comes as registrations of its own, before the answer. */
  construct(request: ProgramConstruct): Promise<ConstructResponse>;
  /** A method of such a component. */
  call(request: ProgramCall): Promise<Omit<MethodResponse, "failures">>;
}

/** `provider`: URN of the provider resource; explicit or default, already registered. */
export type ProgramConstruct = Omit<ConstructRequest, keyof CallOptions> & {
  readonly provider: Urn;
  readonly source?: SourcePosition;
};
export type ProgramCall = Omit<MethodRequest, keyof CallOptions> & { readonly provider: Urn };

export interface ProgramInvoke {
  readonly token: string;
  /** May hold unknowns (in plan only) and secrets. */
  readonly args: PropertyMap;
  /** URN of the provider resource; explicit or default, already registered. */
  readonly provider: Urn;
  readonly package: PackageDescriptor;
  readonly dependsOn: readonly Urn[];
}

export interface ProgramOptions extends RunSettings {
  /** Absolute folder of the project (where Pulumi.yaml or orch.yaml is). */
  readonly projectDir: string;
  /** Absolute folder of the program; differs from projectDir when the project file's `main` says so. */
  readonly programDir: string;
  /** Entry file relative to programDir, when the project names one. */
  readonly entry?: string;
  /** First abort: the child is asked to end (SIGINT), then killed after a grace time. */
  readonly signal?: AbortSignal;
  readonly events: EventSink;
  /** Extra environment of the child. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProgramResult {
  /** Every registered resource, in registration order: dependencies before dependents. */
  readonly resources: readonly Resource[];
  readonly outputs: PropertyMap;
  /** Where the stack's outputs come from, as far as the program's side can name it. */
  readonly outputOrigins?: readonly Origin[];
  /** The program bound hooks or other callbacks that only run while applying. */
  readonly needsProgram: boolean;
  /** Files that the program loaded from its own folder (not node_modules), absolute. */
  readonly files: readonly string[];
}

/** A child process that was started before its options were known (`startProgramHost` in run.ts). */
export interface ProgramHost {
  readonly programDir: string;
  /** Ends the child; nothing happens when it was used or ended already. */
  close(): void;
}

/** `runProgram` of run.ts; tests put their own in its place. */
export type RunProgram = (
  options: ProgramOptions,
  sink: ProgramSink,
  host?: ProgramHost,
) => Promise<ProgramResult>;
