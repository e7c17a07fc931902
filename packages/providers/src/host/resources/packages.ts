/** Packages and where they come from. */
import type * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type OnMachine, type Overwriting } from "./shared.js";

export interface PackageArgs extends OnMachine {
  /** Another one replaces. */
  name: pulumi.Input<string>;
  /** Exactly this version, also an older one. Default: what is installed, and the newest if none is. */
  version?: pulumi.Input<string>;
  /** True: it must not be installed. */
  absent?: pulumi.Input<boolean>;
  /** Kept at its version when the machine is upgraded. */
  hold?: pulumi.Input<boolean>;
  /** apt: take its configuration along when it is removed. */
  purge?: pulumi.Input<boolean>;
  /** apt and zypper: also install what it recommends. Default false. */
  recommends?: pulumi.Input<boolean>;
  /** Default: the one that the machine has. */
  manager?: pulumi.Input<"apt" | "dnf" | "zypper">;
}

/** A package of apt, dnf or zypper. Deleting it removes the package, unless it was installed before orch came. */
export class Package extends HostResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly manager: pulumi.Output<string>;
  declare readonly installed: pulumi.Output<boolean>;
  /** The installed version. */
  declare readonly version: pulumi.Output<string | undefined>;
  declare readonly hold: pulumi.Output<boolean>;
  /** It was installed before orch came. */
  declare readonly preinstalled: pulumi.Output<boolean>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Package {
    return new Package(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Package {
    return isOfType(value, "host:index:Package");
  }
  constructor(name: string, args: PackageArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "host:index:Package",
      ["name", "manager", "installed", "version", "hold", "preinstalled"],
      name,
      args,
      options,
    );
  }
}

export interface PackageRepositoryArgs extends Overwriting {
  /** Name of its file. Another one replaces. */
  name: pulumi.Input<string>;
  /** Where it is. */
  url: pulumi.Input<string>;
  /** apt: such as `["bookworm"]`, or `["./"]` for a flat one. Needed there. */
  suites?: pulumi.Input<pulumi.Input<string>[]>;
  /** apt: such as `["main"]`. */
  components?: pulumi.Input<pulumi.Input<string>[]>;
  /** apt: only for these. */
  architectures?: pulumi.Input<pulumi.Input<string>[]>;
  /** The key that signs it, armoured. Trusted for this repository alone. */
  key?: pulumi.Input<string>;
  /** Take it without a signature. Default false. */
  trusted?: pulumi.Input<boolean>;
  /** dnf and zypper: its name for people. */
  description?: pulumi.Input<string>;
  /** Default true. */
  enabled?: pulumi.Input<boolean>;
  /** Default: the one that the machine has. */
  manager?: pulumi.Input<"apt" | "dnf" | "zypper">;
}

/** A repository of packages with the key that signs it. What the package manager refuses is taken back. */
export class PackageRepository extends HostResource {
  declare readonly name: pulumi.Output<string>;
  /** Its file. */
  declare readonly path: pulumi.Output<string>;
  /** What is in it. */
  declare readonly content: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the name. */
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    options?: pulumi.CustomResourceOptions,
  ): PackageRepository {
    return new PackageRepository(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is PackageRepository {
    return isOfType(value, "host:index:PackageRepository");
  }
  constructor(name: string, args: PackageRepositoryArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:PackageRepository", ["name", "path", "content"], name, args, options);
  }
}
