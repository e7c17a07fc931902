/** The host provider on a whole machine with systemd, booted for the test: accounts, keys, sudo, units, packages, kernel, cron, firewall. */
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import type { Provider } from "@orch/core/provider/contract";
import { hostLoader } from "@orch/providers/host/index";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { providerConformance } from "../conformance/provider.js";
import { failureOf, type Live, startHost, tempFolder } from "../unit/host/kit.js";
import { type LabGuest, noGuestHere, startGuest } from "./guest.js";
import { describeLab } from "./requirements.js";

const to = (guest: LabGuest, more: PropertyMap = {}): PropertyMap => ({
  connection: {
    type: "ssh",
    host: guest.host,
    port: guest.port,
    user: "root",
    privateKeyFile: guest.privateKeyPath,
    knownHostsFile: guest.knownHostsPath,
    ...more,
  },
});

/** Made, read the same, changed by `changed`, drifted by the script, seen, healed, deleted. */
async function lives(
  guest: LabGuest,
  type: string,
  subject: {
    readonly inputs: PropertyMap;
    readonly changed: PropertyMap;
    /** Changes it behind orch's back. */
    readonly drift: string;
    /** Paths that drift must show. */
    readonly shows: readonly string[];
    /** Ends well while it is there. */
    readonly there: string;
  },
): Promise<void> {
  const host = await startHost(to(guest));
  const is = (script: string): boolean =>
    guest.run(`if { ${script}; } >/dev/null 2>&1; then echo yes; fi`).includes("yes");
  const made = await host.create(type, subject.inputs);
  expect(is(subject.there)).toBe(true);
  expect(await host.read(made)).toEqual(made);
  // Cut off after it was done: the same again is no error and changes nothing.
  expect(await host.create(type, subject.inputs)).toMatchObject({ id: made.id });
  const planned = await host.diff(made, subject.changed);
  expect(planned.changes).toBe("some");
  expect(planned.replaces).toEqual([]);
  const changed = await host.update(made, subject.changed);
  expect(await host.read(changed)).toEqual(changed);
  guest.run(subject.drift);
  const drifted = (await host.read(changed)) as Live;
  const back = await host.diff(drifted, subject.changed);
  expect(back.diffs).toEqual(subject.shows);
  const healed = await host.update(drifted, subject.changed);
  expect((await host.diff(healed, subject.changed)).changes).toBe("none");
  const imported = await host.read({ type, id: made.id, inputs: {}, outputs: {} });
  expect(imported?.id).toBe(made.id);
  await host.delete(healed);
  expect(is(subject.there)).toBe(false);
  expect(await host.read(healed)).toBeUndefined();
  await host.delete(healed);
}

const suite = (name: string, tests: (guest: () => LabGuest) => void): void => {
  if (noGuestHere !== undefined) return void describe.skip(`${name} (${noGuestHere})`, () => {});
  describeLab(name, ["guest"], () => {
    let guest: LabGuest;
    beforeAll(async () => {
      guest = await startGuest();
      guest.run(`useradd -m -s /bin/sh free; echo 'free ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/free`);
    }, 200_000);
    afterAll(async () => {
      await guest?.remove();
    });
    tests(() => guest);
  });
};

