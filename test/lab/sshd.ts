import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { findProgram } from "./requirements.js";

/** A forwarding that a client asked this server for, as a jump host is asked. */
export interface Forward {
  readonly host: string;
  readonly port: number;
}

/**
 * A real OpenSSH server on loopback, with keys of its own in a folder of its own. The user is the one who runs the
 * tests, so commands and files act on this machine: tests keep to folders they made.
 */
export interface LabSshd {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The folder with keys, configuration and log; removed by `remove`. */
  readonly directory: string;
  readonly privateKeyPath: string;
  /** OpenSSH format, without a passphrase. */
  readonly privateKeyPem: string;
  /** A second accepted key, encrypted with `passphrase`. */
  readonly encryptedKeyPath: string;
  readonly encryptedKeyPem: string;
  readonly passphrase: string;
  /** A key that the server does not accept. */
  readonly strangerKeyPath: string;
  /** `[host]:port type key`, in the format of known_hosts (sshd(8)); a new one after `rekey`. */
  readonly knownHostsLine: string;
  /** A known_hosts file with that line. `rekey` leaves it as it was, as a client's file would be. */
  readonly knownHostsPath: string;
  /** The lines that the server has logged so far, at level DEBUG1. */
  log(): string;
  /** How many times a client has logged in with a key. */
  logins(): number;
  /** The forwardings that clients asked for through this server. */
  forwards(): Forward[];
  /** Ends the server and every connection it holds: the host is down. */
  stop(): Promise<void>;
  /** Starts the server again, on the same port and with the same keys. */
  start(): Promise<void>;
  /** Gives the server a new host key, as a reinstalled or impersonated host has, and starts it again. */
  rekey(): Promise<void>;
  /** Stops the server and removes its folder. */
  remove(): Promise<void>;
}

const START_TIMEOUT_MS = 15_000;

/**
 * Starts a server. Two of them make a jump host and its target.
 *
 * Passwords are not offered: OpenSSH checks them against the accounts of the machine, which a test must not change.
 */
