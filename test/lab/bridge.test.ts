import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  BRIDGE_VERSION,
  makePluginCache,
  providerMessages,
  type RunningBridge,
  startBridge,
  terraformProviderPath,
} from "./bridge.js";
import { describeLab } from "./requirements.js";

/** Property values that are marked in the provider protocol; see `sdk/go/common/resource/properties.go` in pulumi/pulumi. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** `DiffResponse.changes`, see provider.proto. */
const DIFF_NONE = 1;
const DIFF_SOME = 2;
/** gRPC status UNIMPLEMENTED. */
const UNIMPLEMENTED = 12;

type Properties = Record<string, unknown>;

describeLab("lab: the Terraform bridge plugin", ["bridge", "random", "tls"], () => {
  const rpc = providerMessages();
  const struct = (properties: Properties) => rpc.Struct.fromJavaScript(properties);
  let bridge: RunningBridge | undefined;

  afterEach(async () => {
    await bridge?.stop();
    bridge = undefined;
  });

  async function started(): Promise<RunningBridge> {
    bridge = await startBridge();
    return bridge;
  }

  function byArgs(...args: string[]) {
    const request = new rpc.ParameterizeRequest();
    request.setArgs(new rpc.ParameterizeRequest.ParametersArgs().setArgsList(args));
    return request;
  }

  function byValue(name: string, version: string, value: Uint8Array) {
    const parameters = new rpc.ParameterizeRequest.ParametersValue();
    parameters.setName(name).setVersion(version).setValue(value);
    const request = new rpc.ParameterizeRequest();
    request.setValue(parameters);
    return request;
  }

  const urn = (type: string, name: string) => `urn:pulumi:dev::lab::${type}::${name}`;

  async function check(plugin: RunningBridge, type: string, news: Properties) {
    const request = new rpc.CheckRequest();
    request.setUrn(urn(type, "one")).setNews(struct(news)).setRandomseed(new Uint8Array(32).fill(7));
    return plugin.call("check", request);
  }

  async function create(plugin: RunningBridge, type: string, inputs: Properties, preview = false) {
    const request = new rpc.CreateRequest();
    request.setUrn(urn(type, "one")).setProperties(struct(inputs)).setPreview(preview);
    const response = await plugin.call("create", request);
    return { id: response.getId(), outputs: response.getProperties().toJavaScript() as Properties };
  }

  async function diff(
    plugin: RunningBridge,
    type: string,
    id: string,
    olds: Properties,
    old: Properties,
    news: Properties,
  ) {
    const request = new rpc.DiffRequest();
    request.setUrn(urn(type, "one")).setId(id).setOlds(struct(olds));
    request.setOldInputs(struct(old)).setNews(struct(news));
    return (await plugin.call("diff", request)).toObject();
  }

  async function configured(provider: "random" | "tls") {
    const plugin = await started();
    await plugin.call("parameterize", byArgs(terraformProviderPath(provider)));
    const request = new rpc.ConfigureRequest();
    request.setAcceptsecrets(true).setAcceptresources(true).setArgs(struct({}));
    await plugin.call("configure", request);
    return plugin;
  }

  test("tells its version, and has no Handshake", async () => {
    const plugin = await started();
    await expect(plugin.call("handshake", new rpc.ProviderHandshakeRequest())).rejects.toMatchObject({
      code: UNIMPLEMENTED,
    });
    const info = await plugin.call("getPluginInfo", new rpc.Empty());
    expect(info.getVersion()).toBe(BRIDGE_VERSION);
  });

  test("becomes the random provider by the path of its binary, and says so in its schema", async () => {
    const plugin = await started();
    const path = terraformProviderPath("random");
    const answer = await plugin.call("parameterize", byArgs(path));
    expect([answer.getName(), answer.getVersion()]).toEqual(["random", "0.0.0"]);

    const request = new rpc.GetSchemaRequest().setSubpackageName("random").setSubpackageVersion("0.0.0");
    const schema = JSON.parse((await plugin.call("getSchema", request)).getSchema());
    expect(schema).toMatchObject({ name: "random", version: "0.0.0" });
    expect(Object.keys(schema.resources)).toContain("random:index/pet:Pet");
    expect(schema.parameterization.baseProvider).toEqual({
      name: "terraform-provider",
      version: BRIDGE_VERSION,
    });
    const value = Buffer.from(schema.parameterization.parameter, "base64").toString();
    expect(JSON.parse(value)).toEqual({ local: { path } });
  });

  test("becomes the same by the value that a generated SDK sends, once in its life", async () => {
    const plugin = await started();
    const value = Buffer.from(JSON.stringify({ local: { path: terraformProviderPath("random") } }));
    const answer = await plugin.call("parameterize", byValue("random", "0.0.0", value));
    expect([answer.getName(), answer.getVersion()]).toEqual(["random", "0.0.0"]);
    await expect(plugin.call("parameterize", byArgs(terraformProviderPath("tls")))).rejects.toThrow(
      "provider is already parameterized to (random, 0.0.0)",
    );
  });

  test("takes a random string from check to delete", async () => {
    const plugin = await configured("random");
    const type = "random:index/string:String";
    const inputs = { length: 12, special: false };
    const checked = await check(plugin, type, inputs);
    expect(checked.getFailuresList()).toEqual([]);
    expect(checked.getInputs().toJavaScript()).toEqual(inputs);

    const previewed = await create(plugin, type, inputs, true);
    expect(previewed.outputs).toMatchObject({ result: UNKNOWN_STRING, length: 12, upper: true });

    const created = await create(plugin, type, inputs);
    expect(created.id).toMatch(/^[A-Za-z0-9]{12}$/);
    expect(created.outputs).toMatchObject({ id: created.id, result: created.id, upper: true });

    const read = new rpc.ReadRequest().setUrn(urn(type, "one")).setId(created.id);
    read.setProperties(struct(created.outputs)).setInputs(struct(inputs));
    const seen = await plugin.call("read", read);
    expect(seen.getId()).toBe(created.id);
    expect(seen.getProperties().toJavaScript()).toEqual(created.outputs);
    expect(seen.getInputs().toJavaScript()).toEqual(inputs);

    const same = await diff(plugin, type, created.id, created.outputs, inputs, inputs);
    expect(same).toMatchObject({ changes: DIFF_NONE, hasdetaileddiff: false });
    const longer = await diff(plugin, type, created.id, created.outputs, inputs, { ...inputs, length: 13 });
    expect(longer).toMatchObject({ changes: DIFF_SOME, replacesList: ["length"], hasdetaileddiff: false });

    const remove = new rpc.DeleteRequest().setUrn(urn(type, "one")).setId(created.id);
    await plugin.call("delete", remove.setProperties(struct(created.outputs)).setOldInputs(struct(inputs)));
  });

  test("marks the private key of tls as secret, and makes a certificate of it", async () => {
    const plugin = await configured("tls");
    const key = await create(plugin, "tls:index/privateKey:PrivateKey", { algorithm: "ED25519" });
    const pem = key.outputs.privateKeyPem as Properties;
    expect(pem[SIGNATURE]).toBe(SECRET);
    expect(pem.value).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    const certificate = await create(plugin, "tls:index/selfSignedCert:SelfSignedCert", {
      allowedUses: ["server_auth"],
      privateKeyPem: pem,
      validityPeriodHours: 1,
      subjects: [{ commonName: "lab.example" }],
    });
    expect(certificate.outputs).toMatchObject({
      keyAlgorithm: "ED25519",
      subjects: [{ commonName: "lab.example" }],
    });
    expect(certificate.outputs.certPem).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect((certificate.outputs.privateKeyPem as Properties)[SIGNATURE]).toBe(SECRET);
  });

  test("names a missing input in a check failure without a path, and refuses a wrong type with an error", async () => {
    const plugin = await configured("random");
    const type = "random:index/string:String";
    const failures = (await check(plugin, type, {})).getFailuresList();
    expect(failures).toHaveLength(1);
    expect(failures[0].getProperty()).toBe("");
    expect(failures[0].getReason()).toMatch(/^Missing required property 'length'/);
    await expect(check(plugin, type, { length: "twelve" })).rejects.toThrow(
      'objectEncoder failed on property "length"',
    );
  });

  test("says what is wrong with a provider path, and stays alive", async () => {
    const plugin = await started();
    await expect(plugin.call("parameterize", byArgs("/nowhere/terraform-provider-x"))).rejects.toThrow(
      "no such file or directory",
    );
    await expect(plugin.call("parameterize", byArgs("/etc/hostname"))).rejects.toThrow(
      "expected path to end with",
    );
    await plugin.call("parameterize", byArgs(terraformProviderPath("random")));
  });

  test("the plugin cache is laid out as Pulumi's", () => {
    const cache = mkdtempSync(join(tmpdir(), "orch-lab-plugins-"));
    try {
      const folder = makePluginCache(cache);
      expect(readdirSync(cache).sort()).toEqual([
        `resource-terraform-provider-v${BRIDGE_VERSION}`,
        `resource-terraform-provider-v${BRIDGE_VERSION}.lock`,
      ]);
      const executable = join(folder, "pulumi-resource-terraform-provider");
      expect(existsSync(executable) && (statSync(executable).mode & 0o111) !== 0).toBe(true);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});
