/** People in a directory and in a domain, through the command line: OpenLDAP and Samba, drift, healing, and the end. */
import { Attribute, Change, type Client } from "ldapts";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { describeLab } from "./requirements.js";
import { type LabSamba, startSamba } from "./samba.js";
import { type LabSlapd, startSlapd } from "./slapd.js";
import { type LabStack, labStack } from "./stack.js";

const FIRST = "F1rst-8f14e45fceea";

describeLab("lab: a program on a directory and a domain", ["slapd", "samba"], () => {
  let directory: LabSlapd;
  let dc: LabSamba;
  let stack: LabStack;
  beforeAll(async () => {
    [directory, dc] = await Promise.all([startSlapd(), startSamba()]);
    stack = labStack("directories");
    await stack.succeed("stack", "init", "dev");
    const values = {
      ldapUrl: directory.url,
      ldapCa: directory.ca,
      ldapUser: directory.admin.bindDn,
      ldapBase: `ou=staff,${directory.suffix}`,
      adUrl: dc.ldapsUrl,
      adCa: dc.ca,
      adUser: dc.admin.bindDn,
      adBase: dc.base,
    };
    for (const [key, value] of Object.entries(values)) await stack.succeed("config", "set", key, value);
    const secrets = { ldapPassword: directory.admin.password, adPassword: dc.admin.password, first: FIRST };
    for (const [key, value] of Object.entries(secrets))
      expect((await stack.orchWith(`${value}\n`, "config", "set", key, "--secret")).code).toBe(0);
  });
  afterAll(async () => {
    stack?.remove();
    await dc?.remove();
    await directory?.remove();
  });

  const title = (client: Client, dn: string, value: string) =>
    client.modify(
      dn,
      new Change({ operation: "replace", modification: new Attribute({ type: "title", values: [value] }) }),
    );

  test("plans, applies, sees renames as drift, puts them back, and destroys", async () => {
    const applied = await stack.succeed("apply", "--yes");
    expect(applied.stdout).toContain("Apply complete: 14 created");
    const login = { bindDn: `lab-ann@${dc.domain}`, password: FIRST };
    await (await dc.connect(login)).unbind();
    expect((await stack.orch("plan", "--refresh", "--detailed-exitcode")).code).toBe(0);

    const [inLdap, inAd] = [await directory.connect(), await dc.connect()];
    onTestFinished(async () => {
      await inLdap.unbind();
      await inAd.unbind();
    });
    await inLdap.modifyDN(`uid=ann,ou=staff,${directory.suffix}`, `uid=ann2,ou=people,${directory.suffix}`);
    await title(inLdap, `uid=bob,ou=staff,${directory.suffix}`, "Boss");
    await inAd.modifyDN(`CN=ann,OU=Staff,${dc.base}`, `CN=ann2,CN=Users,${dc.base}`);
    await inAd.del(`CN=eve,OU=Staff,${dc.base}`);
    const drift = await stack.orch("drift");
    expect(drift.all).toContain(`uid=ann2,ou=people,${directory.suffix}`);
    expect(drift.all).toContain("ann2");
    expect(drift.all).toContain("Boss");
    expect(drift.all).toContain(directory.admin.bindDn);
    await stack.succeed("apply", "--yes", "--refresh");
    expect((await stack.orch("plan", "--refresh", "--detailed-exitcode")).code).toBe(0);
    const { searchEntries } = await inAd.search(`CN=ann,OU=Staff,${dc.base}`, {
      scope: "base",
      attributes: ["memberOf"],
    });
    expect(searchEntries[0]?.memberOf).toBe(`CN=Engineers,OU=Staff,${dc.base}`);

    expect(stack.filesWith(FIRST)).toEqual([]);
    expect(stack.filesWith(dc.admin.password)).toEqual([]);
    await stack.succeed("destroy", "--yes");
    expect((await inAd.search(dc.base, { scope: "one", filter: "(ou=Staff)" })).searchEntries).toEqual([]);
  });
});
