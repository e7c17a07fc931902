/** All the systems that stacks/hybrid-web is about, and its configuration for them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LabBind, startBind } from "./bind.js";
import { type LabGuest, startGuest } from "./guest.js";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { freePort } from "./process.js";
import { type LabSamba, startSamba } from "./samba.js";
import { type LabSshd, startSshd } from "./sshd.js";

export const hybridNeeds = [...kubernetesNeeds, "guest", "sshd", "bind9", "postgres", "samba"] as const;

export interface LabHybrid {
  readonly kubernetes: LabKubernetes;
  /** `stock1`: only SSH, no systemd. Its service lives in `folder`/stock1. */
  readonly sshd: LabSshd;
  /** `stock2`: a whole machine with systemd. */
  readonly guest: LabGuest;
  readonly bind: LabBind;
  readonly postgres: LabPostgres;
  readonly samba: LabSamba;
  readonly folder: string;
  /** What orch needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The stack's configuration: plain values, and secret ones. */
  readonly config: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Writes the servers' host keys where a user with this home folder has them. */
  trustHosts(home: string): void;
  remove(): Promise<void>;
}

/** Starts all of them at once, each in a folder of its own; half a minute on a machine with nothing else to do. Needs root. */
export async function startHybrid(): Promise<LabHybrid> {
  const folder = mkdtempSync(join(tmpdir(), "orch-lab-hybrid-"));
  const started = await Promise.allSettled([
    startKubernetes(),
    startSshd(),
    startGuest(),
    startBind(),
    startPostgres(),
    startSamba(),
  ] as const);
  const removeAll = async (): Promise<void> => {
    endStock1(join(folder, "stock1", "stock.pid"));
    await Promise.all(started.map((each) => (each.status === "fulfilled" ? each.value.remove() : undefined)));
    rmSync(folder, { recursive: true, force: true });
  };
  const failed = started.find((each) => each.status === "rejected");
  if (failed) {
    await removeAll();
    throw failed.reason;
  }
  const [kubernetes, sshd, guest, bind, postgres, samba] = started.map(
    (each) => (each as PromiseFulfilledResult<unknown>).value,
  ) as [LabKubernetes, LabSshd, LabGuest, LabBind, LabPostgres, LabSamba];

  const inventory = join(folder, "inventory.yml");
  const hosts = {
    stock1: {
      ansible_host: sshd.host,
      ansible_port: sshd.port,
      ansible_user: sshd.user,
      ansible_ssh_private_key_file: sshd.privateKeyPath,
      address: "192.0.2.11",
      root: join(folder, "stock1"),
      port: await freePort(),
    },
    stock2: {
      ansible_host: guest.host,
      ansible_user: "root",
      ansible_ssh_private_key_file: guest.privateKeyPath,
      address: guest.host,
      root: "/srv/stock",
      port: 8080,
      systemd: true,
    },
  };
  // JSON is YAML.
  writeFileSync(inventory, JSON.stringify({ all: { children: { stock: { hosts } } } }, null, 2));

  return {
    kubernetes,
    sshd,
    guest,
    bind,
    postgres,
    samba,
    folder,
    env: { KUBECONFIG: kubernetes.kubeconfig },
    config: {
      inventory,
      databaseHost: postgres.host,
      databasePort: String(postgres.port),
      databaseTls: "disable",
      zone: "example.test",
      dnsServer: bind.host,
      dnsPort: String(bind.port),
      dnsKeyName: bind.key.name,
      domain: samba.domain,
      directoryUrl: samba.ldapsUrl,
      directoryCa: samba.ca,
      directoryAdmin: samba.admin.bindDn,
    },
    secrets: {
      databaseAdminPassword: postgres.password,
      dnsKey: bind.key.secret,
      directoryAdminPassword: samba.admin.password,
    },
    trustHosts(home) {
      mkdirSync(join(home, ".ssh"), { recursive: true, mode: 0o700 });
      const lines = [sshd.knownHostsPath, guest.knownHostsPath].map((path) => readFileSync(path, "utf8"));
      writeFileSync(join(home, ".ssh", "known_hosts"), lines.join(""));
    },
    remove: removeAll,
  };
}

/** The service of the machine that is this one, where a stack was not destroyed before its servers were taken away. */
function endStock1(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
  } catch (failure) {
    if (!["ENOENT", "ESRCH"].includes((failure as NodeJS.ErrnoException).code ?? "")) throw failure;
  }
}
