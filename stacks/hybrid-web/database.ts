import * as postgres from "@orch/providers/postgres";
import * as pulumi from "@pulumi/pulumi";
import { Password } from "./password";

export interface AppDatabaseArgs {
  /** Where programs reach the server. */
  host: string;
  port: number;
  /** Name of the database; the roles' names begin with it. */
  database: string;
  /** How many connections the application may have at once. */
  connections: number;
}

/** A database with a schema, an owner who runs migrations and never logs in, a role for the application, one for reports. */
export class AppDatabase extends pulumi.ComponentResource {
  readonly host: string;
  readonly database: pulumi.Output<string>;
  /** The role that the application logs in as. */
  readonly role: pulumi.Output<string>;
  /** All that a program needs to connect, with the password: a secret. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: AppDatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super("hybrid:index:AppDatabase", name, {}, options);
    const parent = { parent: this };

    const password = new Password(`${name}-password`, parent);
    const owner = new postgres.Role(`${name}-owner`, { name: `${args.database}_owner` }, parent);
    const app = new postgres.Role(
      `${name}-app`,
      {
        name: `${args.database}_app`,
        login: true,
        password: password.result,
        connectionLimit: args.connections,
      },
      parent,
    );
    const reports = new postgres.Role(`${name}-reports`, { name: `${args.database}_reports` }, parent);
    const database = new postgres.Database(
      `${name}-database`,
      { name: args.database, owner: owner.name },
      parent,
    );
    const schema = new postgres.Schema(
      `${name}-schema`,
      { name: "app", database: database.name, owner: owner.name },
      parent,
    );

    const rights = { app: ["SELECT", "INSERT", "UPDATE", "DELETE"], reports: ["SELECT"] };
    for (const [short, role] of Object.entries({ app, reports })) {
      const on = { role: role.name, database: database.name, schema: schema.name };
      new postgres.Grant(`${name}-${short}-usage`, { ...on, on: "schema", privileges: ["USAGE"] }, parent);
      new postgres.DefaultPrivileges(
        `${name}-${short}-tables`,
        { ...on, owner: owner.name, on: "table", privileges: rights[short as keyof typeof rights] },
        parent,
      );
    }

    this.host = args.host;
    this.database = database.name;
    this.role = app.name;
    this.url = pulumi.interpolate`postgres://${app.name}:${password.result}@${args.host}:${args.port}/${database.name}`;
    this.registerOutputs({ database: this.database, role: this.role });
  }
}
