/** What a role may on a database, a schema, tables, sequences or functions. */
import { type Failure, fail } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import type { Postgres } from "./connection.js";
import { identifier, joinId, quote, quoteRole, splitId } from "./identifiers.js";
import { checkPrivileges, type Held, heldText, holds, isGrantable, known } from "./privileges.js";

const kinds = ["database", "schema", "table", "sequence", "function"] as const;
type GrantKind = (typeof kinds)[number];

const inputs = z.strictObject({
  role: identifier("Who gets it; `public` is everybody."),
  database: identifier("The database that it is about, or that holds the objects."),
  on: z.enum(kinds).describe("What it is about. A view is a table."),
  schema: identifier("The schema, or that of the objects. Not for a database.").optional(),
  objects: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      "Names of tables or sequences, or functions with the types of their arguments, such as `area(integer, text)`. Default: all that are in the schema when it is applied.",
    ),
  privileges: z.array(z.string()).min(1).describe("What it may: SELECT, USAGE, … or ALL."),
  withGrantOption: z.boolean().default(false).describe("May it pass them on? Default false."),
});
const outputs = z.strictObject({
  role: z.string().describe("Who has it."),
  database: z.string().describe("The database."),
  on: z.string().describe("What it is about."),
  schema: z.string().optional().describe("The schema."),
  objects: z.array(z.string()).optional().describe("The objects that were named."),
  privileges: z.array(z.string()).describe("What it may, on every one of the objects, in order."),
  withGrantOption: z.boolean().describe("May it pass all of them on?"),
});
type Inputs = z.output<typeof inputs>;
type Outputs = z.output<typeof outputs>;
type Target = Pick<Inputs, "role" | "database" | "on" | "schema" | "objects">;

const ALL = "*";
const example = "DATABASE/table/SCHEMA/OBJECT,OBJECT/ROLE";

function idOf({ database, on, schema, objects, role }: Target): string {
  if (on === "database") return joinId(database, on, role);
  if (on === "schema") return joinId(database, on, schema as string, role);
  const names = objects?.map((each) => joinId(each)).join(",") ?? ALL;
  return [joinId(database, on, schema as string), names, joinId(role)].join("/");
}
function targetOf(id: string): Target {
  const [, on] = id.split("/");
  if (on === "database") {
    const [database, , role] = splitId(id, "DATABASE/database/ROLE") as [string, string, string];
    return { database, on, role };
  }
  if (on === "schema") {
    const [database, , schema, role] = splitId(id, "DATABASE/schema/SCHEMA/ROLE") as [
      string,
      string,
      string,
      string,
    ];
    return { database, on, schema, role };
  }
  if (on !== "table" && on !== "sequence" && on !== "function")
    return fail({
      reason: "invalid-property",
      message: `${JSON.stringify(id)} is no id of a Grant.`,
      expected: `DATABASE/database/ROLE, DATABASE/schema/SCHEMA/ROLE or ${example}`,
      found: id,
    });
  const raw = id.split("/")[3] ?? "";
  const [database, , schema, , role] = splitId(id, example) as [string, string, string, string, string];
  const objects =
    raw === ALL ? undefined : raw.split(",").map((each) => splitId(each, "OBJECT")[0] as string);
  return { database, on, schema, role, ...(objects ? { objects } : {}) };
}

/** Every access list of a database that can be granted on; a list that was never touched is what PostgreSQL takes for it. */
const lists = `
  select 'database' as kind, null::text as schema, null::text as name, coalesce(datacl, acldefault('d', datdba)) as acl
    from pg_database where datname = current_database()
  union all select 'schema', nspname::text, null, coalesce(nspacl, acldefault('n', nspowner)) from pg_namespace
  union all select 'table', n.nspname::text, c.relname::text, coalesce(c.relacl, acldefault('r', c.relowner))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f')
  union all select 'sequence', n.nspname::text, c.relname::text, coalesce(c.relacl, acldefault('s', c.relowner))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S'
  union all select 'function', n.nspname::text, p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
    coalesce(p.proacl, acldefault('f', p.proowner)) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prokind <> 'p'`;

