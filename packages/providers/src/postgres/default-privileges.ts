/** What roles get on objects that another role makes later. */

import { fail } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import type { Postgres } from "./connection.js";
import { identifier, joinId, quote, quoteRole, splitId } from "./identifiers.js";
import { checkPrivileges, type Held, heldText, holds, isGrantable, type Kind, known } from "./privileges.js";

const kinds = ["table", "sequence", "function", "type", "schema"] as const;
/** pg_default_acl's letters, and those of acldefault(). */
const letters: Readonly<Record<(typeof kinds)[number], readonly [string, string]>> = {
  table: ["r", "r"],
  sequence: ["S", "s"],
  function: ["f", "f"],
  type: ["T", "T"],
  schema: ["n", "n"],
};

const inputs = z.strictObject({
  owner: identifier("The role whose later objects it is about."),
  role: identifier("Who gets it; `public` is everybody."),
  database: identifier("The database that it is about."),
  on: z.enum(kinds).describe("Which objects. A view is a table."),
  schema: identifier("Only for objects in this schema. Default: in any.").optional(),
  privileges: z.array(z.string()).min(1).describe("What it may: SELECT, USAGE, … or ALL."),
  withGrantOption: z.boolean().default(false).describe("May it pass them on? Default false."),
});
const outputs = z.strictObject({
  owner: z.string().describe("The role whose later objects it is about."),
  role: z.string().describe("Who gets it."),
  database: z.string().describe("The database."),
  on: z.string().describe("Which objects."),
  schema: z.string().optional().describe("The schema."),
  privileges: z.array(z.string()).describe("What it may, in order."),
  withGrantOption: z.boolean().describe("May it pass all of them on?"),
});
type Inputs = z.output<typeof inputs>;
type Target = Pick<Inputs, "owner" | "role" | "database" | "on" | "schema">;

const example = "DATABASE/OWNER/table/SCHEMA/ROLE";
const ANY = "*";
const idOf = ({ database, owner, on, schema, role }: Target): string =>
  [joinId(database, owner, on), schema === undefined ? ANY : joinId(schema), joinId(role)].join("/");
function targetOf(id: string): Target {
  const [database, owner, on, schema, role] = splitId(id, example) as [
    string,
    string,
    Target["on"],
    string,
    string,
  ];
  if (!kinds.includes(on))
    fail({
      reason: "invalid-property",
      message: `${JSON.stringify(id)} is no id of this type.`,
      expected: example,
      found: id,
    });
  return { database, owner, on, role, ...(schema === ANY ? {} : { schema }) };
}

const query = `
  with wanted as (select ordinality::int as i, w ->> 'kind' as kind, w ->> 'letter' as letter, w ->> 'schema' as schema,
      w ->> 'owner' as owner, w ->> 'role' as role
    from jsonb_array_elements($1::jsonb) with ordinality as t(w, ordinality))
  select w.i, (w.role = 'public' or r.oid is not null) and o.oid is not null and (w.schema is null or n.oid is not null) as "isThere",
    array(select a.privilege_type from aclexplode(x.acl) a where a.grantee = coalesce(r.oid, 0) group by 1 order by 1) as privileges,
    array(select a.privilege_type from aclexplode(x.acl) a where a.grantee = coalesce(r.oid, 0) and a.is_grantable group by 1 order by 1)
      as grantable
  from wanted w left join pg_roles r on r.rolname = w.role left join pg_roles o on o.rolname = w.owner
    left join pg_namespace n on n.nspname = w.schema
    left join pg_default_acl d on d.defaclrole = o.oid and d.defaclobjtype = w.kind::"char" and d.defaclnamespace = coalesce(n.oid, 0)
    cross join lateral (select coalesce(d.defaclacl, case when w.schema is null and o.oid is not null
      then acldefault(w.letter::"char", o.oid) end) as acl) x`;

interface Found extends Held {
  readonly isThere: boolean;
}

