/** A program on bridged Terraform providers, from the first plan to the end, through the command line. */
import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  BRIDGE_VERSION,
  bridgePluginPath,
  makePluginCache,
  placeBinary,
  terraformProviderPath,
} from "./bridge.js";
import { describeLab } from "./requirements.js";
import { type LabStack, labStack, processesOf } from "./stack.js";

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const commonName = (pem: string) => new X509Certificate(pem).subject.replace("CN=", "");

describeLab("lab: a program on bridged Terraform providers", ["bridge", "random", "tls"], () => {
  let stack: LabStack;

  afterEach(() => {
    const left = stack ? processesOf(stack.root) : [];
    stack?.remove();
    expect(left, "processes that orch left behind").toEqual([]);
  });

  /** The program with its configuration, the plugin in Pulumi's cache, and the Terraform providers in a folder of their own. */
  async function start(options: { plugin: boolean } = { plugin: true }): Promise<void> {
    stack = labStack("bridged");
    if (options.plugin) makePluginCache(join(stack.home, ".pulumi", "plugins"));
    const providers = join(stack.root, "providers");
    mkdirSync(providers);
    for (const name of ["random", "tls"] as const) {
      const path = terraformProviderPath(name);
      placeBinary(path, join(providers, basename(path)));
    }
    await stack.succeed("stack", "init", "dev");
    await stack.succeed("config", "set", "terraform:providers", providers);
    await stack.succeed("config", "set", "terraform:bridgeVersion", BRIDGE_VERSION);
  }

  async function outputs(): Promise<Record<string, string>> {
    return JSON.parse((await stack.succeed("stack", "output", "--json", "--show-secrets")).stdout);
  }

  test("plans, applies, changes in place and by replacement, refreshes and destroys", async () => {
    await start();
    const planned = await stack.orch("plan", "--detailed-exitcode");
    expect(planned.code, planned.all).toBe(2);
    expect(planned.stdout).toContain("+ tls:SelfSignedCert certificate");
    expect(planned.stdout).toContain("commonName: (known after apply, from host → id)");
    expect(planned.stdout).toContain("privateKeyPem: (known after apply, from key → privateKeyPem), secret");
    expect(planned.stdout).toContain("Plan: 5 to create, 0 unchanged.");

    const applied = await stack.succeed("apply", "--yes");
    expect(applied.stdout).toContain("Apply complete: 5 created");
    const first = await outputs();
    // Each provider got what the other one made.
    expect(first.name).toMatch(/^lab-[a-z]+-[a-z]+$/);
    expect(commonName(first.certPem as string)).toBe(`${first.name}.example`);
    expect(first.asked).toBe(first.fingerprint);
    expect(first.serialNumber).toMatch(/^[A-Za-z0-9]{8}$/);

    const unchanged = await stack.orch("plan", "--detailed-exitcode");
    expect([unchanged.code, unchanged.stdout]).toEqual([0, "Plan: nothing to do; 5 resources unchanged.\n"]);
    const drift = await stack.orch("drift");
    expect([drift.code, drift.stdout]).toEqual([0, "Drift: none; 5 resources of stack dev read.\n"]);
    expect((await stack.succeed("refresh", "--yes")).stdout).toContain("nothing to do");

    await stack.succeed("config", "set", "renewHours", "2");
    await stack.succeed("config", "set", "serialLength", "10");
    const changes = await stack.succeed("plan");
    expect(changes.stdout).toContain("~ earlyRenewalHours: 1 → 2");
    expect(changes.stdout).toContain("+/- random:String serial");
    expect(changes.stdout).toMatch(/~ length: 8 → 10 {2}# forces replacement/);
    expect(changes.stdout).toContain("Plan: 1 to update, 1 to replace, 3 unchanged.");
    await stack.succeed("apply", "--yes");
    const second = await outputs();
    expect(second.serialNumber).toMatch(/^[A-Za-z0-9]{10}$/);
    expect(second).toMatchObject({
      name: first.name,
      fingerprint: first.fingerprint,
      certPem: first.certPem,
      adminPassword: first.adminPassword,
    });

    const destroyed = await stack.succeed("destroy", "--yes");
    expect(destroyed.stdout).toContain("Destroy complete: 5 deleted");
    expect((await stack.succeed("stack", "output", "--json")).stdout.trim()).toBe("{}");
  });

  test("a new name reaches through tls to a new certificate, and a new key through random to a new serial", async () => {
    await start();
    await stack.succeed("apply", "--yes");
    const before = await outputs();
    await stack.succeed("config", "set", "prefix", "other");
    const planned = await stack.succeed("plan");
    expect(planned.stdout).toContain("+/- random:Pet host");
    expect(planned.stdout).toContain("+/- tls:SelfSignedCert certificate");
    expect(planned.stdout).toContain("Plan: 2 to replace, 3 unchanged.");
    await stack.succeed("apply", "--yes");
    const after = await outputs();
    expect(commonName(after.certPem as string)).toBe(`${after.name}.example`);
    expect(after.name).toMatch(/^other-/);
    expect(after.serialNumber).toBe(before.serialNumber);

    await stack.succeed(
      "apply",
      "--yes",
      "--replace",
      "urn:pulumi:dev::bridged::tls:index/privateKey:PrivateKey::key",
    );
    const rekeyed = await outputs();
    expect(rekeyed.fingerprint).not.toBe(before.fingerprint);
    expect(rekeyed.serialNumber).not.toBe(before.serialNumber);
    expect(rekeyed.asked).toBe(rekeyed.fingerprint);
    await stack.succeed("destroy", "--yes");
  });

  test("no private key and no password is shown, or stands in clear in a file", async () => {
    await start();
    const runs = [
      await stack.succeed("plan", "--verbose", "--diff"),
      await stack.succeed("apply", "--yes", "--verbose"),
    ];
    const { privateKey, adminPassword } = await outputs();
    const secrets = [(privateKey as string).split("\n")[1] as string, adminPassword as string];
    expect(secrets.every((secret) => secret.length >= 20)).toBe(true);

    // The update of the certificate carries the key in its inputs, and so do its old state and a plan that is kept.
    await stack.succeed("config", "set", "renewHours", "3");
    runs.push(await stack.succeed("plan", "--diff", "--out", "change.plan"));
    runs.push(await stack.succeed("plan", "--json"));
    runs.push(await stack.succeed("apply", "--json", "change.plan", "--yes"));
    runs.push(await stack.succeed("drift", "--json"));
    runs.push(await stack.succeed("stack", "output"));
    for (const name of ["key", "certificate", "admin"]) {
      runs.push(
        await stack.succeed("state", "show", name),
        await stack.succeed("state", "show", name, "--json"),
      );
    }
    runs.push(await stack.succeed("destroy", "--yes", "--verbose"));
    for (const secret of secrets) {
      for (const run of runs) expect(run.all).not.toContain(secret);
      expect(stack.filesWith(secret)).toEqual([]);
    }
  });

  test("a saved plan is carried out exactly, and is worth nothing once the state has moved on", async () => {
    await start();
    await stack.succeed("plan", "--out", "first.plan");
    await stack.succeed("apply", "first.plan", "--yes");
    await stack.succeed("config", "set", "serialLength", "9");
    await stack.succeed("plan", "--out", "late.plan");
    await stack.succeed("apply", "--yes");
    const serial = (await outputs()).serialNumber;
    const late = await stack.orch("apply", "late.plan", "--yes");
    expect(late.code, late.all).toBe(3);
    expect(late.all).toContain("serial");
    expect((await outputs()).serialNumber).toBe(serial);
    await stack.succeed("destroy", "--yes");
  });

  test("a missing plugin is named with its version, where it was looked for, and how to get it", async () => {
    await start({ plugin: false });
    const run = await stack.orch("plan");
    expect(run.code, run.all).toBe(1);
    expect(run.all).toContain("plugin-missing");
    expect(run.all).toContain(`terraform-provider ${BRIDGE_VERSION}`);
    expect(run.all).toContain(
      join(stack.home, ".pulumi", "plugins", `resource-terraform-provider-v${BRIDGE_VERSION}`),
    );
    expect(run.all).toContain(`orch plugin install resource terraform-provider ${BRIDGE_VERSION}`);
  });

  test("the plugin can be installed from its folder, and is then pinned in the lock file", async () => {
    await start({ plugin: false });
    const folder = makePluginCache(join(stack.root, "carried-here"));
    await stack.succeed(
      "plugin",
      "install",
      "resource",
      "terraform-provider",
      BRIDGE_VERSION,
      "--file",
      folder,
    );
    expect((await stack.succeed("plugin", "ls")).stdout).toContain(BRIDGE_VERSION);
    await stack.succeed("apply", "--yes");
    await stack.succeed("plugin", "lock");
    const lock = readFileSync(join(stack.directory, "orch.lock.json"), "utf8");
    expect(lock).toContain(sha256(bridgePluginPath()));
    expect((await stack.succeed("plan", "--refresh")).stdout).toContain(
      "nothing to do; 5 resources unchanged",
    );

    const installed = join(
      stack.home,
      ".orch/plugins",
      `resource-terraform-provider-v${BRIDGE_VERSION}`,
      "pulumi-resource-terraform-provider",
    );
    rmSync(installed);
    writeFileSync(installed, "#!/bin/sh\necho 1\n", { mode: 0o755 });
    const tampered = await stack.orch("plan");
    expect(tampered.code, tampered.all).toBe(1);
    expect(tampered.all).toContain("plugin-checksum");
    expect(tampered.all).toContain(sha256(bridgePluginPath()));
  });

  test("mistyped properties and types are told at their lines, with the names of the schema", async () => {
    await start();
    const write = (lines: readonly string[]): void =>
      writeFileSync(join(stack.directory, "index.ts"), `${lines.join("\n")}\n`);
    write([
      `import { RandomString } from "./random";`,
      `import { PrivateKey } from "./tls";`,
      `new RandomString("missing", { lenght: 8 } as any);`,
      `new RandomString("wrong", { length: "eight" } as any);`,
      `new PrivateKey("value", {`,
      `  algorithm: "ED25518",`,
      `});`,
    ]);
    const planned = await stack.orch("plan");
    expect(planned.code).toBe(1);
    expect(planned.stderr).toContain("lenght is given, which is no property: did you mean length?");
    expect(planned.stderr).toMatch(
      /at index\.ts:4:29\n.*\n.*\^{15}\n +expected a number\n +found {4}"eight"/,
    );
    expect(planned.stderr).toMatch(
      /at index\.ts:6:3\n +5 \| .*\n +6 \| {3}algorithm: "ED25518",\n.*\n +expected one of RSA, ECDSA, ED25519\n/,
    );
    expect(planned.stderr).toContain("Did you mean ED25519?");

    write([
      `import { SelfSignedCert } from "./tls";`,
      `const subjects: any = [{ commonNam: "x" }];`,
      `new SelfSignedCert("c", { allowedUses: [], privateKeyPem: "no key", validityPeriodHours: 1, subjects });`,
    ]);
    const applied = await stack.orch("apply", "--yes");
    expect(applied.code).toBe(1);
    expect(applied.stderr).toContain("at index.ts:3:1");
    expect(applied.stderr).toContain(
      "subjects[0].commonNam is no property that the schema of tls knows. Did you mean commonName?",
    );
  });

  test("a Terraform provider that is not there is named with its path", async () => {
    await start();
    await stack.succeed("config", "set", "terraform:providers", join(stack.root, "nothing"));
    const run = await stack.orch("plan");
    expect(run.code, run.all).toBe(1);
    expect(run.all).toContain(`${join(stack.root, "nothing")}/: no such file or directory`);
  });
});