/** For each wanted target: the objects that are there, and what the role may on each. */
const query = `
  with lists as materialized (${lists}),
  wanted as (select ordinality::int as i, w ->> 'on' as kind, w ->> 'schema' as schema, w ->> 'role' as role, w -> 'objects' as objects
    from jsonb_array_elements($1::jsonb) with ordinality as t(w, ordinality))
  select w.i, w.role = 'public' or r.oid is not null as "isRole", l.name, l.kind is not null as "isThere",
    array(select a.privilege_type from aclexplode(l.acl) a where a.grantee = coalesce(r.oid, 0) group by 1 order by 1) as privileges,
    array(select a.privilege_type from aclexplode(l.acl) a where a.grantee = coalesce(r.oid, 0) and a.is_grantable group by 1 order by 1)
      as grantable
  from wanted w left join pg_roles r on r.rolname = w.role
    left join lists l on l.kind = w.kind and l.schema is not distinct from w.schema
      and (w.objects is null or w.objects ? l.name)`;

interface Found extends Held {
  /** Named objects that are not there. */
  readonly missing: readonly string[];
  readonly isRole: boolean;
  /** Objects that it is about. */
  readonly count: number;
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
      const { on, schema, objects, role } = targets[i] as Target;
      return { on, schema: schema ?? null, role, ...(objects ? { objects } : {}) };
    });
    const rows = await db.read(database, query, [JSON.stringify(wanted)], signal);
    if (rows === undefined) continue;
    for (const [n, i] of places.entries()) {
      const own = rows.filter((row) => row.i === n + 1);
      const there = own.filter((row) => row.isThere === true);
      const names = there.map((row) => row.name);
      // What it may on every one of them.
      const common = (key: "privileges" | "grantable"): readonly string[] =>
        there.length === 0
          ? []
          : there
              .map((row) => row[key] as readonly string[])
              .reduce((some, each) => some.filter((privilege) => each.includes(privilege)));
      found[i] = {
        isRole: own.some((row) => row.isRole === true),
        count: there.length,
        missing: ((targets[i] as Target).objects ?? []).filter((name) => !names.includes(name)),
        privileges: common("privileges"),
        grantable: common("grantable"),
      };
    }
  }
  return found;
}

const isGone = (target: Target, found: Found): boolean =>
  !found.isRole ||
  found.missing.length > 0 ||
  (found.count === 0 && (target.on === "database" || target.on === "schema"));

const outputsOf = (target: Target, held: Held): Outputs => ({
  ...target,
  privileges: [...held.privileges],
  withGrantOption: isGrantable(held),
});

function readOf(target: Target, found: Found | undefined, given: Partial<Inputs>) {
  if (found === undefined || isGone(target, found)) return undefined;
  // Of no object at all, whatever was wanted holds.
  const held =
    found.count === 0 && given.privileges !== undefined
      ? { privileges: given.privileges, grantable: given.withGrantOption ? given.privileges : [] }
      : found;
  if (held.privileges.length === 0) return undefined;
  const outputs = outputsOf(target, held);
  return { id: idOf(target), inputs: { ...given, ...outputs } as Partial<Inputs>, outputs };
}

/** `TABLE "s"."a", "s"."b"`. */
function objectsText({ on, database, schema, objects }: Target): string {
  if (on === "database") return `DATABASE ${quote(database)}`;
  if (on === "schema") return `SCHEMA ${quote(schema as string)}`;
  const word = on.toUpperCase();
  if (objects === undefined) return `ALL ${word}S IN SCHEMA ${quote(schema as string)}`;
  const within = quote(schema as string);
  return `${word} ${objects
    .map((name) => {
      const [, fn, types] = /^(.*)\((.*)\)$/s.exec(name) ?? [];
      // The types come from the catalog's own text: `missing` has seen to that.
      return on === "function" ? `${within}.${quote(fn as string)}(${types})` : `${within}.${quote(name)}`;
    })
    .join(", ")}`;
}

