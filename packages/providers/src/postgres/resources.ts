/**
 * Databases, roles, grants, schemas and extensions of PostgreSQL, for programs:
 *
 * ```ts
 * import * as postgres from "@orch/providers/postgres";
 *
 * const server = new postgres.Provider("db1", { host: "db1.example.com", user: "admin", password: config.requireSecret("password"), sslMode: "verify-full" });
 * const on = { provider: server };
 * const owner = new postgres.Role("shop", { name: "shop", login: true, password: config.requireSecret("shopPassword") }, on);
 * const shop = new postgres.Database("shop", { name: "shop", owner: owner.name }, on);
 * new postgres.Grant("connect", { role: "reader", database: shop.name, on: "database", privileges: ["CONNECT"] }, on);
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
import * as pulumi from "@pulumi/pulumi";
import { isOfType, withVersion } from "../direct/program.js";

const secret = (value: pulumi.Input<string> | undefined): pulumi.Input<string> | undefined =>
  value === undefined ? undefined : pulumi.secret(value);
/** What the SDK is given: the outputs it is to fill in, and the inputs, unless an object that exists is only read. */
const propertiesOf = (
  outputs: readonly string[],
  args: object,
  options: pulumi.CustomResourceOptions | undefined,
): pulumi.Inputs => ({
  ...Object.fromEntries(outputs.map((name) => [name, undefined])),
  ...(options?.id === undefined ? args : {}),
});

export interface ProviderArgs {
  /** All of it as one URL, such as `postgres://admin@db1.example.com/postgres?sslmode=verify-full`. What is given beside it wins. Always kept as a secret. */
  url?: pulumi.Input<string>;
  /** Name or address, or the folder of a Unix socket. Default localhost. */
  host?: pulumi.Input<string>;
  /** Default 5432. */
  port?: pulumi.Input<number>;
  /** The login's role. Default postgres. */
  user?: pulumi.Input<string>;
  /** Its password. Default: PGPASSWORD, or none. Always kept as a secret. */
  password?: pulumi.Input<string>;
  /** The database to log in to for what concerns the whole server. Default postgres. */
  database?: pulumi.Input<string>;
  /** As libpq's. Default prefer; use verify-full. */
  sslMode?: pulumi.Input<"disable" | "prefer" | "require" | "verify-ca" | "verify-full">;
  /** A file with the certificate of the authority that signed the server's. */
  sslRootCert?: pulumi.Input<string>;
}

/** A PostgreSQL server: pass it to resources as `{ provider }`. */
export class Provider extends pulumi.ProviderResource {
  static override isInstance(value: unknown): value is Provider {
    return isOfType(value, "pulumi:providers:postgres");
  }
  constructor(name: string, args: ProviderArgs = {}, options?: pulumi.ResourceOptions) {
    const kept = { ...args, url: secret(args.url), password: secret(args.password) };
    super("postgres", name, kept, withVersion(options));
  }
}

export interface DatabaseArgs {
  /** Its name. */
  name: pulumi.Input<string>;
  /** The role that owns it. Default: the login that makes it. */
  owner?: pulumi.Input<string>;
  /** Such as UTF8. Default: the template's. Another one replaces the database. */
  encoding?: pulumi.Input<string>;
  /** How text is put in order. Default: the template's. Another one replaces the database. */
  lcCollate?: pulumi.Input<string>;
  /** What is a letter. Default: the template's. Another one replaces the database. */
  lcCtype?: pulumi.Input<string>;
  /** What it begins as a copy of. Default: template1. Another one replaces the database. */
  template?: pulumi.Input<string>;
  /** Connections at once; -1, the default, for any number. */
  connectionLimit?: pulumi.Input<number>;
  /** May anybody connect to it? Default true. */
  allowConnections?: pulumi.Input<boolean>;
  /** May anybody with CREATEDB copy it? Default false. */
  isTemplate?: pulumi.Input<boolean>;
  /** Deleting it ends the connections to it. Default false: then it is not deleted. */
  force?: pulumi.Input<boolean>;
}

