import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess } from "./process.js";

/**
 * A whole machine: systemd as process 1, its own users, packages, services, firewall and network, booted by systemd-nspawn from an
 * overlay over this machine's root. What is changed in it is gone with it, and this machine is left alone. Needs root.
 */
export interface LabGuest {
  /** Its address, on a link that only this machine has. */
  readonly host: string;
  readonly port: number;
  readonly privateKeyPath: string;
  readonly knownHostsPath: string;
  /** Its root folder as this machine sees it. */
  readonly root: string;
  /** Its network, for `ip netns exec`: reached even where its firewall lets nobody in. */
  readonly namespace: string;
  /** What the machine's sshd logged, at level VERBOSE. */
  log(): string;
  /** How many times a client has logged in. */
  logins(): number;
  /** Runs a shell script in it as root, past orch. */
  run(script: string): string;
  remove(): Promise<void>;
}

/** Why there can be no guest here; undefined: there can. */
export const noGuestHere =
  process.platform !== "linux"
    ? "needs Linux"
    : process.getuid?.() !== 0
      ? "needs root, to make namespaces"
      : undefined;

const bootMs = 120_000;

export async function startGuest(): Promise<LabGuest> {
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-guest-"));
  const upper = join(directory, "upper");
  const root = join(directory, "root");
  const id = randomBytes(3).toString("hex");
  const namespace = `orch-lab-${id}`;
  const link = `ol${id}`;
  const net = `10.${randomInt(200, 250)}.${randomInt(0, 255)}`;
  const at = randomInt(0, 63) * 4;
  const [here, there] = [`${net}.${at + 1}`, `${net}.${at + 2}`];
  let child: ChildProcess | undefined;

  const remove = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending && ending.exitCode === null && ending.signalCode === null) {
      const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
      ending.kill("SIGTERM");
      await Promise.race([ended, sleep(10_000)]);
      ending.kill("SIGKILL");
      await ended;
    }
    execFileSync("/bin/sh", ["-c", cleaning(directory, namespace, link)]);
    rmSync(directory, { recursive: true, force: true });
  };

  const launch = (): void => {
    const log = openSync(join(directory, "boot.log"), "a");
    const started = spawn(
      "systemd-nspawn",
      [
        ...["--quiet", "--settings=no", "--register=no", "--keep-unit", "--link-journal=no"],
        ...["--resolv-conf=off", "--timezone=off", "--capability=CAP_NET_ADMIN", `--machine=${namespace}`],
        ...[`--network-namespace-path=/run/netns/${namespace}`, `--directory=${root}`, "--boot"],
      ],
      { stdio: ["ignore", log, log], env: { ...process.env, SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network" } },
    );
    closeSync(log);
    endWithThisProcess(started, "TERM", cleaning(directory, namespace, link));
    child = started;
    // It ends with this code where the machine restarts, for a service manager to start it again.
    started.once("exit", (code) => {
      if (code === 133 && child === started) launch();
    });
  };

  try {
    mkdirSync(upper);
    mkdirSync(root);
    tool("mount", "-t", "tmpfs", "orch-lab", upper);
    mkdirSync(join(upper, "changed"));
    mkdirSync(join(upper, "work"));
    const overlay = `lowerdir=/,upperdir=${join(upper, "changed")},workdir=${join(upper, "work")}`;
    tool("mount", "-t", "overlay", "overlay", "-o", overlay, root);
    const key = (name: string): void =>
      tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "orch-lab", "-f", join(directory, name));
    key("client_key");
    key("host_key");
    const [type, body] = readFileSync(join(directory, "host_key.pub"), "utf8").split(" ");
    writeFileSync(join(directory, "known_hosts"), `${there} ${type} ${body}\n`);
    furnish(root, directory);

    tool("ip", "netns", "add", namespace);
    tool("ip", "link", "add", link, "type", "veth", "peer", "name", "host0", "netns", namespace);
    tool("ip", "addr", "add", `${here}/30`, "dev", link);
    tool("ip", "link", "set", link, "up");
    tool("ip", "-n", namespace, "addr", "add", `${there}/30`, "dev", "host0");
    tool("ip", "-n", namespace, "link", "set", "host0", "up");
    tool("ip", "-n", namespace, "link", "set", "lo", "up");

    launch();
    await untilAnswering(
      () => child,
      there,
      () => readFileSync(join(directory, "boot.log"), "utf8"),
    );
  } catch (failure) {
    await remove();
    throw failure;
  }

  const log = (): string => readFileSync(join(root, "lab/sshd.log"), "utf8");
  return {
    host: there,
    port: 22,
    privateKeyPath: join(directory, "client_key"),
    knownHostsPath: join(directory, "known_hosts"),
    root,
    namespace,
    log,
    logins: () => log().match(/Accepted publickey for /g)?.length ?? 0,
    run: (script) =>
      execFileSync(
        "ssh",
        [
          ...[
            "-i",
            join(directory, "client_key"),
            "-o",
            `UserKnownHostsFile=${join(directory, "known_hosts")}`,
          ],
          ...[
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
            "-o",
            "LogLevel=ERROR",
            "-F",
            "none",
            `root@${there}`,
            "/bin/sh",
          ],
        ],
        { input: script, encoding: "utf8" },
      ),
    remove,
  };
}

