/** Between properties and SCIM attributes, by the examples of RFC 7643 and RFC 7644. */
import { readFileSync } from "node:fs";
import { checkAgainst } from "@orch/providers/direct/check";
import {
  observe,
  patchOperations,
  putBody,
  toAttributes,
  withSchemas,
} from "@orch/providers/scim/attributes";
import { enterpriseSchema, groupAttributes, userAttributes, userSchema } from "@orch/providers/scim/schemas";
import { user } from "@orch/providers/scim/user";
import { describe, expect, test } from "vitest";

const example = JSON.parse(
  readFileSync(new URL("rfc7643-enterprise-user.json", import.meta.url), "utf8"),
) as Record<string, unknown>;
const known = Object.keys(userAttributes);

describe("the enterprise user of RFC 7643, 8.3", () => {
  const inputs = observe(example, {}, known);

  test("imports as inputs that the check takes", () => {
    expect(checkAgainst(user.inputs, inputs as never).failures).toEqual([]);
    const { id: _i, meta: _m, schemas: _s, groups: _g, [enterpriseSchema]: enterprise, ...rest } = example;
    expect(inputs).toEqual({
      ...rest,
      enterprise: {
        ...(enterprise as object),
        manager: { value: "26118915-6090-4610-87e4-49d8ca9f808d" },
      },
    });
  });

  test("is sent with the schemas that it is made of", () => {
    const sent = withSchemas(userSchema, toAttributes(inputs));
    expect(sent.schemas).toEqual(example.schemas);
    expect(sent.name).toEqual(example.name);
    expect(sent[enterpriseSchema]).toMatchObject({ department: "Tour Operations" });
  });

  test("shows of what is there only what the program manages, in its order", () => {
    const given = {
      userName: "bjensen@example.com",
      name: { givenName: "Barbara" },
      phoneNumbers: [{ value: "555-555-4444" }, { value: "555-555-5555", type: "work" }],
      ims: [],
      roles: [],
      enterprise: { department: "Tour Operations" },
    };
    expect(observe(example, given, known)).toEqual({
      ...given,
      ims: [{ value: "someaimhandle", type: "aim" }],
    });
    expect(observe(example, { userName: "x", title: "y", name: { familyName: "z" } }, known)).toEqual({
      userName: "bjensen@example.com",
      title: "Tour Guide",
      name: { familyName: "Jensen" },
    });
    expect(observe({ ...example, title: null } as never, { title: "y" }, known)).toEqual({});
  });

  test("a mail address that changed its value shows as that one's change", () => {
    const given = {
      emails: [{ value: "old@example.com", type: "home" }, ...(example.emails as object[]).slice(0, 1)],
    };
    expect(observe(example, given, known).emails).toEqual([
      { value: "babs@jensen.org", type: "home" },
      { value: "bjensen@example.com", type: "work", primary: true },
    ]);
  });
});

describe("PATCH (RFC 7644, 3.5.2)", () => {
  const patch = (before: object, after: object) => patchOperations(before as never, after as never, "filter");

  test("names only what differs", () => {
    expect(patch(toAttributes(example), toAttributes(example))).toEqual([]);
    expect(
      patch(
        { title: "a", nickName: "n", name: { givenName: "x", familyName: "y" }, emails: [{ value: "1" }] },
        { title: "b", active: false, name: { givenName: "x", middleName: "m" }, emails: [{ value: "2" }] },
      ),
    ).toEqual([
      { op: "replace", path: "title", value: "b" },
      { op: "remove", path: "nickName" },
      { op: "remove", path: "name.familyName" },
      { op: "add", path: "name.middleName", value: "m" },
      { op: "replace", path: "emails", value: [{ value: "2" }] },
      { op: "add", path: "active", value: false },
    ]);
  });

  test("reaches into extensions by their URN", () => {
    expect(
      patch(
        toAttributes({
          enterprise: { department: "a", manager: { value: "1" } },
          extensions: { "urn:x": { n: 1 } },
        }),
        toAttributes({ enterprise: { department: "b" }, extensions: { "urn:x": { n: 2 } } }),
      ),
    ).toEqual([
      { op: "replace", path: `${enterpriseSchema}:department`, value: "b" },
      { op: "remove", path: `${enterpriseSchema}:manager` },
      { op: "replace", path: "urn:x:n", value: 2 },
    ]);
  });

  test("adds and removes members one by one, as the RFC's examples do", () => {
    const members = (...ids: string[]) => ({ members: ids.map((value) => ({ value })) });
    const [before, after] = [members("a", 'b"]'), members("a", "c")];
    expect(patch(before, after)).toEqual([
      { op: "remove", path: 'members[value eq "b\\"]"]' },
      { op: "add", path: "members", value: [{ value: "c" }] },
    ]);
    expect(patchOperations(before, after, "value")).toEqual([
      { op: "remove", path: "members", value: [{ value: 'b"]' }] },
      { op: "add", path: "members", value: [{ value: "c" }] },
    ]);
    expect(patch(members("a"), {})).toEqual([{ op: "remove", path: 'members[value eq "a"]' }]);
  });
});

test("PUT keeps what the program does not manage", () => {
  const body = putBody(
    example,
    { title: "Tour Guide", nickName: "Babs", name: { givenName: "Barbara", middleName: "Jane" } },
    { title: "Boss", name: { givenName: "Barbara" }, roles: [{ value: "r" }] },
  );
  const { meta: _m, nickName: _n, ...rest } = example;
  const { middleName: _, ...name } = example.name as Record<string, string>;
  expect(body).toEqual({ ...rest, title: "Boss", name, roles: [{ value: "r" }] });
});

test("a group's members are their ids, whatever else the service says of them", () => {
  const group = {
    displayName: "Tour Guides",
    members: [
      { value: "1", $ref: "https://example.com/v2/Users/1", display: "Babs Jensen", type: "User" },
      { value: "2", $ref: "https://example.com/v2/Users/2", display: "Mandy Pepperidge" },
    ],
  };
  const known = Object.keys(groupAttributes);
  expect(observe(group, {}, known)).toEqual({
    displayName: "Tour Guides",
    members: [{ value: "1", type: "User" }, { value: "2" }],
  });
  const given = { displayName: "Tour Guides", members: [{ value: "2" }, { value: "1" }] };
  expect(observe(group, given, known)).toEqual(given);
});
