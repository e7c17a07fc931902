/** What the verbs send and what they make of the answers (conformance rows 20 to 26 of the provider side). */
import {
  Archive,
  Asset,
  OutputValue,
  type PropertyMap,
  ResourceRef,
  Secret,
  unknown,
} from "@orch/core/model/value";
import { Redactor } from "@orch/providers/pulumi/redact";
import { annotateSecrets, elideAssets, restoreAssets, withoutUnknowns } from "@orch/providers/pulumi/values";
import { describe, expect, test } from "vitest";
import { failureOf, type StartOptions, startCloud } from "../../plugins/start.js";

const type = "scripted:index:Thing";
const urn = `urn:pulumi:test::proj::${type}::it`;
const resource = { urn, type, name: "it" };

async function made(options: StartOptions, inputs: PropertyMap) {
  const started = await startCloud(options);
  const { id, outputs } = await started.provider.create({ ...resource, inputs, preview: false });
  const diff = (newInputs: PropertyMap, ignoreChanges: string[] = []) =>
    started.provider.diff({
      urn,
      type,
      id,
      oldInputs: inputs,
      oldOutputs: outputs,
      newInputs,
      ignoreChanges,
    });
  return { ...started, id, inputs, outputs, diff };
}

describe("diff", () => {
  test("detailed changes by path, in order, with their kind and effect", async () => {
    const { diff } = await made({}, { label: "a", rules: [{ port: 1 }], tags: { "a.b": "x", gone: 1 } });
    expect(await diff({ label: "b", rules: [{ port: 2 }], tags: { "a.b": "y" }, fresh: true })).toEqual({
      changes: "some",
      replaces: ["label"],
      stables: ["label"],
      diffs: ["fresh", "label", "rules", "tags"],
      deleteBeforeReplace: false,
      detailed: [
        { path: "fresh", kind: "add", effect: "update", inputDiff: true },
        {
          path: "label",
          kind: "update",
          effect: "replace",
          inputDiff: true,
          reason: "provider: cannot be changed in place",
        },
        { path: "rules[0].port", kind: "update", effect: "update", inputDiff: true },
        { path: "tags.gone", kind: "delete", effect: "update", inputDiff: true },
        { path: 'tags["a.b"]', kind: "update", effect: "update", inputDiff: true },
      ],
    });
  });

  test("DIFF_UNKNOWN: the provider cannot tell", async () => {
    const { diff } = await made({ env: { CLOUD_MODE: "diff-unknown" } }, { label: "a" });
    const answer = await diff({ label: "b" });
    expect(answer).toMatchObject({ changes: "unknown", replaces: [] });
    expect(answer.detailed).toBeUndefined();
  });

  test("without detailed diff the top-level properties are named", async () => {
    const { diff } = await made({ env: { CLOUD_MODE: "no-detailed-diff" } }, { label: "a", size: 1 });
    const answer = await diff({ label: "a", size: 2 });
    expect(answer).toMatchObject({ changes: "some", diffs: ["size"] });
    expect(answer.detailed).toBeUndefined();
  });

  test("ignored paths reach the provider", async () => {
    const { diff } = await made({}, { label: "a", size: 1 });
    expect((await diff({ label: "a", size: 2 }, ["size"])).changes).toBe("none");
  });

  test("configuration: another region replaces, an unimplemented DiffConfig cannot tell", async () => {
    const request = {
      oldInputs: { region: "a" },
      oldOutputs: { region: "a" },
      newInputs: { region: "b" },
      ignoreChanges: [],
    };
    const aws = await startCloud({ name: "aws", configure: false });
    const answer = await aws.provider.diffConfig({
      ...request,
      urn: "urn:pulumi:test::proj::pulumi:providers:aws::p",
    });
    expect(answer).toMatchObject({ changes: "some", replaces: ["region"] });
    const azure = await startCloud({ name: "azure-native", configure: false });
    const none = await azure.provider.diffConfig({
      ...request,
      urn: "urn:pulumi:test::proj::pulumi:providers:azure-native::p",
    });
    expect(none).toMatchObject({ changes: "unknown", replaces: [] });
  });

  test("configuration that is wrong is refused by name", async () => {
    const { provider } = await startCloud({ name: "aws", configure: false });
    const checked = await provider.checkConfig({
      urn: "urn:pulumi:test::proj::pulumi:providers:aws::p",
      type: "pulumi:providers:aws",
      name: "p",
      newInputs: { region: "nowhere-1", secretKey: new Secret("hunter2!") },
    });
    expect(checked.failures).toEqual([
      { path: "region", message: "expected region to be one of the known ones, got nowhere-1" },
    ]);
    expect(checked.inputs.secretKey).toEqual(new Secret("hunter2!"));
  });
});

