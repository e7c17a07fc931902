/** Functions that look at a machine. */
import * as pulumi from "@pulumi/pulumi";
import { withVersion } from "../../direct/program.js";
import { type Connection, protect } from "./shared.js";

export interface ReadFileArgs {
  /** Absolute path on the machine. */
  path: string;
  connection?: Connection;
}
export interface ReadFileResult {
  readonly path: string;
  /** The content, where it is text of at most 256 KiB. */
  readonly content?: string;
  /** The content otherwise. */
  readonly base64?: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** Reads a file that orch need not manage; while planning, too. */
export function readFile(args: ReadFileArgs, options?: pulumi.InvokeOptions): Promise<ReadFileResult> {
  return pulumi.runtime.invoke("host:index:readFile", withConnection(args), withVersion(options));
}
export function readFileOutput(
  args: { path: pulumi.Input<string>; connection?: pulumi.Input<Connection> },
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<ReadFileResult> {
  return pulumi.runtime.invokeOutput("host:index:readFile", withConnection(args), withVersion(options));
}

export interface Facts {
  /** As `uname -n` gives it. */
  readonly hostname: string;
  /** `debian`, `ubuntu`, `alpine`, `macos` …; empty where it can't be told. */
  readonly os: string;
  /** `debian`, `redhat`, `suse`, `alpine`, `arch`, `macos`; else the same as `os`. */
  readonly osFamily: string;
  /** `13`; empty where there is none. */
  readonly osVersion: string;
  /** In full, for people. */
  readonly osName: string;
  /** `Linux`, `Darwin` … */
  readonly kernel: string;
  readonly kernelVersion: string;
  /** `x86_64`, `aarch64` … */
  readonly architecture: string;
  /** Empty where none of these is there. */
  readonly packageManager: "apt" | "dnf" | "yum" | "zypper" | "apk" | "pacman" | "brew" | "";
  /** What runs as process 1; empty where it can't be told. */
  readonly initSystem: "systemd" | "openrc" | "launchd" | "runit" | "sysvinit" | "";
  readonly cpus: number;
  /** 0 where it can't be told. */
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** Mounted file systems on devices. */
  readonly disks: readonly {
    readonly device: string;
    readonly mount: string;
    readonly sizeBytes: number;
    /** For users other than root. */
    readonly freeBytes: number;
  }[];
  /** All but those of the loopback interface. */
  readonly addresses: readonly {
    readonly interface: string;
    readonly family: "ipv4" | "ipv6";
    readonly address: string;
    /** Bits of the network. */
    readonly prefix?: number;
  }[];
  /** The IPv4 address that it reaches others from; empty where it has none. */
  readonly defaultAddress: string;
  /** `Europe/Berlin`, `Etc/UTC` … */
  readonly timeZone: string;
  /** Its packages ask for a restart. */
  readonly rebootRequired: boolean;
  /** `disabled` also where there is none. */
  readonly selinux: "enforcing" | "permissive" | "disabled";
  readonly apparmor: boolean;
  /** `none`, or what systemd-detect-virt says: `kvm`, `vmware`, `lxc`, `docker` … */
  readonly virtualization: string;
  /** The login's user. */
  readonly user: string;
  readonly uid: number;
  readonly home: string;
}

/** What a machine is: its name, system, size, network, disks and how it is run. */
export function facts(
  args: { connection?: Connection } = {},
  options?: pulumi.InvokeOptions,
): Promise<Facts> {
  return pulumi.runtime.invoke("host:index:facts", withConnection(args), withVersion(options));
}
export function factsOutput(
  args: { connection?: pulumi.Input<Connection> } = {},
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<Facts> {
  return pulumi.runtime.invokeOutput("host:index:facts", withConnection(args), withVersion(options));
}

function withConnection<A extends { connection?: pulumi.Input<Connection> }>(args: A): pulumi.Inputs {
  const connection = protect(args.connection);
  return { ...args, ...(connection === undefined ? {} : { connection }) };
}
