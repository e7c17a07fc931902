/** Roles: users and groups, with what they may and whose members they are. */
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import { differing, differs, type Postgres, type Row } from "./connection.js";
import { identifier, literal, ownRoleName, quote } from "./identifiers.js";
import { isVerifierOf, verifier } from "./scram.js";

const flags = {
  login: z.boolean().default(false).describe("May log in. Default false."),
  superuser: z.boolean().default(false).describe("May do everything. Default false."),
  createDatabase: z.boolean().default(false).describe("May make databases. Default false."),
  createRole: z.boolean().default(false).describe("May make roles. Default false."),
  inherit: z
    .boolean()
    .default(true)
    .describe("Has the rights of the roles it is a member of without asking. Default true."),
  replication: z.boolean().default(false).describe("May replicate. Default false."),
  bypassRls: z.boolean().default(false).describe("Row security does not apply to it. Default false."),
};
const words = {
  login: "LOGIN",
  superuser: "SUPERUSER",
  createDatabase: "CREATEDB",
  createRole: "CREATEROLE",
  inherit: "INHERIT",
  replication: "REPLICATION",
  bypassRls: "BYPASSRLS",
} as const;
type Flag = keyof typeof words;
const flagNames = Object.keys(words) as Flag[];

const inputs = z.strictObject({
  name: ownRoleName("Its name."),
  ...flags,
  password: z
    .string()
    .min(1)
    .optional()
    .meta({ secret: true })
    .describe("Its password. orch sends only what checks it (a SCRAM verifier), never the password itself."),
  connectionLimit: z
    .int()
    .min(-1)
    .default(-1)
    .describe("Connections at once; -1, the default, for any number."),
  validUntil: z.iso
    .datetime({ offset: true, error: "a time such as 2030-01-31T00:00:00Z" })
    .optional()
    .describe("When the password stops to be valid. Default: never."),
  memberOf: z.array(identifier("A role.")).default([]).describe("Roles that it is a member of."),
});
const outputs = z.strictObject({
  name: z.string().describe("Its name."),
  login: z.boolean().describe("May it log in?"),
  superuser: z.boolean().describe("May it do everything?"),
  createDatabase: z.boolean().describe("May it make databases?"),
  createRole: z.boolean().describe("May it make roles?"),
  inherit: z.boolean().describe("Has it the rights of the roles it is a member of?"),
  replication: z.boolean().describe("May it replicate?"),
  bypassRls: z.boolean().describe("Does row security not apply to it?"),
  connectionLimit: z.number().describe("Connections at once."),
  validUntil: z.string().optional().describe("When the password stops to be valid."),
  memberOf: z.array(z.string()).describe("Roles that it is a member of, in order."),
});
type Inputs = z.output<typeof inputs>;
type Outputs = z.output<typeof outputs>;

interface Found {
  readonly outputs: Outputs;
  /** Null: none; undefined: only superusers see it. */
  readonly verifier: string | null | undefined;
}

const query = (withPasswords: boolean): string => `
  select r.rolname as name, r.rolcanlogin as login, r.rolsuper as superuser, r.rolcreatedb as "createDatabase",
    r.rolcreaterole as "createRole", r.rolinherit as inherit, r.rolreplication as replication, r.rolbypassrls as "bypassRls",
    r.rolconnlimit as "connectionLimit",
    to_char(nullif(r.rolvaliduntil, 'infinity') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "validUntil",
    array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid
      group by 1 order by g.rolname::text collate "C") as "memberOf"
    ${withPasswords ? ", r.rolpassword as verifier" : ""}
  from ${withPasswords ? "pg_authid" : "pg_roles"} r where r.rolname = any($1)`;