describe("half-done objects", () => {
  test("creation: the object is kept, with its reasons", async () => {
    const { provider } = await startCloud();
    const answer = await provider.create({
      ...resource,
      inputs: { label: "a", initFails: true, image: new Secret("registry/hidden") },
      preview: false,
    });
    expect(answer.id).toBe("thing-a");
    expect(answer.outputs).toMatchObject({ label: "a", address: "https://things.example/thing-a" });
    expect(answer.outputs.image).toEqual(new Secret("registry/hidden"));
    expect(answer.partial?.reasons).toEqual(["0 of 1 replicas are ready", "image [secret] cannot be pulled"]);
  });

  test("update: what is there now, with its reasons", async () => {
    const { provider, id, inputs, outputs } = await made({}, { label: "a" });
    const answer = await provider.update({
      ...resource,
      id,
      oldInputs: inputs,
      oldOutputs: outputs,
      newInputs: { label: "a", initFails: true },
      ignoreChanges: [],
      preview: false,
    });
    expect(answer).toMatchObject({
      outputs: { initFails: true },
      partial: { reasons: ["0 of 1 replicas are ready"] },
    });
  });
});

describe("wrong answers", () => {
  test("no id", async () => {
    const { provider } = await startCloud({ env: { CLOUD_MODE: "empty-id" } });
    expect(
      await failureOf(provider.create({ ...resource, inputs: { label: "a" }, preview: false })),
    ).toMatchObject({
      reason: "provider-error",
      urn,
      expected: "an id of the new object",
    });
  });

  test("unknown values after the fact are left out, with a warning; the object is not lost", async () => {
    const { provider, logs } = await startCloud({ env: { CLOUD_MODE: "unknown-outputs" } });
    const answer = await provider.create({ ...resource, inputs: { label: "a" }, preview: false });
    expect(answer.outputs).not.toHaveProperty("late");
    expect(logs).toContainEqual({
      level: "warning",
      urn,
      message: "scripted answered with unknown values although it was done; they are left out: late",
    });
  });

  test("a refused call names its arguments", async () => {
    const { provider } = await startCloud();
    const answer = await provider.invoke({ token: "scripted:index:echo", args: { wrong: 1 } });
    expect(answer.failures).toEqual([{ path: "wrong", message: "is not an argument" }]);
    expect(await failureOf(provider.invoke({ token: "scripted:index:none", args: {} }))).toMatchObject({
      reason: "invoke-failed",
      message:
        "The provider scripted could not call scripted:index:none: unknown function scripted:index:none",
    });
  });
});

