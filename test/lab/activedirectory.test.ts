/** The activedirectory provider on a real domain controller (Samba), verb by verb. */
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { activedirectoryLoader } from "@orch/providers/activedirectory/index";
import { LdapConnection } from "@orch/providers/ldap/connection";
import { guidBytes } from "@orch/providers/ldap/directory";
import { connectionConfig, connectionSettings } from "@orch/providers/ldap/settings";
import { Attribute, Change, type Client, EqualityFilter } from "ldapts";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { providerConformance } from "../conformance/provider.js";
import { failureOf, type Live, startLive } from "./live.js";
import { describeLab } from "./requirements.js";
import { type LabSamba, startSamba } from "./samba.js";

describeLab("lab: activedirectory on Samba", ["samba"], () => {
  let dc: LabSamba;
  /** Past orch. */
  let other: Client;
  let count = 0;
  beforeAll(async () => {
    dc = await startSamba();
  });
  beforeEach(async () => {
    other = await dc.connect();
    onTestFinished(() => other.unbind());
  });
  afterAll(() => dc?.remove());

  const config = (more: PropertyMap = {}): PropertyMap => ({
    url: dc.ldapsUrl,
    ca: dc.ca,
    ...dc.admin,
    ...more,
  });
  const start = (more?: PropertyMap) => startLive(activedirectoryLoader(), "activedirectory", config(more));
  /** A unit of its own for one test, and account names that no other test has. */
  const unit = async (): Promise<{ ou: string; tag: string }> => {
    const tag = `t${++count}`;
    const ou = `OU=${tag},${dc.base}`;
    await other.add(ou, { objectClass: "organizationalUnit" });
    return { ou, tag };
  };
  const there = async (dn: string) =>
    (await other.search(dn, { scope: "base", attributes: ["*"] })).searchEntries[0] as unknown as Record<
      string,
      unknown
    >;
  const byGuid = (guid: string) =>
    other.search(dc.base, {
      scope: "sub",
      filter: new EqualityFilter({ attribute: "objectGUID", value: guidBytes(guid) }),
      attributes: ["cn"],
    });
  const replace = (dn: string, type: string, ...values: string[]) =>
    other.modify(dn, new Change({ operation: "replace", modification: new Attribute({ type, values }) }));
  const logsIn = async (user: string, password: string): Promise<boolean> => {
    try {
      await (await dc.connect({ bindDn: `${user}@${dc.domain}`, password })).unbind();
      return true;
    } catch {
      return false;
    }
  };

  const subject = async (ou: string) => ({
    provider: (await activedirectoryLoader().load(
      { name: "activedirectory" },
      { projectDir: "/", project: "c", stack: "test", log: () => {} },
    )) as never,
    config: config(),
    secretProperty: "description",
    exists: async (id: string) => (await byGuid(id)).searchEntries.length === 1,
    count: async () => (await other.search(ou, { scope: "sub", attributes: ["cn"] })).searchEntries.length,
    remove: async (id: string) => {
      await other.del(((await byGuid(id)).searchEntries[0] as { dn: string }).dn);
    },
  });

  providerConformance("activedirectory:index:User", async () => {
    const { ou, tag } = await unit();
    const { ou: outside } = await unit();
    const inputs = {
      name: "Ann Lee",
      ou,
      sAMAccountName: `${tag}-ann`,
      userPrincipalName: `ann.${tag}@${dc.domain}`,
      description: "the description of Ann",
      mail: "ann@lab",
      enabled: false,
      accountExpires: "2030-01-31T00:00:00Z",
      attributes: { url: ["https://b.example", "https://a.example"], thumbnailPhoto: { base64: "/9j/4A==" } },
    };
    return {
      ...(await subject(ou)),
      type: "activedirectory:index:User",
      inputs,
      changed: {
        ...inputs,
        name: 'Lee, "Ann" <+>',
        mail: "lee@lab",
        passwordNeverExpires: true,
      },
      invalid: {
        inputs: {
          name: "",
          ou: "Staff",
          sAMAccountName: "a".repeat(21),
          accountExpires: "soon",
          enable: true,
        },
        paths: ["name", "ou", "sAMAccountName", "accountExpires", "enable"],
      },
      failing: { ...inputs, ou: `OU=none,${ou}` },
      more: [
        { name: "Bob", ou, sAMAccountName: `${tag}-bob`, password: "F1rst-of-Bob!", description: "x" },
        { name: "Eve", ou, sAMAccountName: `${tag}-eve`, enabled: false },
      ],
      within: {
        scope: { base: ou },
        outside: { name: "Far", ou: outside, sAMAccountName: `${tag}-far`, enabled: false },
      },
    };
  });

  providerConformance("activedirectory:index:Group", async () => {
    const { ou, tag } = await unit();
    const inputs = { name: "Admins", ou, sAMAccountName: `${tag}-g`, description: "the administrators" };
    return {
      ...(await subject(ou)),
      type: "activedirectory:index:Group",
      inputs,
      changed: { ...inputs, name: "Web admins", scope: "domainLocal", category: "distribution" },
      invalid: { inputs: { ...inputs, scope: "world" }, paths: ["scope"] },
      more: [
        { ...inputs, name: "Two", sAMAccountName: `${tag}-2`, scope: "universal" },
        { ...inputs, name: "Three", sAMAccountName: `${tag}-3` },
      ],
      within: {
        scope: { base: ou, filter: "(description=the *)" },
        outside: { name: "Other", ou, sAMAccountName: `${tag}-o`, description: "another" },
      },
    };
  });

  providerConformance("activedirectory:index:OrganizationalUnit", async () => {
    const { ou } = await unit();
    const { ou: away } = await unit();
    const inputs = { name: "Staff", ou, description: "all the staff" };
    return {
      ...(await subject(ou)),
      type: "activedirectory:index:OrganizationalUnit",
      inputs,
      changed: { name: "People", ou: away, description: "others" },
      more: [
        { ...inputs, name: "A" },
        { ...inputs, name: "B" },
      ],
      within: { scope: { base: ou }, outside: { ...inputs, ou: away } },
    };
  });

  providerConformance("activedirectory:index:Computer", async () => {
    const { ou, tag } = await unit();
    const inputs = {
      name: "WEB1",
      ou,
      sAMAccountName: `${tag.toUpperCase()}-W1$`,
      description: "the first web server",
    };
    return {
      ...(await subject(ou)),
      type: "activedirectory:index:Computer",
      inputs,
      changed: { ...inputs, location: "Rack 7", enabled: false },
      invalid: { inputs: { ...inputs, sAMAccountName: "web1" }, paths: ["sAMAccountName"] },
      more: [
        { ...inputs, name: "WEB2", sAMAccountName: `${tag.toUpperCase()}-W2$` },
        { ...inputs, name: "WEB3", sAMAccountName: `${tag.toUpperCase()}-W3$` },
      ],
      within: {
        scope: { base: ou, filter: "(name=WEB*)" },
        outside: { ...inputs, name: "DB1", sAMAccountName: `${tag.toUpperCase()}-D1$` },
      },
    };
  });

  test("renamed, moved and changed behind orch's back: drift with when, put back, never lost", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const inputs = { name: "Ann", ou, sAMAccountName: `${tag}-ann`, title: "Head", enabled: false };
    const ann = await ad.create("User", inputs);
    expect(ann.outputs).toMatchObject({
      dn: `CN=Ann,${ou}`,
      guid: ann.id,
      sid: expect.stringMatching(/^S-1-5-21-/),
    });
    await other.modifyDN(`CN=Ann,${ou}`, `CN=Ann Moved,CN=Users,${dc.base}`);
    await replace(`CN=Ann Moved,CN=Users,${dc.base}`, "title", "Boss");
    await replace(`CN=Ann Moved,CN=Users,${dc.base}`, "userAccountControl", "66080");
    const { object, changes } = await ad.provider.read({
      name: "it",
      urn: "u",
      ...ann,
      type: "activedirectory:index:User",
    } as never);
    expect(changes).toEqual([{ at: expect.any(Number), how: "whenChanged" }]);
    const drifted = { type: "User", ...(object as Omit<Live, "type">) };
    expect(drifted.id).toBe(ann.id);
    const diff = await ad.diff(drifted, inputs);
    expect(diff.replaces).toEqual([]);
    expect(diff.detailed?.map(({ path }) => path).sort()).toEqual([
      "enabled",
      "name",
      "ou",
      "passwordNeverExpires",
      "title",
    ]);
    const back = await ad.update(drifted, inputs);
    expect(await ad.read(back)).toEqual(ann);
    await ad.delete(back);
    expect(await ad.read(back)).toBeUndefined();
  });

  test("a password is set, changed, and never shown; the domain's policy is named", async () => {
    const ad = await start({ url: dc.url });
    const { ou, tag } = await unit();
    const inputs = { name: "Ann", ou, sAMAccountName: `${tag}-ann`, password: "F1rst-of-Ann!" };
    const ann = await ad.create("User", inputs);
    expect(ann.inputs.password).toBeInstanceOf(Secret);
    expect(JSON.stringify(ann.outputs)).not.toContain("F1rst");
    expect(await logsIn(`${tag}-ann`, "F1rst-of-Ann!")).toBe(true);
    const next = await ad.update(ann, { ...inputs, password: "S3cond-of-Ann!", changePasswordAtLogon: true });
    expect((await there(`CN=Ann,${ou}`)).pwdLastSet).toBe("0");
    expect(
      (await ad.diff(next, { ...inputs, password: "S3cond-of-Ann!", changePasswordAtLogon: true })).changes,
    ).toBe("none");
    const weak = await failureOf(
      ad.create("User", { ...inputs, name: "Bob", sAMAccountName: `${tag}-bob`, password: "weakpw" }),
    );
    expect(weak).toMatchObject({ reason: "invalid-property", expected: expect.stringContaining("policy") });
    expect(JSON.stringify(weak)).not.toContain("weakpw");
    const none = await failureOf(ad.create("User", { name: "Eve", ou, sAMAccountName: `${tag}-eve` }));
    expect(none).toMatchObject({ reason: "invalid-property", path: "password" });
    expect((await other.search(ou, { scope: "one", attributes: ["cn"] })).searchEntries).toHaveLength(1);
  });

  test("a creation that was cut off is found again; somebody else's object is not taken", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const inputs = { name: "Ann", ou, sAMAccountName: `${tag}-ann`, password: "F1rst-of-Ann!" };
    const ann = await ad.create("User", inputs);
    expect(await ad.create("User", inputs)).toEqual(ann);
    expect(await failureOf(ad.create("User", { ...inputs, password: "An0ther-one!" }))).toMatchObject({
      reason: "conflict",
      found: "one that differs in its password",
    });
    expect(await failureOf(ad.create("User", { ...inputs, title: "x" }))).toMatchObject({
      reason: "conflict",
      found: "one that differs in title",
    });
    const taken = await failureOf(ad.create("User", { ...inputs, name: "Another" }));
    expect(taken).toMatchObject({ reason: "conflict", path: "sAMAccountName", found: `CN=Ann,${ou}` });
  });

  test("is imported by its GUID and by its name", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const inputs = { name: "Admins", ou, sAMAccountName: `${tag}-g`, scope: "universal", description: "us" };
    const made = await ad.create("Group", inputs);
    const byName = await ad.import("Group", `CN=Admins,${ou}`);
    expect(byName).toEqual(await ad.import("Group", made.id));
    expect(byName?.id).toBe(made.id);
    expect(byName?.inputs).toMatchObject(inputs);
    expect((await ad.diff(byName as Live, inputs)).changes).toBe("none");
  });

  test("memberships by GUID outlive renames; one is taken out and put back", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const group = await ad.create("Group", { name: "G", ou, sAMAccountName: `${tag}-g` });
    const [ann, bob] = [
      await ad.create("User", { name: "Ann", ou, sAMAccountName: `${tag}-ann`, enabled: false }),
      await ad.create("User", { name: "Bob", ou, sAMAccountName: `${tag}-bob`, enabled: false }),
    ];
    const one = await ad.create("Membership", { group: group.id, member: ann.id });
    const two = await ad.create("Membership", { group: `CN=G,${ou}`, member: `CN=Bob,${ou}` });
    expect(await ad.create("Membership", { group: group.id, member: ann.id })).toEqual(one);
    await other.modifyDN(`CN=Ann,${ou}`, `CN=Ann New,${ou}`);
    await other.modifyDN(`CN=G,${ou}`, `CN=G New,${ou}`);
    expect(await ad.read(one)).toEqual(one);
    expect(await ad.import("Membership", `${group.id}|${ann.id}`)).toEqual(one);
    await replace(`CN=G New,${ou}`, "member", `CN=Bob,${ou}`);
    const [gone] = await ad.readMany([one]);
    expect(gone).toEqual({});
    await ad.create("Membership", { group: group.id, member: ann.id });
    await ad.delete(one);
    await ad.delete(one);
    expect((await there(`CN=G New,${ou}`)).member).toBe(`CN=Bob,${ou}`);
    await ad.delete(group);
    await ad.delete(two);
    await ad.delete(bob);
    expect(await failureOf(ad.create("Membership", { group: group.id, member: ann.id }))).toMatchObject({
      reason: "provider-error",
    });
  });

  test("memberships are listed, of one group or below a unit, with the ids that they were made with", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const group = await ad.create("Group", { name: "G", ou, sAMAccountName: `${tag}-g` });
    const ann = await ad.create("User", { name: "Ann", ou, sAMAccountName: `${tag}-ann`, enabled: false });
    const bob = await ad.create("User", { name: "Bob", ou, sAMAccountName: `${tag}-bob`, enabled: false });
    const one = await ad.create("Membership", { group: group.id, member: ann.id });
    expect(await ad.list("Membership", { base: ou })).toEqual([
      { id: one.id, title: `CN=Ann,${ou} in CN=G,${ou}`, changes: [expect.anything()] },
    ]);
    await other.modify(
      `CN=G,${ou}`,
      new Change({
        operation: "add",
        modification: new Attribute({ type: "member", values: [`CN=Bob,${ou}`] }),
      }),
    );
    const listed = await ad.list("Membership", { group: group.id });
    expect(listed.map(({ id }) => id).sort()).toEqual([one.id, `${group.id}|${bob.id}`].sort());
  });

  test("an account gets an end, another one, and none again", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const inputs = { name: "Ann", ou, sAMAccountName: `${tag}-ann`, enabled: false };
    const made = await ad.create("User", inputs);
    const ending = await ad.update(made, { ...inputs, accountExpires: "2030-01-31T00:00:00Z" });
    expect((await ad.read(ending))?.inputs).toMatchObject({ accountExpires: "2030-01-31T00:00:00Z" });
    const later = await ad.update(ending, { ...inputs, accountExpires: "2031-01-31T00:00:00Z" });
    const staying = await ad.update(later, inputs);
    expect((await there(`CN=Ann,${ou}`)).accountExpires).toBe("0");
    expect(await ad.read(staying)).toEqual(staying);
    // An end that somebody else gave is neither nothing nor what was planned.
    await replace(`CN=Ann,${ou}`, "accountExpires", "133000000000000000");
    expect(
      await failureOf(ad.update(staying, { ...inputs, accountExpires: "2030-01-31T00:00:00Z" })),
    ).toMatchObject({ reason: "conflict", expected: "nothing" });
  });

  test("what somebody changed stops an update before anything is moved", async () => {
    const ad = await start();
    const [from, to] = [await unit(), await unit()];
    const inputs = {
      name: "Ann",
      ou: from.ou,
      sAMAccountName: `${from.tag}-ann`,
      title: "a",
      enabled: false,
    };
    const made = await ad.create("User", inputs);
    await replace(`CN=Ann,${from.ou}`, "title", "b");
    const moved = { ...inputs, name: "Ann Lee", ou: to.ou, title: "c" };
    expect(await failureOf(ad.update(made, moved))).toMatchObject({ reason: "conflict", found: "b" });
    expect((await ad.read(made))?.outputs).toMatchObject({ dn: `CN=Ann,${from.ou}` });
  });

  test("a whole list: strangers are shown, not thrown out unseen", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const group = await ad.create("Group", { name: "G", ou, sAMAccountName: `${tag}-g` });
    const users: Live[] = [];
    for (const name of ["ann", "bob", "eve"])
      users.push(await ad.create("User", { name, ou, sAMAccountName: `${tag}-${name}`, enabled: false }));
    const [ann, bob, eve] = users.map(({ id }) => id) as [string, string, string];
    const list = await ad.create("GroupMembers", { group: group.id, members: [bob, ann] });
    expect(await ad.read(list)).toEqual(list);
    await ad.create("Membership", { group: group.id, member: eve });
    const failure = await failureOf(ad.update(list, { group: group.id, members: [ann] }));
    expect(failure).toMatchObject({ reason: "conflict", found: `CN=eve,${ou}` });
    const drifted = (await ad.read(list)) as Live;
    expect(drifted.inputs.members).toEqual([bob, ann, `CN=eve,${ou}`]);
    await ad.update(drifted, { group: group.id, members: [ann] });
    expect((await there(`CN=G,${ou}`)).member).toBe(`CN=ann,${ou}`);
  });

  test("a group of 600 members is read whole, range by range", async () => {
    const { ou, tag } = await unit();
    const members = Array.from({ length: 600 }, (_, i) => `CN=m${i},${ou}`);
    await Promise.all(members.map((dn, i) => other.add(dn, { objectClass: "contact", description: `${i}` })));
    await other.add(`CN=G,${ou}`, { objectClass: "group", sAMAccountName: `${tag}-g`, member: members });
    const settings = z.strictObject(connectionConfig).parse(config());
    const connection = new LdapConnection(connectionSettings(settings, "/"));
    onTestFinished(() => connection.close());
    // Samba gives all at once unless ranges are asked for; Active Directory begins with `member;range=0-1499` by itself.
    const [entry] = await connection.search(
      { base: `CN=G,${ou}`, scope: "base", filter: "(objectClass=*)", attributes: ["member;range=0-199"] },
      new AbortController().signal,
    );
    const found = entry?.attributes.get("member")?.map(String);
    expect(found?.length).toBe(600);
    expect(new Set(found)).toEqual(new Set(members));
    expect(connection.requests).toBeGreaterThan(2);
    const ad = await start();
    const list = await ad.import("GroupMembers", `CN=G,${ou}`);
    expect(list?.inputs.members).toHaveLength(600);
  });

  test("without the right, with a wrong password, disabled, locked: each said", async () => {
    const weak = await start({ ...dc.plain });
    const ad = await start();
    const { ou, tag } = await unit();
    const inputs = { name: "Ann", ou, sAMAccountName: `${tag}-ann`, password: "F1rst-of-Ann!" };
    const add = await failureOf(weak.create("User", inputs));
    expect(add.reason).toBe("permission-denied");
    expect(add.expected).toContain(`CN=Ann,${ou}`);
    const ann = await ad.create("User", inputs);
    expect(await failureOf(weak.update(ann, { ...inputs, title: "x" }))).toMatchObject({
      reason: "permission-denied",
      expected: `to write title of CN=Ann,${ou}`,
    });
    expect((await failureOf(weak.delete(ann))).reason).toBe("permission-denied");

    const login = async (password: string) => {
      const failure = await failureOf(
        (await start({ bindDn: `${tag}-ann@${dc.domain}`, password })).read(ann),
      );
      expect(failure.reason).toBe("authentication-failed");
      expect(JSON.stringify(failure)).not.toContain(password);
      return failure.message;
    };
    expect(await login("Wr0ng-of-Ann!")).toContain("the user or the password is wrong");
    await ad.update(ann, { ...inputs, enabled: false });
    expect(await login("F1rst-of-Ann!")).toContain("the user is disabled");
  });

  test("a computer's account is made with a password to join with", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const inputs = {
      name: "WEB1",
      ou,
      sAMAccountName: `${tag.toUpperCase()}-W1$`,
      password: "J0in-with-this!",
    };
    const web = await ad.create("Computer", inputs);
    expect(await there(`CN=WEB1,${ou}`)).toMatchObject({ userAccountControl: "4096" });
    expect((await there(`CN=WEB1,${ou}`)).pwdLastSet).not.toBe("0");
    expect(web.inputs.password).toBeInstanceOf(Secret);
    expect((await ad.read(web))?.outputs).toEqual(web.outputs);
  });

  test("a unit with something in it is not deleted, and what is in it is named", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const staff = await ad.create("OrganizationalUnit", { name: "Staff", ou });
    await ad.create("Group", { name: "G", ou: `OU=Staff,${ou}`, sAMAccountName: `${tag}-g` });
    expect(await failureOf(ad.delete(staff))).toMatchObject({
      reason: "conflict",
      found: `1 below it: CN=G,OU=Staff,${ou}`,
    });
  });

  test("the controller restarts in the middle: reads go on", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const group = await ad.create("Group", { name: "G", ou, sAMAccountName: `${tag}-g` });
    await dc.stop();
    const failure = await failureOf(ad.read(group));
    expect(failure.reason).toMatch(/^connection-/);
    await dc.start();
    expect(await ad.read(group)).toEqual(group);
    other = await dc.connect();
  });

  test("drift of 300 users takes a handful of requests", async () => {
    const ad = await start();
    const { ou, tag } = await unit();
    const made: Live[] = [];
    for (let i = 0; i < 300; i++)
      made.push(
        await ad.create("User", { name: `u${i}`, ou, sAMAccountName: `${tag}-u${i}`, enabled: false }),
      );
    await other.modifyDN(`CN=u1,${ou}`, `CN=renamed,${ou}`);
    await other.del(`CN=u2,${ou}`);
    const began = performance.now();
    const answers = await ad.readMany(made);
    const ms = performance.now() - began;
    const object = (i: number) => (answers[i] as { object?: Live }).object;
    expect(object(1)?.inputs.name).toBe("renamed");
    expect(object(2)).toBeUndefined();
    expect(answers.filter((answer) => "object" in answer && answer.object !== undefined)).toHaveLength(299);
    const single = performance.now();
    for (const each of made) await ad.read(each);
    console.info(
      `300 users: ${Math.round(ms)} ms at once, ${Math.round(performance.now() - single)} ms one by one`,
    );
  });
});