suite("lab: the host provider on a machine with systemd", (guest) => {
  test("a user lives", async () => {
    await lives(guest(), "User", {
      inputs: { name: "deploy", comment: "It's a user", groups: ["games", "audio"], shell: "/bin/sh" },
      changed: {
        name: "deploy",
        comment: "Other",
        groups: ["games"],
        shell: "/bin/bash",
        passwordHash: new Secret("$6$salt$abc"),
      },
      drift: "usermod -s /bin/sh -aG audio deploy",
      shows: ["groups", "shell"],
      there: "getent passwd deploy && test -d /home/deploy",
    });
    expect(guest().run("ls -d /home/deploy")).toContain("/home/deploy");
  });

  test("a user who is there and is not as wanted is refused, with what differs, and taken over when told to", async () => {
    guest().run("useradd -u 4321 -s /bin/sh other");
    const host = await startHost(to(guest()));
    const inputs = { name: "other", uid: 4322 };
    const refused = await failureOf(host.create("User", inputs));
    expect(refused).toMatchObject({ reason: "conflict", path: "uid", expected: "4322", found: "4321" });
    expect((await host.create("User", { ...inputs, overwrite: true })).outputs.uid).toBe(4322);
    const missing = await failureOf(host.create("User", { name: "third", group: "no-such-group" }));
    expect(missing).toMatchObject({ reason: "provider-error" });
    expect(missing.detail).toContain("no-such-group");
  });

  test("a group lives", () =>
    lives(guest(), "Group", {
      inputs: { name: "web", gid: 5001 },
      changed: { name: "web", gid: 5002, members: ["daemon", "games"] },
      drift: "gpasswd -d games web; groupmod -g 5003 web",
      shows: ["gid", "members"],
      there: "getent group web",
    }));

  test("twenty users and groups at once: the tools' locks are no trouble, and reading them is one script", async () => {
    const host = await startHost(to(guest()));
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => host.create(i % 2 ? "User" : "Group", { name: `many${i}` })),
    );
    const sessions = (): number =>
      guest()
        .log()
        .match(/Starting session: /g)?.length ?? 0;
    const users = made.filter(({ type }) => type === "User");
    const before = sessions();
    const answers = await host.provider.readMany?.({
      reads: users.map(({ id, inputs, outputs }) => ({
        urn: "urn:pulumi:test::host::host:index:User::it",
        type: "host:index:User",
        name: "it",
        id,
        inputs,
        outputs,
      })),
    });
    expect(answers?.map((one) => "object" in one && one.object?.outputs)).toEqual(
      users.map(({ outputs }) => outputs),
    );
    expect(sessions() - before).toBe(1);
    for (const one of made) await host.delete(one);
  });

  test("a key opens a login, others stay, and it is taken away", async () => {
    guest().run(
      "useradd -m -s /bin/sh keyed; mkdir -m 700 ~keyed/.ssh; printf '# mine\\nssh-rsa AAAAB3 old\\n' >~keyed/.ssh/authorized_keys; chown -R keyed: ~keyed/.ssh",
    );
    const folder = tempFolder();
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me@work", "-f", join(folder, "key")]);
    const key = readFileSync(join(folder, "key.pub"), "utf8").trim();
    await lives(guest(), "AuthorizedKey", {
      inputs: { user: "keyed", key },
      changed: { user: "keyed", key: `${key}2`, options: 'no-pty,command="echo only this"' },
      drift: "sed -i 's/no-pty/no-agent-forwarding/' ~keyed/.ssh/authorized_keys",
      shows: ["options"],
      there: `grep -q me@work ~keyed/.ssh/authorized_keys`,
    });
    expect(guest().run("cat ~keyed/.ssh/authorized_keys; stat -c '%U %a' ~keyed/.ssh/authorized_keys")).toBe(
      "# mine\nssh-rsa AAAAB3 old\nkeyed 600\n",
    );
    const root = await startHost(to(guest()));
    await root.create("AuthorizedKey", { user: "keyed", key });
    const keyed = await startHost(to(guest(), { user: "keyed", privateKeyFile: join(folder, "key") }));
    expect((await keyed.create("Command", { create: "id -un" })).outputs.stdout).toBe("keyed\n");
    // A link in the user's home must not lead root astray.
    guest().run("rm -r ~keyed/.ssh; ln -s /root/.ssh ~keyed/.ssh");
    const astray = await failureOf(root.create("AuthorizedKey", { user: "keyed", key }));
    expect(astray).toMatchObject({ path: "user", found: "/home/keyed/.ssh" });
    const nobody = await failureOf(root.create("AuthorizedKey", { user: "nosuch", key }));
    expect(nobody).toMatchObject({ reason: "invalid-property", path: "user", found: "nosuch" });
  });

  test("all keys of a user: foreign ones are shown and taken out, and orch does not lock itself out", async () => {
    const folder = tempFolder();
    const make = (name: string): string => {
      execFileSync("ssh-keygen", [
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        `${name}@work`,
        "-f",
        join(folder, name),
      ]);
      return readFileSync(join(folder, `${name}.pub`), "utf8").trim();
    };
    const [mine, hers, stranger] = [make("mine"), make("hers"), make("stranger")];
    guest().run(`useradd -m -s /bin/sh shared; install -d -m 700 -o shared -g shared ~shared/.ssh
      printf '%s\n' '# who may' 'command="ssh-ed25519 AAAA" ${stranger}' >~shared/.ssh/authorized_keys`);
    const file = (): string => guest().run("cat ~shared/.ssh/authorized_keys");
    const root = await startHost(to(guest()));
    const wanted = { user: "shared", keys: [mine, { key: hers, options: "restrict,pty" }] };

    // Keys that no plan has shown are not taken out unseen.
    const unseen = await failureOf(root.create("AuthorizedKeys", wanted));
    expect(unseen).toMatchObject({ reason: "conflict", path: "keys" });
    expect(unseen.found).toContain("stranger@work");
    expect(file()).toContain(stranger);
    const imported = (await root.read({
      type: "AuthorizedKeys",
      id: "shared",
      inputs: {},
      outputs: {},
    })) as Live;
    expect(imported.inputs).toEqual({
      user: "shared",
      keys: [{ key: stranger, options: 'command="ssh-ed25519 AAAA"' }],
    });
    const made = await root.create("AuthorizedKeys", { ...wanted, overwrite: true });
    expect(file()).toBe(`# who may\n${mine}\nrestrict,pty ${hers}\n`);
    expect(await root.read(made)).toEqual(made);
    expect(guest().run("stat -c '%U %a' ~shared/.ssh/authorized_keys")).toBe("shared 600\n");

    guest().run(
      `echo '${stranger}' >>~shared/.ssh/authorized_keys; sed -i 's/restrict,pty //' ~shared/.ssh/authorized_keys`,
    );
    const drifted = (await root.read(made)) as Live;
    expect(drifted.inputs.keys).toEqual([mine, hers, stranger]);
    expect((await root.diff(drifted, made.inputs)).diffs).toEqual(["keys"]);
    const behind = await failureOf(root.update(made, { ...wanted, keys: [mine] }));
    expect(behind).toMatchObject({ reason: "conflict", path: "keys" });
    await root.update(drifted, made.inputs);
    expect(file()).not.toContain(stranger);

    // As that user, without root: without its own key it could not come back.
    const own = await startHost(to(guest(), { user: "shared", privateKeyFile: join(folder, "mine") }));
    for (const keys of [[hers], []]) {
      const before = file();
      const locked = await failureOf(own.update(made, { user: "shared", keys, overwrite: true, guard: 10 }));
      expect(locked).toMatchObject({
        reason: "conflict",
        path: "keys",
        next: [expect.any(String), expect.stringContaining("guard: 0")],
      });
      expect(locked.message).toContain("What was there before is back");
      expect(file()).toBe(before);
    }
    const fewer = await own.update(made, { user: "shared", keys: [mine], overwrite: true });
    expect(file()).toBe(`# who may\n${mine}\n`);
    await own.update(fewer, { user: "shared", keys: [], guard: 0, overwrite: true });
    expect(file()).toBe("# who may\n");
    // Deleted: nobody is let in or out by that.
    await root.delete(made);
    expect(file()).toBe("# who may\n");
    const twice = await root.check("AuthorizedKeys", {
      user: "shared",
      keys: [mine, { key: `${mine} again` }],
    });
    expect(twice.failures).toMatchObject([{ path: "keys[1]" }]);
    const wrong = await root.check("AuthorizedKeys", { user: "a b", keys: ["no key"] });
    expect(wrong.failures.map(({ path }) => path)).toEqual(["user", "keys[0]"]);
    const nobody = await failureOf(root.create("AuthorizedKeys", { user: "nosuch", keys: [mine] }));
    expect(nobody).toMatchObject({ reason: "invalid-property", path: "user", found: "nosuch" });
  }, 120_000);

  test("sudo: without a password, with it, with a wrong one, and without the right", async () => {
    guest().run(
      `for u in asked never; do useradd -m -s /bin/sh $u; done
       echo 'asked ALL=(ALL) ALL' >/etc/sudoers.d/lab
       echo 'asked:open sesame' | chpasswd; echo 'never:x' | chpasswd`,
    );
    const as = (user: string, become?: PropertyMap) =>
      startHost(to(guest(), { user, ...(become ? { become } : {}) }));
    const before = guest().logins();
    const free = await as("free", {});
    const plain = await as("free");
    expect(
      (await free.create("Command", { create: "id -un; echo $HOME; cat", stdin: "in" })).outputs.stdout,
    ).toBe("root\n/root\nin");
    expect((await plain.create("Command", { create: "id -un" })).outputs.stdout).toBe("free\n");
    // Both ways share the login's connection.
    expect(guest().logins() - before).toBe(1);

    const asked = await as("asked", { password: new Secret("open sesame") });
    const ps = await asked.create("Command", { create: "id -un; ps -eo args; env" });
    expect(ps.outputs.stdout).toMatch(/^root\n/);
    expect(JSON.stringify(ps.outputs)).not.toContain("sesame");
    const other = await as("asked", { password: new Secret("open sesame"), user: "free" });
    expect((await other.create("Command", { create: "id -un" })).outputs.stdout).toBe("free\n");

    const wrong = await as("asked", { password: new Secret("open says me") });
    const refused = await failureOf(wrong.create("Command", { create: "true" }));
    expect(refused).toMatchObject({
      reason: "permission-denied",
      path: "connection.become",
      found: "sudo did not accept the password",
    });
    expect(JSON.stringify(refused)).not.toContain("says me");
    const none = await as("asked", {});
    expect(await failureOf(none.create("Command", { create: "true" }))).toMatchObject({
      reason: "permission-denied",
      found: "sudo asks for a password, and none is given",
    });
    const never = await as("never", { password: new Secret("x") });
    expect((await failureOf(never.create("Command", { create: "true" }))).reason).toBe("permission-denied");
    const unprivileged = await as("free");
    const user = await failureOf(unprivileged.create("User", { name: "nope" }));
    expect(user).toMatchObject({ reason: "permission-denied", expected: "a user who may do that" });
    expect(user.next?.join()).toContain("become");
  });

  test("files and folders as another user; a script that is cancelled ends", async () => {
    const host = await startHost(to(guest(), { user: "free", become: {} }));
    const folder = await host.create("Directory", { path: "/srv/be/come", mode: "0700", owner: "root" });
    const content = `ü "it's"\n${"0123456789abcdef\n".repeat(20_000)}`;
    const file = await host.create("File", {
      path: "/srv/be/come/it's",
      content,
      mode: "0640",
      group: "games",
    });
    expect(file.outputs).toMatchObject({ owner: "root", group: "games", mode: "0640" });
    expect(await host.read(file)).toEqual(file);
    expect(guest().run('cat "/srv/be/come/it\'s"')).toBe(content);
    const changed = await host.update(file, { path: "/srv/be/come/it's", content: "new\n", mode: "4755" });
    expect(await host.read(changed)).toEqual(changed);
    expect(changed.outputs.mode).toBe("4755");
    expect(await host.read(folder)).toEqual(folder);
    expect((await failureOf(host.delete(folder))).found).toContain("it's");
    await host.delete(changed);
    await host.delete(folder);

    const cancel = new AbortController();
    const running = host.create("Command", { create: "echo $$ >/tmp/long; exec sleep 1000" }, cancel.signal);
    const ended = failureOf(running);
    const pid = (): string => guest().run("cat /tmp/long 2>/dev/null || :").trim();
    await expect.poll(pid, { timeout: 20_000 }).not.toBe("");
    const number = pid();
    cancel.abort();
    await ended;
    await expect.poll(() => guest().run(`ps -o args= -p ${number} || :`), { timeout: 20_000 }).toBe("");

    // What a script started, and that does not end when it is asked to, ends as well.
    const stop = new AbortController();
    const child = "sh -c 'trap \"\" TERM; echo $$ >/tmp/child; sleep 1000; :'";
    const failed = failureOf(host.create("Command", { create: `${child}; true` }, stop.signal));
    const childPid = (): string => guest().run("cat /tmp/child 2>/dev/null || :").trim();
    await expect.poll(childPid, { timeout: 20_000 }).not.toBe("");
    stop.abort();
    expect((await failed).reason).toBe("interrupted");
    await expect.poll(() => guest().run(`ps -o args= -p ${childPid()} || :`), { timeout: 20_000 }).toBe("");
  }, 60_000);

  test("a unit and its timer live", async () => {
    const unit = (text: string): string =>
      `[Unit]\nDescription=App\n[Service]\nExecStart=/bin/sh -c 'echo ${text}; exec sleep 1000'\n[Install]\nWantedBy=multi-user.target\n`;
    await lives(guest(), "SystemdUnit", {
      inputs: { name: "app.service", content: unit("one"), enabled: true, started: true },
      changed: { name: "app.service", content: unit("two"), enabled: true, started: true },
      drift: "systemctl disable --now app.service",
      shows: ["enabled", "started"],
      there: "systemctl is-active app.service",
    });
    const host = await startHost(to(guest()));
    const timer = "[Timer]\nOnCalendar=daily\nPersistent=true\n[Install]\nWantedBy=timers.target\n";
    const job = "[Service]\nType=oneshot\nExecStart=/bin/true\n";
    const service = await host.create("SystemdUnit", { name: "backup.service", content: job });
    const made = await host.create("SystemdUnit", {
      name: "backup.timer",
      content: timer,
      enabled: true,
      started: true,
    });
    expect(made.outputs).toMatchObject({ active: "active", sub: "waiting", unitFileState: "enabled" });
    expect(service.outputs).toMatchObject({ active: "inactive", unitFileState: "static" });
    expect(guest().run("systemctl list-timers --no-pager")).toContain("backup.timer");
    await host.delete(made);
    await host.delete(service);
  });

  test("a changed unit is restarted; one that systemd refuses, or that does not start, says why", async () => {
    const host = await startHost(to(guest()));
    const content = (n: number): string => `[Service]\nExecStart=/bin/sleep ${n}\n`;
    const made = await host.create("SystemdUnit", {
      name: "sleepy.service",
      content: content(1000),
      started: true,
    });
    const pid = (): string => guest().run("systemctl show -p MainPID --value sleepy.service");
    const before = pid();
    const updated = await host.update(made, {
      name: "sleepy.service",
      content: content(1001),
      started: true,
    });
    expect(pid()).not.toBe(before);
    expect(guest().run("ps -eo args")).toContain("/bin/sleep 1001");

    const bad = await failureOf(
      host.update(updated, { name: "sleepy.service", content: "[Service]\nRestart=always\n", started: true }),
    );
    expect(bad).toMatchObject({ reason: "invalid-property", path: "content" });
    expect(bad.found).toContain("ExecStart");
    expect(guest().run("cat /etc/systemd/system/sleepy.service")).toContain("1001");
    const failing = await failureOf(
      host.create("SystemdUnit", {
        name: "fails.service",
        content: "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo the reason; exit 7'\n",
        started: true,
      }),
    );
    expect(failing.reason).toBe("provider-error");
    expect(failing.detail).toContain("7");

    // Changed by hand after it was last read.
    guest().run("echo '# by hand' >>/etc/systemd/system/sleepy.service");
    const conflict = await failureOf(
      host.update(updated, { name: "sleepy.service", content: content(1002), started: true }),
    );
    expect(conflict).toMatchObject({ reason: "conflict", path: "content" });
    await host.delete(updated);
  });

  test("the state of a service that is there", async () => {
    const host = await startHost(to(guest()));
    const made = await host.create("Service", {
      name: "cron.service",
      enabled: true,
      running: true,
      triggers: ["a"],
    });
    expect(made.outputs).toMatchObject({ active: "active", unitFileState: "enabled" });
    expect(await host.read(made)).toEqual(made);
    const pid = (): string => guest().run("systemctl show -p MainPID --value cron.service");
    const before = pid();
    const again = await host.update(made, {
      name: "cron.service",
      enabled: true,
      running: true,
      triggers: ["b"],
    });
    expect(pid()).not.toBe(before);
    guest().run("systemctl stop cron.service");
    const drifted = (await host.read(again)) as Live;
    expect((await host.diff(drifted, { ...again.inputs })).diffs).toEqual(["running"]);
    await host.update(drifted, again.inputs);
    expect((await host.read(again))?.outputs.active).toBe("active");
    await host.delete(again);
    const missing = await failureOf(host.create("Service", { name: "nosuch.service", running: true }));
    expect(missing).toMatchObject({ reason: "invalid-property", path: "name", found: "nosuch.service" });
  });

  test("a parameter of the kernel: now, for the next start, and back to what it was", async () => {
    const host = await startHost(to(guest()));
    const now = (): string => guest().run("sysctl -n net.ipv4.ip_forward").trim();
    const first = now();
    const other = first === "1" ? 0 : 1;
    const made = await host.create("Sysctl", { key: "net.ipv4.ip_forward", value: other });
    expect(now()).toBe(String(other));
    expect(made.outputs.previous).toBe(first);
    expect(await host.read(made)).toEqual(made);
    guest().run(`sysctl -w net.ipv4.ip_forward=${first}`);
    const drifted = (await host.read(made)) as Live;
    expect((await host.diff(drifted, made.inputs)).diffs).toEqual(["value"]);
    await host.update(drifted, made.inputs);
    guest().run("rm /etc/sysctl.d/90-orch-net.ipv4.ip_forward.conf");
    const notKept = (await host.read(made)) as Live;
    expect(notKept.inputs.value).toContain("not in /etc/sysctl.d");
    await host.update(notKept, made.inputs);
    await host.delete(made);
    expect(now()).toBe(first);
    const port = await host.create("Sysctl", { key: "net.ipv4.ip_local_port_range", value: "33000 60000" });
    expect(await host.read(port)).toEqual(port);
    await host.delete(port);
    const unknown = await failureOf(host.create("Sysctl", { key: "net.ipv4.no_such", value: 1 }));
    expect(unknown).toMatchObject({ reason: "invalid-property", path: "key" });
    const bad = await failureOf(host.create("Sysctl", { key: "net.ipv4.ip_forward", value: "yes" }));
    expect(bad).toMatchObject({ reason: "invalid-property", path: "value", found: "yes" });
  });

  test("a cron job lives", () =>
    lives(guest(), "CronJob", {
      inputs: { name: "report", schedule: "30 2 * * mon-fri", command: "date +%F >>/tmp/report" },
      changed: {
        name: "report",
        schedule: "@daily",
        command: "date +%F",
        user: "daemon",
        environment: { MAILTO: "", PATH: "/bin:/usr/bin" },
      },
      drift: "sed -i -e 's/@daily/@hourly/' -e 's/MAILTO=.*/MAILTO=me/' /etc/cron.d/report",
      shows: ["schedule", "environment"],
      there: "grep -q 'date +.%F' /etc/cron.d/report",
    }));

  test("a firewall table lives, and what nft refuses changes nothing", async () => {
    const rules = (port: number): string =>
      `  chain input {\n    type filter hook input priority 0; policy accept;\n    tcp dport ${port} drop\n  }\n`;
    await lives(guest(), "FirewallTable", {
      inputs: { name: "web", rules: rules(81) },
      changed: { name: "web", rules: rules(82) },
      drift: "nft add rule inet web input tcp dport 83 accept",
      shows: ["listing"],
      there: "nft list table inet web",
    });
    const host = await startHost(to(guest()));
    const made = await host.create("FirewallTable", { family: "ip", name: "lab", rules: rules(84) });
    expect(guest().run("cat /etc/nftables.conf")).toContain('include "/etc/nftables.d/*.nft"');
    guest().run("nft flush ruleset; nft -f /etc/nftables.conf");
    expect(await host.read(made)).toEqual(made);
    const bad = await failureOf(
      host.update(made, { family: "ip", name: "lab", rules: "  chain x { tcp dport eighty drop\n }" }),
    );
    expect(bad).toMatchObject({ reason: "invalid-property", path: "rules" });
    expect(await host.read(made)).toEqual(made);
    await host.delete(made);
  });

  /** The machine's tables, also when nobody can connect to it. */
  const tables = (): string =>
    execFileSync("ip", ["netns", "exec", guest().namespace, "nft", "list", "tables"], { encoding: "utf8" });
  const chain = (policy: string, ...rules: readonly string[]): string =>
    `  chain input {\n    type filter hook input priority 0; policy ${policy};\n${rules.map((rule) => `    ${rule}\n`).join("")}  }\n`;
  const safe = chain("drop", "ct state established,related accept", "iif lo accept", "tcp dport 22 accept");

  test("rules that cut orch off are taken back: new connections, all of them, and those of a login that becomes root", async () => {
    for (const [n, login] of [{}, { user: "free", become: { method: "sudo", user: "root" } }].entries()) {
      const host = await startHost(to(guest(), login));
      const name = `cut${n}`;
      const made = await host.create("FirewallTable", { name, rules: safe });
      expect(await host.read(made)).toEqual(made);
      // Set by somebody else in the table meanwhile: it comes back with it.
      guest().run(`nft add set inet ${name} seen '{ type ipv4_addr; elements = { 192.0.2.1 } }'`);
      const before = guest().run(`nft list table inet ${name}; cat /etc/nftables.d/orch-inet-${name}.nft`);
      for (const rules of [
        chain("drop", "ct state established,related accept", "tcp dport 2222 accept"),
        chain("drop"),
      ]) {
        const cut = await failureOf(host.update(made, { name, rules, guard: 6 }));
        expect(cut).toMatchObject({
          reason: "conflict",
          path: "rules",
          expected: expect.stringContaining("a new connection to "),
        });
        expect(cut.message).toContain("What was there before is back");
        expect(cut.next?.join()).toContain("SSH port");
        expect(guest().run(`nft list table inet ${name}; cat /etc/nftables.d/orch-inet-${name}.nft`)).toBe(
          before,
        );
      }
      await host.delete(made);
      // A table that was not there is not there afterwards, and neither is a file that loads it at the next start.
      const cut = await failureOf(host.create("FirewallTable", { name, rules: chain("drop"), guard: 6 }));
      expect(cut.message).toContain("What was there before is back");
      expect(tables()).not.toContain(name);
      expect(guest().run("ls /etc/nftables.d")).toBe("");
      expect(await host.read(made)).toBeUndefined();
    }
  }, 240_000);

  test("rules that cut orch off are taken back by the machine when orch is killed right after it loaded them", async () => {
    const name = "killed";
    const config = to(guest());
    const inputs = { name, rules: chain("drop"), guard: 12 };
    const task = JSON.stringify({ config, type: "host:index:FirewallTable", inputs });
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL("./host-child.ts", import.meta.url)), task],
      {
        stdio: "inherit",
      },
    );
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
    try {
      await expect.poll(tables, { timeout: 60_000, interval: 50 }).toContain(name);
    } finally {
      child.kill("SIGKILL");
    }
    expect(await ended).toBe("SIGKILL");
    await expect.poll(tables, { timeout: 60_000, interval: 250 }).not.toContain(name);
    const host = await startHost(config);
    const live = { type: "FirewallTable", id: `inet ${name}`, inputs, outputs: {} };
    expect(await host.read(live)).toBeUndefined();
    const made = await host.create("FirewallTable", { ...inputs, rules: safe });
    expect(await host.read(made)).toEqual(made);
    await host.delete(made);
  }, 200_000);

  test("a look right after orch was killed waits until the machine has decided", async () => {
    const host = await startHost(to(guest()));
    // As the machine is while the timer runs: the rules are loaded, and nobody has kept them.
    guest().run(`
      mkdir -p /run/orch/nft-inet-waits; cd /run/orch/nft-inet-waits; echo $(( $(date +%s) + 4 )) >pending-x
      nft add table inet waits
      setsid sh -c 'sleep 4; rm /run/orch/nft-inet-waits/pending-x; nft delete table inet waits' </dev/null >/dev/null 2>&1 &`);
    const live = { type: "FirewallTable", id: "inet waits", inputs: {}, outputs: {} };
    expect(await host.read(live)).toBeUndefined();
    // One whose timer has died with its time over is no reason to wait.
    guest().run("cd /run/orch/nft-inet-waits; echo 1 >pending-y; nft add table inet waits");
    expect((await host.read(live))?.id).toBe("inet waits");
    guest().run("nft delete table inet waits");
  });

  test("a repository and packages from it: install, pin, an older version, hold, remove", async () => {
    guest().run(`
      set -e; mkdir -p /srv/apt; cd /srv/apt; : >Packages
      for v in 1.0 2.0; do
        d=$(mktemp -d); mkdir -p $d/DEBIAN $d/usr/share/orch-lab; echo $v >$d/usr/share/orch-lab/version
        printf 'Package: orch-lab\nVersion: %s\nArchitecture: all\nMaintainer: lab <lab@example.com>\nDescription: lab\n' $v >$d/DEBIAN/control
        dpkg-deb -b $d orch-lab_$v.deb >/dev/null
        { cat $d/DEBIAN/control; echo "Filename: ./orch-lab_$v.deb"; echo "Size: $(stat -c %s orch-lab_$v.deb)"
          echo "SHA256: $(sha256sum orch-lab_$v.deb | cut -d' ' -f1)"; echo; } >>Packages
      done`);
    await lives(guest(), "PackageRepository", {
      inputs: { name: "lab", url: "file:/srv/apt", suites: ["./"], trusted: true },
      changed: {
        name: "lab",
        url: "file:///srv/apt",
        suites: ["./"],
        trusted: true,
        architectures: ["all", "amd64"],
      },
      drift: "echo 'Enabled: no' >>/etc/apt/sources.list.d/lab.sources",
      shows: ["enabled"],
      there: "test -e /etc/apt/sources.list.d/lab.sources",
    });
    const host = await startHost(to(guest()));
    const bad = await failureOf(
      host.create("PackageRepository", {
        name: "gone",
        url: "file:/srv/none",
        suites: ["./"],
        trusted: true,
      }),
    );
    expect(bad).toMatchObject({ reason: "invalid-property", path: "url" });
    expect(guest().run("ls /etc/apt/sources.list.d")).toBe("");
    const unsigned = await failureOf(
      host.create("PackageRepository", { name: "unsigned", url: "file:/srv/apt", suites: ["./"] }),
    );
    expect(unsigned.path).toBe("url");
    const repository = await host.create("PackageRepository", {
      name: "lab",
      url: "file:/srv/apt",
      suites: ["./"],
      trusted: true,
    });

    const made = await host.create("Package", { name: "orch-lab", version: "1.0" });
    expect(made.outputs).toMatchObject({
      installed: true,
      version: "1.0",
      manager: "apt",
      preinstalled: false,
    });
    expect(await host.read(made)).toEqual(made);
    const newer = await host.update(made, { name: "orch-lab", version: "2.0", hold: true });
    expect(guest().run("cat /usr/share/orch-lab/version; apt-mark showhold")).toBe("2.0\norch-lab\n");
    guest().run("apt-get -q -y --allow-downgrades --allow-change-held-packages install orch-lab=1.0");
    const drifted = (await host.read(newer)) as Live;
    expect((await host.diff(drifted, newer.inputs)).diffs).toEqual(["version", "hold"]);
    await host.update(drifted, newer.inputs);
    const older = await host.update(newer, { name: "orch-lab", version: "1.0", hold: false });
    expect(older.outputs).toMatchObject({ version: "1.0", hold: false });
    const none = await failureOf(host.update(older, { name: "orch-lab", version: "3.0" }));
    expect(none).toMatchObject({ path: "version", expected: "one of: 1.0 2.0 ", found: "3.0" });
    const unknown = await failureOf(host.create("Package", { name: "no-such-package" }));
    expect(unknown).toMatchObject({ reason: "invalid-property", path: "name", found: "no-such-package" });
    await host.delete(older);
    expect(await host.read(older)).toBeUndefined();
    const gone = await host.create("Package", { name: "orch-lab", absent: true });
    guest().run("apt-get -q -y install orch-lab");
    const back = (await host.read(gone)) as Live;
    expect((await host.diff(back, gone.inputs)).diffs).toEqual(["absent"]);
    expect((await host.update(back, gone.inputs)).outputs.installed).toBe(false);
    // What was there before orch came stays.
    const base = await host.create("Package", { name: "dpkg" });
    expect(base.outputs.preinstalled).toBe(true);
    await host.delete(base);
    expect((await host.read(base))?.outputs.installed).toBe(true);
    await host.delete(repository);
  }, 400_000); // dpkg syncs every file to a disk that others use.

  test("a restart: waited for, not twice for one step, and not when it is not needed", async () => {
    const host = await startHost(to(guest()));
    const boot = (): string => guest().run("cat /proc/sys/kernel/random/boot_id").trim();
    const first = boot();
    const unneeded = await host.create("Reboot", { onlyIfNeeded: true });
    expect(unneeded.outputs).toEqual({ bootId: first, rebooted: false });
    const base = {
      urn: "urn:pulumi:test::host::host:index:Reboot::it",
      type: "host:index:Reboot",
      name: "it",
      preview: false,
    };
    const request = { ...base, inputs: { wait: 120, triggers: ["kernel 1"] }, token: "step-1" };
    const made = await host.provider.create(request);
    expect(made.outputs).toMatchObject({ rebooted: true });
    expect(boot()).not.toBe(first);
    expect(made.outputs.bootId).toBe(boot());
    // A step that was cut off while the machine restarted: it began at another start than this one.
    guest().run(`mkdir -p /var/lib/orch; printf %s ${first} >/var/lib/orch/reboot-step-2`);
    const again = await host.provider.create({ ...request, token: "step-2" });
    expect(again.outputs).toEqual({ bootId: made.outputs.bootId, rebooted: true });
    const live = { type: "Reboot", id: made.id, inputs: request.inputs, outputs: made.outputs };
    const updated = await host.update(live, { wait: 120, triggers: ["kernel 2"] });
    expect(updated.outputs.bootId).not.toBe(made.outputs.bootId);
    expect(updated.outputs.bootId).toBe(boot());
  });

  const load = async () => {
    const context = { projectDir: tmpdir(), project: "conformance", stack: "test", log: () => {} };
    return (await hostLoader().load({ name: "host" }, context)) as Provider;
  };
  let n = 0;
  providerConformance("host:index:User on a machine with systemd", async () => {
    const name = `conf${n++}`;
    return {
      provider: await load(),
      config: to(guest()),
      type: "host:index:User",
      inputs: { name, comment: "one", shell: "/bin/sh" },
      changed: { name, comment: "two", shell: "/bin/sh" },
      replaced: { name: `${name}r`, comment: "one", shell: "/bin/sh" },
      more: [{ name: `${name}a`, comment: "a" }, { name: `${name}b` }],
      invalid: { inputs: { name: "It's", uid: -1, shell: "sh" }, paths: ["name", "uid", "shell"] },
      failing: { name: `${name}f`, comment: "", group: "no-such-group" },
      secretProperty: "comment",
      exists: async (id) => guest().run(`getent passwd ${id} || :`) !== "",
      count: async () => Number(guest().run(`getent passwd | grep -c ^${name} || :`)),
      remove: async (id) => void guest().run(`userdel ${id}`),
    };
  });
  providerConformance("host:index:CronJob on a machine with systemd", async () => {
    const name = `conf${n++}`;
    const job = { schedule: "@daily", command: "true", user: "root" };
    return {
      provider: await load(),
      config: to(guest()),
      type: "host:index:CronJob",
      inputs: { name, ...job },
      changed: { name, ...job, schedule: "5 4 * * *" },
      replaced: { name: `${name}r`, ...job },
      more: [
        { name: `${name}a`, ...job },
        { name: `${name}b`, ...job },
      ],
      invalid: {
        inputs: { name: "a.b", schedule: "61 * * * *", command: "a\nb" },
        paths: ["name", "schedule", "command"],
      },
      failing: { name: `${name}f`, ...job, user: "nosuch" },
      secretProperty: "command",
      exists: async (id) => guest().run(`ls /etc/cron.d/${id} 2>/dev/null || :`) !== "",
      count: async () => Number(guest().run(`ls /etc/cron.d | grep -c ^${name} || :`)),
      remove: async (id) => void guest().run(`rm /etc/cron.d/${id}`),
    };
  });
});
