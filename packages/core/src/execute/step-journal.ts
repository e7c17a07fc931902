/** Intent before effect and outcome after: the only code that writes state during an apply. */
import { type Failure, toFailure } from "../model/failure.js";
import type { Step } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import type { PropertyMap } from "../model/value.js";
import type { ExpectedOutcome, JournalRecord, Run, StateWrite } from "../state/contract.js";
import type { LiveRows } from "./live-rows.js";
import { type Effect, isAmbiguous } from "./operations.js";
import { isProgramStep } from "./program-sink.js";

/** What an intent says beyond its step. */
export interface Intended {
  readonly token?: string;
  readonly id?: string;
  readonly deposed?: string;
  readonly changes?: true;
  readonly expected: ExpectedOutcome;
}

export class StepJournal {
  /** `broken`: the state can't be written. What is not recorded must not happen, so the run stops. */
  constructor(
    private readonly run: Run,
    private readonly rows: LiveRows,
    private readonly broken: (failure: Failure) => void,
  ) {}

  put(row: ResourceState, order: number): StateWrite {
    return { put: this.rows.withProviderId(row), order };
  }

  expect(writes: readonly StateWrite[], row: ResourceState): ExpectedOutcome {
    const { id: _id, inputs: _inputs, outputs: _outputs, ...rest } = this.rows.withProviderId(row);
    return { writes, row: rest };
  }

  async intend(step: Step, inputs: PropertyMap, more: Intended): Promise<void> {
    const provider =
      step.op === "delete" ? step.prior.provider : isProgramStep(step) ? step.resource.provider : undefined;
    await this.append({
      kind: "intent",
      step: step.id,
      op: step.op,
      urn: step.urn,
      type: typeOf(step),
      inputs,
      at: Date.now(),
      ...(provider ? { provider } : {}),
      ...more,
    });
  }

  /** Runs what was intended and writes what came of it. `writes` come before the row. */
  async effect(step: Step, writes: readonly StateWrite[], run: () => Promise<Effect>): Promise<Effect> {
    let effect: Effect;
    try {
      effect = await run();
    } catch (error) {
      const failure = toFailure(error);
      if (!isAmbiguous(failure)) {
        await this.append({
          kind: "outcome",
          step: step.id,
          op: step.op,
          urn: step.urn,
          result: "failed",
          message: failure.message,
          writes: [],
          at: Date.now(),
        });
      }
      throw error;
    }
    await this.record(
      step,
      effect.row ? [...writes, this.put(effect.row, step.id)] : writes,
      effect.failure?.message,
    );
    if (effect.row) this.rows.set(effect.row.urn, effect.row);
    return effect;
  }

  /** Something that was done, or only written, with what it means for the state. `failed`: why it is only half done. */
  async record(step: Step, writes: readonly StateWrite[], failed?: string): Promise<void> {
    await this.append({
      kind: "outcome",
      step: step.id,
      op: step.op,
      urn: step.urn,
      result: failed === undefined ? "done" : "failed",
      writes,
      at: Date.now(),
      ...(failed === undefined ? {} : { message: failed }),
    });
  }

  /** A state that can't be written stops the run: what is not recorded must not happen. */
  private async append(record: JournalRecord): Promise<void> {
    try {
      await this.run.append([record]);
    } catch (error) {
      this.broken(toFailure(error));
      throw error;
    }
  }
}

const typeOf = (step: Step): string =>
  step.op === "delete" || step.op === "refresh" ? step.prior.type : step.resource.type;