/** A database. Its id is its name: `import: "shop"`. */
export class Database extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly owner: pulumi.Output<string>;
  declare readonly encoding: pulumi.Output<string>;
  declare readonly lcCollate: pulumi.Output<string>;
  declare readonly lcCtype: pulumi.Output<string>;
  declare readonly connectionLimit: pulumi.Output<number>;
  declare readonly allowConnections: pulumi.Output<boolean>;
  declare readonly isTemplate: pulumi.Output<boolean>;

  /** A database that somebody else manages; `id` is its name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Database {
    return new Database(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Database {
    return isOfType(value, "postgres:index:Database");
  }
  constructor(name: string, args: DatabaseArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = ["name", "owner", "encoding", "lcCollate", "lcCtype", "connectionLimit"];
    const all = [...outputs, "allowConnections", "isTemplate"];
    super("postgres:index:Database", name, propertiesOf(all, args, options), withVersion(options));
  }
}

export interface RoleArgs {
  /** Its name. */
  name: pulumi.Input<string>;
  /** May log in. Default false. */
  login?: pulumi.Input<boolean>;
  /** Its password. orch sends only what checks it (a SCRAM verifier), never the password itself. Always kept as a secret. */
  password?: pulumi.Input<string>;
  /** May do everything. Default false. */
  superuser?: pulumi.Input<boolean>;
  /** May make databases. Default false. */
  createDatabase?: pulumi.Input<boolean>;
  /** May make roles. Default false. */
  createRole?: pulumi.Input<boolean>;
  /** Has the rights of the roles it is a member of without asking. Default true. */
  inherit?: pulumi.Input<boolean>;
  /** May replicate. Default false. */
  replication?: pulumi.Input<boolean>;
  /** Row security does not apply to it. Default false. */
  bypassRls?: pulumi.Input<boolean>;
  /** Connections at once; -1, the default, for any number. */
  connectionLimit?: pulumi.Input<number>;
  /** When the password stops to be valid, such as 2030-01-31T00:00:00Z. Default: never. */
  validUntil?: pulumi.Input<string>;
  /** Roles that it is a member of. */
  memberOf?: pulumi.Input<pulumi.Input<string>[]>;
}

/** A role: a user or a group. Its id is its name: `import: "shop"`. */
export class Role extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly login: pulumi.Output<boolean>;
  declare readonly superuser: pulumi.Output<boolean>;
  declare readonly createDatabase: pulumi.Output<boolean>;
  declare readonly createRole: pulumi.Output<boolean>;
  declare readonly inherit: pulumi.Output<boolean>;
  declare readonly replication: pulumi.Output<boolean>;
  declare readonly bypassRls: pulumi.Output<boolean>;
  declare readonly connectionLimit: pulumi.Output<number>;
  declare readonly validUntil: pulumi.Output<string | undefined>;
  declare readonly memberOf: pulumi.Output<string[]>;

  /** A role that somebody else manages; `id` is its name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Role {
    return new Role(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Role {
    return isOfType(value, "postgres:index:Role");
  }
  constructor(name: string, args: RoleArgs, options?: pulumi.CustomResourceOptions) {
    const flags = ["login", "superuser", "createDatabase", "createRole", "inherit", "replication"];
    const all = ["name", ...flags, "bypassRls", "connectionLimit", "validUntil", "memberOf"];
    const kept = { ...args, password: secret(args?.password) };
    super("postgres:index:Role", name, propertiesOf(all, kept, options), withVersion(options));
  }
}

export interface SchemaArgs {
  /** The database that it is in. */
  database: pulumi.Input<string>;
  /** Its name. */
  name: pulumi.Input<string>;
  /** The role that owns it. Default: the login that makes it. */
  owner?: pulumi.Input<string>;
  /** Delete it with what is in it. Default false: then it is not deleted. */
  cascade?: pulumi.Input<boolean>;
}

/** A schema of a database. Its id is `DATABASE/SCHEMA`. */
export class Schema extends pulumi.CustomResource {
  declare readonly database: pulumi.Output<string>;
  declare readonly name: pulumi.Output<string>;
  declare readonly owner: pulumi.Output<string>;

  /** A schema that somebody else manages; `id` is `DATABASE/SCHEMA`. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Schema {
    return new Schema(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Schema {
    return isOfType(value, "postgres:index:Schema");
  }
  constructor(name: string, args: SchemaArgs, options?: pulumi.CustomResourceOptions) {
    const properties = propertiesOf(["database", "name", "owner"], args, options);
    super("postgres:index:Schema", name, properties, withVersion(options));
  }
}

export interface ExtensionArgs {
  /** The database that it is in. */
  database: pulumi.Input<string>;
  /** Its name, such as `pgcrypto`. */
  name: pulumi.Input<string>;
  /** The schema of its objects. Default: what the extension says, or `public`. */
  schema?: pulumi.Input<string>;
  /** Which version. Default: the server's newest when it is made, then as it is. */
  version?: pulumi.Input<string>;
  /** Make the extensions it needs too, and delete what needs it with it. Default false. */
  cascade?: pulumi.Input<boolean>;
}

