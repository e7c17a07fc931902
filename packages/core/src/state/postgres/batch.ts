/**
 * Statements that go to the server together and cost one round trip: messages of the extended query protocol with one Sync behind
 * them (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY). The server stops at the first that fails.
 */
import type { Connection, Submittable } from "pg";
import type { Bindable } from "../sql/statement.js";

export interface BatchQuery {
  readonly sql: string;
  readonly parameters?: readonly Bindable[];
  /** Rows are wanted; costs a description of them. */
  readonly rows?: true;
  /** Kept prepared under this name. `isNew`: not prepared yet. */
  readonly prepared?: { readonly name: string; readonly isNew: boolean };
}
export interface BatchResult {
  readonly rows: Record<string, unknown>[];
  /** How many rows a statement changed, or gave. */
  readonly count: number;
  /** The command's tag: `INSERT 0 1`, `COMMIT`. */
  readonly tag: string;
}

/** Type numbers (pg_type.dat) of what orch's queries give; everything else is text. */
const integers = new Set([20, 21, 23]);
const boolean = 16;

type Column = (fields: readonly (string | null)[], row: Record<string, unknown>) => void;

/** What pg hands a query of its own; its types know them only in part. */
interface Protocol extends Connection {
  describe(message: { type: "P"; name: string }): void;
}

export class Batch implements Submittable {
  readonly done: Promise<BatchResult[]>;
  readonly #queries: readonly BatchQuery[];
  readonly #results: BatchResult[] = [];
  readonly #heard: () => void;
  #columns: Column[] = [];
  #rows: Record<string, unknown>[] = [];
  #resolve: (results: BatchResult[]) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  /** `heard` is called with every sign of life of the server. */
  constructor(queries: readonly BatchQuery[], heard: () => void) {
    this.#queries = queries;
    this.#heard = heard;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    const to = connection as Protocol;
    for (const { sql, parameters = [], rows, prepared } of this.#queries) {
      const name = prepared?.name ?? "";
      if (prepared?.isNew !== false) to.parse({ name, text: sql, types: [] }, false);
      to.bind({ statement: name, values: parameters.map(textOf) as string[] }, false);
      if (rows) to.describe({ type: "P", name: "" });
      to.execute({ portal: "", rows: "" } as never, false);
    }
    to.sync();
  }

  handleRowDescription(message: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = message.fields.map(({ name, dataTypeID }, i) => (fields, row) => {
      row[name] = decoded(fields[i] ?? null, dataTypeID);
    });
  }
  handleDataRow(message: { fields: readonly (string | null)[] }): void {
    this.#heard();
    const row: Record<string, unknown> = {};
    try {
      for (const column of this.#columns) column(message.fields, row);
    } catch (error) {
      // Thrown here it would end the process: this is called by the socket.
      this.#reject(error);
    }
    this.#rows.push(row);
  }
  handleCommandComplete(message: { text: string }): void {
    this.#heard();
    this.#finish(message.text);
  }
  handleEmptyQuery(): void {
    this.#finish("");
  }
  handleReadyForQuery(): void {
    this.#resolve(this.#results);
  }
  handleError(error: unknown): void {
    this.#reject(error);
  }
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}

  #finish(tag: string): void {
    this.#results.push({ rows: this.#rows, count: Number(/(\d+)$/.exec(tag)?.[1] ?? 0), tag });
    this.#rows = [];
    this.#columns = [];
  }
}

/** Kysely's own questions about the schema have booleans, too. */
const textOf = (value: Bindable | boolean): string | null => (value === null ? null : String(value));

function decoded(text: string | null, type: number): unknown {
  if (text === null) return null;
  if (type === boolean) return text === "t";
  if (!integers.has(type)) return text;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is larger than a number can hold exactly`);
  return value;
}
