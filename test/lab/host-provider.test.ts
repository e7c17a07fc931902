/** The host provider against a real sshd, verb by verb. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { afterAll, beforeAll, expect, test } from "vitest";
import { failureOf, type Live, onEnd, startHost, tempFolder } from "../unit/host/kit.js";
import { describeLab } from "./requirements.js";
import { type LabSshd, startSshd } from "./sshd.js";

const to = (server: LabSshd, more: PropertyMap = {}): PropertyMap => ({
  connection: {
    type: "ssh",
    host: server.host,
    port: server.port,
    user: server.user,
    privateKeyFile: server.privateKeyPath,
    knownHostsFile: server.knownHostsPath,
    ...more,
  },
});

describeLab("lab: the host provider over a real sshd", ["sshd"], () => {
  let server: LabSshd;
  let jump: LabSshd;
  beforeAll(async () => {
    server = await startSshd();
    jump = await startSshd();
  });
  afterAll(async () => {
    await server?.remove();
    await jump?.remove();
  });

  test("a file, a folder and a command live; drift is seen and healed", async () => {
    const host = await startHost(to(server));
    const path = join(tempFolder(), "site");
    const folder = await host.create("Directory", { path, mode: "0750" });
    const inputs = { path: `${path}/it's a "page"`, content: "<h1>ü</h1>\n", mode: "0640" };
    const file = await host.create("File", inputs);
    expect(readFileSync(inputs.path, "utf8")).toBe(inputs.content);
    expect(statSync(inputs.path).mode & 0o777).toBe(0o640);
    expect(await host.read(file)).toEqual(file);
    const command = await host.create("Command", {
      create: 'cp "$P" "$P.copy"; cat; echo err >&2',
      read: 'cat "$P.copy"',
      delete: 'rm "$P.copy"',
      environment: { P: inputs.path },
      stdin: "given\n",
    });
    expect(command.outputs).toMatchObject({ stdout: "given\n", stderr: "err\n", observed: inputs.content });

    writeFileSync(inputs.path, "<h1>hacked</h1>\n");
    chmodSync(inputs.path, 0o666);
    chmodSync(path, 0o700);
    const drifted = (await host.read(file)) as Live;
    expect(drifted.outputs).toMatchObject({ content: "<h1>hacked</h1>\n", mode: "0666" });
    expect((await host.read(folder))?.outputs.mode).toBe("0700");
    await host.update(drifted, inputs);
    expect(readFileSync(inputs.path, "utf8")).toBe(inputs.content);
    expect(statSync(inputs.path).mode & 0o777).toBe(0o640);

    const refused = await failureOf(host.delete(folder));
    expect(refused.found).toContain("page");
    await host.delete(command);
    await host.delete(file);
    await host.delete(folder);
    expect(existsSync(path)).toBe(false);
    expect(await host.read(file)).toBeUndefined();
  });

  test("large and binary content arrives whole", async () => {
    const host = await startHost(to(server));
    const path = join(tempFolder(), "big");
    const content = "0123456789abcdef".repeat(40_000);
    const file = await host.create("File", { path, content });
    expect(readFileSync(path, "utf8")).toBe(content);
    expect(file.outputs.content).toBeUndefined();
    expect(await host.read(file)).toEqual(file);
  });

  test("thirty resources at once use one connection", async () => {
    const before = server.logins();
    const host = await startHost(to(server));
    const folder = tempFolder();
    const files = Array.from({ length: 15 }, (_, i) =>
      host.create("File", { path: join(folder, `f${i}`), content: `${i}` }),
    );
    const commands = Array.from({ length: 15 }, (_, i) =>
      host.create("Command", { create: `sleep 0.2; echo ${i}` }),
    );
    const made = await Promise.all([...files, ...commands]);
    expect(made[29]?.outputs.stdout).toBe("14\n");
    expect(server.logins() - before).toBe(1);
    // Another provider with the same login shares it; a resource's own connection with the same login as well.
    const second = await startHost({});
    await second.create("Command", { create: "true", ...to(server) });
    expect(server.logins() - before).toBe(1);
  });

  test("ten resources of four kinds cost one connection; drift of 500 files is a few scripts, and tells the same as 500 reads", async () => {
    const before = server.logins();
    const host = await startHost(to(server));
    const folder = tempFolder();
    writeFileSync(join(folder, "conf"), "");
    await host.create("Directory", { path: join(folder, "d") });
    await Promise.all([
      ...[1, 2, 3].map((n) => host.create("LineInFile", { path: join(folder, "conf"), line: `${n}` })),
      ...[1, 2, 3].map((n) => host.create("Command", { create: `echo ${n}` })),
      ...[1, 2, 3].map((n) => host.create("File", { path: join(folder, `f${n}`), content: `${n}` })),
    ]);
    expect(server.logins() - before).toBe(1);

    const { checked } = host;
    const files: Live[] = [];
    for (let i = 0; i < 500; i++) {
      const path = join(folder, "d", i % 100 === 7 ? `it's ${i}` : `f${i}`);
      const content = `content ${i}\n`;
      writeFileSync(path, content);
      chmodSync(path, 0o644);
      const inputs = await checked("File", { path, content });
      files.push({ type: "File", id: path, inputs, outputs: {} });
    }
    const type = "host:index:File";
    const request = (file: Live) => ({
      ...file,
      type,
      name: "it",
      urn: `urn:pulumi:test::host::${type}::it`,
    });
    const sessions = (): number =>
      server.log().match(/Starting session: command|server_input_channel_req: channel \d+ request exec/g)
        ?.length ?? 0;
    const measure = async <T>(
      work: () => Promise<T>,
    ): Promise<{ answer: T; scripts: number; ms: number }> => {
      const [scripts, ms] = [sessions(), Date.now()];
      const answer = await work();
      return { answer, scripts: sessions() - scripts, ms: Date.now() - ms };
    };
    // As the engine does without `readMany`: each by itself, several at a time.
    const one = await measure(() => Promise.all(files.map((file) => host.provider.read(request(file)))));
    const few = await measure(async () => {
      for (const file of files.slice(0, 50)) await host.provider.read(request(file));
    });
    const known = files.map((file, i) => ({ ...file, outputs: one.answer[i]?.object?.outputs ?? {} }));
    writeFileSync(known[3]?.id as string, "changed\n");
    chmodSync(known[4]?.id as string, 0o600);
    rmSync(known[5]?.id as string);
    rmSync(known[7]?.id as string);
    const many = await measure(async () => host.provider.readMany?.({ reads: known.map(request) }));
    const some = known.slice(0, 20);
    expect(many.answer?.slice(0, 20)).toEqual(
      await Promise.all(some.map((file) => host.provider.read(request(file)))),
    );
    expect(many.answer?.slice(20)).toEqual(one.answer.slice(20));
    expect(many.answer?.[3]).toMatchObject({ object: { inputs: { content: "changed\n" } } });
    expect(many.answer?.[4]).toMatchObject({ object: { inputs: { mode: "0600" } } });
    expect(many.answer?.[5]).toEqual({});
    expect(many.scripts).toBeLessThanOrEqual(4);
    console.info(
      `drift of 500 files: each by itself, all at once ${one.ms} ms; one after another ${few.ms * 10} ms (10 times 50 files); together ${many.ms} ms and ${many.scripts} scripts`,
    );
  });

  test("check, diff and previews do not connect", async () => {
    const before = server.logins();
    const host = await startHost(to(server));
    const inputs = await host.checked("File", { path: "/x", content: "" });
    await host.diff({ type: "File", id: "/x", inputs, outputs: {} }, { path: "/x", content: "y" });
    await host.provider.create({ urn: "u", type: "host:index:File", name: "x", inputs, preview: true });
    expect(server.logins()).toBe(before);
  });

  test("neither script nor environment is in the process list there", async () => {
    const host = await startHost(to(server));
    const made = await host.create("Command", {
      create: "ps -eo args",
      environment: { TOKEN: new Secret("s3cr3t-token") },
    });
    expect(made.outputs.stdout).toContain("sshd");
    expect(made.outputs.stdout).not.toContain("s3cr3t");
  });

  test("an encrypted key needs its passphrase", async () => {
    const right = await startHost(
      to(server, { privateKeyFile: server.encryptedKeyPath, passphrase: new Secret(server.passphrase) }),
    );
    expect((await right.create("Command", { create: "echo in" })).outputs.stdout).toBe("in\n");
    const text = await startHost({
      connection: {
        type: "ssh",
        host: server.host,
        port: server.port,
        user: server.user,
        knownHostsFile: server.knownHostsPath,
        privateKey: server.encryptedKeyPem.trim(),
        passphrase: server.passphrase,
      },
    });
    expect((await text.create("Command", { create: "echo in" })).outputs.stdout).toBe("in\n");

    const none = await startHost(to(server, { privateKeyFile: server.encryptedKeyPath }));
    const missing = await failureOf(none.create("Command", { create: "true" }));
    expect(missing).toMatchObject({
      reason: "authentication-failed",
      expected: "its passphrase",
      found: "none",
    });
    const wrong = await startHost(
      to(server, { privateKeyFile: server.encryptedKeyPath, passphrase: "not the right one" }),
    );
    const failure = await failureOf(wrong.create("Command", { create: "true" }));
    expect(failure).toMatchObject({ reason: "authentication-failed", found: "another" });
    expect(JSON.stringify(failure)).not.toContain("not the right one");
  });

  test("an agent holds the key", async () => {
    const socket = join(tempFolder(), "agent.sock");
    const agent: ChildProcess = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    onEnd(() => agent.kill());
    for (let i = 0; i < 50 && !existsSync(socket); i++) await sleep(50);
    const { privateKeyFile: _, ...rest } = (to(server) as { connection: PropertyMap }).connection as {
      privateKeyFile: string;
    };
    const host = await startHost({ connection: { ...rest, agent: socket } });
    const empty = await failureOf(host.create("Command", { create: "true" }));
    expect(empty).toMatchObject({ reason: "authentication-failed", found: `tried agent at ${socket}` });
    execFileSync("ssh-add", ["-q", server.privateKeyPath], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
    });
    expect((await host.create("Command", { create: "echo in" })).outputs.stdout).toBe("in\n");
  });

  test("a key that is not accepted: what was tried, and what the server takes", async () => {
    const host = await startHost(
      to(server, { privateKeyFile: server.strangerKeyPath, password: "pw-pw-pw" }),
    );
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure).toMatchObject({
      reason: "authentication-failed",
      expected: "one of the server's ways: publickey",
      found: `tried key file ${server.strangerKeyPath}`,
    });
  });

  test("a host key that is not known is refused, or recorded when new ones are accepted", async () => {
    const known = join(tempFolder(), "ssh", "known_hosts");
    const strict = await startHost(to(server, { knownHostsFile: known }));
    const failure = await failureOf(strict.create("Command", { create: "true" }));
    expect(failure.reason).toBe("host-key-mismatch");
    expect(failure.expected).toBe(`a key recorded in ${known}`);
    expect(failure.found).toMatch(/^SHA256:.{43} \(ssh-ed25519\)$/);

    const fingerprint = failure.found?.split(" ")[0] as string;
    const given = await startHost(to(server, { knownHostsFile: known, hostKey: fingerprint }));
    await given.create("Command", { create: "true" });
    expect(existsSync(known)).toBe(false);

    const accepting = await startHost(to(server, { knownHostsFile: known, acceptNewHostKey: true }));
    await accepting.create("Command", { create: "true" });
    expect(readFileSync(known, "utf8").trim()).toBe(server.knownHostsLine.trim());
    const again = await startHost(to(server, { knownHostsFile: known }));
    await again.create("Command", { create: "true" });
  });

  test("a jump host: the target is reached through it, with both keys checked", async () => {
    const forwards = jump.forwards().length;
    const { connection: first } = to(jump) as { connection: PropertyMap };
    const { type: _, ...hop } = first;
    const host = await startHost(to(server, { jump: hop }));
    expect((await host.create("Command", { create: "echo $SSH_CONNECTION" })).outputs.exitCode).toBe(0);
    expect(jump.forwards().slice(forwards)).toEqual([{ host: server.host, port: server.port }]);

    const wrong = await startHost(to(server, { jump: { ...hop, knownHostsFile: server.knownHostsPath } }));
    const failure = await failureOf(wrong.create("Command", { create: "true" }));
    expect(failure.reason).toBe("host-key-mismatch");
    expect(failure.message).toContain(String(jump.port));

    const nowhere = await startHost(to(server, { port: 1, jump: hop }));
    const refused = await failureOf(nowhere.create("Command", { create: "true" }));
    expect(refused.reason).toBe("connection-failed");
    expect(refused.message).toContain("The jump host");
  });

  test("a timeout ends the process group there", async () => {
    const host = await startHost(to(server));
    const folder = tempFolder();
    const failure = await failureOf(
      host.create("Command", {
        create: `sh -c 'echo $$ > ${folder}/child; sleep 60; true' & echo $$ > ${folder}/leader; wait`,
        timeout: 1,
      }),
    );
    expect(failure.reason).toBe("timeout");
    await sleep(500);
    for (const name of ["child", "leader"]) {
      const pid = Number(readFileSync(join(folder, name), "utf8"));
      const status = existsSync(`/proc/${pid}/status`)
        ? readFileSync(`/proc/${pid}/status`, "utf8")
        : "State: Z";
      expect(status).toMatch(/State:\s+Z/);
    }
  });

  test("a host that is down: said with host and port; up again: connected again", async () => {
    const host = await startHost(to(server));
    await host.create("Command", { create: "true" });
    const flag = join(tempFolder(), "runs");
    const running = failureOf(host.create("Command", { create: `touch ${flag}; sleep 30` }));
    for (let i = 0; i < 200 && !existsSync(flag); i++) await sleep(50);
    await server.stop();
    const lost = await running;
    expect(lost.reason).toBe("connection-lost");
    expect(lost.message).toContain("was lost");
    const down = await failureOf(host.create("File", { path: join(tempFolder(), "x"), content: "" }));
    expect(down.reason).toBe("connection-failed");
    expect(down.message).toContain(`${server.host}:${server.port}`);
    expect(down.found).toContain("ECONNREFUSED");

    const waiting = (await startHost(to(server, { waitSeconds: 30 }))).create("Command", {
      create: "echo up",
    });
    await sleep(300);
    await server.start();
    expect((await waiting).outputs.stdout).toBe("up\n");
    expect((await host.create("Command", { create: "echo back" })).outputs.stdout).toBe("back\n");
  });

  test("another host key than the recorded one: both fingerprints, file and line", async () => {
    const changed = await startSshd();
    onEnd(() => changed.remove());
    await changed.rekey();
    const host = await startHost(to(changed));
    const failure = await failureOf(host.create("Command", { create: "true" }));
    expect(failure.reason).toBe("host-key-mismatch");
    expect(failure.message).toContain(`${changed.knownHostsPath}:1`);
    expect(failure.expected).toMatch(/^SHA256:.{43} \(ssh-ed25519\)$/);
    expect(failure.found).toMatch(/^SHA256:.{43} \(ssh-ed25519\)$/);
    expect(failure.found).not.toBe(failure.expected);
  });
});
