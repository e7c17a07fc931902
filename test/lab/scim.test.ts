/** The package `scim` against a real SCIM 2.0 server. */
import type { PropertyMap } from "@orch/core/model/value";
import type { Provider } from "@orch/core/provider/contract";
import { scimLoader } from "@orch/providers/scim/index";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { providerConformance } from "../conformance/provider.js";
import { failureOf } from "./live.js";
import { describeLab } from "./requirements.js";
import { type LabScim, startScim } from "./scim.js";

const context = { projectDir: "/", project: "p", stack: "s", log: () => {} };
const load = async () => (await scimLoader().load({ name: "scim" }, context)) as Provider;

describeLab("lab: the scim provider on scim2-server", ["scim"], () => {
  let lab: LabScim;
  beforeAll(async () => {
    lab = await startScim();
  }, 60_000);
  afterAll(() => lab?.stop());

  const auth = () => ({ type: "bearer", token: lab.token });
  let next = 0;
  const unique = (name: string) => `${name}-${++next}`;
  const exists = (endpoint: string) => async (id: string) =>
    (await lab.ask("GET", `/${endpoint}/${id}`)).status === 200;
  const count = (endpoint: string) => async () =>
    Number((await lab.ask("GET", `/${endpoint}?count=0`)).body.totalResults);

  describe.each([
    ["with PATCH", {}],
    ["with PUT, and without filters", { patch: false, filter: false, pageSize: 2 }],
  ])("%s", (_name, config) => {
    providerConformance("scim:index:User", async () => {
      const userName = unique("ann");
      await lab.ask("POST", "/Users", {
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: `taken-${userName}`,
        title: "somebody else",
      });
      const inputs = {
        userName,
        displayName: "Ann B.",
        name: { givenName: "Ann", familyName: "Bee" },
        emails: [
          { value: "ann@example.com", type: "work", primary: true },
          { value: "ann@home.example", type: "home" },
        ],
        entitlements: [{ value: "licence-e3" }],
        enterprise: { department: "ops", employeeNumber: "7" },
      };
      return {
        provider: await load(),
        config: { url: lab.url, auth: auth(), ...config },
        type: "scim:index:User",
        inputs,
        changed: {
          ...inputs,
          displayName: "Ann C.",
          name: { givenName: "Ann" },
          emails: [{ value: "ann@example.com", type: "work", primary: true }],
          entitlements: [{ value: "licence-e5" }],
          enterprise: { department: "dev" },
        },
        invalid: {
          inputs: { userName: "", emails: [{ value: "a", kind: "work" }], activ: true },
          paths: ["userName", "emails[0].kind", "activ"],
        },
        failing: { userName: `taken-${userName}` },
        more: [{ userName: unique("bob"), title: "b" }, { userName: unique("cem") }],
        within: {
          scope: { filter: 'not (title eq "outside")' },
          outside: { userName: unique("dan"), title: "outside" },
        },
        secretProperty: "displayName",
        exists: exists("Users"),
        count: count("Users"),
        remove: async (id: string) => void (await lab.ask("DELETE", `/Users/${id}`)),
      };
    });

    providerConformance("scim:index:Group", async () => {
      const member = await lab.ask("POST", "/Users", {
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: unique("member"),
      });
      const inputs = { displayName: unique("ops"), members: [{ value: String(member.body.id) }] };
      return {
        provider: await load(),
        config: { url: lab.url, auth: auth(), ...config },
        type: "scim:index:Group",
        inputs,
        changed: { displayName: `${inputs.displayName}-2`, members: [] },
        more: [{ displayName: unique("b"), members: [] }, { displayName: unique("c") }],
        invalid: { inputs: { members: [{}] }, paths: ["displayName", "members[0].value"] },
        secretProperty: "displayName",
        exists: exists("Groups"),
        count: count("Groups"),
        remove: async (id: string) => void (await lab.ask("DELETE", `/Groups/${id}`)),
      };
    });
  });

  const started = async (config: PropertyMap = {}) => {
    const provider = await load();
    const urn = "urn:pulumi:s::p::pulumi:providers:scim::x";
    const traits = await provider.configure({
      urn,
      id: "1",
      name: "x",
      inputs: { url: lab.url, auth: auth(), ...config },
    });
    const of = (kind: string, name = "r") => ({
      urn: `urn:pulumi:s::p::scim:index:${kind}::${name}`,
      type: `scim:index:${kind}`,
      name,
    });
    const create = async (kind: string, wanted: PropertyMap) => {
      const checked = await provider.check({
        ...of(kind),
        newInputs: wanted,
        randomSeed: new Uint8Array(32),
      });
      expect(checked.failures).toEqual([]);
      const { inputs } = checked;
      const made = await provider.create({ ...of(kind), inputs, preview: false, token: "t" });
      return { ...of(kind), id: made.id, inputs, outputs: made.outputs };
    };
    return { provider, traits, of, create };
  };
  test("a creation that is sent again finds the user and the group of the first", async () => {
    const { provider, create, traits } = await started();
    expect(traits.findAgainByType).toEqual({
      "scim:index:User": "token",
      "scim:index:Group": "token",
      "scim:index:GroupMember": "id-known-before",
    });
    for (const [kind, inputs] of [
      ["User", { userName: unique("twice"), externalId: "hr-1", password: "Secret-word-1" }],
      ["Group", { displayName: unique("twice"), externalId: unique("hr") }],
    ] as const) {
      const first = await create(kind, inputs);
      expect((await create(kind, inputs)).id).toBe(first.id);
      const other = kind === "User" ? { title: "other" } : { members: [{ value: "somebody" }] };
      expect(await failureOf(create(kind, { ...inputs, ...other }))).toMatchObject({
        reason: "conflict",
        found: `${kind}s/${first.id}`,
        next: [expect.stringContaining(`import: "${first.id}"`)],
      });
      await provider.delete(first);
    }
  });

  test("drift shows what somebody changed, not what nobody manages, and an update of that is refused", async () => {
    const { provider, create } = await started();
    const made = await create("User", { userName: unique("drift"), title: "a", roles: [{ value: "r" }] });
    await lab.ask("PATCH", `/Users/${made.id}`, {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: [
        { op: "replace", path: "title", value: "b" },
        { op: "replace", path: "nickName", value: "nobody's business" },
        { op: "add", path: "roles", value: [{ value: "admin" }] },
        { op: "replace", path: "active", value: false },
      ],
    });
    const { object, changes } = await provider.read(made);
    expect(object?.inputs).toEqual({
      ...made.inputs,
      title: "b",
      active: false,
      roles: [{ value: "r" }, { value: "admin" }],
    });
    expect(changes?.[0]?.at).toBeGreaterThan(1.7e12);
    const update = {
      ...made,
      oldInputs: made.inputs,
      oldOutputs: made.outputs,
      newInputs: { ...made.inputs, title: "c" },
      ignoreChanges: [],
      preview: false,
    };
    expect(await failureOf(provider.update(update))).toMatchObject({ reason: "conflict", path: "title" });
    expect((await lab.ask("GET", `/Users/${made.id}`)).body.title).toBe("b");
    // What the update is not about is left as it is.
    await provider.update({ ...update, newInputs: { ...made.inputs, locale: "en-GB" } });
    expect((await lab.ask("GET", `/Users/${made.id}`)).body).toMatchObject({
      locale: "en-GB",
      nickName: "nobody's business",
    });
  });

  test("one that is gone when it is updated is a conflict; deleting it is done", async () => {
    const { provider, create } = await started();
    const made = await create("User", { userName: unique("gone") });
    await lab.ask("DELETE", `/Users/${made.id}`);
    expect(
      await failureOf(
        provider.update({
          ...made,
          oldInputs: made.inputs,
          oldOutputs: made.outputs,
          newInputs: { ...made.inputs, title: "x" },
          ignoreChanges: [],
          preview: false,
        }),
      ),
    ).toMatchObject({ reason: "conflict", found: expect.stringContaining("nothing") });
    await provider.delete(made);
  });

  test("imports a user with all that is there, and by whoever reads it no secret", async () => {
    const { provider, create, of } = await started();
    const made = await create("User", {
      userName: unique("whole"),
      password: "Secret-word-2",
      emails: [{ value: "a@example.com", primary: true }],
      enterprise: { costCenter: "9", manager: { value: "26118915" } },
    });
    const { object } = await provider.read({ ...of("User"), id: made.id, inputs: {}, outputs: {} });
    const { password: _, ...rest } = made.inputs as Record<string, never>;
    expect(object?.inputs).toEqual(rest);
    expect(JSON.stringify(object)).not.toContain("Secret-word-2");
  });

  test("deactivates in place of deleting, and takes the account up again", async () => {
    const { provider, create } = await started();
    const inputs = { userName: unique("rests"), title: "a", onDelete: "deactivate" };
    const made = await create("User", inputs);
    await provider.delete(made);
    expect((await lab.ask("GET", `/Users/${made.id}`)).body).toMatchObject({ active: false });
    const again = await create("User", { ...inputs, title: "b" });
    expect(again.id).toBe(made.id);
    expect((await lab.ask("GET", `/Users/${made.id}`)).body).toMatchObject({ active: true, title: "b" });
  });

  test.each([
    ["PATCH", {}],
    ["PUT", { patch: false }],
  ])(
    "adds and removes single members by %s, several at once, and leaves the others alone",
    async (_n, config) => {
      const { provider, create, of } = await started(config);
      const group = await create("Group", { displayName: unique("shared") });
      const users = await Promise.all([1, 2, 3, 4].map(() => create("User", { userName: unique("m") })));
      const members = await Promise.all(
        users.map(({ id }) => create("GroupMember", { groupId: group.id, memberId: id })),
      );
      const there = async () =>
        ((await lab.ask("GET", `/Groups/${group.id}`)).body.members as unknown as { value: string }[])
          .map(({ value }) => value)
          .sort();
      expect(await there()).toEqual(users.map(({ id }) => id).sort());
      const [first, second] = members as [(typeof members)[0], (typeof members)[0]];
      expect(first.id).toBe(`${group.id}/${users[0]?.id}`);
      // A group whose members are given elsewhere has no drift by them.
      expect((await provider.read(group)).object?.inputs).toEqual(group.inputs);
      await provider.delete(first);
      await provider.delete(first);
      expect((await there()).length).toBe(3);
      expect(await provider.read(first)).toEqual({});
      expect(
        (await provider.read({ ...of("GroupMember"), id: second.id, inputs: {}, outputs: {} })).object
          ?.inputs,
      ).toEqual({
        groupId: group.id,
        memberId: users[1]?.id,
      });
      await lab.ask("DELETE", `/Groups/${group.id}`);
      await provider.delete(second);
      expect(await failureOf(create("GroupMember", { groupId: group.id, memberId: "x" }))).toMatchObject({
        path: "groupId",
      });
    },
  );

  test("reads many with far fewer requests, and finds what is gone", async () => {
    const { provider, create } = await started({ pageSize: 50 });
    const made = await Promise.all(
      Array.from({ length: 60 }, () => create("User", { userName: unique("bulk") })),
    );
    const gone = made[7] as (typeof made)[0];
    await lab.ask("DELETE", `/Users/${gone.id}`);
    expect([...(provider.readManyTypes ?? [])].sort()).toEqual([
      "scim:index:Group",
      "scim:index:GroupMember",
      "scim:index:User",
    ]);
    const before = lab.requests().length;
    const answers = await provider.readMany?.({ reads: made });
    // The server's log may lag behind its answers; it never shows more than there was.
    expect(lab.requests().length - before).toBeLessThan(10);
    expect(answers?.map((answer) => ("object" in answer ? answer.object?.id : undefined))).toEqual(
      made.map(({ id }) => (id === gone.id ? undefined : id)),
    );
    const few = made.slice(10, 12);
    expect((await provider.readMany?.({ reads: few }))?.every((answer) => "object" in answer)).toBe(true);
  });

  test("lists all, page by page, and what a filter narrows", async () => {
    const { provider, create } = await started({ pageSize: 3 });
    const made = await create("Group", { displayName: unique("listed") });
    const all: string[] = [];
    for await (const { id } of provider.list?.({ type: "scim:index:Group" }) ?? []) all.push(id);
    expect(all.length).toBe(await count("Groups")());
    expect(all).toContain(made.id);
    const one: unknown[] = [];
    const scope = { filter: `displayName eq "${String(made.inputs.displayName)}"` };
    for await (const listed of provider.list?.({ type: "scim:index:Group", scope }) ?? []) one.push(listed);
    expect(one).toMatchObject([{ id: made.id, title: made.inputs.displayName }]);
  });

  test("a wrong token, a wrong address, nothing there", async () => {
    const wrong = await started({ auth: { type: "bearer", token: "not-the-token" } });
    const failure = await failureOf(wrong.create("User", { userName: "x" }));
    expect(failure.reason).toBe("authentication-failed");
    expect(JSON.stringify(failure)).not.toContain("not-the-token");
    const elsewhere = await started({ url: lab.url.replace("/v2", "/nothing") });
    expect(await failureOf(elsewhere.create("User", { userName: "x" }))).toMatchObject({
      reason: "provider-error",
      found: expect.stringMatching(/^HTTP 40[45]/),
    });
    const down = await startScim();
    await down.stop();
    const nobody = await started({ url: down.url });
    expect(await failureOf(nobody.create("User", { userName: "x" }))).toMatchObject({
      reason: "connection-failed",
      next: [expect.stringContaining("scim:url")],
    });
  }, 60_000);
});
