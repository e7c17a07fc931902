/** DNS records, zones and a database in one program, through the command line, from plan to destroy. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LabBind, startBind } from "./bind.js";
import { type LabPdns, startPdns } from "./pdns.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";
import { type LabStack, labStack } from "./stack.js";

const PASSWORD = "pw-5f2b8c7d9e";

describeLab("lab: a program on BIND, PowerDNS and PostgreSQL", ["bind9", "pdns", "postgres"], () => {
  let bind: LabBind;
  let pdns: LabPdns;
  let pg: LabPostgres;
  let stack: LabStack;

  beforeAll(async () => {
    [bind, pdns, pg] = await Promise.all([startBind(), startPdns(), startPostgres()]);
    stack = labStack("names");
    await stack.succeed("stack", "init", "dev");
    await stack.succeed("config", "set", "dnsPort", String(bind.port));
    await stack.succeed("config", "set", "pdnsUrl", pdns.url);
    for (const [key, value] of [
      ["dnsKey", bind.key.secret],
      ["pdnsKey", pdns.apiKey],
      ["postgresUrl", pg.url()],
      ["password", PASSWORD],
    ] as const) {
      const run = await stack.orchWith(`${value}\n`, "config", "set", key, "--secret");
      expect(run.code, run.all).toBe(0);
    }
  });
  afterAll(async () => {
    await Promise.all([bind?.remove(), pdns?.remove(), pg?.remove()]);
    stack?.remove();
  });

  test("plans, applies, sees drift with few requests, refuses what was changed meanwhile, heals, and destroys", async () => {
    const secrets = [PASSWORD, bind.key.secret, pdns.apiKey, pg.password];
    const shown: string[] = [];
    const orch = async (...args: string[]) => {
      const run = await stack.orch(...args);
      shown.push(run.all);
      return run;
    };
    const ok = async (...args: string[]) => {
      const run = await orch(...args);
      expect(run.code, run.all).toBe(0);
      return run;
    };

    await ok("apply", "--yes");
    expect(await bind.dig("shop.example.test.", "CNAME")).toEqual(["3600 IN CNAME www.example.test."]);
    expect(await bind.dig("10.2.0.192.in-addr.arpa.", "PTR")).toEqual(["3600 IN PTR www.example.test."]);
    expect(await pg.sql("select pg_get_userbyid(datdba) from pg_database where datname = 'shop'")).toBe(
      "shop",
    );
    expect((await ok("plan")).all).toContain("nothing to do");

    const queries = () => bind.log().match(/ query: \S+ IN /g)?.length ?? 0;
    const before = queries();
    await ok("drift");
    // Two zones: one transfer for the 22 records of one, a lookup and what may be a wildcard's for the one of the other.
    expect(queries() - before).toBeLessThan(10);

    await bind.nsupdate(
      "update add www.example.test. 300 A 192.0.2.66",
      "update delete host3.example.test. A",
    );
    await pg.sql('alter role "Shop reader" createdb');
    const drift = await orch("drift");
    expect(drift.code).not.toBe(0);
    expect(drift.all).toContain("192.0.2.66");
    expect(drift.all).toContain("host3");
    expect(drift.all).toContain("createDatabase");

    await ok("config", "set", "address", "192.0.2.11");
    const refused = await orch("apply", "--yes");
    expect(refused.code).not.toBe(0);
    expect(refused.all).toContain("TTL 300: 192.0.2.10, 192.0.2.66");
    await ok("apply", "--yes", "--refresh");
    expect(await bind.dig("www.example.test.", "A")).toEqual(["300 IN A 192.0.2.11"]);
    expect(await bind.dig("host3.example.test.", "A")).toEqual(["3600 IN A 192.0.2.103"]);
    expect(await pg.sql("select rolcreatedb from pg_roles where rolname = 'Shop reader'")).toBe("f");
    await ok("drift");

    await ok("destroy", "--yes");
    expect((await bind.zone()).filter((line) => /host|www|shop/.test(line) && !/SOA/.test(line))).toEqual([]);
    expect((await pdns.api("GET", "zones")).json).toEqual([]);
    expect(await pg.sql("select count(*) from pg_database where datname = 'shop'")).toBe("0");
    for (const secret of secrets) {
      expect(shown.join("")).not.toContain(secret);
      expect(stack.filesWith(secret)).toEqual([]);
    }
    expect(pg.log()).not.toContain(PASSWORD);
  });
});
