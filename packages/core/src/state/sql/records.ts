/** Journal records as the statements that make them durable: pure, so that one transaction can take any number of them. */
import type { JournalRecord, StateWrite } from "../contract.js";
import type { RowCodec } from "./rows.js";
import type { BoundStatement } from "./statement.js";
import type { Statements } from "./statements.js";

export interface RecordContext {
  readonly statements: Statements;
  readonly codec: RowCodec;
  readonly stackId: number;
  readonly runId: number;
}

export function statementsOf(context: RecordContext, record: JournalRecord): BoundStatement[] {
  const { statements, codec, stackId, runId } = context;
  const { kind, step, op, urn, at } = record;
  if (record.kind === "intent") {
    const deposed = record.deposed ?? "";
    return [
      statements.journal({ runId, kind, step, op, urn, deposed, at, result: null, message: null }),
      statements.openIntent({ stackId, runId, step, op, urn, body: codec.encodeIntent(record) }),
    ];
  }
  const { result } = record;
  // PostgreSQL's text holds everything but NUL. All else that may hold one is JSON, which escapes it.
  const message = record.message?.replaceAll("\0", "\u2400") ?? null;
  return [
    statements.journal({ runId, kind, step, op, urn, deposed: "", at, result, message }),
    statements.closeIntent({ stackId, step, op, urn }),
    ...record.writes.flatMap((write) => statementsOfWrite(context, write, at)),
  ];
}

function statementsOfWrite(context: RecordContext, write: StateWrite, at: number): BoundStatement[] {
  const { statements, codec, stackId, runId } = context;
  if ("put" in write) {
    const { urn, deposed = "" } = write.put;
    const body = codec.encodeState(write.put);
    return [
      statements.put({ stackId, urn, deposed, ord: write.order, body }),
      statements.recordHistory({ stackId, urn, deposed, runId, at, body }),
    ];
  }
  if ("remove" in write) {
    const { urn, deposed = "" } = write.remove;
    return [
      statements.remove({ stackId, urn, deposed }),
      statements.recordHistory({ stackId, urn, deposed, runId, at, body: null }),
    ];
  }
  if ("depose" in write) {
    const urn = write.depose;
    return [
      statements.recordDeparture({ stackId, urn, runId, at }),
      statements.depose({ stackId, urn, deposed: write.deposed }),
      statements.recordHistoryOfUrn({ stackId, urn, runId, at }),
    ];
  }
  if ("rename" in write) {
    return [
      statements.recordDeparture({ stackId, urn: write.rename, runId, at }),
      statements.rename({ stackId, urn: write.rename, to: write.to }),
      statements.recordHistoryOfUrn({ stackId, urn: write.to, runId, at }),
    ];
  }
  return [statements.outputs({ stackId, outputs: codec.encodeOutputs(write.outputs) })];
}
