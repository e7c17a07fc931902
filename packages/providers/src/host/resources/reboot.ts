/** Restarting machines. */
import type * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type OnMachine } from "./shared.js";

export interface RebootArgs extends OnMachine {
  /** Any values, such as a kernel's version; when one changes, the machine is restarted. */
  triggers?: pulumi.Input<pulumi.Input<unknown>[]>;
  /** Only where the system says that it needs it. Default false. */
  onlyIfNeeded?: pulumi.Input<boolean>;
  /** What restarts it. Default: `systemctl reboot`, or `reboot`. */
  command?: pulumi.Input<string>;
  /** Seconds until it must be back. Default 600. */
  wait?: pulumi.Input<number>;
}

/** Restarts a machine when it is made and when one of its triggers changes, and waits until it is back. */
export class Reboot extends HostResource {
  /** The kernel's id of this start of the machine. */
  declare readonly bootId: pulumi.Output<string>;
  /** The last apply restarted it. */
  declare readonly rebooted: pulumi.Output<boolean>;

  static override isInstance(value: unknown): value is Reboot {
    return isOfType(value, "host:index:Reboot");
  }
  constructor(name: string, args: RebootArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:Reboot", ["bootId", "rebooted"], name, args, options);
  }
}
