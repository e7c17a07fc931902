/** What stands within a database by its name alone: schemas and extensions. */
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import { differing, differs, type Postgres } from "./connection.js";
import { identifier, joinId, literal, quote, splitId } from "./identifiers.js";

/** Rows of many databases, by id: one query each. A database that is gone has none. */
async function findAll<O>(
  db: Postgres,
  sql: string,
  ids: readonly (readonly [database: string, name: string])[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, O>> {
  const names = new Map<string, string[]>();
  for (const [database, name] of ids) names.set(database, [...(names.get(database) ?? []), name]);
  const found = new Map<string, O>();
  for (const [database, wanted] of names)
    for (const row of (await db.read(database, sql, [wanted], signal)) ?? [])
      found.set(joinId(database, String(row.name)), { database, ...row } as O);
  return found;
}

const schemaInputs = z.strictObject({
  database: identifier("The database that it is in."),
  name: identifier("Its name."),
  owner: identifier("The role that owns it. Default: the login that makes it.").optional(),
  cascade: z
    .boolean()
    .default(false)
    .describe("Delete it with what is in it. Default false: then it is not deleted."),
});
const schemaOutputs = z.strictObject({
  database: z.string().describe("The database that it is in."),
  name: z.string().describe("Its name."),
  owner: z.string().describe("The role that owns it."),
});
type SchemaInputs = z.output<typeof schemaInputs>;
type SchemaOutputs = z.output<typeof schemaOutputs>;
const schemaSql =
  "select nspname::text as name, pg_get_userbyid(nspowner)::text as owner from pg_namespace where nspname = any($1)";
const schemaExample = "DATABASE/SCHEMA";
const pair = (id: string, example: string) => splitId(id, example) as [string, string];

const readSchema = (outputs: SchemaOutputs, given: Partial<SchemaInputs>) => {
  const { owner, ...rest } = outputs;
  const owned = given.owner !== undefined || Object.keys(given).length === 0;
  return {
    id: joinId(outputs.database, outputs.name),
    inputs: { ...given, ...rest, ...(owned ? { owner } : {}) },
    outputs,
  };
};

export const schema = defineResource<Postgres>()({
  type: "postgres:index:Schema",
  importId: "`DATABASE/SCHEMA`",
  description: "A schema of a database. Listed within a scope `database`.",
  inputs: schemaInputs,
  outputs: schemaOutputs,
  replaceOn: ["database", "name"],
  stables: ["database", "name"],
  idOf: ({ database, name }) => joinId(database, name),
  predict: ({ inputs, prior }) => {
    const { cascade: _, ...outputs } = inputs;
    return {
      ...(prior && inputs.owner === undefined ? { owner: prior.outputs.owner ?? null } : {}),
      ...outputs,
    };
  },

  async create({ inputs, session: db, signal }) {
    const { database, name, owner } = inputs;
    const id = joinId(database, name);
    const find = async () =>
      (await findAll<SchemaOutputs>(db, schemaSql, [[database, name]], signal)).get(id);
    const there = await find();
    if (there === undefined) {
      const purpose = {
        doing: `make the schema ${name} in ${database}`,
        needs: `CREATE on the database ${database}${owner === undefined ? "" : `, and to be a member of ${owner}`}`,
      };
      const authorization = owner === undefined ? "" : ` AUTHORIZATION ${quote(owner)}`;
      await db.change(database, [`CREATE SCHEMA ${quote(name)}${authorization}`], purpose, signal);
    } else {
      const keys = differing(inputs, there);
      if (keys.length > 0) differs(`a schema ${name}`, id, inputs, { ...there }, keys);
    }
    return { id, outputs: (await find()) as SchemaOutputs };
  },
  async read({ id, inputs, session: db, signal }) {
    const found = (await findAll<SchemaOutputs>(db, schemaSql, [pair(id, schemaExample)], signal)).get(id);
    return found && readSchema(found, inputs);
  },
  async readMany({ reads, session: db, signal }) {
    const ids = reads.map(({ id }) => pair(id, schemaExample));
    const found = await findAll<SchemaOutputs>(db, schemaSql, ids, signal);
    return reads.map(({ id, inputs }) => {
      const one = found.get(id);
      return one && readSchema(one, inputs);
    });
  },
  async *list({ scope, session: db, signal }) {
    const sql =
      "select nspname::text as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1";
    const database = typeof scope.database === "string" ? scope.database : undefined;
    const rows =
      (await db.read(
        database,
        `${sql.replace("select", "select current_database()::text as database,")}`,
        [],
        signal,
      )) ?? [];
    for (const row of rows) yield { id: joinId(String(row.database), String(row.name)) };
  },
  async update({ inputs, oldInputs, session: db, signal }) {
    const { database, name, owner } = inputs;
    if (owner !== undefined && owner !== oldInputs.owner) {
      const purpose = {
        doing: `change the schema ${name}`,
        needs: "to own it, and to be a member of its new owner",
      };
      await db.change(database, [`ALTER SCHEMA ${quote(name)} OWNER TO ${quote(owner)}`], purpose, signal);
    }
    const found = await findAll<SchemaOutputs>(db, schemaSql, [[database, name]], signal);
    return { outputs: found.get(joinId(database, name)) as SchemaOutputs };
  },
  async delete({ id, inputs, session: db, signal }) {
    const [database, name] = pair(id, schemaExample);
    if (!(await findAll(db, schemaSql, [[database, name]], signal)).has(id)) return;
    const statement = `DROP SCHEMA IF EXISTS ${quote(name)}${inputs.cascade ? " CASCADE" : ""}`;
    await db.change(
      database,
      [statement],
      { doing: `delete the schema ${name}`, needs: "to own it" },
      signal,
    );
  },
});

const extensionInputs = z.strictObject({
  database: identifier("The database that it is in."),
  name: identifier("Its name, such as `pgcrypto`."),
  schema: identifier("The schema of its objects. Default: what the extension says, or `public`.").optional(),
  version: z
    .string()
    .min(1)
    .optional()
    .describe("Which version. Default: the server's newest when it is made, then as it is."),
  cascade: z
    .boolean()
    .default(false)
    .describe("Make the extensions it needs too, and delete what needs it with it. Default false."),
});
const extensionOutputs = z.strictObject({
  database: z.string().describe("The database that it is in."),
  name: z.string().describe("Its name."),
  schema: z.string().describe("The schema of its objects."),
  version: z.string().describe("Its version."),
});
type ExtensionInputs = z.output<typeof extensionInputs>;
type ExtensionOutputs = z.output<typeof extensionOutputs>;
const extensionSql = `
  select e.extname::text as name, n.nspname::text as schema, e.extversion as version
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = any($1)`;
const extensionExample = "DATABASE/EXTENSION";

const readExtension = (outputs: ExtensionOutputs, given: Partial<ExtensionInputs>) => {
  const { database, name } = outputs;
  const isImport = Object.keys(given).length === 0;
  const kept = (["schema", "version"] as const).filter((key) => isImport || given[key] !== undefined);
  const inputs = { ...given, database, name, ...Object.fromEntries(kept.map((key) => [key, outputs[key]])) };
  return { id: joinId(database, name), inputs, outputs };
};
const extensionNeeds = (database: string): string =>
  `CREATE on the database ${database} for a trusted extension, else superuser`;

export const extension = defineResource<Postgres>()({
  type: "postgres:index:Extension",
  importId: "`DATABASE/EXTENSION`",
  description: "An extension in a database. Listed within a scope `database`.",
  inputs: extensionInputs,
  outputs: extensionOutputs,
  replaceOn: ["database", "name"],
  stables: ["database", "name"],
  idOf: ({ database, name }) => joinId(database, name),
  predict: ({ inputs, prior }) => {
    const { cascade: _, ...outputs } = inputs;
    const { schema = null, version = null } = prior?.outputs ?? {};
    return { ...(prior ? { schema, version } : {}), ...outputs };
  },

  async create({ inputs, session: db, signal }) {
    const { database, name, schema, version, cascade } = inputs;
    const id = joinId(database, name);
    const find = async () =>
      (await findAll<ExtensionOutputs>(db, extensionSql, [[database, name]], signal)).get(id);
    const there = await find();
    if (there === undefined) {
      const statement = [
        `CREATE EXTENSION ${quote(name)}`,
        schema === undefined ? "" : ` SCHEMA ${quote(schema)}`,
        version === undefined ? "" : ` VERSION ${literal(version)}`,
        cascade ? " CASCADE" : "",
      ].join("");
      // Its script makes its objects in the first schema of the path, where none is named.
      const statements = ["SET LOCAL search_path TO public", statement];
      const purpose = { doing: `make the extension ${name} in ${database}`, needs: extensionNeeds(database) };
      await db.change(database, statements, purpose, signal);
    } else {
      const keys = differing(inputs, there);
      if (keys.length > 0) differs(`an extension ${name}`, id, inputs, { ...there }, keys);
    }
    return { id, outputs: (await find()) as ExtensionOutputs };
  },
  async read({ id, inputs, session: db, signal }) {
    const found = (
      await findAll<ExtensionOutputs>(db, extensionSql, [pair(id, extensionExample)], signal)
    ).get(id);
    return found && readExtension(found, inputs);
  },
  async readMany({ reads, session: db, signal }) {
    const ids = reads.map(({ id }) => pair(id, extensionExample));
    const found = await findAll<ExtensionOutputs>(db, extensionSql, ids, signal);
    return reads.map(({ id, inputs }) => {
      const one = found.get(id);
      return one && readExtension(one, inputs);
    });
  },
  async *list({ scope, session: db, signal }) {
    const database = typeof scope.database === "string" ? scope.database : undefined;
    const sql =
      "select current_database()::text as database, extname::text as name, extversion as version from pg_extension order by 2";
    for (const row of (await db.read(database, sql, [], signal)) ?? [])
      yield { id: joinId(String(row.database), String(row.name)), title: `${row.name} ${row.version}` };
  },
  async update({ inputs, oldInputs, session: db, signal }) {
    const { database, name, schema, version } = inputs;
    const statements = [
      ...(schema !== undefined && schema !== oldInputs.schema
        ? [`ALTER EXTENSION ${quote(name)} SET SCHEMA ${quote(schema)}`]
        : []),
      ...(version !== undefined && version !== oldInputs.version
        ? [`ALTER EXTENSION ${quote(name)} UPDATE TO ${literal(version)}`]
        : []),
    ];
    const purpose = { doing: `change the extension ${name} in ${database}`, needs: "to own it" };
    await db.change(database, statements, purpose, signal);
    const found = await findAll<ExtensionOutputs>(db, extensionSql, [[database, name]], signal);
    return { outputs: found.get(joinId(database, name)) as ExtensionOutputs };
  },
  async delete({ id, inputs, session: db, signal }) {
    const [database, name] = pair(id, extensionExample);
    if (!(await findAll(db, extensionSql, [[database, name]], signal)).has(id)) return;
    const statement = `DROP EXTENSION IF EXISTS ${quote(name)}${inputs.cascade ? " CASCADE" : ""}`;
    await db.change(
      database,
      [statement],
      { doing: `delete the extension ${name}`, needs: "to own it" },
      signal,
    );
  },
});