describe("values on the wire", () => {
  const everything: PropertyMap = {
    label: "a",
    none: null,
    list: [1, [true, "x"]],
    secret: new Secret({ deep: "hunter2!" }),
    file: new Asset({ kind: "file", path: "./a.txt" }, "abc123"),
    text: new Asset({ kind: "text", text: "content" }),
    tree: new Archive({ kind: "assets", assets: { "a.txt": new Asset({ kind: "text", text: "x" }) } }),
    unicode: "żółć 🙂 \u0000",
  };

  test("come back as they went, from a plugin that knows them", async () => {
    const { outputs } = await made({}, everything);
    const { address, ...rest } = outputs;
    expect(rest).toEqual(everything);
    expect(address).toBe("https://things.example/thing-a");
  });

  test("a plugin without secrets gets plain values; references go as ids", async () => {
    const { provider, requests } = await startCloud({ name: "aws", config: { region: "r" } });
    const bucket = "aws:s3/bucket:Bucket";
    await provider.create({
      urn: `urn:pulumi:test::proj::${bucket}::it`,
      type: bucket,
      name: "it",
      inputs: {
        bucket: "b-b",
        acl: new Secret("x"),
        other: new ResourceRef("urn:x", "id-1"),
        computed: new OutputValue("v", true, ["urn:y"]),
      },
      preview: false,
    });
    expect(requests().at(-1)?.inputs).toEqual({ bucket: "b-b", acl: "x", other: "id-1", computed: "v" });
  });

  test("results of a call with secret arguments are secret, when the plugin cannot say so", async () => {
    const { provider } = await startCloud({ name: "aws", config: { region: "r" } });
    const token = "aws:index/getCallerIdentity:getCallerIdentity";
    const { result } = await provider.invoke({ token, args: { extra: new Secret("hunter2!") } });
    expect(result).toMatchObject({ accountId: new Secret("123456789012"), extra: new Secret("hunter2!") });
  });

  test("previews: what the far side decides is unknown", async () => {
    const { provider } = await startCloud();
    const answer = await provider.create({
      ...resource,
      inputs: { label: "a", size: unknown },
      preview: true,
    });
    expect(answer).toEqual({ id: "", outputs: { label: "a", size: unknown, address: unknown } });
  });

  test("secret marks are put back by key; lists whole, maps key by key", () => {
    const marked = annotateSecrets(
      { a: "x", list: ["p", "q"], map: { in: 1, out: 2 }, extra: "y", again: new Secret(1) },
      { a: new Secret("x"), list: ["p", new Secret("q")], map: { in: new Secret(1) }, again: new Secret(1) },
    );
    expect(marked).toEqual({
      a: new Secret("x"),
      list: new Secret(["p", "q"]),
      map: { in: new Secret(1), out: 2 },
      extra: "y",
      again: new Secret(1),
    });
  });

  test("old files go by hash alone, and get their contents back when echoed", () => {
    const original = {
      a: new Asset({ kind: "file", path: "x" }, "h1"),
      b: new Asset({ kind: "file", path: "y" }),
      c: [new Archive({ kind: "file", path: "z" }, "h2")],
    };
    const elided = elideAssets(original);
    expect(elided).toEqual({
      a: new Asset({ kind: "text", text: "" }, "h1"),
      b: original.b,
      c: [new Archive({ kind: "assets", assets: {} }, "h2")],
    });
    expect(restoreAssets(original, elided)).toEqual(original);
    const changed = { a: new Asset({ kind: "text", text: "" }, "h9") };
    expect(restoreAssets(original, changed)).toEqual(changed);
  });

  test("unknowns are taken out wherever they are", () => {
    expect(withoutUnknowns({ a: unknown, b: { c: [1, unknown], d: new Secret(unknown) }, e: 1 })).toEqual({
      known: { b: { c: [1, null] }, e: 1 },
      dropped: ["a", "b.c[1]", "b.d"],
    });
  });
});

describe("redaction", () => {
  test("finds secrets as text, in JSON, line by line and nested", () => {
    const redactor = new Redactor();
    const key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n-----END KEY-----";
    redactor.learn({
      a: new Secret({ token: 'a"quoted' }),
      b: [new Secret(key)],
      c: "plain",
      d: new Secret(123456),
    });
    expect(redactor.redact('token is a"quoted')).toBe("token is [secret]");
    expect(redactor.redact(JSON.stringify({ token: 'a"quoted' }))).toBe('{"token":"[secret]"}');
    expect(redactor.redact("MIIEpAIBAAKCAQEA")).toBe("[secret]");
    expect(redactor.redact("pin 123456, plain")).toBe("pin [secret], plain");
  });

  test("short secrets only as whole words; truth values never", () => {
    const redactor = new Redactor();
    redactor.learn({ a: new Secret("ab"), b: new Secret(true), c: new Secret("") });
    expect(redactor.redact("ab about true")).toBe("[secret] about true");
  });

  test("of two that overlap the longer goes first", () => {
    const redactor = new Redactor();
    redactor.learn({ a: new Secret("hunter"), b: new Secret("hunter2") });
    expect(redactor.redact("hunter2 and hunter")).toBe("[secret] and [secret]");
  });
});