/** An extension in a database. Its id is `DATABASE/EXTENSION`. */
export class Extension extends pulumi.CustomResource {
  declare readonly database: pulumi.Output<string>;
  declare readonly name: pulumi.Output<string>;
  declare readonly schema: pulumi.Output<string>;
  declare readonly version: pulumi.Output<string>;

  /** An extension that somebody else manages; `id` is `DATABASE/EXTENSION`. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Extension {
    return new Extension(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Extension {
    return isOfType(value, "postgres:index:Extension");
  }
  constructor(name: string, args: ExtensionArgs, options?: pulumi.CustomResourceOptions) {
    const properties = propertiesOf(["database", "name", "schema", "version"], args, options);
    super("postgres:index:Extension", name, properties, withVersion(options));
  }
}

export interface GrantArgs {
  /** Who gets it; `public` is everybody. */
  role: pulumi.Input<string>;
  /** The database that it is about, or that holds the objects. */
  database: pulumi.Input<string>;
  /** What it is about. A view is a table. */
  on: pulumi.Input<"database" | "schema" | "table" | "sequence" | "function">;
  /** The schema, or that of the objects. Not for a database. */
  schema?: pulumi.Input<string>;
  /**
   * Names of tables or sequences, or functions with the types of their arguments, such as `area(integer, text)`. Default: all that are in the schema
   * when it is applied.
   */
  objects?: pulumi.Input<pulumi.Input<string>[]>;
  /** What it may: SELECT, USAGE, … or ALL. */
  privileges: pulumi.Input<pulumi.Input<string>[]>;
  /** May it pass them on? Default false. */
  withGrantOption?: pulumi.Input<boolean>;
}

/**
 * All that one role may on a database, a schema, or objects of a schema. Its id is `DATABASE/database/ROLE`, `DATABASE/schema/SCHEMA/ROLE` or
 * `DATABASE/table/SCHEMA/OBJECT,OBJECT/ROLE`, with `*` for all objects.
 */
export class Grant extends pulumi.CustomResource {
  declare readonly role: pulumi.Output<string>;
  declare readonly database: pulumi.Output<string>;
  declare readonly on: pulumi.Output<string>;
  declare readonly schema: pulumi.Output<string | undefined>;
  declare readonly objects: pulumi.Output<string[] | undefined>;
  /** In order, `ALL` spelled out. */
  declare readonly privileges: pulumi.Output<string[]>;
  declare readonly withGrantOption: pulumi.Output<boolean>;

  static override isInstance(value: unknown): value is Grant {
    return isOfType(value, "postgres:index:Grant");
  }
  constructor(name: string, args: GrantArgs, options?: pulumi.CustomResourceOptions) {
    const all = ["role", "database", "on", "schema", "objects", "privileges", "withGrantOption"];
    super("postgres:index:Grant", name, propertiesOf(all, args, options), withVersion(options));
  }
}

export interface DefaultPrivilegesArgs {
  /** The role whose later objects it is about. */
  owner: pulumi.Input<string>;
  /** Who gets it; `public` is everybody. */
  role: pulumi.Input<string>;
  /** The database that it is about. */
  database: pulumi.Input<string>;
  /** Which objects. A view is a table. */
  on: pulumi.Input<"table" | "sequence" | "function" | "type" | "schema">;
  /** Only for objects in this schema. Default: in any. */
  schema?: pulumi.Input<string>;
  /** What it may: SELECT, USAGE, … or ALL. */
  privileges: pulumi.Input<pulumi.Input<string>[]>;
  /** May it pass them on? Default false. */
  withGrantOption?: pulumi.Input<boolean>;
}

/** What one role gets on objects that another makes later. Its id is `DATABASE/OWNER/table/SCHEMA/ROLE`, with `*` for any schema. */
export class DefaultPrivileges extends pulumi.CustomResource {
  declare readonly owner: pulumi.Output<string>;
  declare readonly role: pulumi.Output<string>;
  declare readonly database: pulumi.Output<string>;
  declare readonly on: pulumi.Output<string>;
  declare readonly schema: pulumi.Output<string | undefined>;
  /** In order, `ALL` spelled out. */
  declare readonly privileges: pulumi.Output<string[]>;
  declare readonly withGrantOption: pulumi.Output<boolean>;

  static override isInstance(value: unknown): value is DefaultPrivileges {
    return isOfType(value, "postgres:index:DefaultPrivileges");
  }
  constructor(name: string, args: DefaultPrivilegesArgs, options?: pulumi.CustomResourceOptions) {
    const all = ["owner", "role", "database", "on", "schema", "privileges", "withGrantOption"];
    super("postgres:index:DefaultPrivileges", name, propertiesOf(all, args, options), withVersion(options));
  }
}