const what = (target: Target): string => `${objectsText(target)} to ${target.role}`;
const purposeOf = (target: Target, doing: string) => ({
  doing: `${doing} ${what(target)}`,
  needs: "to own it, or to hold the privileges with grant option",
});

async function there(db: Postgres, target: Target, signal: AbortSignal): Promise<Found> {
  const [found] = await findAll(db, [target], signal);
  const base = {
    reason: "provider-error",
    next: ["Make it first, and let the grant depend on it."],
  } as const;
  const missing = (failure: Omit<Failure, "reason">): never => fail({ ...base, ...failure });
  if (found === undefined)
    return missing({
      message: `${db.server}: there is no database ${target.database}.`,
      path: "database",
      expected: "a database that exists",
      found: target.database,
    });
  if (!found.isRole)
    return missing({
      message: `${db.server}: there is no role ${target.role}.`,
      path: "role",
      expected: "a role that exists",
      found: target.role,
    });
  if (found.missing.length > 0)
    return missing({
      message: `${db.server}: there is no ${target.on} ${found.missing.join(", ")} in ${target.database}, schema ${target.schema}.`,
      path: "objects",
      expected:
        target.on === "function"
          ? "functions by name and types, such as area(integer, text)"
          : `${target.on}s that exist`,
      found: found.missing.join(", "),
    });
  if (isGone(target, found))
    return missing({
      message: `${db.server}: there is no schema ${target.schema} in ${target.database}.`,
      path: "schema",
      expected: "a schema that exists",
      found: String(target.schema),
    });
  return found;
}

function checkGrant(inputs: PropertyMap): { inputs: PropertyMap; failures: CheckFailure[] } {
  const on = known(inputs, "on") as GrantKind | undefined;
  if (on === undefined) return { inputs, failures: [] };
  const { privileges, failures } = checkPrivileges(inputs.privileges, on);
  const all: CheckFailure[] = [...failures];
  const refuse = (path: string, expected: string): void => {
    const found = inputs[path] === undefined ? "nothing" : "one";
    all.push({
      path,
      message: `${path} must be ${expected} where \`on\` is ${on}, not ${found}`,
      expected,
      found,
    });
  };
  if (on === "database" && inputs.schema !== undefined) refuse("schema", "left out");
  if (on !== "database" && inputs.schema === undefined) refuse("schema", "given");
  if ((on === "database" || on === "schema") && inputs.objects !== undefined) refuse("objects", "left out");
  const objects = inputs.objects;
  if (on === "function" && Array.isArray(objects))
    for (const [i, each] of objects.entries())
      if (typeof each === "string" && !/^.+\(.*\)$/s.test(each))
        all.push({
          path: `objects[${i}]`,
          message: `objects[${i}] must be a function with the types of its arguments, not ${JSON.stringify(each)}`,
          expected: "such as area(integer, text), or now() without any",
          found: JSON.stringify(each),
        });
  const sortable = Array.isArray(objects) && objects.every((each) => typeof each === "string");
  return {
    inputs: {
      ...inputs,
      ...(privileges === undefined ? {} : { privileges }),
      ...(sortable ? { objects: [...new Set(objects as string[])].sort() } : {}),
    },
    failures: all,
  };
}

const targetIn = ({ role, database, on, schema, objects }: Inputs): Target => ({
  role,
  database,
  on,
  ...(schema === undefined ? {} : { schema }),
  ...(objects === undefined ? {} : { objects }),
});

