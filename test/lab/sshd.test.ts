import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type ConnectConfig } from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "./requirements.js";
import { type LabSshd, startSshd } from "./sshd.js";

/** Connects, or rejects with what ssh2 says. */
function connected(config: ConnectConfig): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once("ready", () => resolve(client));
    client.once("error", reject);
    client.connect(config);
  });
}

function output(client: Client, command: string): Promise<{ stdout: string; code: number }> {
  return new Promise((resolve, reject) => {
    client.exec(command, (failure, channel) => {
      if (failure) return reject(failure);
      let stdout = "";
      channel.on("data", (data: Buffer) => {
        stdout += data.toString();
      });
      channel.on("close", (code: number) => resolve({ stdout, code }));
    });
  });
}

/** The SHA-256 of the key in a line of known_hosts, as ssh2's `hostHash` gives it. */
const hostKey = (line: string) => Buffer.from(line.trim().split(" ")[2] ?? "", "base64");

describeLab("lab: sshd", ["sshd"], () => {
  let server: LabSshd;
  let jump: LabSshd;
  let work: string;
  const login = (to: LabSshd): ConnectConfig => ({
    host: to.host,
    port: to.port,
    username: to.user,
    privateKey: to.privateKeyPem,
  });

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), "orch-lab-"));
    server = await startSshd();
    jump = await startSshd();
  });

  afterAll(async () => {
    await server?.remove();
    await jump?.remove();
    if (work) rmSync(work, { recursive: true, force: true });
  });

  test("runs commands for the accepted key, with their exit codes", async () => {
    const client = await connected(login(server));
    expect(await output(client, "echo hello; exit 3")).toEqual({ stdout: "hello\n", code: 3 });
    client.end();
    expect(server.logins()).toBe(1);
  });

  test("writes files over SFTP", async () => {
    const client = await connected(login(server));
    const path = join(work, "over-sftp");
    await new Promise<void>((resolve, reject) => {
      client.sftp((failure, sftp) => {
        if (failure) return reject(failure);
        sftp.writeFile(path, "content\n", { mode: 0o600 }, (problem) =>
          problem ? reject(problem) : resolve(),
        );
      });
    });
    client.end();
    expect(readFileSync(path, "utf8")).toBe("content\n");
  });

  test("accepts the encrypted key with its passphrase, and no stranger's", async () => {
    const encrypted = { ...login(server), privateKey: server.encryptedKeyPem };
    (await connected({ ...encrypted, passphrase: server.passphrase })).end();
    await expect(async () => connected(encrypted)).rejects.toThrow(/no passphrase given/);
    const stranger = { ...login(server), privateKey: readFileSync(server.strangerKeyPath) };
    await expect(connected(stranger)).rejects.toThrow("All configured authentication methods failed");
  });

  test("forwards to another server as a jump host", async () => {
    const outer = await connected(login(jump));
    const sock = await new Promise<NonNullable<ConnectConfig["sock"]>>((resolve, reject) => {
      outer.forwardOut("127.0.0.1", 0, server.host, server.port, (failure, channel) =>
        failure ? reject(failure) : resolve(channel),
      );
    });
    const inner = await connected({ ...login(server), sock });
    expect((await output(inner, "echo through")).stdout).toBe("through\n");
    inner.end();
    outer.end();
    expect(jump.forwards()).toEqual([{ host: server.host, port: server.port }]);
    expect(server.forwards()).toEqual([]);
  });

  test("is down when stopped, with its connections, and up again on the same port with the same key", async () => {
    const client = await connected(login(server));
    const cut = new Promise<void>((resolve) => client.once("close", () => resolve()));
    // ssh2 may also report the cut as an error; what counts is that the connection is closed.
    client.on("error", () => {});
    await server.stop();
    await cut;
    await expect(connected(login(server))).rejects.toThrow("ECONNREFUSED");
    await server.start();
    const seen: Buffer[] = [];
    const again = await connected({ ...login(server), hostVerifier: (key: Buffer) => seen.push(key) > 0 });
    again.end();
    expect(seen).toEqual([hostKey(readFileSync(server.knownHostsPath, "utf8"))]);
  });

  test("has another host key after rekey, which the known_hosts file does not know", async () => {
    await server.rekey();
    const seen: Buffer[] = [];
    (await connected({ ...login(server), hostVerifier: (key: Buffer) => seen.push(key) > 0 })).end();
    expect(seen).toEqual([hostKey(server.knownHostsLine)]);
    expect(readFileSync(server.knownHostsPath, "utf8").trim()).not.toBe(server.knownHostsLine);
  });
});
