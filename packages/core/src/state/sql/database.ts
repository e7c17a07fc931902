/** What the backend needs of a SQL database. SQLite gives it here; another database gives the same and shares all queries. */
import type { OrchError } from "../../model/failure.js";
import type { BoundStatement } from "./statement.js";
import type { Statements } from "./statements.js";
import type { Db } from "./tables.js";

export interface SqlDatabase {
  readonly db: Db;
  readonly statements: Statements;
  /**
   * All of them or none, in order, in one transaction that is durable once the promise resolves. No other write to that stack, or
   * without one to anything, is between its beginning and its end.
   */
  write(statements: readonly BoundStatement[], stackId?: number): Promise<void>;
  /** Work that reads before it writes, in one transaction that is alone as that of `write` is. May be called again from its beginning. */
  transaction<T>(stackId: number | undefined, work: (db: Db) => Promise<T>): Promise<T>;
  /** The rows of each, all from one consistent view. */
  read(statements: readonly BoundStatement[]): Promise<readonly (readonly unknown[])[]>;
  /** Called after runs were inserted with numbers of their own, so that the next one gets another. */
  numbersGiven?(db: Db): Promise<void>;
  /** The server's clock, in milliseconds since the epoch. Absent: it is this machine's. */
  clock?(): Promise<number>;
  /** What the database's own error means. */
  explain(error: unknown): OrchError;
  close(): Promise<void>;
}

/** Opened when it is needed: a command that only reads makes no file and no table. */
export interface SqlSource {
  readonly description: string;
  /** Undefined when there is no database yet and `create` is not set. */
  open(options: { readonly create: boolean }): Promise<SqlDatabase | undefined>;
  close(): Promise<void>;
}

/** Runs database code; whatever it throws comes out as an OrchError. */
export async function explained<T>(database: SqlDatabase, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw database.explain(error);
  }
}
