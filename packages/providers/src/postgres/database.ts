/** Databases. */
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import { differing, differs, type Postgres } from "./connection.js";
import { identifier, literal, quote } from "./identifiers.js";

const inputs = z.strictObject({
  name: identifier("Its name."),
  owner: identifier("The role that owns it. Default: the login that makes it.").optional(),
  encoding: z.string().min(1).optional().describe("Such as UTF8. Default: the template's."),
  lcCollate: z.string().min(1).optional().describe("How text is put in order. Default: the template's."),
  lcCtype: z.string().min(1).optional().describe("What is a letter. Default: the template's."),
  template: identifier("What it begins as a copy of. Default: template1.").optional(),
  connectionLimit: z
    .int()
    .min(-1)
    .default(-1)
    .describe("Connections at once; -1, the default, for any number."),
  allowConnections: z.boolean().default(true).describe("May anybody connect to it? Default true."),
  isTemplate: z.boolean().default(false).describe("May anybody with CREATEDB copy it? Default false."),
  force: z
    .boolean()
    .default(false)
    .describe("Deleting it ends the connections to it. Default false: then it is not deleted."),
});
const outputs = z.strictObject({
  name: z.string().describe("Its name."),
  owner: z.string().describe("The role that owns it."),
  encoding: z.string().describe("Its encoding."),
  lcCollate: z.string().describe("How text is put in order."),
  lcCtype: z.string().describe("What is a letter."),
  connectionLimit: z.number().describe("Connections at once."),
  allowConnections: z.boolean().describe("May anybody connect to it?"),
  isTemplate: z.boolean().describe("May anybody with CREATEDB copy it?"),
});
type Inputs = z.output<typeof inputs>;
type Outputs = z.output<typeof outputs>;

const query = `
  select datname::text as name, pg_get_userbyid(datdba)::text as owner, pg_encoding_to_char(encoding)::text as encoding,
    datcollate::text as "lcCollate", datctype::text as "lcCtype", datconnlimit as "connectionLimit",
    datallowconn as "allowConnections", datistemplate as "isTemplate"
  from pg_database where datname = any($1)`;

async function find(
  db: Postgres,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Outputs>> {
  const rows = (await db.read(undefined, query, [names], signal)) ?? [];
  return new Map(rows.map((row) => [String(row.name), row as unknown as Outputs]));
}

/** What is there as inputs: of what was left to the server only what was given. */
function readOf(outputs: Outputs, given: Partial<Inputs>) {
  const { name, connectionLimit, allowConnections, isTemplate } = outputs;
  const isImport = Object.keys(given).length === 0;
  const left = (["owner", "encoding", "lcCollate", "lcCtype"] as const).filter(
    (key) => isImport || given[key] !== undefined,
  );
  const kept = Object.fromEntries(left.map((key) => [key, outputs[key]]));
  return {
    id: name,
    inputs: { ...given, name, connectionLimit, allowConnections, isTemplate, ...kept },
    outputs,
  };
}

export const database = defineResource<Postgres>()({
  type: "postgres:index:Database",
  importId: "its name",
  description: "A database. All are listed but the templates of PostgreSQL itself.",
  inputs,
  outputs,
  replaceOn: ["name", "encoding", "lcCollate", "lcCtype", "template"],
  stables: ["name", "encoding", "lcCollate", "lcCtype"],
  idOf: ({ name }) => name,
  predict: ({ inputs, prior }) => {
    const { force: _, template: __, ...outputs } = inputs;
    return {
      ...(prior && inputs.owner === undefined ? { owner: prior.outputs.owner ?? null } : {}),
      ...outputs,
    };
  },

  async create({ inputs, session: db, signal }) {
    const { name } = inputs;
    const there = (await find(db, [name], signal)).get(name);
    if (there === undefined) {
      const options = [
        inputs.owner === undefined ? "" : `OWNER ${quote(inputs.owner)}`,
        inputs.encoding === undefined ? "" : `ENCODING ${literal(inputs.encoding)}`,
        inputs.lcCollate === undefined ? "" : `LC_COLLATE ${literal(inputs.lcCollate)}`,
        inputs.lcCtype === undefined ? "" : `LC_CTYPE ${literal(inputs.lcCtype)}`,
        inputs.template === undefined ? "" : `TEMPLATE ${quote(inputs.template)}`,
        `CONNECTION LIMIT ${inputs.connectionLimit}`,
        `ALLOW_CONNECTIONS ${inputs.allowConnections}`,
        `IS_TEMPLATE ${inputs.isTemplate}`,
      ];
      const purpose = {
        doing: `make the database ${name}`,
        needs: inputs.owner === undefined ? "CREATEDB" : `CREATEDB, and to be a member of ${inputs.owner}`,
      };
      await db.changeAlone(
        `CREATE DATABASE ${quote(name)} ${options.filter(Boolean).join(" ")}`,
        purpose,
        signal,
      );
    } else {
      const keys = differing(inputs, there);
      if (keys.length > 0) differs(`a database ${name}`, name, inputs, { ...there }, keys);
    }
    const found = (await find(db, [name], signal)).get(name);
    return { id: name, outputs: found as Outputs };
  },

  async read({ id, inputs, session: db, signal }) {
    const found = (await find(db, [id], signal)).get(id);
    return found && readOf(found, inputs);
  },
  async readMany({ reads, session: db, signal }) {
    const names = reads.map(({ id }) => id);
    const found = await find(db, names, signal);
    return reads.map(({ id, inputs }) => {
      const one = found.get(id);
      return one && readOf(one, inputs);
    });
  },
  async *list({ session: db, signal }) {
    const sql =
      "select datname::text as name from pg_database where oid >= 16384 or datname = 'postgres' order by 1";
    for (const { name } of (await db.read(undefined, sql, [], signal)) ?? []) yield { id: String(name) };
  },

  async update({ inputs, oldInputs, session: db, signal }) {
    const { name } = inputs;
    const options = [
      inputs.connectionLimit === oldInputs.connectionLimit
        ? ""
        : `CONNECTION LIMIT ${inputs.connectionLimit}`,
      inputs.allowConnections === oldInputs.allowConnections
        ? ""
        : `ALLOW_CONNECTIONS ${inputs.allowConnections}`,
      inputs.isTemplate === oldInputs.isTemplate ? "" : `IS_TEMPLATE ${inputs.isTemplate}`,
    ].filter(Boolean);
    const statements = [
      ...(options.length > 0 ? [`ALTER DATABASE ${quote(name)} WITH ${options.join(" ")}`] : []),
      ...(inputs.owner !== undefined && inputs.owner !== oldInputs.owner
        ? [`ALTER DATABASE ${quote(name)} OWNER TO ${quote(inputs.owner)}`]
        : []),
    ];
    const purpose = {
      doing: `change the database ${name}`,
      needs: "to own it, and to be a member of its owner",
    };
    await db.change(undefined, statements, purpose, signal);
    return { outputs: (await find(db, [name], signal)).get(name) as Outputs };
  },

  async delete({ id, inputs, session: db, signal }) {
    const found = (await find(db, [id], signal)).get(id);
    if (found === undefined) return;
    const purpose = { doing: `delete the database ${id}`, needs: "to own it" };
    if (found.isTemplate && inputs.isTemplate)
      await db.change(undefined, [`ALTER DATABASE ${quote(id)} IS_TEMPLATE false`], purpose, signal);
    await db.leave(id);
    await db.changeAlone(
      `DROP DATABASE IF EXISTS ${quote(id)}${inputs.force ? " WITH (FORCE)" : ""}`,
      purpose,
      signal,
    );
  },
});
