/** The postgres provider against a real PostgreSQL. */
import { chmodSync, chownSync, copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { postgresLoader } from "@orch/providers/postgres/index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ProviderSubject, providerConformance } from "../conformance/provider.js";
import { failureOf, type Live, startLive } from "./live.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { freePort, HOST } from "./process.js";
import { describeLab } from "./requirements.js";

type Subject = Omit<ProviderSubject, "provider" | "config" | "type">;

describeLab("lab: the postgres provider on PostgreSQL", ["postgres"], () => {
  let pg: LabPostgres;
  let names = 0;
  const fresh = (what: string): string => `${what} "${++names}/é`;
  const id = (...parts: string[]) => parts.map((part) => part.replaceAll("/", "%2F")).join("/");
  const q = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const config = (more: PropertyMap = {}): PropertyMap => ({
    host: pg.host,
    port: pg.port,
    user: pg.user,
    password: pg.password,
    ...more,
  });
  const start = (more: PropertyMap = {}) => startLive(postgresLoader(), "postgres", config(more));
  /** Its own roles and a database with a table, a sequence and a function in a schema. */
  let database: string;
  beforeAll(async () => {
    pg = await startPostgres({ tls: true });
    await pg.logStatements();
    database = await pg.createDatabase();
    await pg.sql("create role reader; create role writer; create role maker");
    await pg.sql(
      `create schema app; create table app."Or,ders/" (id int); create table app.items (id int); create sequence app.ids;
       create function app.area(a int, b text) returns int language sql as 'select 1'`,
      database,
    );
  });
  afterAll(async () => {
    await pg?.remove();
  });
  const load = async () => {
    const context = { projectDir: "/", project: "conformance", stack: "test", log: () => {} };
    const provider = await postgresLoader().load({ name: "postgres" }, context);
    if (provider === undefined) throw new Error("no provider");
    return provider;
  };
  const lines = async (sql: string, of = "postgres") => (await pg.sql(sql, of)).split("\n").filter(Boolean);
  const conformance = (type: string, subject: () => Subject | Promise<Subject>): void =>
    providerConformance(`postgres:index:${type}`, async () => ({
      provider: await load(),
      config: config(),
      type: `postgres:index:${type}`,
      ...(await subject()),
    }));

  conformance("Role", () => {
    const name = fresh("role");
    const inputs = { name, login: true, memberOf: ["writer", "reader"] };
    return {
      inputs,
      changed: {
        ...inputs,
        login: false,
        memberOf: ["reader"],
        connectionLimit: 3,
        validUntil: "2030-01-31T01:00:00+01:00",
      },
      replaced: { ...inputs, name: `other ${name}` },
      invalid: {
        inputs: { name: "pg_mine", connectionLimit: -2, validUntil: "soon", login: "yes" },
        paths: ["name", "connectionLimit", "validUntil", "login"],
      },
      failing: { name, memberOf: ["no such role"] },
      secretProperty: "name",
      more: [1, 2].map((i) => ({ name: `${name} ${i}`, password: `p${i}`.repeat(4) })),
      exists: async (name) => (await lines("select rolname from pg_roles")).includes(name),
      count: async () => (await lines("select rolname from pg_roles")).length,
      remove: async (name) => void (await pg.sql(`drop role ${q(name)}`)),
    };
  });

  conformance("Database", () => {
    const name = fresh("db");
    const inputs = { name, owner: "maker", encoding: "UTF8" };
    return {
      inputs,
      changed: { ...inputs, owner: "writer", connectionLimit: 7, allowConnections: false },
      replaced: { ...inputs, name: `other ${name}` },
      invalid: {
        inputs: { name: "é".repeat(32), owner: "", connectionLimit: 1.5 },
        paths: ["name", "owner", "connectionLimit"],
      },
      failing: { name, owner: "no such role" },
      secretProperty: "name",
      more: [1, 2].map((i) => ({ name: `${name} ${i}` })),
      exists: async (name) => (await lines("select datname from pg_database")).includes(name),
      count: async () => (await lines("select datname from pg_database")).length,
      remove: async (name) => void (await pg.sql(`drop database ${q(name)}`)),
    };
  });

  conformance("Schema", () => {
    const name = fresh("schema");
    const inputs = { database, name, owner: "maker" };
    const there = () => lines("select nspname from pg_namespace", database);
    return {
      inputs,
      changed: { ...inputs, owner: "writer" },
      replaced: { ...inputs, name: `other ${name}` },
      failing: { database: "no such database", name },
      secretProperty: "name",
      more: [1, 2].map((i) => ({ database, name: `${name} ${i}` })),
      within: { scope: { database }, outside: { database: "postgres", name } },
      exists: async (id) => (await there()).some((name) => id.endsWith(`/${name.replaceAll("/", "%2F")}`)),
      count: async () => (await there()).length,
      remove: async (id) =>
        void (await pg.sql(
          `drop schema ${q((id.split("/")[1] as string).replaceAll("%2F", "/"))}`,
          database,
        )),
    };
  });

  conformance("Grant", async () => {
    const role = fresh("grantee");
    await pg.sql(`create role ${q(role)}`);
    const acl = async () =>
      lines(
        `select grantee, privilege_type from information_schema.table_privileges where grantee <> 'postgres' and table_schema = 'app'`,
        database,
      );
    const inputs = {
      role,
      database,
      on: "table",
      schema: "app",
      objects: ["items", "Or,ders/"],
      privileges: ["select", "INSERT"],
    };
    return {
      inputs,
      changed: { ...inputs, privileges: ["SELECT", "DELETE"], withGrantOption: true },
      replaced: { ...inputs, objects: ["items"] },
      invalid: {
        inputs: {
          role,
          database,
          on: "database",
          schema: "app",
          objects: ["x"],
          privileges: ["SELECT", "USE"],
        },
        paths: ["schema", "objects", "privileges[0]", "privileges[1]"],
      },
      failing: { ...inputs, objects: ["none of that name"] },
      secretProperty: "role",
      more: ["reader", "writer"].map((role) => ({ ...inputs, role })),
      exists: async (id) =>
        (await acl()).some((line) => id.endsWith(`/${line.split("|")[0]?.replaceAll("/", "%2F")}`)),
      count: async () => (await acl()).length,
      remove: async (id) => {
        const name = (id.split("/").at(-1) as string).replaceAll("%2F", "/");
        await pg.sql(`revoke all on all tables in schema app from ${q(name)}`, database);
      },
    };
  });

  test("passwords never reach the server's log, work, and drift is seen", async () => {
    const live = await start();
    const name = fresh("login");
    const password = "Grüße, sehr-geheim-123 \u00a0x";
    const made = await live.create("Role", { name, login: true, password: new Secret(password) });
    expect(made.inputs.password).toEqual(new Secret(password));
    expect(JSON.stringify(made.outputs)).not.toContain("geheim");
    const as = (secret: string) => start({ user: name, password: secret });
    expect((await (await as(password)).import("Database", database))?.id).toBe(database);
    expect(await failureOf((await as("another one")).import("Database", database))).toMatchObject({
      reason: "authentication-failed",
    });
    expect(pg.log()).toContain("SCRAM-SHA-256$4096:");
    expect(pg.log()).not.toContain("geheim");

    expect(await live.read(made)).toEqual(made);
    await pg.sql(`alter role ${q(name)} password 'changed by hand'`);
    const seen = (await live.read(made)) as Live;
    expect((await live.diff(seen, { name, login: true, password })).diffs).toEqual(["password"]);
    await live.update(seen, { name, login: true, password });
    expect(await live.read(made)).toEqual(made);
    const other = await failureOf(live.create("Role", { name, login: true, password: "not that one" }));
    expect(other).toMatchObject({ reason: "conflict", path: "password", found: 'password: "another one"' });
    expect(JSON.stringify(other)).not.toContain("not that one");
    await live.delete(made);
  });

  test("what is created twice is found again; what is another's is a conflict", async () => {
    const live = await start();
    const role = await live.create("Role", { name: fresh("twice"), memberOf: ["reader"] });
    expect(await live.create("Role", role.inputs)).toEqual(role);
    expect(await failureOf(live.create("Role", { ...role.inputs, createRole: true }))).toMatchObject({
      reason: "conflict",
      path: "createRole",
      expected: "createRole: true",
      found: "createRole: false",
    });
    const base = await live.create("Database", { name: fresh("twice"), owner: "maker" });
    expect(await live.create("Database", base.inputs)).toEqual(base);
    expect(
      await failureOf(live.create("Database", { name: base.inputs.name as string, owner: "writer" })),
    ).toMatchObject({
      reason: "conflict",
      path: "owner",
    });
    await live.delete(base);
  });

  test("a database in use is not deleted, unless forced; a role that owns something is not", async () => {
    const live = await start();
    const name = fresh("busy");
    const owner = await live.create("Role", { name: fresh("owner") });
    const made = await live.create("Database", { name, owner: owner.id });
    const inside = await live.create("Schema", { database: name, name: "s" });
    await pg.sql("create table s.t (id int)", name);
    expect(await failureOf(live.delete(inside))).toMatchObject({
      reason: "conflict",
      found: expect.stringContaining("table s.t"),
    });
    expect(await failureOf(live.delete(owner))).toMatchObject({
      reason: "conflict",
      found: expect.stringContaining(name),
    });
    const holding = await startLive(postgresLoader(), "postgres", config());
    await holding.read(inside);
    expect(await failureOf(live.delete(made))).toMatchObject({
      reason: "conflict",
      next: [expect.stringContaining("force")],
    });
    await live.delete({ ...made, inputs: { ...made.inputs, force: true } });
    // Its own connections are no hindrance.
    const again = await live.create("Database", { name });
    expect(await live.read(inside)).toBeUndefined();
    await live.delete(again);
    expect(await live.read(inside)).toBeUndefined();
    await live.delete(inside);
    await live.delete(owner);
  });

  test("extensions: version, schema, drift", async () => {
    const live = await start();
    const made = await live.create("Extension", { database, name: "hstore", schema: "app", version: "1.6" });
    expect(made).toMatchObject({ id: `${database}/hstore`, outputs: { version: "1.6", schema: "app" } });
    const newer = await live.update(made, { database, name: "hstore", schema: "public", version: "1.8" });
    expect(await live.read(newer)).toEqual(newer);
    expect((await live.list("Extension", { database })).map(({ id }) => id)).toContain(`${database}/hstore`);
    await live.delete(newer);
    expect(await live.read(newer)).toBeUndefined();
    expect(await failureOf(live.create("Extension", { database, name: "no-such" }))).toMatchObject({
      reason: "provider-error",
      found: expect.stringContaining("no-such"),
    });
  });

  test("grants on databases, schemas, sequences, functions and all tables are what aclexplode says", async () => {
    const live = await start();
    const on = { role: "reader", database };
    const made = [
      await live.create("Grant", { ...on, on: "database", privileges: ["ALL"], withGrantOption: true }),
      await live.create("Grant", { ...on, on: "schema", schema: "app", privileges: ["usage"] }),
      await live.create("Grant", {
        ...on,
        on: "sequence",
        schema: "app",
        objects: ["ids"],
        privileges: ["ALL"],
      }),
      await live.create("Grant", {
        ...on,
        on: "function",
        schema: "app",
        objects: ["area(integer, text)"],
        privileges: ["ALL"],
      }),
      await live.create("Grant", { ...on, role: "writer", on: "table", schema: "app", privileges: ["ALL"] }),
    ];
    expect(made.map((each) => each.id)).toEqual([
      `${database}/database/reader`,
      `${database}/schema/app/reader`,
      `${database}/sequence/app/ids/reader`,
      `${database}/function/app/area(integer%2C text)/reader`,
      `${database}/table/app/*/writer`,
    ]);
    expect(made[0]?.outputs.privileges).toEqual(["CONNECT", "CREATE", "TEMPORARY"]);
    for (const each of made) {
      expect(await live.read(each)).toEqual(each);
      expect((await live.import("Grant", each.id))?.inputs).toEqual(each.inputs);
    }
    // A table that came later has not got it: drift, healed by an update.
    await pg.sql("create table app.later (id int)", database);
    expect(await live.read(made[4] as Live)).toBeUndefined();
    await pg.sql("grant select on app.later to writer", database);
    const less = (await live.read(made[4] as Live)) as Live;
    expect(less.outputs.privileges).toEqual(["SELECT"]);
    await live.update(less, { ...on, role: "writer", on: "table", schema: "app", privileges: ["ALL"] });
    expect(await live.read(made[4] as Live)).toEqual(made[4]);

    await pg.sql("grant create on schema app to reader", database);
    expect(
      await failureOf(
        live.update(made[1] as Live, {
          ...on,
          on: "schema",
          schema: "app",
          privileges: ["USAGE"],
          withGrantOption: true,
        }),
      ),
    ).toMatchObject({
      reason: "conflict",
      expected: "USAGE",
      found: "CREATE, USAGE",
    });
    expect(
      await failureOf(
        live.create("Grant", { ...on, role: "public", on: "database", privileges: ["CONNECT"] }),
      ),
    ).toMatchObject({
      reason: "conflict",
      found: "CONNECT, TEMPORARY",
    });
    const everybody = (await live.import("Grant", `${database}/database/public`)) as Live;
    const only = await live.update(everybody, {
      ...on,
      role: "public",
      on: "database",
      privileges: ["CONNECT"],
    });
    expect((await live.read(only))?.outputs.privileges).toEqual(["CONNECT"]);
    for (const each of made) await live.delete(each);
    // What somebody else gave stays.
    expect((await live.read(made[1] as Live))?.outputs.privileges).toEqual(["CREATE"]);
    await pg.sql("revoke create on schema app from reader", database);
    for (const each of made) expect(await live.read(each)).toBeUndefined();
  });

  test("default privileges reach the objects made later", async () => {
    const live = await start();
    const made = await live.create("DefaultPrivileges", {
      owner: "maker",
      role: "reader",
      database,
      on: "table",
      schema: "app",
      privileges: ["SELECT"],
    });
    expect(await live.read(made)).toEqual(made);
    expect((await live.import("DefaultPrivileges", made.id))?.inputs).toEqual(made.inputs);
    await pg.sql(
      "grant create, usage on schema app to maker; set role maker; create table app.made_later (id int)",
      database,
    );
    expect(await pg.sql("select has_table_privilege('reader', 'app.made_later', 'select')", database)).toBe(
      "t",
    );
    const changed = await live.update(made, {
      ...made.inputs,
      privileges: ["INSERT"],
      withGrantOption: true,
    });
    expect(await live.read(changed)).toEqual(changed);
    const [same] = await live.readMany([changed]);
    expect(same).toMatchObject({ object: { outputs: changed.outputs } });
    await live.delete(changed);
    expect(await live.read(changed)).toBeUndefined();
    const functions = { owner: "maker", database, on: "function" };
    const everybody = (await live.import("DefaultPrivileges", `${database}/maker/function/*/public`)) as Live;
    expect(everybody.inputs).toMatchObject({ ...functions, role: "public", privileges: ["EXECUTE"] });
    await live.delete(everybody);
    expect(await live.read(everybody)).toBeUndefined();
  });

  test("many are read with one query per database", async () => {
    const live = await start();
    const roles: Live[] = [];
    for (let i = 0; i < 30; i++) roles.push(await live.create("Role", { name: `many ${i}` }));
    const grants: Live[] = [];
    for (const { id } of roles)
      grants.push(
        await live.create("Grant", {
          role: id,
          database,
          on: "schema",
          schema: "app",
          privileges: ["USAGE"],
        }),
      );
    const count = () => pg.log().match(/execute <unnamed>|LOG: {2}statement:/g)?.length ?? 0;
    const before = count();
    const answers = [...(await live.readMany(roles)), ...(await live.readMany(grants))];
    expect(count() - before).toBeLessThanOrEqual(3);
    for (const [i, each] of [...roles, ...grants].entries())
      expect(answers[i]).toMatchObject({ object: { id: each.id, outputs: each.outputs } });
    for (const each of [...grants, ...roles]) await live.delete(each);
  });

  test("what a login may not is named, with what it takes", async () => {
    const { user, password } = await pg.createUser("plain");
    const live = await start({ user, password });
    expect(await failureOf(live.create("Role", { name: "x" }))).toMatchObject({
      reason: "permission-denied",
      expected: expect.stringContaining("CREATEROLE"),
    });
    expect(await failureOf(live.create("Database", { name: "x" }))).toMatchObject({
      reason: "permission-denied",
      expected: "CREATEDB",
    });
    expect(await failureOf(live.create("Schema", { database, name: "x" }))).toMatchObject({
      reason: "permission-denied",
      expected: `CREATE on the database ${database}`,
    });
    const grant = {
      role: "maker",
      database,
      on: "table",
      schema: "app",
      objects: ["items"],
      privileges: ["SELECT"],
    };
    expect(await failureOf(live.create("Grant", grant))).toMatchObject({ reason: "permission-denied" });
    // A login that is no superuser may still read roles, without their passwords.
    expect((await live.import("Role", "reader"))?.outputs.name).toBe("reader");
  });

  test("TLS: checked against the authority, and refused without it", async () => {
    const secure = await start({ sslMode: "verify-full", sslRootCert: pg.rootCertificate });
    expect((await secure.import("Role", "reader"))?.id).toBe("reader");
    const stranger = await start({ sslMode: "verify-full" });
    expect(await failureOf(stranger.import("Role", "reader"))).toMatchObject({ reason: "connection-failed" });
    const byUrl = await startLive(postgresLoader(), "postgres", { url: pg.url(), sslMode: "require" });
    expect((await byUrl.import("Role", "reader"))?.id).toBe("reader");

    const certificates = new URL("../fixtures/tls/", import.meta.url).pathname;
    const { uid, gid } = statSync(pg.directory);
    for (const name of ["expired.pem", "expired.key"]) {
      copyFileSync(join(certificates, name), join(pg.directory, name));
      chownSync(join(pg.directory, name), uid, gid);
      chmodSync(join(pg.directory, name), 0o600);
    }
    await pg.sql(`alter system set ssl_cert_file = '${join(pg.directory, "expired.pem")}'`);
    await pg.sql(`alter system set ssl_key_file = '${join(pg.directory, "expired.key")}'`);
    try {
      await pg.sql("select pg_reload_conf()");
      const late = await start({ sslMode: "verify-full", sslRootCert: join(certificates, "ca.pem") });
      // The server takes its new certificate up in its own time.
      const failing = async () => (await failureOf(late.import("Role", "reader"))).found;
      await expect.poll(failing, { timeout: 20_000 }).toContain("CERT_HAS_EXPIRED");
    } finally {
      await pg.sql("alter system reset ssl_cert_file");
      await pg.sql("alter system reset ssl_key_file");
      await pg.sql("select pg_reload_conf()");
    }
  });

  test("a wrong password, nothing there, a restart, and a statement that is cancelled", async () => {
    const wrong = await start({ password: "wrong-one-here" });
    const failure = await failureOf(wrong.import("Role", "reader"));
    expect(failure).toMatchObject({ reason: "authentication-failed" });
    expect(JSON.stringify(failure)).not.toContain("wrong-one-here");
    const nowhere = await startLive(postgresLoader(), "postgres", { host: HOST, port: await freePort() });
    expect(await failureOf(nowhere.import("Role", "reader"))).toMatchObject({ reason: "connection-failed" });

    const live = await start();
    const made = await live.create("Role", { name: fresh("restarted") });
    await pg.stop();
    const reading = live.read(made);
    await pg.start();
    expect(await reading).toEqual(made);
    await pg.cutConnections();
    await live.delete(made);

    const stop = new AbortController();
    const locked = pg
      .sql("begin; lock table pg_authid in access exclusive mode; select pg_sleep(5)")
      .catch(() => "");
    await expect.poll(() => pg.log(), { timeout: 20_000 }).toContain("lock table pg_authid");
    const waiting = failureOf(live.create("Role", { name: "never" }, stop.signal));
    stop.abort();
    expect(await waiting).toMatchObject({ reason: "interrupted" });
    await locked;
    expect(await live.import("Role", "never")).toBeUndefined();
  });

  test("ids keep names apart", async () => {
    const live = await start();
    const name = "a/b,c%2F";
    const made = await live.create("Schema", { database, name });
    expect(made.id).toBe(`${database}/a%2Fb%2Cc%252F`);
    expect((await live.import("Schema", made.id))?.inputs.name).toBe(name);
    await live.delete(made);
    expect(await failureOf(live.import("Schema", "one"))).toMatchObject({ reason: "invalid-property" });
    expect(id("a", "b")).toBe("a/b");
  });
});