export async function startSshd(): Promise<LabSshd> {
  const sshd = findProgram("sshd");
  if (!sshd) throw new Error("sshd is missing; to install: node test/lab/install.mjs sshd");
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-sshd-"));
  const file = (name: string) => join(directory, name);
  const user = userInfo().username;
  const passphrase = "correct horse battery staple";

  makeKey(file("host_key"), "");
  makeKey(file("client_key"), "");
  makeKey(file("encrypted_key"), passphrase);
  makeKey(file("stranger_key"), "");
  const accepted = ["client_key.pub", "encrypted_key.pub"].map((name) => readFileSync(file(name), "utf8"));
  writeFileSync(file("authorized_keys"), accepted.join(""), { mode: 0o600 });

  let child: ChildProcess | undefined;
  let port = 0;

  const hostLine = () => {
    const [type, key] = readFileSync(file("host_key.pub"), "utf8").split(" ");
    return `[${HOST}]:${port} ${type} ${key}`;
  };

  const launch = async () => {
    writeFileSync(file("sshd_config"), configuration(directory, port));
    const log = openSync(file("sshd.log"), "a");
    // sshd wants to be called by its full path, because it starts itself again for every connection.
    child = spawn(sshd, ["-D", "-e", "-f", file("sshd_config")], { stdio: ["ignore", log, log] });
    closeSync(log);
    endWithThisProcess(child);
    await untilAnswering(child, port, () => readFileSync(file("sshd.log"), "utf8"));
  };

  const stop = async () => {
    const ending = child;
    child = undefined;
    if (ending?.pid === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    // Each connection has processes of its own that outlive the listener: note them while their parents are known.
    const sessions = descendants(ending.pid);
    const ended = new Promise<void>((resolve) => ending.once("exit", () => resolve()));
    ending.kill("SIGTERM");
    await ended;
    for (const pid of sessions) endProcess(pid);
  };

  try {
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    // Another process may take the free port between looking and binding, so a few are tried.
    for (let attempt = 1; ; attempt++) {
      port = await freePort();
      try {
        await launch();
        break;
      } catch (failure) {
        await stop();
        if (attempt === 5 || !String(failure).includes("Address already in use")) throw failure;
      }
    }
    writeFileSync(file("known_hosts"), `${hostLine()}\n`);
  } catch (failure) {
    await stop();
    rmSync(directory, { recursive: true, force: true });
    throw failure;
  }

  const log = () => readFileSync(file("sshd.log"), "utf8");
  return {
    host: HOST,
    port,
    user,
    directory,
    privateKeyPath: file("client_key"),
    privateKeyPem: readFileSync(file("client_key"), "utf8"),
    encryptedKeyPath: file("encrypted_key"),
    encryptedKeyPem: readFileSync(file("encrypted_key"), "utf8"),
    passphrase,
    strangerKeyPath: file("stranger_key"),
    get knownHostsLine() {
      return hostLine();
    },
    knownHostsPath: file("known_hosts"),
    log,
    logins: () => log().match(/^Accepted publickey for /gm)?.length ?? 0,
    forwards: () =>
      [
        ...log().matchAll(/server_request_direct_tcpip: originator \S+ port \d+, target (\S+) port (\d+)/g),
      ].map(([, host, at]) => ({ host: host as string, port: Number(at) })),
    stop,
    start: async () => {
      if (!child) await launch();
    },
    rekey: async () => {
      await stop();
      rmSync(file("host_key"), { force: true });
      rmSync(file("host_key.pub"), { force: true });
      makeKey(file("host_key"), "");
      await launch();
    },
    remove: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** See sshd_config(5). Everything that would be read from /etc is named here. */
function configuration(directory: string, port: number): string {
  return `${[
    `ListenAddress ${HOST}:${port}`,
    `HostKey ${join(directory, "host_key")}`,
    `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
    "PidFile none",
    // The folder is below /tmp, which everybody may write to.
    "StrictModes no",
    "PubkeyAuthentication yes",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    `UsePAM ${needsPam() ? "yes" : "no"}`,
    "UseDNS no",
    "AllowTcpForwarding yes",
    "X11Forwarding no",
    "PrintMotd no",
    "MaxStartups 100:30:200",
    "MaxSessions 100",
    "Subsystem sftp internal-sftp",
    // bash reads ~/.bashrc for commands over SSH unless it runs within another shell. What stands there on this machine
    // (some take half a second) is not to decide how long a test takes.
    "SetEnv SHLVL=1",
    "LogLevel DEBUG1",
  ].join("\n")}\n`;
}

/** Without PAM, OpenSSH refuses accounts whose password is locked (`!` in shadow(5)), also with a key. */
function needsPam(): boolean {
  const { username, uid } = userInfo();
  if (uid !== 0 || !existsSync("/etc/pam.d/sshd")) return false;
  const line = readFileSync("/etc/shadow", "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${username}:`));
  return line?.split(":")[1]?.startsWith("!") ?? false;
}

function makeKey(path: string, passphrase: string): void {
  const keygen = findProgram("ssh-keygen");
  if (!keygen) throw new Error("ssh-keygen is missing; to install: node test/lab/install.mjs sshd");
  execFileSync(keygen, ["-q", "-t", "ed25519", "-N", passphrase, "-C", "orch-lab", "-f", path]);
}

/** Waits until the server greets a client; fails with its log when it ends before that or takes too long. */
async function untilAnswering(child: ChildProcess, port: number, log: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`sshd ended with ${child.signalCode ?? child.exitCode} instead of starting:\n${log()}`);
    }
    if (await greets(port)) return;
    if (Date.now() > deadline)
      throw new Error(`sshd did not answer within ${START_TIMEOUT_MS} ms:\n${log()}`);
    await sleep(25);
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    const answer = (greeted: boolean) => {
      socket.destroy();
      resolve(greeted);
    };
    socket.setTimeout(2_000, () => answer(false));
    socket.once("error", () => answer(false));
    socket.once("close", () => answer(false));
    socket.once("data", (data) => answer(data.toString("latin1").startsWith("SSH-2.0")));
  });
}

/** The processes below `root`, from the parents that /proc names (proc(5), field 4 of stat). */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // The process ended while the list was being read.
    }
  }
  const below = (pid: number): number[] =>
    (children.get(pid) ?? []).flatMap((each) => [each, ...below(each)]);
  return below(root);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== "ESRCH") throw failure;
  }
}
