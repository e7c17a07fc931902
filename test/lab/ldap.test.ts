/** The ldap provider on a real OpenLDAP server, verb by verb. */
import { readFileSync } from "node:fs";
import { type PropertyMap, Secret, type Value } from "@orch/core/model/value";
import { escapeDn } from "@orch/providers/ldap/dn";
import { ldapLoader } from "@orch/providers/ldap/index";
import { Attribute, Change, type Client } from "ldapts";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { providerConformance } from "../conformance/provider.js";
import { failureOf, type Live, startLive } from "./live.js";
import { describeLab } from "./requirements.js";
import { type LabSlapd, startSlapd } from "./slapd.js";

describeLab("lab: ldap on OpenLDAP", ["slapd"], () => {
  let server: LabSlapd;
  /** Past orch. */
  let other: Client;
  let count = 0;
  beforeAll(async () => {
    server = await startSlapd();
  });
  beforeEach(async () => {
    await server.start();
    other = await server.connect();
    onTestFinished(() => other.unbind());
  });
  afterAll(() => server?.remove());

  /** A value of undefined leaves the default out. */
  const config = (more: Readonly<Record<string, Value | undefined>> = {}): PropertyMap => {
    const all = { url: server.url, ca: server.ca, ...server.admin, ...more };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as PropertyMap;
  };
  const start = (more?: Parameters<typeof config>[0]) => startLive(ldapLoader(), "ldap", config(more));
  const people = () => `ou=people,${server.suffix}`;
  /** A unit of its own for one test, so that tests do not meet. */
  const unit = async (): Promise<string> => {
    const ou = `t${++count}`;
    await other.add(`ou=${ou},${people()}`, { objectClass: "organizationalUnit", ou });
    return `ou=${ou},${people()}`;
  };
  const person = (dn: string, more: PropertyMap = {}): PropertyMap => ({
    dn,
    objectClasses: ["inetOrgPerson"],
    attributes: { cn: "Ann Lee", sn: "Lee", ...more },
  });
  const replace = (dn: string, type: string, ...values: string[]) =>
    other.modify(dn, new Change({ operation: "replace", modification: new Attribute({ type, values }) }));
  const there = async (dn: string) =>
    (await other.search(dn, { scope: "base" })).searchEntries[0] as unknown as Record<string, unknown>;

  const deaf = async () => {
    await server.freeze(true);
    onTestFinished(() => server.freeze(false));
  };

  const farSide = (base: string) => ({
    exists: async (id: string) =>
      (await other.search(base, { filter: `(entryUUID=${id})` })).searchEntries.length === 1,
    count: async () => (await other.search(base, {})).searchEntries.length,
    remove: async (id: string) => {
      const [entry] = (await other.search(base, { filter: `(entryUUID=${id})` })).searchEntries;
      await other.del((entry as { dn: string }).dn);
    },
  });
  const load = async () => {
    const context = { projectDir: "/", project: "c", stack: "test", log: () => {} };
    return (await ldapLoader().load({ name: "ldap" }, context)) as never;
  };

  providerConformance("ldap:index:Entry", async () => {
    const base = await unit();
    const outside = await unit();
    return {
      provider: await load(),
      config: config(),
      type: "ldap:index:Entry",
      inputs: person(`uid=ann,${base}`, { mail: ["b@lab", "a@lab"], jpegPhoto: { base64: "/9j/4A==" } }),
      changed: person(`uid=ann,${base}`, { mail: "a@lab", title: "Head" }),
      invalid: {
        inputs: { dn: "ann", objectClasses: [], attributes: { objectClass: "x", "not a name": "y", cn: 7 } },
        paths: ["dn", "objectClasses", "attributes.objectClass", 'attributes["not a name"]', "attributes.cn"],
      },
      secretProperty: "attributes",
      more: [person(`uid=bob,${base}`), person(`uid=${escapeDn('eve, the "+" <one>')},${base}`)],
      within: { scope: { base, filter: "(sn=Lee)" }, outside: person(`uid=far,${outside}`) },
      ...farSide(base),
    };
  });

  test("a member of a group comes, is seen, and goes, whoever keeps the others", async () => {
    const ldap = await start();
    const base = await unit();
    const group = `cn=admins,${base}`;
    await other.add(group, { objectClass: "posixGroup", cn: "admins", gidNumber: "7", memberUid: "root" });
    const inputs = { group, attribute: "memberUid", member: "ann" };
    const ann = await ldap.create("Membership", inputs);
    const bob = await ldap.create("Membership", { ...inputs, member: "bob" });
    expect((await there(group)).memberUid).toEqual(["root", "ann", "bob"]);
    expect(await ldap.create("Membership", inputs)).toEqual(ann);
    expect(await ldap.read(ann)).toEqual(ann);
    expect(await ldap.import("Membership", `${group}|memberUid|ann`)).toEqual(ann);
    expect((await ldap.diff(ann, { ...inputs, member: "eve" })).replaces).toEqual(["member"]);
    await replace(group, "memberUid", "root", "bob");
    const before = server.operations("SRCH");
    const [gone, kept] = await ldap.readMany([ann, bob]);
    expect(server.operations("SRCH") - before).toBe(1);
    expect(gone).toEqual({});
    expect(kept).toMatchObject({ object: { id: bob.id } });
    await ldap.delete(ann);
    await ldap.delete(bob);
    expect((await there(group)).memberUid).toBe("root");
    await other.del(group);
    await ldap.delete(bob);
    expect(await ldap.read(bob)).toBeUndefined();
    expect(await failureOf(ldap.create("Membership", inputs))).toMatchObject({ reason: "provider-error" });
    expect((await failureOf(ldap.import("Membership", "nonsense"))).expected).toContain(
      "group|attribute|member",
    );
  });

  test("an entry lives; drift of any kind is seen with who and when, and put back", async () => {
    const ldap = await start();
    const base = await unit();
    const dn = `uid=ann,${base}`;
    const inputs = person(dn, { mail: ["b@lab", "a@lab"] });
    const ann = await ldap.create("Entry", inputs);
    expect(ann.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(ann.outputs).toMatchObject({ dn, uuid: ann.id, attributes: { mail: ["b@lab", "a@lab"] } });

    const moved = `uid=ann lee,ou=deeper,${base}`;
    await other.add(`ou=deeper,${base}`, { objectClass: "organizationalUnit", ou: "deeper" });
    await replace(dn, "mail", "a@lab", "evil@lab");
    await replace(dn, "description", "not ours");
    await other.modifyDN(dn, moved);
    const read = await ldap.provider.read({
      urn: "u",
      name: "it",
      ...ann,
      type: "ldap:index:Entry",
    } as never);
    expect(read.changes).toEqual([
      { by: server.admin.bindDn, at: expect.any(Number), how: "modifyTimestamp" },
    ]);
    expect(Math.abs((read.changes?.[0]?.at as number) - Date.now())).toBeLessThan(3_600_000);
    const drifted = { type: "Entry", ...(read.object as Omit<Live, "type">) };
    expect(drifted.id).toBe(ann.id);
    expect(drifted.inputs).toMatchObject({
      dn: moved,
      attributes: { cn: "Ann Lee", sn: "Lee", mail: ["a@lab", "evil@lab"] },
    });
    const diff = await ldap.diff(drifted, inputs);
    expect(diff.replaces).toEqual([]);
    expect(diff.detailed?.map(({ path }) => path)).toEqual([
      "dn",
      "attributes.mail[0]",
      "attributes.mail[1]",
    ]);

    const back = await ldap.update(drifted, inputs);
    expect(back.outputs.dn).toBe(dn);
    expect(await there(dn)).toMatchObject({
      mail: expect.arrayContaining(["a@lab", "b@lab"]),
      description: "not ours",
    });
    expect(await ldap.read(back)).toEqual(ann);
    await ldap.delete(back);
    expect(await ldap.read(back)).toBeUndefined();
  });

  test("another spelling of the same name is no change", async () => {
    const ldap = await start();
    const base = await unit();
    const ann = await ldap.create("Entry", person(`uid=ann,${base}`));
    const diff = await ldap.diff(ann, person(`UID = Ann , ${base.toUpperCase()}`));
    expect(diff.changes).toBe("none");
  });

  test("is imported by its name and by its UUID, with all that it has", async () => {
    const ldap = await start();
    const base = await unit();
    const made = await ldap.create("Entry", { ...person(`uid=ann,${base}`, { mail: "a@lab" }) });
    const byName = await ldap.import("Entry", `uid=ann,${base}`);
    expect(byName).toEqual(await ldap.import("Entry", made.id));
    expect(byName?.id).toBe(made.id);
    expect(byName?.inputs).toEqual({
      dn: `uid=ann,${base}`,
      objectClasses: ["inetOrgPerson"],
      attributes: { cn: "Ann Lee", sn: "Lee", mail: "a@lab" },
    });
  });

  test("a creation that was cut off is found again; somebody else's entry is not taken", async () => {
    const ldap = await start();
    const base = await unit();
    const inputs = { ...person(`uid=ann,${base}`), writeOnly: { userPassword: "s3cr3t-one" } };
    const ann = await ldap.create("Entry", inputs);
    expect((await ldap.create("Entry", inputs)).id).toBe(ann.id);
    const failure = await failureOf(ldap.create("Entry", person(`uid=ann,${base}`, { sn: "Other" })));
    expect(failure).toMatchObject({ reason: "conflict", found: "one that differs in sn" });
    expect(failure.next?.[0]).toContain(ann.id);
  });

  test("a password is written, changed, and never shown", async () => {
    const ldap = await start();
    const base = await unit();
    const dn = `uid=ann,${base}`;
    const inputs = { ...person(dn), writeOnly: { userPassword: "s3cr3t-one" } };
    const ann = await ldap.create("Entry", inputs);
    expect(ann.inputs.writeOnly).toBeInstanceOf(Secret);
    expect(JSON.stringify(ann.outputs)).not.toContain("s3cr3t");
    await (await start({ bindDn: dn, password: "s3cr3t-one" }))
      .create("Membership", {
        group: dn,
        member: "x",
        attribute: "description",
      })
      .catch(() => undefined);
    await ldap.update(ann, { ...inputs, writeOnly: { userPassword: "s3cr3t-two" } });
    const stranger = await start({ bindDn: dn, password: "s3cr3t-one" });
    const failure = await failureOf(stranger.read(ann));
    expect(failure).toMatchObject({ reason: "authentication-failed", found: "result 49" });
    expect(JSON.stringify(failure)).not.toContain("s3cr3t");
    expect(await (await start({ bindDn: dn, password: "s3cr3t-two" })).read(ann)).toBeDefined();
  });

  test("what somebody changed after the plan is not overwritten; a repeated update goes through", async () => {
    const ldap = await start();
    const base = await unit();
    const dn = `uid=ann,${base}`;
    const ann = await ldap.create("Entry", person(dn, { title: "one" }));
    await replace(dn, "title", "theirs");
    const failure = await failureOf(ldap.update(ann, person(dn, { title: "two" })));
    expect(failure).toMatchObject({
      reason: "conflict",
      path: "attributes.title",
      expected: "one",
      found: "theirs",
    });
    expect((await there(dn)).title).toBe("theirs");
    await replace(dn, "title", "two");
    expect((await ldap.update(ann, person(dn, { title: "two" }))).outputs.attributes).toMatchObject({
      title: "two",
    });
    await other.del(dn);
    expect((await failureOf(ldap.update(ann, person(dn, { title: "three" })))).reason).toBe("conflict");
    await ldap.delete(ann);
  });

  test("says what stands in the way: children, no parent, a wrong value, an unknown attribute", async () => {
    const ldap = await start();
    const base = await unit();
    const ou = await ldap.create("Entry", { dn: `ou=a,${base}`, objectClasses: ["organizationalUnit"] });
    await ldap.create("Entry", person(`uid=ann,ou=a,${base}`));
    expect(await failureOf(ldap.delete(ou))).toMatchObject({
      reason: "conflict",
      found: `1 below it: uid=ann,ou=a,${base}`,
    });
    const orphan = await failureOf(ldap.create("Entry", person(`uid=x,ou=none,${base}`)));
    expect(orphan.message).toContain("There is no such entry");
    const unknown = await failureOf(ldap.create("Entry", person(`uid=y,${base}`, { shoeSize: "44" })));
    expect(unknown).toMatchObject({ reason: "invalid-property" });
    expect(unknown.found).toContain("shoeSize");
    const value = await failureOf(
      ldap.create("Entry", {
        dn: `cn=g,${base}`,
        objectClasses: ["posixGroup"],
        attributes: { gidNumber: "many" },
      }),
    );
    expect(value).toMatchObject({ reason: "invalid-property" });
    const classes = await failureOf(
      ldap.create("Entry", { ...person(`uid=z,${base}`), attributes: { cn: "z" } }),
    );
    expect(classes).toMatchObject({ reason: "invalid-property", found: expect.stringContaining("sn") });
  });

  test("without the right: which one is missing", async () => {
    const ldap = await start({ ...server.reader });
    const base = await unit();
    const dn = `uid=ann,${base}`;
    const add = await failureOf(ldap.create("Entry", person(dn)));
    expect(add.reason).toBe("permission-denied");
    expect(add.expected).toContain(`to add entries below the parent of ${dn}`);
    const ann = await (await start()).create("Entry", person(dn));
    const write = await failureOf(ldap.update(ann, person(dn, { title: "x" })));
    expect(write).toMatchObject({ reason: "permission-denied", expected: `to write title of ${dn}` });
    const remove = await failureOf(ldap.delete(ann));
    expect(remove).toMatchObject({ reason: "permission-denied", expected: `to delete ${dn}` });
    expect(await ldap.import("Entry", `ou=closed,${server.suffix}`)).toBeUndefined();
  });

  test.each(["ldaps", "StartTLS", "client certificate"])("encrypted: %s", async (way) => {
    const more = {
      ldaps: { url: server.ldapsUrl },
      StartTLS: {},
      "client certificate": {
        bindDn: undefined,
        password: undefined,
        clientCertificate: server.clientCertificate,
        clientKey: readFileSync(server.clientKey, "utf8"),
      },
    }[way] as Parameters<typeof config>[0];
    const ldap = await start(more);
    const base = await unit();
    const ann = await ldap.create("Entry", person(`uid=ann,${base}`));
    expect(await ldap.read(ann)).toEqual(ann);
  });

  test("TLS that can't be trusted: expired, another authority, another name, none at all", async () => {
    const wanted = `ou=people,${server.suffix}`;
    const read = async (more: Parameters<typeof config>[0]) =>
      failureOf((await start(more)).import("Entry", wanted));
    const stranger = await read({ ca: undefined });
    expect(stranger).toMatchObject({
      reason: "connection-failed",
      expected: "a certificate that this machine trusts",
    });
    for (const url of [server.url, server.ldapsUrl]) {
      const name = await read({ url, serverName: "other.example" });
      expect(name).toMatchObject({ reason: "connection-failed", found: "ERR_TLS_CERT_ALTNAME_INVALID" });
    }
    expect(await read({ url: server.url.replace("ldap:", "ldaps:") })).toMatchObject({
      reason: "connection-failed",
    });
    await server.stop();
    await server.start({ expired: true });
    for (const url of [server.url, server.ldapsUrl])
      expect(await read({ url })).toMatchObject({ reason: "connection-failed", found: "CERT_HAS_EXPIRED" });
    await server.stop();
  });

  test("a server that restarts in the middle: reads go on, a lost change says so and is found again", async () => {
    const ldap = await start();
    const base = await unit();
    const ann = await ldap.create("Entry", person(`uid=ann,${base}`));
    for (const end of [server.stop, server.kill]) {
      await end();
      await server.start();
      expect(await ldap.read(ann)).toEqual(ann);
    }
    // Frozen, it takes the request and never answers; killed, it has not done it.
    await deaf();
    const changing = failureOf(ldap.create("Entry", person(`uid=bob,${base}`)));
    await server.untilSent();
    await server.kill();
    await server.start();
    expect((await changing).reason).toBe("connection-lost");
    other = await server.connect();
    expect((await ldap.create("Entry", person(`uid=bob,${base}`))).outputs.dn).toBe(`uid=bob,${base}`);
  });

  test("a server that does not answer: the time, and a cancellation, end it", async () => {
    const ldap = await start({ requestTimeout: 1 });
    const base = await unit();
    const ann = await ldap.create("Entry", person(`uid=ann,${base}`));
    await deaf();
    expect((await failureOf(ldap.read(ann))).reason).toBe("timeout");
    const slow = await start();
    const stop = AbortSignal.timeout(300);
    await expect(slow.create("Entry", person(`uid=bob,${base}`), stop)).rejects.toThrow();
    await server.freeze(false);
    expect(await ldap.read(ann)).toEqual(ann);
    await server.stop();
    const down = await failureOf((await start({ url: "ldap://127.0.0.1:1" })).read(ann));
    expect(down).toMatchObject({ reason: "connection-failed", found: "ECONNREFUSED" });
  });

  test("thirty at once use one connection", async () => {
    const ldap = await start();
    const base = await unit();
    const before = server.operations("BIND");
    const made = await Promise.all(
      Array.from({ length: 30 }, (_, i) => ldap.create("Entry", person(`uid=u${i},${base}`))),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(30);
    expect(server.operations("BIND") - before).toBe(1);
  });

  test("drift of 1,000 entries takes a handful of requests, also of those renamed or gone", async () => {
    const ldap = await start();
    const base = await unit();
    const made: Live[] = [];
    for (let i = 0; i < 1000; i += 50)
      made.push(
        ...(await Promise.all(
          Array.from({ length: 50 }, (_, n) => ldap.create("Entry", person(`uid=u${i + n},${base}`))),
        )),
      );
    await other.modifyDN(`uid=u1,${base}`, `uid=renamed,${base}`);
    await other.del(`uid=u2,${base}`);
    await replace(`uid=u3,${base}`, "sn", "Changed");
    const before = server.operations("SRCH");
    const began = performance.now();
    const answers = await ldap.readMany(made);
    const ms = performance.now() - began;
    const requests = server.operations("SRCH") - before;
    const object = (i: number) => (answers[i] as { object?: Live }).object;
    expect(answers.filter((answer) => "object" in answer && answer.object !== undefined)).toHaveLength(999);
    expect(object(1)?.inputs.dn).toBe(`uid=renamed,${base}`);
    expect(object(2)).toBeUndefined();
    expect(object(3)?.inputs.attributes).toMatchObject({ sn: "Changed" });
    expect(requests).toBeLessThanOrEqual(6);

    const singly = server.operations("SRCH");
    const start2 = performance.now();
    await Promise.all(made.map((each) => ldap.read(each)));
    const singleMs = performance.now() - start2;
    const singleRequests = server.operations("SRCH") - singly;
    expect(singleRequests).toBeGreaterThanOrEqual(1000);
    console.info(
      `1,000 entries: ${requests} searches, ${Math.round(ms)} ms; one by one ${singleRequests} searches, ${Math.round(singleMs)} ms`,
    );
    expect((await ldap.list("Entry", { base, filter: "(sn=Lee)" })).length).toBe(998);
  });
});
