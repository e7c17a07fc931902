/** The program's second run, while its plan is applied: it may only fill in what was unknown. */

import { compare } from "../model/compare.js";
import { type Failure, OrchError } from "../model/failure.js";
import { formatPath } from "../model/path.js";
import type { CreateStep, ImportStep, ReadStep, SameStep, Step, StepId, UpdateStep } from "../model/plan.js";
import type { ReadResource, Resource } from "../model/resource.js";
import { showValue } from "../model/show.js";
import { isProviderType, type Urn } from "../model/urn.js";
import { hasUnknown, type PropertyMap, unknown, type Value } from "../model/value.js";
import type { ProgramSink, RegistrationAnswer } from "../program/contract.js";
import { type Deferred, deferred } from "./deferred.js";

export type ProgramStep = SameStep | CreateStep | UpdateStep | ReadStep | ImportStep;

export const isProgramStep = (step: Step): step is ProgramStep =>
  step.op !== "delete" && step.op !== "refresh";

/** Not part of the plan's selection: nothing is done about it, whatever the program says. */
export const isHeld = (step: Step): boolean => step.op === "same" && step.held === true;

/** Something of the step is only known once the program registers it again. */
export const waitsForProgram = (step: Step): boolean =>
  isProgramStep(step) &&
  !isHeld(step) &&
  (hasUnknown(step.resource.inputs) ||
    hasUnknown(step.inputs) ||
    (step.op === "read" && hasUnknown(step.objectId)));

export interface Registered {
  readonly resource: Resource;
  readonly id?: Value;
}

export class ApplySink implements ProgramSink {
  readonly #steps = new Map<Urn, ProgramStep>();
  readonly #registered = new Map<StepId, Deferred<Registered>>();
  readonly #answers = new Map<StepId, Deferred<RegistrationAnswer>>();
  /** What the plan leaves out. */
  readonly #left: ReadonlySet<Urn>;
  readonly #onOutputs: (step: ProgramStep, outputs: PropertyMap) => Promise<void>;
  /** What is done by providers, which live rows lead to. */
  readonly invoke: ProgramSink["invoke"];
  readonly construct: ProgramSink["construct"];
  readonly call: ProgramSink["call"];

  /** `left`: what the program may register although no step is about it. */
  constructor(
    steps: readonly Step[],
    left: ReadonlySet<Urn>,
    on: Pick<ProgramSink, "invoke" | "construct" | "call"> & {
      outputs: (step: ProgramStep, outputs: PropertyMap) => Promise<void>;
    },
  ) {
    for (const step of steps) {
      if (!isProgramStep(step)) continue;
      this.#steps.set(step.urn, step);
      this.#answers.set(step.id, deferred());
      if (waitsForProgram(step)) this.#registered.set(step.id, deferred());
    }
    this.#left = left;
    this.#onOutputs = on.outputs;
    this.invoke = on.invoke;
    this.construct = on.construct;
    this.call = on.call;
  }

  /** Settles once the program has registered the step's resource, or never will. */
  registration(step: StepId): Promise<Registered> | undefined {
    return this.#registered.get(step)?.promise;
  }

  answer(step: StepId, answer: RegistrationAnswer): void {
    this.#answers.get(step)?.resolve(answer);
  }

  /** The program learns that there is no such resource, and goes on with what does not need it. */
  fail(step: StepId): void {
    this.#answers.get(step)?.resolve({ outputs: {}, failed: true });
  }

  /** No more registrations will come. What still waits fails with this. */
  end(failure: (step: ProgramStep) => Failure): void {
    for (const step of this.#steps.values()) {
      this.#registered.get(step.id)?.reject(new OrchError(failure(step)));
    }
  }

  async register(resource: Resource): Promise<RegistrationAnswer> {
    return this.#match(resource, { resource });
  }

  async read(resource: ReadResource): Promise<RegistrationAnswer> {
    return this.#match(resource, { resource: { ...resource, aliases: [] }, id: resource.id });
  }

  async registerOutputs(urn: Urn, outputs: PropertyMap): Promise<void> {
    const step = this.#steps.get(urn);
    if (step && !isHeld(step)) await this.#onOutputs(step, outputs);
  }

  #match(
    resource: Pick<Resource, "urn" | "inputs" | "type" | "name" | "source">,
    registered: Registered,
  ): Promise<RegistrationAnswer> {
    const step = this.#steps.get(resource.urn);
    if (step === undefined && this.#left.has(resource.urn)) return Promise.resolve(notMade(resource));
    if (step === undefined) {
      throw new OrchError({
        reason: "plan-broken",
        message: `The program registered ${resource.name} (${resource.type}), which the plan does not hold.`,
        urn: resource.urn,
        ...(resource.source ? { source: resource.source } : {}),
        expected: "the same resources as when the plan was made",
        found: "a new one; nothing was done about it",
        next: [
          "Make a new plan. A program that looks at isDryRun(), the time or a file may not differ between plan and apply.",
        ],
      });
    }
    const failure = isHeld(step) ? undefined : contradiction(step, resource.inputs);
    if (failure) {
      const error = new OrchError({ ...failure, ...(resource.source ? { source: resource.source } : {}) });
      this.#registered.get(step.id)?.reject(error);
      throw error;
    }
    this.#registered.get(step.id)?.resolve(registered);
    return (this.#answers.get(step.id) as Deferred<RegistrationAnswer>).promise;
  }
}

/**
 * A provider that is not made has nothing that uses it: its own users only have to be able to name it. What a program gave as inputs is no output
 * either as long as nothing was made of it.
 */
const notMade = ({ type, inputs }: Pick<Resource, "type" | "inputs">): RegistrationAnswer =>
  isProviderType(type)
    ? { id: "not-made", outputs: {} }
    : { unknown: true, outputs: Object.fromEntries(Object.keys(inputs).map((key) => [key, unknown])) };

/** What was reviewed and what the program says now, where both are known and differ. */
function contradiction(step: ProgramStep, found: PropertyMap): Failure | undefined {
  const differences = compare(step.resource.inputs, found).filter(({ before }) => !hasUnknown(before));
  return differences.length === 0
    ? undefined
    : broken(step, differences, "The program gives another value now");
}

/** `plan-broken`, with both values of every property that differs. */
export function broken(
  step: Pick<Step, "urn">,
  differences: readonly {
    readonly path: readonly (string | number)[];
    readonly before?: Value;
    readonly after?: Value;
  }[],
  why: string,
): Failure {
  return {
    reason: "plan-broken",
    message: `${why} than was planned. The resource was not touched.`,
    urn: step.urn,
    causes: differences.map(({ path, before, after }) => ({
      reason: "plan-broken",
      message: `${formatPath(path)} is not what was reviewed.`,
      urn: step.urn,
      path: formatPath(path),
      expected: showValue(before),
      found: showValue(after),
    })),
    next: ["Make a new plan and review it."],
  };
}
