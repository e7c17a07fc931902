/** What a package's schema adds to a plugin's refusals. */
import { OrchError } from "@orch/core/model/failure";
import { Secret } from "@orch/core/model/value";
import { schemaAdvice } from "@orch/providers/pulumi/advice";
import { expect, test } from "vitest";

const schema = {
  resources: {
    "cloud:index/server:Server": {
      inputProperties: {
        size: { type: "string", $ref: "#/types/cloud:index%2FSize:Size" },
        disks: { type: "array", items: { $ref: "#/types/cloud:index/Disk:Disk" } },
        tags: { type: "object", additionalProperties: { type: "string" } },
        password: { type: "string", secret: true },
        count: { oneOf: [{ type: "integer" }, { type: "string" }] },
      },
    },
    "cloud:index/serverGroup:ServerGroup": { inputProperties: {} },
  },
  types: {
    "cloud:index/Size:Size": { type: "string", enum: [{ value: "small" }, { value: "large" }] },
    "cloud:index/Disk:Disk": {
      type: "object",
      properties: { sizeGb: { type: "integer" }, mount: { $ref: "#/types/cloud:index/Mount:Mount" } },
    },
    "cloud:index/Mount:Mount": { type: "object", properties: { path: { type: "string" } } },
  },
};
const type = "cloud:index/server:Server";
let asked = 0;
const advice = schemaAdvice("cloud", async () => {
  asked++;
  return JSON.stringify(schema);
});
const refused = async (inputs: object, path: string, message: string) =>
  (await advice.refused({ type, name: "web", inputs: inputs as never }, [{ path, message }]))[0];

test("a misspelt property at any depth is told with the nearest and with all that there are", async () => {
  expect(await refused({ disks: [{ mount: { pth: "/" } }] }, "disks[0].mount.pth", "Unsupported.")).toEqual({
    path: "disks[0].mount.pth",
    message: "Unsupported. Did you mean path?",
    expected: "one of path",
    found: "pth",
  });
  // What lies below a misspelt one is nothing that the schema could know.
  expect(await refused({ disk: [{ a: 1 }] }, "disk[0].a", "Unsupported.")).toMatchObject({
    path: "disk",
    message: "Unsupported. Did you mean disks?",
    found: "disk",
  });
});

test("a missing one that is given by another name", async () => {
  const inputs = { disks: [{ sizeGB_: 1, mount: {} }], __defaults: [] };
  expect(await refused(inputs, "disks[0].sizeGb", "Missing.")).toEqual({
    path: "disks[0].sizeGb",
    message: "Missing. sizeGB_ is given, which is no property: did you mean sizeGb?",
    expected: "a whole number",
    found: "nothing",
  });
});

test("what it should be, and what it is; secrets are named only", async () => {
  expect(await refused({ size: "smal" }, "size", "Bad.")).toMatchObject({
    expected: 'one of "small", "large"',
    found: '"smal"',
  });
  expect(await refused({ tags: { a: 1 } }, "tags.a", "Bad.")).toMatchObject({
    expected: "a string",
    found: "1",
  });
  expect(await refused({ password: "hunter2" }, "password", "Too short.")).toEqual({
    path: "password",
    message: "Too short.",
    found: "a secret",
  });
  const inside = { disks: new Secret([{ mount: { path: "hunter2" } }]), tags: new Secret({ a: "hunter2" }) };
  expect(await refused(inside, "disks[0].mount.path", "Bad.")).toMatchObject({ found: "a secret" });
  expect(await refused(inside, "tags.a", "Bad.")).toMatchObject({ found: "a secret" });
  expect(await refused({ size: new Secret("hunter2") }, "size", "Bad.")).toMatchObject({ found: "a secret" });
});

test("bridged providers name the place and the values in their words", async () => {
  expect(
    await refused(
      { size: "smal" },
      "",
      `Must be one of: ["\\"small\\"" "\\"large\\""]. Examine values at 'web.size'.`,
    ),
  ).toEqual({
    path: "size",
    message: `Must be one of: ["\\"small\\"" "\\"large\\""]. Did you mean small?`,
    expected: "one of small, large",
    found: '"smal"',
  });
  expect(await refused({}, "", "Missing required property 'size': how large")).toMatchObject({
    path: "size",
  });
});

test("an error is told with the type and the properties that nobody knows", async () => {
  const failure = { reason: "provider-error", message: "no" } as const;
  const told = async (of: string, inputs: object) => {
    const error = await advice.failed(
      { type: of, name: "web", inputs: inputs as never },
      new OrchError(failure),
    );
    return (error as OrchError).failure;
  };
  expect((await told("cloud:index/servr:Servr", {})).next).toEqual([
    "The package cloud knows no type cloud:index/servr:Servr. Did you mean cloud:index/server:Server?",
  ]);
  expect((await told(type, { disks: [{ siezGb: 1 }, { sizeGb: 2 }], tags: { any: "x" } })).next).toEqual([
    "disks[0].siezGb is no property that the schema of cloud knows. Did you mean sizeGb?",
  ]);
  expect(await told(type, { tags: {} })).toEqual(failure);
  const other = new OrchError({ reason: "connection-lost", message: "gone" });
  expect(await advice.failed({ type, name: "web", inputs: {} }, other)).toBe(other);
});

test("the schema is asked for once; a plugin without one is no worse", async () => {
  expect(asked).toBe(1);
  const none = schemaAdvice("cloud", () => Promise.reject(new Error("unimplemented")));
  const failures = [{ path: "size", message: "Bad." }];
  expect(await none.refused({ type, name: "web", inputs: {} }, failures)).toEqual(failures);
});
