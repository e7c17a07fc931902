/** The kernel: parameters and firewall. */
import type * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type Overwriting } from "./shared.js";

export interface SysctlArgs extends Overwriting {
  /** Such as `net.ipv4.ip_forward`. Another one replaces. */
  key: pulumi.Input<string>;
  /** Several numbers are separated by spaces. */
  value: pulumi.Input<string | number>;
}

/** A parameter of the kernel: now, and in /etc/sysctl.d for the next start. Deleted, it gets back what it was before. */
export class Sysctl extends HostResource {
  declare readonly key: pulumi.Output<string>;
  /** What the kernel has now. */
  declare readonly value: pulumi.Output<string>;
  /** The file that sets it at the next start. */
  declare readonly path: pulumi.Output<string>;
  /** What it was before orch set it. */
  declare readonly previous: pulumi.Output<string | undefined>;

  /** One that somebody else manages; `id` is the key. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Sysctl {
    return new Sysctl(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Sysctl {
    return isOfType(value, "host:index:Sysctl");
  }
  constructor(name: string, args: SysctlArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:Sysctl", ["key", "value", "path", "previous"], name, args, options);
  }
}

export interface FirewallTableArgs extends Overwriting {
  /** Default inet. Another one replaces. */
  family?: pulumi.Input<"inet" | "ip" | "ip6" | "arp" | "bridge" | "netdev">;
  /** Another one replaces. */
  name: pulumi.Input<string>;
  /** What stands inside `table … { }`, in nft's own words. */
  rules: pulumi.Input<string>;
  /** Also load it when the machine starts. Default true. */
  persist?: pulumi.Input<boolean>;
  /**
   * Seconds within which orch must be able to connect anew once the rules are loaded; else the machine loads the former ones again by itself.
   * Default 20 over SSH, and 0 (not tried) on the machine that runs orch.
   */
  guard?: pulumi.Input<number>;
}

/** A table of nftables, owned whole. nft checks it first, and the kernel takes all of it or nothing. */
export class FirewallTable extends HostResource {
  declare readonly family: pulumi.Output<string>;
  declare readonly name: pulumi.Output<string>;
  /** What the kernel has, as nft prints it. */
  declare readonly listing: pulumi.Output<string>;
  /** The same, right after orch last loaded it. */
  declare readonly expected: pulumi.Output<string | undefined>;
  /** The file that loads it at the next start. */
  declare readonly path: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the family, a space, and the name. */
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    options?: pulumi.CustomResourceOptions,
  ): FirewallTable {
    return new FirewallTable(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is FirewallTable {
    return isOfType(value, "host:index:FirewallTable");
  }
  constructor(name: string, args: FirewallTableArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:FirewallTable", ["family", "name", "listing", "expected", "path"], name, args, options);
  }
}
