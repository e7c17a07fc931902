import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import {
  describePostgres,
  hasPassword,
  isPostgresUrl,
  parsePostgresUrl,
  redactUrl,
} from "@orch/core/state/postgres/url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "orch-url-"));
  writeFileSync(join(home, "ca.pem"), "the authority");
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const parse = (url: string, env: Record<string, string> = {}) =>
  parsePostgresUrl(url, { HOME: home, ...env });
function refused(url: string, env: Record<string, string> = {}) {
  try {
    parse(url, env);
  } catch (error) {
    if (error instanceof OrchError) return error.failure;
    throw error;
  }
  return expect.fail(`${url} was taken`);
}

describe("a URL of PostgreSQL", () => {
  test("says where, who and which schema", () => {
    const settings = parse(
      "postgresql://o%40r:p%2Fw@db.example.com:6543/in%20fra?schema=My&connect_timeout=3",
    );
    expect(settings).toMatchObject({
      host: "db.example.com",
      port: 6543,
      user: "o@r",
      password: "p/w",
      database: "in fra",
      schema: "My",
      connectTimeoutMs: 3_000,
    });
    expect(describePostgres(settings)).toBe("PostgreSQL o@r@db.example.com:6543/in fra, schema My");
  });

  test("has libpq's defaults, from the environment first", () => {
    const me = userInfo().username;
    expect(parse("postgres://")).toMatchObject({
      ...{ host: "localhost", port: 5432, user: me, database: me, schema: "orch", sslMode: "prefer" },
    });
    const env = {
      PGUSER: "u",
      PGDATABASE: "d",
      PGHOST: "h",
      PGPORT: "1",
      PGPASSWORD: "s",
      PGSSLMODE: "require",
    };
    expect(parse("postgres://", env)).toMatchObject({
      ...{ host: "h", port: 1, user: "u", database: "d", password: "s", sslMode: "require" },
    });
    expect(parse("postgres://o:p@x:2/y?sslmode=disable", env)).toMatchObject({
      ...{ host: "x", port: 2, user: "o", database: "y", password: "p", sslMode: "disable" },
    });
    expect(parse("postgres://u/")).not.toHaveProperty("password");
  });

  test("may name an IPv6 address or the folder of a socket", () => {
    const six = parse("postgres://u@[::1]:5433/d");
    expect(six).toMatchObject({ host: "::1", port: 5433 });
    expect(describePostgres(six)).toBe("PostgreSQL u@[::1]:5433/d");
    expect(parse("postgres://u@/d?host=/run/postgresql")).toMatchObject({
      host: "/run/postgresql",
      user: "u",
    });
    expect(parse("postgres:///d?host=%2Frun%2Fpostgresql")).toMatchObject({ host: "/run/postgresql" });
  });

  test.each([
    ["prefer", false],
    ["require", false],
    ["require&sslrootcert=CA", true],
    ["verify-ca&sslrootcert=CA", true],
    ["verify-full", true],
    ["verify-full&sslrootcert=system", true],
  ])("sslmode=%s checks the certificate: %s", (mode, checked) => {
    const { tls } = parse(`postgres://h/d?sslmode=${mode.replace("CA", join(home, "ca.pem"))}`);
    expect(tls.rejectUnauthorized).toBe(checked);
    expect(tls.ca).toBe(mode.includes("CA") ? "the authority" : undefined);
    // Only verify-full compares the host's name.
    expect(tls.checkServerIdentity === undefined).toBe(mode.startsWith("verify-full"));
  });

  test.each([
    ["postgres://u:hunter2@a,b/d", "several hosts", undefined],
    ["postgres://u:hunter2@h:port/d", "can't be parsed", undefined],
    ["postgres://u:hunter2@h/d?sslmod=require", "sslmod", "sslmod"],
    ["postgres://u:hunter2@h/d?sslmode=full", "full", "sslmode"],
    ["postgres://u@h/d?password=hunter2", "PGPASSWORD", "password"],
    ["postgres://u:hunter2@h/d?sslmode=verify-ca", "authority", "sslrootcert"],
    ["postgres://u:hunter2@h/d?sslmode=verify-ca&sslrootcert=system", "verify-full", "sslrootcert"],
    ["postgres://u:hunter2@h/d?sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem", "sslrootcert"],
    ["postgres://u:hunter2@h/d?schema=pg_temp", "pg_temp", "schema"],
    ["postgres://u:hunter2@h/d?connect_timeout=soon", "seconds", "connect_timeout"],
    ["postgres://u%zz:hunter2@h/d", "%", undefined],
  ])("%s is refused, without its password", (url, says, path) => {
    const failure = refused(url);
    expect(failure.reason).toBe("config-invalid");
    expect(failure.message).toContain(says);
    expect(failure.path).toBe(path);
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });

  test("is told from others, and never shown with its password", () => {
    expect(isPostgresUrl("postgresql://x")).toBe(true);
    expect(isPostgresUrl("sqlite:postgres://x")).toBe(false);
    expect(hasPassword("postgres://u:p@h/d")).toBe(true);
    expect(hasPassword("postgres://h/d?password=p")).toBe(true);
    expect(hasPassword("postgres://u@h/d")).toBe(false);
    for (const url of [
      "x://u:hunter2@h/d",
      "x://u:hun@ter2@h",
      "x://u:hun/ter2@h/d",
      "x://h?a=1&password=hunter2",
    ]) {
      expect(redactUrl(url)).toContain("***");
      expect(redactUrl(url)).not.toMatch(/hun|ter2/);
    }
  });
});