const tool = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
};

const cleaning = (directory: string, namespace: string, link: string): string =>
  [
    `ip link delete ${link} 2>/dev/null`,
    `ip netns delete ${namespace} 2>/dev/null`,
    `umount -R ${directory}/root 2>/dev/null || umount -l ${directory}/root 2>/dev/null`,
    `umount ${directory}/upper 2>/dev/null || umount -l ${directory}/upper 2>/dev/null`,
    "true",
  ].join("\n");

/** Only what a test needs is started: systemd's basics and a server for SSH, with the lab's keys for every user. */
function furnish(root: string, directory: string): void {
  const file = (path: string, text: string, mode = 0o644): void =>
    writeFileSync(join(root, path), text, { mode });
  mkdirSync(join(root, "lab"), { recursive: true });
  file("lab/host_key", readFileSync(join(directory, "host_key"), "utf8"), 0o600);
  file("lab/authorized_keys", readFileSync(join(directory, "client_key.pub"), "utf8"), 0o644);
  file(
    "lab/sshd_config",
    `${[
      "ListenAddress 0.0.0.0:22",
      "HostKey /lab/host_key",
      "AuthorizedKeysFile /lab/authorized_keys .ssh/authorized_keys",
      "PidFile none",
      "StrictModes no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      "UsePAM yes",
      "UseDNS no",
      "PrintMotd no",
      "MaxStartups 100:30:200",
      "Subsystem sftp internal-sftp",
      "SetEnv SHLVL=1",
      "LogLevel VERBOSE",
    ].join("\n")}\n`,
  );
  const system = "etc/systemd/system";
  file(
    `${system}/lab-sshd.service`,
    "[Unit]\nDescription=sshd of the lab\nAfter=network.target\n[Service]\nRuntimeDirectory=sshd\nExecStart=/usr/sbin/sshd -D -E /lab/sshd.log -f /lab/sshd_config\n",
  );
  file(
    `${system}/lab.target`,
    "[Unit]\nDescription=The lab\nRequires=basic.target dbus.socket\nWants=lab-sshd.service systemd-user-sessions.service\nAfter=basic.target\nAllowIsolate=yes\n",
  );
  rmSync(join(root, system, "default.target"), { force: true });
  symlinkSync("lab.target", join(root, system, "default.target"));
  for (const timer of [
    "apt-daily",
    "apt-daily-upgrade",
    "dpkg-db-backup",
    "man-db",
    "e2scrub_all",
    "fstrim",
    "logrotate",
  ])
    if (!existsSync(join(root, system, `${timer}.timer`)))
      symlinkSync("/dev/null", join(root, system, `${timer}.timer`));
  file("etc/machine-id", "");
  file("etc/fstab", "");
  file("etc/hostname", "guest\n");
  appendFileSync(join(root, "etc/hosts"), "127.0.1.1 guest\n");
  // Repositories of this machine are out of its reach.
  for (const path of ["etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/apt.conf.d/proxy.conf"])
    rmSync(join(root, path), { recursive: true, force: true });
  mkdirSync(join(root, "etc/apt/sources.list.d"), { recursive: true });
  rmSync(join(root, "var/lib/apt/lists"), { recursive: true, force: true });
  mkdirSync(join(root, "var/lib/apt/lists/partial"), { recursive: true });
}

async function untilAnswering(
  running: () => ChildProcess | undefined,
  host: string,
  log: () => string,
): Promise<void> {
  const deadline = Date.now() + bootMs;
  for (;;) {
    const child = running();
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      throw new Error(
        `the guest ended with ${child?.signalCode ?? child?.exitCode}:\n${log().slice(-4_000)}`,
      );
    if (await greets(host)) return;
    if (Date.now() > deadline)
      throw new Error(`the guest did not answer within ${bootMs} ms:\n${log().slice(-4_000)}`);
    await sleep(50);
  }
}

export function greets(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(22, host);
    const answer = (greeted: boolean): void => {
      socket.destroy();
      resolve(greeted);
    };
    socket.setTimeout(2_000, () => answer(false));
    socket.once("error", () => answer(false));
    socket.once("data", (data) => answer(data.toString("latin1").startsWith("SSH-2.0")));
  });
}