/** One query per database. Undefined: the database is gone. */
async function findAll(
  db: Postgres,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<(Found | undefined)[]> {
  const found: (Found | undefined)[] = targets.map(() => undefined);
  for (const database of new Set(targets.map((target) => target.database))) {
    const places = targets.flatMap((target, i) => (target.database === database ? [i] : []));
    const wanted = places.map((i) => {
      const { on, schema = null, owner, role } = targets[i] as Target;
      const [kind, letter] = letters[on];
      return { kind, letter, schema, owner, role };
    });
    for (const row of (await db.read(database, query, [JSON.stringify(wanted)], signal)) ?? [])
      found[places[(row.i as number) - 1] as number] = row as unknown as Found;
  }
  return found;
}

function readOf(target: Target, found: Found | undefined, given: Partial<Inputs>) {
  if (found === undefined || !found.isThere || found.privileges.length === 0) return undefined;
  const outputs = { ...target, privileges: [...found.privileges], withGrantOption: isGrantable(found) };
  return { id: idOf(target), inputs: { ...given, ...outputs }, outputs };
}

const targetIn = ({ owner, role, database, on, schema }: Inputs): Target => ({
  owner,
  role,
  database,
  on,
  ...(schema === undefined ? {} : { schema }),
});
const head = ({ owner, schema }: Target): string =>
  `ALTER DEFAULT PRIVILEGES FOR ROLE ${quote(owner)}${schema === undefined ? "" : ` IN SCHEMA ${quote(schema)}`}`;
const objects = ({ on }: Target): string => `${on.toUpperCase()}S`;
const granting = (target: Target, { privileges, withGrantOption }: Inputs): string =>
  `${head(target)} GRANT ${privileges.join(", ")} ON ${objects(target)} TO ${quoteRole(target.role)}${withGrantOption ? " WITH GRANT OPTION" : ""}`;
const purposeOf = (target: Target) => ({
  doing: `change the default privileges for ${objects(target)} of ${target.owner}`,
  needs: `to be a member of ${target.owner}`,
});

export const defaultPrivileges = defineResource<Postgres>()({
  type: "postgres:index:DefaultPrivileges",
  importId: "`DATABASE/OWNER/KIND/SCHEMA/ROLE`; `*` is every schema",
  description: "What one role gets on objects that another makes later.",
  inputs,
  outputs,
  replaceOn: ["owner", "role", "database", "on", "schema"],
  stables: ["owner", "role", "database", "on", "schema"],
  idOf: (inputs) => idOf(inputs),
  check: ({ inputs }: { readonly inputs: PropertyMap }) => {
    const on = known(inputs, "on") as Kind | undefined;
    if (on === undefined) return { inputs };
    const { privileges, failures } = checkPrivileges(inputs.privileges, on);
    const expected = "left out: a schema is in no other";
    const nested =
      on === "schema" && inputs.schema !== undefined
        ? [{ path: "schema", message: `schema must be ${expected}`, expected, found: "one" }]
        : [];
    return {
      inputs: { ...inputs, ...(privileges === undefined ? {} : { privileges }) },
      failures: [...failures, ...nested],
    };
  },

  async create({ inputs, session: db, signal }) {
    const target = targetIn(inputs);
    const { privileges, withGrantOption } = inputs;
    const [found] = await findAll(db, [target], signal);
    const extra = found?.privileges.filter((each) => !privileges.includes(each)) ?? [];
    if (found && extra.length > 0)
      fail({
        reason: "conflict",
        message: `The role ${target.role} gets more on ${objects(target)} of ${target.owner} already than this says.`,
        path: "privileges",
        expected: `at most ${privileges.join(", ")}`,
        found: heldText(found),
        next: [
          `Give the resource the option \`import: ${JSON.stringify(idOf(target))}\`, or add them to \`privileges\`.`,
        ],
      });
    if (!found || !holds(found, privileges, withGrantOption))
      await db.change(target.database, [granting(target, inputs)], purposeOf(target), signal);
    return { id: idOf(target), outputs: { ...target, privileges, withGrantOption } };
  },
  async read({ id, inputs, session: db, signal }) {
    const target = targetOf(id);
    const [found] = await findAll(db, [target], signal);
    return readOf(target, found, inputs);
  },
  async readMany({ reads, session: db, signal }) {
    const targets = reads.map(({ id }) => targetOf(id));
    const found = await findAll(db, targets, signal);
    return reads.map(({ inputs }, i) => readOf(targets[i] as Target, found[i], inputs));
  },
  async update({ inputs, oldInputs, session: db, signal }) {
    const target = targetIn(inputs);
    const { privileges, withGrantOption } = inputs;
    const gone = oldInputs.privileges.filter((each) => !privileges.includes(each));
    const from = `ON ${objects(target)} FROM ${quoteRole(target.role)}`;
    const statements = [
      ...(gone.length > 0 ? [`${head(target)} REVOKE ${gone.join(", ")} ${from}`] : []),
      ...(!withGrantOption && oldInputs.withGrantOption
        ? [`${head(target)} REVOKE GRANT OPTION FOR ${privileges.join(", ")} ${from}`]
        : []),
      granting(target, inputs),
    ];
    await db.change(target.database, statements, purposeOf(target), signal);
    return { outputs: { ...target, privileges, withGrantOption } };
  },
  async delete({ id, inputs, session: db, signal }) {
    const target = targetOf(id);
    const [found] = await findAll(db, [target], signal);
    if (!found?.isThere) return;
    const statement = `${head(target)} REVOKE ${inputs.privileges.join(", ")} ON ${objects(target)} FROM ${quoteRole(target.role)}`;
    await db.change(target.database, [statement], purposeOf(target), signal);
  },
});