export const grant = defineResource<Postgres>()({
  type: "postgres:index:Grant",
  importId:
    "`DATABASE/KIND/SCHEMA/OBJECTS/ROLE`, as far as the kind has them: `shop/database/reader`, `shop/table/app/orders,items/reader`",
  description: "All that one role may on a database, a schema, or objects of a schema.",
  inputs,
  outputs,
  replaceOn: ["role", "database", "on", "schema", "objects"],
  stables: ["role", "database", "on", "schema", "objects"],
  idOf: (inputs) => idOf(inputs),
  check: ({ inputs }) => checkGrant(inputs),

  async create({ inputs, session: db, signal }) {
    const { privileges, withGrantOption } = inputs;
    const target = targetIn(inputs);
    const found = await there(db, target, signal);
    const extra = found.privileges.filter((each) => !privileges.includes(each));
    // Some of what is wanted may be there: of a creation that was cut off, or of everybody's defaults. More is somebody else's.
    if (extra.length > 0)
      fail({
        reason: "conflict",
        message: `The role ${target.role} may already do more on ${objectsText(target)} than this grant says.`,
        path: "privileges",
        expected: `at most ${privileges.join(", ")}`,
        found: heldText(found),
        next: [
          `Give the resource the option \`import: ${JSON.stringify(idOf(target))}\`, or add them to \`privileges\`.`,
        ],
      });
    const statement = `GRANT ${privileges.join(", ")} ON ${objectsText(target)} TO ${quoteRole(target.role)}${withGrantOption ? " WITH GRANT OPTION" : ""}`;
    if (!holds(found, privileges, withGrantOption))
      await db.change(
        target.database,
        [statement],
        purposeOf(target, `grant ${privileges.join(", ")} on`),
        signal,
      );
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
    const { privileges, withGrantOption } = inputs;
    const target = targetIn(inputs);
    const found = await there(db, target, signal);
    const before = {
      privileges: oldInputs.privileges,
      grantable: oldInputs.withGrantOption ? oldInputs.privileges : [],
    };
    if (target.objects !== undefined || target.on === "database" || target.on === "schema") {
      const done = holds(found, privileges, withGrantOption);
      if (!done && !holds(found, oldInputs.privileges, oldInputs.withGrantOption))
        fail({
          reason: "conflict",
          message: `What ${target.role} may on ${objectsText(target)} was changed by somebody else, and was left alone.`,
          path: "privileges",
          expected: heldText(before),
          found: heldText(found),
          next: ["Look at it with `orch plan --refresh`, and apply that plan."],
        });
    }
    const gone = [...new Set([...oldInputs.privileges, ...found.privileges])].filter(
      (each) => !privileges.includes(each),
    );
    const on = objectsText(target);
    const to = quoteRole(target.role);
    const statements = [
      ...(gone.length > 0 ? [`REVOKE ${gone.join(", ")} ON ${on} FROM ${to}`] : []),
      ...(!withGrantOption && (oldInputs.withGrantOption || found.grantable.length > 0)
        ? [`REVOKE GRANT OPTION FOR ${privileges.join(", ")} ON ${on} FROM ${to}`]
        : []),
      `GRANT ${privileges.join(", ")} ON ${on} TO ${to}${withGrantOption ? " WITH GRANT OPTION" : ""}`,
    ];
    await db.change(target.database, statements, purposeOf(target, "change the grants on"), signal);
    return { outputs: { ...target, privileges, withGrantOption } };
  },

  async delete({ id, inputs, session: db, signal }) {
    const target = targetOf(id);
    const [found] = await findAll(db, [target], signal);
    if (found === undefined || !found.isRole || found.count === 0) return;
    // Of objects that are gone, nothing is left to revoke.
    const left = target.objects?.filter((each) => !found.missing.includes(each));
    const rest = { ...target, ...(left ? { objects: left } : {}) };
    const statement = `REVOKE ${inputs.privileges.join(", ")} ON ${objectsText(rest)} FROM ${quoteRole(target.role)}`;
    await db.change(target.database, [statement], purposeOf(target, "revoke the grants on"), signal);
  },
});
