import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";

describeLab("lab: PostgreSQL", ["postgres"], () => {
  let server: LabPostgres;
  beforeAll(async () => {
    server = await startPostgres({ tls: true });
  });
  afterAll(async () => {
    await server?.remove();
  });

  test("has databases of their own, and compares text as people do", async () => {
    const [one, other] = [await server.createDatabase(), await server.createDatabase()];
    await server.sql("create table t (name text)", one);
    await server.sql("insert into t values ('b'), ('B'), ('a')", one);
    expect(await server.sql("select name from t order by name", one)).toBe("a\nb\nB");
    await expect(server.sql("select * from t", other)).rejects.toThrow('relation "t" does not exist');
  });

  test("keeps what was committed over a crash, on the same port", async () => {
    const database = await server.createDatabase();
    await server.sql("create table t (n int); insert into t values (1)", database);
    const { port } = server;
    await server.stop("immediate");
    await expect(server.sql("select 1", database)).rejects.toThrow("Connection refused");
    await server.start();
    expect(server.port).toBe(port);
    expect(await server.sql("select n from t", database)).toBe("1");
    expect(server.log()).toContain("automatic recovery in progress");
  });

  test("has users that may do nothing but connect", async () => {
    const database = await server.createDatabase();
    const { user } = await server.createUser("weak");
    expect(await server.sql(`select has_database_privilege('${user}', '${database}', 'create')`)).toBe("f");
  });

  test("speaks TLS with a certificate of its own authority", async () => {
    expect(await server.sql("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).toBe("t");
    expect(readFileSync(server.rootCertificate, "utf8")).toContain("BEGIN CERTIFICATE");
  });
});
