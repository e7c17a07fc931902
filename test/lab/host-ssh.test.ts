/** A program on a machine that is reached over SSH, through the command line: a real sshd, its host key, a jump host, and the host going away. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeLab } from "./requirements.js";
import { type LabSshd, startSshd } from "./sshd.js";
import { type LabStack, labStack } from "./stack.js";

const TOKEN = "tok-8f14e45fceea167a";

describeLab("lab: a program on a machine over SSH", ["sshd"], () => {
  let web: LabSshd;
  let stack: LabStack;
  let remote: string;
  const site = (name = "") => join(remote, "site", name);

  beforeEach(async () => {
    remote = mkdtempSync(join(tmpdir(), "orch-lab-remote-"));
    web = await startSshd();
    stack = labStack("host-ssh");
    await stack.succeed("stack", "init", "dev");
    await configure({
      folder: site(),
      user: web.user,
      webPort: String(web.port),
      webKey: web.privateKeyPath,
      webKnownHosts: web.knownHostsPath,
    });
    await secret("token", TOKEN);
  });

  afterEach(async () => {
    await web?.remove();
    stack?.remove();
    rmSync(remote, { recursive: true, force: true });
  });

  async function configure(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [key, value] of Object.entries(values)) await stack.succeed("config", "set", key, value);
  }

  async function secret(key: string, value: string): Promise<void> {
    const run = await stack.orchWith(`${value}\n`, "config", "set", key, "--secret");
    expect(run.code, run.all).toBe(0);
  }

  /** What the state knows of the objects on that machine, by URN. */
  async function resources(): Promise<Record<string, unknown>> {
    const { stdout } = await stack.succeed("state", "ls", "--json");
    const rows: { urn: string; type: string; id?: string; inputs: object; outputs: object }[] =
      JSON.parse(stdout).resources;
    return Object.fromEntries(
      rows
        .filter((row) => row.type.startsWith("host:"))
        .map(({ urn, id, inputs, outputs }) => [urn, { id, inputs, outputs }]),
    );
  }

  test("plans, applies, shows content changes, sees drift, heals it, and destroys", async () => {
    const planned = await stack.succeed("plan", "--diff");
    expect(planned.stdout).toContain("+ host:Directory site");
    expect(planned.stdout).toContain("Plan: 5 to create, 0 unchanged.");
    expect(existsSync(site())).toBe(false);

    const applied = await stack.succeed("apply", "--yes");
    expect(applied.stdout).toContain("Apply complete: 5 created");
    expect(readFileSync(site("index.html"), "utf8")).toBe("<h1>Hello</h1>\n<p>Linux</p>\n");
    expect(readFileSync(site("credentials"), "utf8")).toBe(`token=${TOKEN}\n`);
    expect(statSync(site("credentials")).mode & 0o777).toBe(0o600);
    expect(statSync(site()).mode & 0o777).toBe(0o750);
    expect(existsSync(site("index.sha256"))).toBe(true);
    expect((await stack.orch("plan", "--refresh", "--detailed-exitcode")).code).toBe(0);

    await configure({ greeting: "Welcome" });
    const change = await stack.succeed("plan");
    expect(change.stdout).toMatch(/- <h1>Hello<\/h1>\n.*\+ <h1>Welcome<\/h1>/);
    expect(change.stdout).toContain("~ host:File page");
    const oldIndex = readFileSync(site("index.sha256"), "utf8");
    await stack.succeed("apply", "--yes");
    expect(readFileSync(site("index.html"), "utf8")).toBe("<h1>Welcome</h1>\n<p>Linux</p>\n");
    expect(readFileSync(site("index.sha256"), "utf8")).not.toBe(oldIndex);

    writeFileSync(site("index.html"), "<h1>Hacked</h1>\n");
    chmodSync(site(), 0o777);
    rmSync(site("index.sha256"));
    const drift = await stack.orch("drift");
    expect(drift.code, drift.all).toBe(2);
    expect(drift.stdout).toContain("<h1>Hacked</h1>");
    for (const name of ["site", "page", "index"])
      expect(drift.stdout).toMatch(new RegExp(`host:\\w+ ${name}\\b`));
    expect(drift.stdout).not.toContain("credentials");
    expect(readFileSync(site("index.html"), "utf8")).toContain("Hacked");

    await stack.succeed("apply", "--refresh", "--yes");
    expect(readFileSync(site("index.html"), "utf8")).toBe("<h1>Welcome</h1>\n<p>Linux</p>\n");
    expect(statSync(site()).mode & 0o777).toBe(0o750);
    expect(existsSync(site("index.sha256"))).toBe(true);
    expect((await stack.orch("drift")).code).toBe(0);

    await stack.succeed("destroy", "--yes");
    expect(existsSync(site())).toBe(false);
  });

  test("the secret is on that machine only: not in output, not in a file of orch's", async () => {
    const runs = [
      await stack.succeed("plan", "--diff", "--verbose", "--out", "first.plan"),
      await stack.succeed("plan", "--json"),
      await stack.succeed("apply", "first.plan", "--yes", "--verbose"),
    ];
    writeFileSync(site("credentials"), `token=${TOKEN}\nand more\n`);
    const drift = await stack.orch("drift", "--diff");
    expect(drift.code, drift.all).toBe(2);
    expect(drift.stdout).toContain("credentials");
    runs.push(
      drift,
      await stack.orch("drift", "--json"),
      await stack.succeed("apply", "--refresh", "--yes", "--diff"),
      await stack.succeed("state", "show", "credentials", "--json"),
      await stack.succeed("state", "show", "index"),
    );
    for (const run of runs) expect(run.all).not.toContain(TOKEN);
    expect(stack.filesWith(TOKEN)).toEqual([]);
    await stack.succeed("destroy", "--yes");
  });

  test("goes through a jump host with an encrypted key", async () => {
    const jump = await startSshd();
    try {
      await configure({
        jumpPort: String(jump.port),
        jumpKey: jump.encryptedKeyPath,
        jumpKnownHosts: jump.knownHostsPath,
      });
      const locked = await stack.orch("plan");
      expect(locked.code, locked.all).toBe(1);
      expect(locked.all).toContain("is encrypted");

      await secret("jumpPassphrase", jump.passphrase);
      await stack.succeed("apply", "--yes");
      expect(readFileSync(site("index.html"), "utf8")).toContain("<h1>Hello</h1>");
      expect(jump.forwards().length).toBeGreaterThan(0);
      for (const forward of jump.forwards()) expect(forward).toEqual({ host: web.host, port: web.port });

      await jump.stop();
      const down = await stack.orch("drift");
      expect(down.code, down.all).toBe(1);
      expect(down.all).toContain("connection-failed");
      expect(down.all).toContain(`${jump.user}@${jump.host}:${jump.port}`);
      await jump.start();
      expect((await stack.orch("drift")).code).toBe(0);
      await stack.succeed("destroy", "--yes");
    } finally {
      await jump.remove();
    }
  });

  test("refuses a machine with another host key, and does nothing to it", async () => {
    await stack.succeed("apply", "--yes");
    await web.rekey();
    rmSync(site("index.html"));
    for (const command of [
      ["plan", "--refresh"],
      ["drift"],
      ["apply", "--refresh", "--yes"],
      ["destroy", "--yes"],
    ]) {
      const run = await stack.orch(...command);
      expect(run.code, `orch ${command.join(" ")}\n${run.all}`).toBe(1);
      expect(run.all).toContain("host-key-mismatch");
      expect(run.all).toContain(web.knownHostsPath);
    }
    expect(existsSync(site("index.html"))).toBe(false);
    expect(existsSync(site("credentials"))).toBe(true);

    // The person looks into it and takes the new key over.
    writeFileSync(web.knownHostsPath, `${web.knownHostsLine}\n`);
    await stack.succeed("apply", "--refresh", "--yes");
    expect(existsSync(site("index.html"))).toBe(true);
    await stack.succeed("destroy", "--yes");
  });

  test("says that the host is down, loses nothing, and goes on when it is up again", async () => {
    await stack.succeed("apply", "--yes");
    const before = await resources();
    expect(Object.keys(before)).toHaveLength(4);
    await configure({ greeting: "Later" });
    await stack.succeed("plan", "--out", "later.plan");
    await web.stop();

    const drift = await stack.orch("drift");
    expect(drift.code, drift.all).toBe(1);
    expect(drift.all).toContain("connection-failed");
    expect(drift.all).toContain(`${web.user}@${web.host}:${web.port}`);
    const apply = await stack.orch("apply", "later.plan", "--yes");
    expect(apply.code, apply.all).toBe(1);
    expect(apply.all).toContain("connection-failed");
    // What became of the steps that were under way can't be looked up either while the host is down.
    const destroy = await stack.orch("destroy", "--yes");
    expect([1, 4]).toContain(destroy.code);
    expect(destroy.all).toContain("connection-failed");
    expect(await resources()).toEqual(before);

    await web.start();
    await stack.succeed("apply", "--yes");
    expect(readFileSync(site("index.html"), "utf8")).toContain("<h1>Later</h1>");
    expect((await stack.orch("drift")).code).toBe(0);
    await stack.succeed("destroy", "--yes");
    expect(existsSync(site())).toBe(false);
  });
});
