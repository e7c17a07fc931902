/** What a backend has to do, in the simplest way: maps in memory. Property tests compare a backend with it. */
import type { ResourceState } from "@orch/core/model/resource";
import type { PropertyMap } from "@orch/core/model/value";
import type { Intent, JournalRecord, StateWrite } from "@orch/core/state/contract";

export class BackendModel {
  readonly rows = new Map<string, { readonly state: ResourceState; readonly order: number }>();
  readonly open: { readonly runId: number; readonly intent: Intent }[] = [];
  outputs: PropertyMap = {};

  /** Would the record be refused, because two objects would have one place? */
  conflicts(record: JournalRecord): boolean {
    if (record.kind === "intent") return false;
    const trial = new BackendModel();
    for (const [key, row] of this.rows) trial.rows.set(key, row);
    return record.writes.some((write) => {
      if ("depose" in write) {
        const clash =
          trial.rows.has(rowKey(write.depose, "")) && trial.rows.has(rowKey(write.depose, write.deposed));
        if (clash) return true;
      }
      if ("rename" in write) {
        const moved = [...trial.rows.values()].filter(({ state }) => state.urn === write.rename);
        if (moved.some(({ state }) => trial.rows.has(rowKey(write.to, state.deposed ?? "")))) return true;
      }
      trial.#write(write);
      return false;
    });
  }

  apply(runId: number, record: JournalRecord): void {
    if (record.kind === "intent") {
      const again = this.open.findIndex((one) => one.runId === runId && one.intent.step === record.step);
      if (again >= 0) this.open.splice(again, 1);
      this.open.push({ runId, intent: record });
      this.open.sort((a, b) => a.runId - b.runId || a.intent.step - b.intent.step);
      return;
    }
    const closed = this.open.findLastIndex(
      ({ intent }) => intent.step === record.step && intent.op === record.op && intent.urn === record.urn,
    );
    if (closed >= 0) this.open.splice(closed, 1);
    for (const write of record.writes) this.#write(write);
  }

  get resources(): ResourceState[] {
    return [...this.rows.values()]
      .sort(
        (a, b) =>
          a.order - b.order ||
          compare(a.state.urn, b.state.urn) ||
          compare(a.state.deposed ?? "", b.state.deposed ?? ""),
      )
      .map(({ state }) => state);
  }

  #write(write: StateWrite): void {
    if ("put" in write) {
      this.rows.set(rowKey(write.put.urn, write.put.deposed ?? ""), { state: write.put, order: write.order });
    } else if ("remove" in write) {
      this.rows.delete(rowKey(write.remove.urn, write.remove.deposed ?? ""));
    } else if ("depose" in write) {
      this.#move(rowKey(write.depose, ""), { deposed: write.deposed });
    } else if ("rename" in write) {
      for (const [key, { state }] of [...this.rows]) {
        if (state.urn === write.rename) this.#move(key, { urn: write.to });
      }
    } else {
      this.outputs = write.outputs;
    }
  }

  #move(key: string, change: { readonly urn: string } | { readonly deposed: string }): void {
    const row = this.rows.get(key);
    if (row === undefined) return;
    this.rows.delete(key);
    const state = { ...row.state, ...change };
    this.rows.set(rowKey(state.urn, state.deposed ?? ""), { ...row, state });
  }
}

const rowKey = (urn: string, deposed: string): string => JSON.stringify([urn, deposed]);
/** By bytes of UTF-8, as databases order text. */
const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
