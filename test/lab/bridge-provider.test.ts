import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import { isUnknown, type PropertyMap, reveal, Secret, unknown } from "@orch/core/model/value";
import type { LoadContext } from "@orch/core/provider/contract";
import { loadPlugin } from "@orch/providers/pulumi/loader";
import type { PluginProvider } from "@orch/providers/pulumi/provider";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  BRIDGE_NAME,
  BRIDGE_VERSION,
  makePluginCache,
  type TerraformProviderName,
  terraformProviderPath,
} from "./bridge.js";
import { describeLab } from "./requirements.js";

describeLab("orch's plugin provider on the Terraform bridge plugin", ["bridge", "random", "tls"], () => {
  let root: string;
  let provider: PluginProvider | undefined;
  let logged: string[];

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "orch-lab-provider-"));
    mkdirSync(join(root, "project"));
    makePluginCache(join(root, "pulumi"));
  });
  afterEach(async () => {
    await provider?.close();
    provider = undefined;
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const urn = (type: string) => `urn:pulumi:dev::lab::${type}::one` as Urn;
  const subject = (type: string) => ({ urn: urn(type), type, name: "one" });

  async function load(
    name: TerraformProviderName,
    path = terraformProviderPath(name),
  ): Promise<PluginProvider> {
    logged = [];
    const context: LoadContext = {
      projectDir: join(root, "project"),
      project: "lab",
      stack: "dev",
      log: (entry) => logged.push(`${entry.level}: ${entry.message}`),
    };
    const value = Buffer.from(JSON.stringify({ local: { path } })).toString("base64");
    const places = { path: [], cache: join(root, "orch"), pulumi: join(root, "pulumi") };
    provider = await loadPlugin(
      { name: BRIDGE_NAME, version: BRIDGE_VERSION, parameterization: { name, version: "0.0.0", value } },
      context,
      { places },
    );
    return provider;
  }

  async function configured(name: TerraformProviderName): Promise<PluginProvider> {
    const loaded = await load(name);
    const type = `pulumi:providers:${name}`;
    const checked = await loaded.checkConfig({ ...subject(type), newInputs: {} });
    expect(checked.failures).toEqual([]);
    await loaded.configure({ urn: urn(type), id: "1", name: "one", inputs: checked.inputs });
    return loaded;
  }

  async function checked(type: string, newInputs: PropertyMap): Promise<PropertyMap> {
    const answer = await (provider as PluginProvider).check({
      ...subject(type),
      newInputs,
      randomSeed: new Uint8Array(32).fill(7),
    });
    expect(answer.failures).toEqual([]);
    return answer.inputs;
  }

  test("loads the parameterised package and gives its schema", async () => {
    const loaded = await load("random");
    expect(loaded.origin).toMatchObject({
      source: "plugin",
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const schema = JSON.parse((await loaded.getSchema?.()) ?? "");
    expect(Object.keys(schema.resources)).toContain("random:index/string:String");
  });

  test("plans, creates, compares, reads and deletes a random string", async () => {
    const random = await configured("random");
    const type = "random:index/string:String";
    const inputs = await checked(type, { length: 10, special: false });
    const preview = await random.create({ ...subject(type), inputs, preview: true });
    expect(isUnknown(preview.outputs.result as never)).toBe(true);
    expect(preview.outputs.length).toBe(10);

    const { id, outputs } = await random.create({ ...subject(type), inputs, preview: false });
    expect(id).toMatch(/^\w{10}$/);
    expect(outputs.result).toBe(id);

    const old = { urn: urn(type), type, id, oldInputs: inputs, oldOutputs: outputs, ignoreChanges: [] };
    expect(await random.diff({ ...old, newInputs: inputs })).toMatchObject({ changes: "none" });
    const longer = await random.diff({ ...old, newInputs: { ...inputs, length: 11 } });
    expect(longer).toMatchObject({ changes: "some", replaces: ["length"] });
    expect(longer.detailed).toBeUndefined();
    const unclear = await random.diff({ ...old, newInputs: { ...inputs, length: unknown } });
    expect(unclear).toMatchObject({ changes: "some", replaces: ["length"] });

    const read = await random.read({ ...subject(type), id, inputs, outputs });
    expect(read.object).toEqual({ id, inputs, outputs });
    const imported = await random.read({ ...subject(type), id, inputs: {}, outputs: {} });
    expect(imported.object?.outputs).toMatchObject({ result: id, length: 10 });
    await random.delete({ ...subject(type), id, inputs, outputs });
  });

  test("keeps the private key of tls secret on its way into a certificate and out of errors", async () => {
    const tls = await configured("tls");
    const keyType = "tls:index/privateKey:PrivateKey";
    const keyInputs = await checked(keyType, { algorithm: "ED25519" });
    const key = await tls.create({ ...subject(keyType), inputs: keyInputs, preview: false });
    const pem = key.outputs.privateKeyPem as Secret;
    expect(pem).toBeInstanceOf(Secret);
    expect(key.outputs.publicKeyOpenssh).toMatch(/^ssh-ed25519 /);

    const type = "tls:index/selfSignedCert:SelfSignedCert";
    const wanted: PropertyMap = {
      allowedUses: ["server_auth"],
      privateKeyPem: pem,
      validityPeriodHours: 1,
      subjects: [{ commonName: "lab.example" }],
    };
    const inputs = await checked(type, wanted);
    expect(inputs.privateKeyPem).toBeInstanceOf(Secret);
    const certificate = await tls.create({ ...subject(type), inputs, preview: false });
    expect(certificate.outputs.certPem).toMatch(/^-----BEGIN CERTIFICATE/);
    expect(certificate.outputs.privateKeyPem).toBeInstanceOf(Secret);
    const read = await tls.read({
      ...subject(type),
      id: certificate.id,
      inputs,
      outputs: certificate.outputs,
    });
    expect(read.object?.outputs.privateKeyPem).toBeInstanceOf(Secret);
    expect(read.object?.inputs.privateKeyPem).toBeInstanceOf(Secret);

    const answer = await tls.invoke({
      token: "tls:index/getPublicKey:getPublicKey",
      args: { privateKeyPem: pem },
    });
    expect(reveal(answer.result)).toMatchObject({ publicKeyOpenssh: key.outputs.publicKeyOpenssh });
    expect(answer.result.privateKeyPem).toBeInstanceOf(Secret);

    const broken = new Secret("-----BEGIN PRIVATE KEY-----\nc3VwZXItc2VjcmV0\n-----END PRIVATE KEY-----\n");
    const failure = await tls
      .create({ ...subject(type), inputs: { ...inputs, privateKeyPem: broken }, preview: false })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(failure).toBeInstanceOf(OrchError);
    expect(JSON.stringify([(failure as OrchError).failure, logged])).not.toContain("c3VwZXItc2VjcmV0");
  });

  test("says that the Terraform provider is not there", async () => {
    await expect(load("random", join(root, "gone", "terraform-provider-random"))).rejects.toMatchObject({
      failure: {
        reason: "provider-error",
        message: expect.stringContaining(`open ${join(root, "gone")}/: no such file or directory`),
      },
    });
    expect(processesIn(root)).toEqual([]);
  });

  test("ends the plugin and the Terraform provider that it started", async () => {
    await configured("random");
    expect(processesIn(root)).not.toEqual([]);
    await provider?.close();
    provider = undefined;
    expect(processesIn(root)).toEqual([]);
  });

  /** Processes of this user that run from the plugin cache in `folder`, and the Terraform providers that they started. */
  function processesIn(folder: string): string[] {
    const all = execFileSync("ps", ["-eo", "pid=,ppid=,pgid=,args="], { encoding: "utf8" }).split("\n");
    const plugins = all.filter((line) => line.includes(join(folder, "pulumi")));
    for (const line of plugins) groups.add(line.trim().split(/\s+/)[2] as string);
    // A process that has ended and that nobody has asked about is "defunct": where process 1 is no init it stays so.
    return all.filter(
      (line) => groups.has(line.trim().split(/\s+/)[2] as string) && !line.includes("<defunct>"),
    );
  }
  const groups = new Set<string>();
});
