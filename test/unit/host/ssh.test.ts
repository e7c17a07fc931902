/** Reaching machines over SSH, against the server class of the `ssh2` package in this process. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";
import { failureOf, onEnd, startHost, tempFolder } from "./kit.js";
import { type FakeServer, startServer } from "./ssh-server.js";

const to = (server: FakeServer, more: PropertyMap = {}): PropertyMap => ({
  connection: {
    type: "ssh",
    host: "127.0.0.1",
    port: server.port,
    user: "deploy",
    hostKey: server.fingerprint,
    ...more,
  },
});

describe("over SSH, against ssh2's own server in this process", () => {
  test("a password logs in, also where it is asked for by a prompt", async () => {
    for (const offers of ["password", "keyboard-interactive"] as const) {
      const server = await startServer({ offers: [offers], password: "open sesame" });
      const host = await startHost(to(server, { password: new Secret("open sesame") }));
      expect((await host.create("Command", { create: "echo in" })).outputs.stdout).toBe("in\n");
    }
  });

  test("a wrong password: what was tried and what is offered, never the password", async () => {
    const server = await startServer({ offers: ["publickey", "password"], password: "right" });
    const host = await startHost(to(server, { password: "wrong-password" }));
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure).toMatchObject({
      reason: "authentication-failed",
      message: `deploy@127.0.0.1:${server.port} did not accept the login`,
      expected: "one of the server's ways: publickey, password",
      found: "tried password",
    });
    expect(JSON.stringify(failure)).not.toContain("wrong-password");
  });

  test("an agent that is not there is said, and the next way is tried", async () => {
    const server = await startServer({ offers: ["publickey", "password"], password: "pw" });
    const socket = join(tempFolder(), "none.sock");
    const host = await startHost(to(server, { agent: socket, password: "pw" }));
    await host.create("Command", { create: "true" });
    const without = await startHost(to(server, { agent: socket }));
    const failure = await failureOf(without.create("Command", { create: "true" }));
    expect(failure.reason).toBe("authentication-failed");
    expect(failure.found).toContain(`agent at ${socket} (`);
  });

  test("the agent is wanted, and there is none", async () => {
    const before = process.env.SSH_AUTH_SOCK;
    delete process.env.SSH_AUTH_SOCK;
    onEnd(() => {
      if (before !== undefined) process.env.SSH_AUTH_SOCK = before;
    });
    const server = await startServer({ offers: ["password"] });
    const host = await startHost(to(server, { agent: true }));
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure).toMatchObject({ reason: "authentication-failed", found: "neither" });
    expect(server.tried).toEqual([]);
  });

  test("a key file that is not there", async () => {
    const server = await startServer({ offers: ["publickey"] });
    const host = await startHost(to(server, { privateKeyFile: "/nowhere/id" }));
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure.reason).toBe("authentication-failed");
    expect(failure.message).toContain("/nowhere/id");
  });

  test("another key than the given one: both fingerprints", async () => {
    const server = await startServer({ offers: ["password"] });
    const wrong = `SHA256:${"A".repeat(43)}`;
    const host = await startHost(to(server, { hostKey: wrong, password: "x" }));
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure).toMatchObject({
      reason: "host-key-mismatch",
      expected: wrong,
      found: `${server.fingerprint} (ssh-ed25519)`,
    });
    // The password was not shown to a server that is not the right one.
    expect(server.tried).toEqual([]);
  });

  test("a server with several keys is asked for one of the recorded type", async () => {
    const server = await startServer({ offers: ["password"], password: "pw" });
    const { hostKey: _, ...connection } = to(server, { password: "pw" }).connection as PropertyMap;
    const knownHostsFile = join(tempFolder(), "known_hosts");
    writeFileSync(knownHostsFile, `[127.0.0.1]:${server.port} ${server.rsaKey}\n`);
    const host = await startHost({ connection: { ...connection, knownHostsFile } });
    expect((await host.create("Command", { create: "echo in" })).outputs.stdout).toBe("in\n");
  });

  test("nothing listens, and something that is no SSH server", async () => {
    const host = await startHost({ connection: { type: "ssh", host: "127.0.0.1", port: 1, password: "x" } });
    const refused = await failureOf(host.create("Command", { create: "true" }));
    expect(refused).toMatchObject({ reason: "connection-failed" });
    expect(refused.message).toContain("root@127.0.0.1:1");
    expect(refused.next?.join("\n")).toContain("ssh -v -p 1 root@127.0.0.1");

    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    onEnd(() => silent.close());
    const { port } = silent.address() as { port: number };
    const mute = await startHost({
      connection: { type: "ssh", host: "127.0.0.1", port, password: "x", connectTimeout: 1 },
    });
    const timedOut = await failureOf(mute.create("Command", { create: "true" }));
    expect(timedOut.reason).toBe("connection-failed");
    expect(timedOut.expected).toContain("within 1 s");
  });

  test("a name that does not resolve", async () => {
    const host = await startHost({
      connection: { type: "ssh", host: "no-such-host.invalid", password: "x" },
    });
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure.reason).toBe("connection-failed");
    expect(failure.found).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  test("a server that allows few channels gets few, and all scripts are run", async () => {
    const server = await startServer({ offers: ["password"], password: "pw", maxSessions: 3 });
    const host = await startHost(to(server, { password: "pw" }));
    const scripts = Array.from({ length: 12 }, (_, i) =>
      host.create("Command", { create: `sleep 0.1; echo ${i}` }),
    );
    const made = await Promise.all(scripts);
    expect(made.map(({ outputs }) => String(outputs.stdout).trim())).toEqual(
      Array.from({ length: 12 }, (_, i) => String(i)),
    );
    expect(server.most).toBe(3);
  });

  test("a server without file transfer says so", async () => {
    const server = await startServer({ offers: ["password"], password: "pw" });
    const host = await startHost(to(server, { password: "pw" }));
    const failure = await failureOf(host.create("File", { path: "/tmp/x", content: "" }));
    expect(failure).toMatchObject({ reason: "connection-failed", expected: "the SFTP subsystem" });
  });
});