async function find(
  db: Postgres,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Found>> {
  const [login] = (await db.read(
    undefined,
    "select has_table_privilege('pg_catalog.pg_authid', 'select') as sees",
    [],
    signal,
  )) as readonly Row[];
  const sees = login?.sees === true;
  const rows = (await db.read(undefined, query(sees), [names], signal)) ?? [];
  return new Map(
    rows.map(({ verifier, validUntil, ...row }) => [
      String(row.name),
      {
        outputs: { ...row, ...(validUntil === null ? {} : { validUntil }) } as Outputs,
        verifier: sees ? (verifier as string | null) : undefined,
      },
    ]),
  );
}

/** Is the password there the wanted one? True where nobody can tell. */
const hasPassword = (
  { verifier: kept }: Found,
  { password, name }: Pick<Inputs, "password" | "name">,
): boolean =>
  kept === undefined ||
  (password === undefined ? kept === null : kept !== null && isVerifierOf(kept, password, name));

const attributes = (inputs: Inputs, before?: Inputs): string => {
  const parts = flagNames
    // SUPERUSER, REPLICATION and BYPASSRLS need rights even to be said no: they are named only where they matter.
    .filter((flag) => (before ? inputs[flag] !== before[flag] : inputs[flag] !== (flag === "inherit")))
    .map((flag) => `${inputs[flag] ? "" : "NO"}${words[flag]}`);
  if (before ? inputs.connectionLimit !== before.connectionLimit : inputs.connectionLimit !== -1)
    parts.push(`CONNECTION LIMIT ${inputs.connectionLimit}`);
  if (inputs.validUntil !== before?.validUntil)
    parts.push(`VALID UNTIL ${literal(inputs.validUntil ?? "infinity")}`);
  if (inputs.password !== before?.password)
    parts.push(
      inputs.password === undefined ? "PASSWORD NULL" : `PASSWORD ${literal(verifier(inputs.password))}`,
    );
  return parts.join(" ");
};
const members = (name: string, before: readonly string[], after: readonly string[]): string[] => [
  ...before
    .filter((role) => !after.includes(role))
    .map((role) => `REVOKE ${quote(role)} FROM ${quote(name)}`),
  ...after.filter((role) => !before.includes(role)).map((role) => `GRANT ${quote(role)} TO ${quote(name)}`),
];
const needs = (inputs: Inputs): string =>
  inputs.superuser || inputs.replication || inputs.bypassRls
    ? "SUPERUSER (for SUPERUSER, REPLICATION or BYPASSRLS)"
    : "CREATEROLE, and ADMIN OPTION on the roles it grants";

const inOrder = (roles: readonly string[]): string[] =>
  [...new Set(roles)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
const atUtc = (time: string): string => new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");

/** What is there as inputs; a password that is another one is left out, which shows as drift. */
function readOf(found: Found, given: Partial<Inputs>) {
  const { outputs } = found;
  const password = given.password;
  const same = password !== undefined && hasPassword(found, { password, name: outputs.name });
  const { validUntil: _, password: __, ...rest } = given;
  return { id: outputs.name, inputs: { ...rest, ...outputs, ...(same ? { password } : {}) }, outputs };
}

export const role = defineResource<Postgres>()({
  type: "postgres:index:Role",
  importId: "its name",
  description: "A role: a user or a group. All roles but PostgreSQL's own are listed.",
  inputs,
  outputs,
  replaceOn: ["name"],
  stables: ["name"],
  idOf: ({ name }) => name,
  check: ({ inputs }) => {
    const { memberOf, validUntil } = inputs;
    const known = Array.isArray(memberOf) && memberOf.every((each) => typeof each === "string");
    return {
      inputs: {
        ...inputs,
        ...(known ? { memberOf: inOrder(memberOf as string[]) } : {}),
        ...(typeof validUntil === "string" ? { validUntil: atUtc(validUntil) } : {}),
      },
    };
  },
  predict: ({ inputs }) => {
    const { password: _, ...outputs } = inputs;
    return outputs;
  },

  async create({ inputs, session: db, signal }) {
    const { name } = inputs;
    const there = (await find(db, [name], signal)).get(name);
    if (there === undefined) {
      const statements = [
        `CREATE ROLE ${quote(name)} ${attributes(inputs)}`,
        ...members(name, [], inputs.memberOf),
      ];
      await db.change(
        undefined,
        statements,
        { doing: `make the role ${name}`, needs: needs(inputs) },
        signal,
      );
    } else {
      const keys = differing(inputs, there.outputs);
      const others = [...keys, ...(hasPassword(there, inputs) ? [] : ["password"])];
      if (others.length > 0) {
        const shown = { ...there.outputs, password: "another one" };
        differs(`a role ${name}`, name, { ...inputs, password: "this one" }, shown, others);
      }
    }
    const found = (await find(db, [name], signal)).get(name);
    return { id: name, outputs: (found as Found).outputs };
  },

  async read({ id, inputs, session: db, signal }) {
    const found = (await find(db, [id], signal)).get(id);
    return found && readOf(found, inputs);
  },
  async readMany({ reads, session: db, signal }) {
    const found = await find(
      db,
      reads.map(({ id }) => id),
      signal,
    );
    return reads.map(({ id, inputs }) => {
      const one = found.get(id);
      return one && readOf(one, inputs);
    });
  },
  async *list({ session: db, signal }) {
    const sql = "select rolname::text as name from pg_roles where rolname !~ '^pg_' order by 1";
    for (const { name } of (await db.read(undefined, sql, [], signal)) ?? []) yield { id: String(name) };
  },

  async update({ inputs, oldInputs, session: db, signal }) {
    const { name } = inputs;
    const changed = attributes(inputs, oldInputs);
    const statements = [
      ...(changed === "" ? [] : [`ALTER ROLE ${quote(name)} ${changed}`]),
      ...members(name, oldInputs.memberOf, inputs.memberOf),
    ];
    await db.change(
      undefined,
      statements,
      { doing: `change the role ${name}`, needs: needs(inputs) },
      signal,
    );
    const found = (await find(db, [name], signal)).get(name);
    return { outputs: (found as Found).outputs };
  },

  async delete({ id, session: db, signal }) {
    const purpose = { doing: `delete the role ${id}`, needs: "CREATEROLE, and ADMIN OPTION on it" };
    await db.change(undefined, [`DROP ROLE IF EXISTS ${quote(id)}`], purpose, signal);
  },
});
