/** What the checks of the host package say, property by property. */
import { Secret, unknown } from "@orch/core/model/value";
import * as programs from "@orch/providers/host/resources";
import { runtime } from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { startHost } from "./kit.js";

const file = { path: "/srv/x", content: "" };

describe("checks", () => {
  test.each([
    ["a relative path", "File", { path: "x", content: "" }, "path", /an absolute path/, '"x"'],
    ["a path with ..", "File", { path: "/a/../b", content: "" }, "path", /an absolute path/, '"/a/../b"'],
    ["no path", "File", { content: "" }, "path", /a string/, "nothing"],
    ["a number", "File", { path: "/a", content: 7 }, "content", /a string/, "7"],
    ["no content", "File", { path: "/a" }, "content", /exactly one of/, "none"],
    [
      "content twice",
      "File",
      { path: "/a", content: "a", template: "b" },
      "content",
      /exactly one of/,
      /content, template/,
    ],
    ["variables alone", "File", { ...file, variables: {} }, "variables", /a template/, "none"],
    ["a wrong mode", "File", { ...file, mode: "rw" }, "mode", /octal digits/, '"rw"'],
    ["a mode as a number", "File", { ...file, mode: 420 }, "mode", /a string/, "420"],
    ["a misspelt property", "File", { ...file, ower: "x" }, "ower", /one of path, content/, "ower"],
    [
      "no such connection",
      "File",
      { ...file, connection: { type: "telnet" } },
      "connection.type",
      /one of "local", "ssh"/,
      '"telnet"',
    ],
    [
      "a host missing",
      "File",
      { ...file, connection: { type: "ssh" } },
      "connection.host",
      /a string/,
      "nothing",
    ],
    [
      "a port too high",
      "File",
      { ...file, connection: { type: "ssh", host: "h", port: 70000 } },
      "connection.port",
      /at most 65535/,
      "70000",
    ],
    [
      "a jump host's key misspelt",
      "File",
      { ...file, connection: { type: "ssh", host: "h", jump: [{ hots: "j", host: "k" }] } },
      "connection.jump[0].hots",
      /host/,
      "hots",
    ],
    [
      "a variable's name",
      "Command",
      { create: "x", environment: { "A-B": "" } },
      "environment.A-B",
      /a name of letters/,
      '"A-B"',
    ],
    [
      "a variable's value",
      "Command",
      { create: "x", environment: { A: ["b"] } },
      "environment.A",
      /a string or a number or a boolean/,
      "a list of 1",
    ],
    ["an empty script", "Command", { create: "" }, "create", /not empty/, '""'],
    ["a timeout of 0", "Command", { create: "x", timeout: 0 }, "timeout", /more than 0/, "0"],
  ] as const)("%s", async (_name, type, inputs, path, expected, found) => {
    const host = await startHost();
    const { failures } = await host.check(type, inputs as never);
    expect(failures.map((failure) => failure.path)).toEqual([path]);
    expect(failures[0]?.expected).toMatch(expected);
    if (typeof found === "string") expect(failures[0]?.found).toBe(found);
    else expect(failures[0]?.found).toMatch(found);
    expect(failures[0]?.message).toContain(path);
  });

  test("a misspelt property is met with the likely one", async () => {
    const host = await startHost();
    const { failures } = await host.check("File", { ...file, onwer: "x" });
    expect(failures[0]?.message).toBe("onwer is not a property here; did you mean owner?");
  });

  test("unknown values pass everywhere, and secrets are judged by their content without being shown", async () => {
    const host = await startHost();
    const inputs = {
      path: unknown,
      content: new Secret(unknown),
      mode: unknown,
      connection: { type: "ssh", host: unknown, port: unknown, jump: unknown },
    };
    const { failures, inputs: checked } = await host.check("File", inputs);
    expect(failures).toEqual([]);
    expect(checked.mode).toBe(unknown);
    expect((await host.check("File", { ...file, connection: unknown })).failures).toEqual([]);
    expect(
      (await host.check("File", { ...file, connection: { type: unknown, host: "h" } })).failures,
    ).toEqual([]);

    const bad = await host.check("File", { ...file, mode: new Secret("the-secret") });
    expect(bad.failures[0]).toMatchObject({ path: "mode", found: "a secret" });
    expect(JSON.stringify(bad.failures)).not.toContain("the-secret");
  });

  test("passwords and keys become secrets, whoever gave them", async () => {
    const host = await startHost();
    const connection = {
      type: "ssh",
      host: "h",
      password: "p",
      privateKey: "k",
      jump: { host: "j", passphrase: "q" },
    };
    const checked = await host.checked("File", { ...file, connection });
    expect(checked.connection).toEqual({
      ...connection,
      port: 22,
      user: "root",
      password: new Secret("p"),
      privateKey: new Secret("k"),
      jump: { host: "j", port: 22, user: "root", passphrase: new Secret("q") },
    });
  });

  test("the provider's connection: shorthands and JSON text of the stack's configuration", async () => {
    const { provider } = await startHost();
    const connectionOf = async (connection: unknown) => {
      const { inputs, failures } = await provider.checkConfig({
        urn: "u",
        type: "pulumi:providers:host",
        name: "p",
        newInputs: { connection, version: "0.1.0" } as never,
      });
      return failures.length > 0 ? failures : inputs.connection;
    };
    expect(await connectionOf("local")).toEqual({ type: "local" });
    expect(await connectionOf("ssh://deploy@web1:2222")).toEqual({
      type: "ssh",
      host: "web1",
      user: "deploy",
      port: 2222,
    });
    expect(await connectionOf("ssh://[::1]")).toMatchObject({ host: "::1", port: 22 });
    expect(await connectionOf('{"type":"ssh","host":"web1"}')).toMatchObject({ host: "web1", user: "root" });
    expect(await connectionOf(new Secret('{"type":"ssh","host":"web1"}'))).toBeInstanceOf(Secret);
    expect(await connectionOf("telnet")).toMatchObject([{ path: "connection", found: '"telnet"' }]);
  });

  test("the schema of the package documents every property", async () => {
    const { provider } = await startHost();
    const schema = JSON.parse((await provider.getSchema?.()) as string);
    expect(Object.keys(schema.functions)).toEqual(["host:index:readFile", "host:index:facts"]);
    for (const resource of Object.values(schema.resources) as {
      inputProperties: object;
      properties: object;
    }[])
      for (const [name, property] of Object.entries({ ...resource.inputProperties, ...resource.properties }))
        expect((property as { description?: string }).description, name).toMatch(/./);
    expect(schema.resources["host:index:File"].requiredInputs).toEqual(["path"]);
  });

  test("there is a class for every resource, and it has every output", async () => {
    const { provider } = await startHost();
    const { resources } = JSON.parse((await provider.getSchema?.()) as string) as {
      resources: Record<string, { properties: object }>;
    };
    await runtime.setMocks({ newResource: ({ inputs }) => ({ id: "1", state: inputs }), call: () => ({}) });
    const classes = Object.fromEntries(Object.entries(programs)) as Record<string, unknown>;
    for (const [type, { properties }] of Object.entries(resources)) {
      const Class = classes[type.split(":")[2] as string] as new (name: string, args: object) => object;
      expect(Class, type).toBeTypeOf("function");
      expect(Object.keys(new Class("it", {})), type).toEqual(expect.arrayContaining(Object.keys(properties)));
    }
  });

  test("files and folders are found again by their path after a crash; of a command a person is asked", async () => {
    const { provider } = await startHost();
    const request = { urn: "urn:pulumi:s::p::pulumi:providers:host::h", id: "1", name: "h", inputs: {} };
    const traits = await provider.configure(request);
    expect(traits).toMatchObject({
      findAgain: "no",
      findAgainByType: {
        "host:index:File": "id-known-before",
        "host:index:Directory": "id-known-before",
        "host:index:Command": "no",
      },
    });
  });
});
