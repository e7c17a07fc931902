/** Accounts over SCIM and zones by PowerDNS's REST API, in one program, through the command line: both servers are real. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { losing } from "./losing.js";
import { type LabPdns, startPdns } from "./pdns.js";
import { describeLab } from "./requirements.js";
import { type LabScim, startScim } from "./scim.js";
import { type LabStack, labStack } from "./stack.js";

const password = "Correct-Horse-7f3a";
const tsig = Buffer.from("key-of-the-transfer-51c9").toString("base64");

describeLab("lab: a program with accounts and zones", ["scim", "pdns"], () => {
  let scim: LabScim;
  let pdns: LabPdns;
  let stack: LabStack;
  const closers: (() => unknown)[] = [];

  beforeEach(async () => {
    [scim, pdns] = await Promise.all([startScim(), startPdns()]);
    stack = labStack("accounts");
    await stack.succeed("stack", "init", "dev");
    await set("scimUrl", scim.url);
    await set("pdnsUrl", pdns.url);
    await secret("scimToken", scim.token);
    await secret("pdnsKey", pdns.apiKey);
    await secret("password", password);
    await secret("tsig", tsig);
  }, 120_000);
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    await scim?.stop();
    await pdns?.remove();
    stack?.remove();
  });

  const set = (key: string, value: string) => stack.succeed("config", "set", key, value);
  async function secret(key: string, value: string): Promise<void> {
    const run = await stack.orchWith(`${value}\n`, "config", "set", key, "--secret");
    expect(run.code, run.all).toBe(0);
  }
  const users = async () =>
    (await scim.ask("GET", "/Users")).body.Resources as unknown as readonly Record<string, unknown>[];
  const zone = async () =>
    (await pdns.api("GET", "zones/accounts.example.")).json as { account: string; kind: string };

  async function throughLosing(...args: Parameters<typeof losing>): Promise<string> {
    const proxy = await losing(...args);
    closers.push(proxy.close);
    return proxy.url;
  }

  test("plans, applies, changes, sees drift, heals it, and destroys; no secret is anywhere", async () => {
    const planned = await stack.succeed("plan", "--diff");
    expect(planned.stdout).toContain("+ scim:User ann");
    expect(await users()).toEqual([]);

    const applied = await stack.succeed("apply", "--yes");
    const [ann] = await users();
    expect(ann).toMatchObject({ userName: "ann@example.com", active: true, title: "Engineer" });
    expect(await zone()).toMatchObject({ account: "Operations", kind: "Native" });
    expect((await pdns.api("GET", "tsigkeys/transfer.")).json).toMatchObject({ key: tsig });
    expect((await stack.orch("plan", "--refresh", "--detailed-exitcode")).code).toBe(0);

    await set("title", "Boss");
    const change = await stack.succeed("plan");
    expect(change.stdout).toContain("~ scim:User ann");
    await stack.succeed("apply", "--yes");
    expect((await users())[0]).toMatchObject({ title: "Boss" });

    await scim.ask("PATCH", `/Users/${String(ann?.id)}`, {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: [{ op: "replace", path: "title", value: "King" }],
    });
    await pdns.api("PUT", "zones/accounts.example.", { account: "somebody" });
    const drift = await stack.orch("drift");
    expect(drift.code, drift.all).toBe(2);
    expect(drift.stdout).toContain("King");
    expect(drift.stdout).toContain("somebody");
    // What the plan did not show is not written over.
    await set("title", "Chief");
    const refused = await stack.orch("apply", "--yes");
    expect(refused.code, refused.all).toBe(1);
    expect(refused.all).toContain("was changed by somebody else");
    await stack.succeed("apply", "--yes", "--refresh");
    expect((await users())[0]).toMatchObject({ title: "Chief" });
    expect(await zone()).toMatchObject({ account: "Operations" });

    await stack.succeed("destroy", "--yes");
    expect((await users())[0]).toMatchObject({ active: false });
    expect((await pdns.api("GET", "zones/accounts.example.")).status).toBe(404);

    for (const text of [password, tsig, scim.token, pdns.apiKey]) {
      expect(stack.filesWith(text)).toEqual([]);
      for (const run of [planned, applied, change, drift, refused]) expect(run.all).not.toContain(text);
    }
  }, 180_000);

  test("creations whose answers are lost are found again, and made once", async () => {
    await set(
      "scimUrl",
      await throughLosing(scim.url, (method, path) => method === "POST" && path.endsWith("/Users")),
    );
    await set(
      "pdnsUrl",
      await throughLosing(pdns.url, (method, path) => method === "POST" && path.endsWith("/zones")),
    );
    const cut = await stack.orch("apply", "--yes", "--continue-on-error");
    expect(cut.code, cut.all).not.toBe(0);
    expect(cut.all).toContain("was lost during POST");
    expect((await users()).length).toBe(1);
    const again = await stack.succeed("apply", "--yes");
    expect(again.all).toContain("was cut off");
    const third = await stack.orch("plan", "--refresh", "--detailed-exitcode");
    expect(third.code, third.all).toBe(0);
    expect((await users()).length).toBe(1);
    expect(await zone()).toMatchObject({ account: "Operations" });
  }, 180_000);

  test("killed with kill -9 while the answer is on its way: the next run finds the account", async () => {
    let cut: (() => void) | undefined;
    const reached = new Promise<void>((resolve) => {
      cut = resolve;
    });
    const isPost = (method: string, path: string) => method === "POST" && path.endsWith("/Users");
    await set("scimUrl", await throughLosing(scim.url, isPost, () => cut?.()));
    const orch = join(import.meta.dirname, "../../packages/cli/bin/orch.js");
    const child = spawn(process.execPath, [orch, "apply", "--yes"], {
      cwd: stack.directory,
      env: { PATH: process.env.PATH ?? "", HOME: stack.home, LANG: "C.UTF-8" },
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    await reached;
    child.kill("SIGKILL");
    await ended;
    expect((await users()).length).toBe(1);
    const again = await stack.succeed("apply", "--yes");
    expect(again.all).toContain("its creation was cut off");
    expect((await users()).length).toBe(1);
    const still = await stack.orch("plan", "--refresh", "--detailed-exitcode");
    expect(still.code, still.all).toBe(0);
  }, 180_000);

  test("a wrong token, and a server that is away, are said; the same command goes on afterwards", async () => {
    await secret("scimToken", "not-the-token");
    const wrong = await stack.orch("apply", "--yes");
    expect(wrong.code, wrong.all).toBe(1);
    expect(wrong.all).toContain("does not accept the credentials");
    expect(wrong.all).not.toContain("not-the-token");
    await secret("scimToken", scim.token);
    await pdns.stop();
    const away = await stack.orch("apply", "--yes");
    expect(away.code, away.all).toBe(1);
    expect(away.all).toContain("nothing listens there");
    await pdns.start();
    await stack.succeed("apply", "--yes");
    expect(await zone()).toMatchObject({ account: "Operations" });
  }, 180_000);
});
