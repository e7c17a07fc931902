/** A kysely dialect over the built-in `node:sqlite`: one connection, statements prepared once. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Bindable } from "../sql/statement.js";

/** The one connection. Whoever uses it holds it until it is released, so that no transaction runs into another. */
export class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  #tail: Promise<void> = Promise.resolve();
  #release: (() => void) | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async acquire(): Promise<this> {
    const before = this.#tail;
    let release: () => void = () => {};
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.#release = release;
    return this;
  }
  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  prepare(sql: string): StatementSync {
    let prepared = this.#prepared.get(sql);
    if (prepared === undefined) {
      prepared = this.#database.prepare(sql);
      this.#prepared.set(sql, prepared);
    }
    return prepared;
  }
  exec(sql: string): void {
    this.#database.exec(sql);
  }
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const prepared = this.prepare(query.sql);
    const parameters = query.parameters as readonly Bindable[];
    if (prepared.columns().length > 0) return { rows: prepared.all(...parameters) as R[] };
    const { changes, lastInsertRowid } = prepared.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    for (const row of this.prepare(query.sql).iterate(...(query.parameters as Bindable[]))) {
      yield { rows: [row as R] };
    }
  }
}

export class NodeSqliteDialect implements Dialect {
  constructor(readonly connection: SqliteConnection) {}

  createDriver(): Driver {
    const { connection } = this;
    return {
      init: async () => {},
      acquireConnection: () => connection.acquire(),
      releaseConnection: async () => connection.release(),
      // Immediate: a transaction that reads before it writes would otherwise fail when another process writes in between.
      beginTransaction: async () => connection.exec("begin immediate"),
      commitTransaction: async () => connection.exec("commit"),
      rollbackTransaction: async () => {
        // SQLite has already rolled back after some failures, a full disk among them.
        if (connection.inTransaction) connection.exec("rollback");
      },
      destroy: async () => {},
    };
  }
  createQueryCompiler = () => new SqliteQueryCompiler();
  createAdapter = () => new SqliteAdapter();
  createIntrospector = (db: Parameters<Dialect["createIntrospector"]>[0]) => new SqliteIntrospector(db);
}
