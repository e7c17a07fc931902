import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Failure, OrchError } from "@orch/core/model/failure";
import { openPostgresBackend } from "@orch/core/state/postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";

/** What the command line would get; `env` is all that there is of an environment. */
async function tried(url: string, env: Record<string, string> = {}): Promise<Failure | undefined> {
  try {
    const backend = await openPostgresBackend(url, { env });
    try {
      await backend.createStack("shop", "dev");
      await backend.listStacks();
    } finally {
      await backend.close();
    }
    return undefined;
  } catch (error) {
    if (error instanceof OrchError) return error.failure;
    throw error;
  }
}

describeLab("PostgreSQL does not let orch in, and says why", ["postgres"], () => {
  let server: LabPostgres;
  let home: string;
  beforeAll(async () => {
    server = await startPostgres({ tls: true });
    home = mkdtempSync(join(tmpdir(), "orch-pgpass-"));
  });
  afterAll(async () => {
    delete process.env.PGPASSFILE;
    rmSync(home, { recursive: true, force: true });
    await server?.remove();
  });
  const url = (database: string, login: { user: string; password?: string }, parameters = "") =>
    server.url(database, login) + parameters;

  test("a wrong password, none, and no such user", async () => {
    process.env.PGPASSFILE = join(home, "nothing");
    const { user } = server;
    const wrong = await tried(url("postgres", { user, password: "hunter2" }));
    expect(wrong).toMatchObject({
      reason: "authentication-failed",
      message: expect.stringContaining("refused the password"),
    });
    expect(JSON.stringify(wrong)).not.toContain("hunter2");
    expect(await tried(url("postgres", { user }))).toMatchObject({
      reason: "authentication-failed",
      message: expect.stringContaining("there is none"),
    });
    expect(await tried(url("postgres", { user: "nobody here", password: "x" }))).toMatchObject({
      reason: "authentication-failed",
    });
  });

  test("the password of PGPASSWORD, and of a password file that only its owner can read", async () => {
    const database = await server.createDatabase();
    const { user, password } = server;
    expect(await tried(url(database, { user }), { PGPASSWORD: password })).toBeUndefined();
    const file = join(home, "pgpass");
    writeFileSync(file, `127.0.0.1:*:*:${user}:${password}\n`, { mode: 0o600 });
    process.env.PGPASSFILE = file;
    expect(await tried(url(database, { user }, "?schema=other"))).toBeUndefined();
    chmodSync(file, 0o644);
    expect(await tried(url(database, { user }))).toMatchObject({ reason: "authentication-failed" });
  });

  test("no such database, no such host, nobody listening", async () => {
    const { user, password } = server;
    expect(await tried(server.url("nowhere"))).toMatchObject({
      reason: "backend-error",
      message: expect.stringContaining("no database nowhere"),
      next: [expect.stringContaining("createdb")],
    });
    expect(await tried(`postgres://${user}:${password}@127.0.0.1:1/d`)).toMatchObject({
      reason: "connection-failed",
      message: expect.stringContaining("nothing listens there"),
    });
    expect(
      await tried(`postgres://${user}:${password}@no-such-host.invalid/d?connect_timeout=5`),
    ).toMatchObject({
      reason: "connection-failed",
    });
  });

  test("too few rights: to connect, to make the schema, to write its tables", async () => {
    const database = await server.createDatabase();
    const login = await server.createUser("clerk");
    expect(await tried(url(database, login))).toMatchObject({
      reason: "permission-denied",
      message: expect.stringContaining("may not make orch's schema orch"),
      next: [expect.stringContaining('CREATE SCHEMA IF NOT EXISTS "orch" AUTHORIZATION "clerk"')],
    });
    expect(await tried(server.url(database))).toBeUndefined();
    expect(await tried(url(database, login))).toMatchObject({
      reason: "permission-denied",
      next: [expect.stringContaining('GRANT ALL ON ALL TABLES IN SCHEMA "orch" TO "clerk"')],
    });
    // What it says to do helps.
    await server.sql(
      "grant all on schema orch to clerk; grant all on all tables in schema orch to clerk; grant all on all sequences in schema orch to clerk; delete from orch.stacks",
      database,
    );
    expect(await tried(url(database, login))).toBeUndefined();
    await server.sql(`revoke connect on database ${database} from public`, database);
    expect(await tried(url(database, login))).toMatchObject({
      reason: "permission-denied",
      message: expect.stringContaining("may not connect"),
    });
  });

  test("a schema that is another program's is left as it is", async () => {
    const database = await server.createDatabase();
    await server.sql("create schema orch; create table orch.schema_version (v int)", database);
    expect(await tried(server.url(database))).toMatchObject({ reason: "state-invalid" });
    expect(await server.sql("select count(*) from pg_tables where schemaname = 'orch'", database)).toBe("1");
  });

  describe("TLS", () => {
    const ssl = (parameters: string) =>
      tried(`${server.url("postgres")}?schema=tls${parameters.length}&${parameters}`);

    test("is used where the server has it, and checked as sslmode says", async () => {
      expect(await ssl("sslmode=require")).toBeUndefined();
      expect(await ssl(`sslmode=verify-full&sslrootcert=${server.rootCertificate}`)).toBeUndefined();
      expect(await ssl("sslmode=verify-full")).toMatchObject({
        reason: "connection-failed",
        message: expect.stringContaining("sslmode=verify-full"),
        next: [expect.stringContaining("sslrootcert")],
      });
      const backend = await openPostgresBackend(server.url("postgres"));
      await backend.listStacks();
      expect(
        await server.sql(
          "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'orch'",
        ),
      ).toBe("t");
      await backend.close();
    });

    test("that the server has not is told, and done without only by sslmode=prefer", async () => {
      const plain = await startPostgres();
      try {
        expect(await tried(`${plain.url()}?sslmode=require`)).toMatchObject({
          reason: "connection-failed",
          found: expect.stringContaining("does not support SSL"),
        });
        expect(await tried(plain.url())).toBeUndefined();
      } finally {
        await plain.remove();
      }
    });
  });
});
