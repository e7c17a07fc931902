/** systemd units, and jobs of cron. */
import type * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type OnMachine, type Overwriting } from "./shared.js";

export interface SystemdUnitArgs extends Overwriting {
  /** With its kind: app.service, backup.timer. Another one replaces. */
  name: pulumi.Input<string>;
  /** The unit file. */
  content: pulumi.Input<string>;
  /** Started with the machine. Default: left alone. */
  enabled?: pulumi.Input<boolean>;
  /** Running now, or not. Default: left alone. */
  started?: pulumi.Input<boolean>;
  /** Restart it when its file changed and it runs. Default true. */
  restart?: pulumi.Input<boolean>;
  /** Let `systemd-analyze verify` look at the file first. Default true. */
  verify?: pulumi.Input<boolean>;
}

/** A systemd unit of your own: its file, and whether it is enabled and running. A changed file restarts it. */
export class SystemdUnit extends HostResource {
  declare readonly name: pulumi.Output<string>;
  /** `active`, `inactive`, `failed` … */
  declare readonly active: pulumi.Output<string>;
  /** `running`, `waiting`, `exited`, `dead` … */
  declare readonly sub: pulumi.Output<string>;
  /** `enabled`, `disabled`, `static` … */
  declare readonly unitFileState: pulumi.Output<string>;
  /** The unit file. */
  declare readonly path: pulumi.Output<string>;
  declare readonly content: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): SystemdUnit {
    return new SystemdUnit(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is SystemdUnit {
    return isOfType(value, "host:index:SystemdUnit");
  }
  constructor(name: string, args: SystemdUnitArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "host:index:SystemdUnit",
      ["name", "active", "sub", "unitFileState", "path", "content"],
      name,
      args,
      options,
    );
  }
}

export interface ServiceArgs extends OnMachine {
  /** With its kind: nginx.service. Another one replaces. */
  name: pulumi.Input<string>;
  /** Started with the machine. Default: left alone. */
  enabled?: pulumi.Input<boolean>;
  /** Running now, or not. Default: left alone. */
  running?: pulumi.Input<boolean>;
  /** Any values; when one changes, it is restarted if it runs. */
  triggers?: pulumi.Input<pulumi.Input<unknown>[]>;
  /** Default restart; `reload` restarts what can't reload. */
  onTrigger?: pulumi.Input<"restart" | "reload">;
}

/** The state of a unit that a package or somebody else brought. Deleting it leaves the unit as it is. */
export class Service extends HostResource {
  declare readonly name: pulumi.Output<string>;
  /** `active`, `inactive`, `failed` … */
  declare readonly active: pulumi.Output<string>;
  /** `running`, `waiting`, `exited`, `dead` … */
  declare readonly sub: pulumi.Output<string>;
  /** `enabled`, `disabled`, `static` … */
  declare readonly unitFileState: pulumi.Output<string>;
  /** The unit file. */
  declare readonly path: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Service {
    return new Service(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Service {
    return isOfType(value, "host:index:Service");
  }
  constructor(name: string, args: ServiceArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:Service", ["name", "active", "sub", "unitFileState", "path"], name, args, options);
  }
}

export interface CronJobArgs extends Overwriting {
  /** Name of the file. Another one replaces. */
  name: pulumi.Input<string>;
  /** `30 2 * * *`, or `@daily`, `@hourly`, `@reboot` … */
  schedule: pulumi.Input<string>;
  /** What cron's shell runs. A percent sign means itself. */
  command: pulumi.Input<string>;
  /** Default root. */
  user?: pulumi.Input<string>;
  /** Variables, such as PATH and MAILTO. */
  environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** A job of cron, in a file of its own in /etc/cron.d. */
export class CronJob extends HostResource {
  declare readonly name: pulumi.Output<string>;
  /** The file. */
  declare readonly path: pulumi.Output<string>;
  /** What is in it. */
  declare readonly content: pulumi.Output<string>;
  /** Absent where the file has another shape than one job; so are the next two. */
  declare readonly schedule: pulumi.Output<string | undefined>;
  declare readonly command: pulumi.Output<string | undefined>;
  declare readonly user: pulumi.Output<string | undefined>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): CronJob {
    return new CronJob(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is CronJob {
    return isOfType(value, "host:index:CronJob");
  }
  constructor(name: string, args: CronJobArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "host:index:CronJob",
      ["name", "path", "content", "schedule", "command", "user"],
      name,
      args,
      options,
    );
  }
}
