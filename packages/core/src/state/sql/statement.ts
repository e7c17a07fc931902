/**
 * Statements that are compiled once and run many times. Kysely builds the SQL; what varies is given by name at each run, so
 * that a hot path neither builds nor compiles anything.
 */
import type { CompiledQuery } from "kysely";

export type Bindable = string | number | null;

/** Stands in a query for a value that each run gives. */
class Parameter {
  constructor(readonly name: string) {}
}
/** A named place in a query handed to {@link statement}; typed as the column it stands for. */
export const parameter = <T>(name: string): T => new Parameter(name) as unknown as T;

/** A statement with its values: one call of the database. */
export interface BoundStatement {
  readonly sql: string;
  readonly parameters: readonly Bindable[];
  /** The transaction fails with {@link StaleWriteError} when not this many rows change. */
  readonly expectChanges?: number;
}

/** A statement that had to change a row found none: somebody else has taken over. The transaction was rolled back. */
export class StaleWriteError extends Error {}

export type Statement<Name extends string> = (values: Readonly<Record<Name, Bindable>>) => BoundStatement;

/** Compiles a query whose varying values are {@link parameter}s. */
export function statement<Name extends string>(
  query: { compile(): CompiledQuery },
  expectChanges?: number,
): Statement<Name> {
  const { sql, parameters } = query.compile();
  const slots = parameters.map((value) =>
    value instanceof Parameter ? { name: value.name as Name } : { constant: value as Bindable },
  );
  return (values) => ({
    sql,
    parameters: slots.map((slot) => ("name" in slot ? values[slot.name] : slot.constant)),
    ...(expectChanges === undefined ? {} : { expectChanges }),
  });
}
