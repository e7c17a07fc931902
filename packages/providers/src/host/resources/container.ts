/** Containers, through podman or docker. */
import type * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type Overwriting } from "./shared.js";

export interface ContainerHealth {
  /** What the container's shell runs; exit code 0 is healthy. */
  command: pulumi.Input<string>;
  /** Seconds between two checks. */
  interval?: pulumi.Input<number>;
  /** Seconds that one check may take. */
  timeout?: pulumi.Input<number>;
  /** So many failed checks make it unhealthy. */
  retries?: pulumi.Input<number>;
  /** Seconds that it may take to start, before failed checks count. */
  startPeriod?: pulumi.Input<number>;
}

export interface ContainerArgs extends Overwriting {
  /** Its name. Another one replaces. */
  name: pulumi.Input<string>;
  /** By tag, or pinned (`…@sha256:…`). A tag is not looked up in its registry while planning. */
  image: pulumi.Input<string>;
  /** When the image is fetched, before anything else is touched. Default missing. */
  pull?: pulumi.Input<"missing" | "always" | "never">;
  /** In place of the image's own entry point. */
  entrypoint?: pulumi.Input<pulumi.Input<string>[]>;
  /** Program and arguments. Default: the image's. */
  command?: pulumi.Input<pulumi.Input<string>[]>;
  /** Variables, beside those of the image. May be secret: they never stand in an argument. */
  environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** `[address:]port of the machine:port of the container[/udp]`. */
  ports?: pulumi.Input<pulumi.Input<string>[]>;
  /** `folder or volume:/path in the container[:ro]`. A volume that is not there is made. */
  volumes?: pulumi.Input<pulumi.Input<string>[]>;
  /** Networks that are there, or `host` or `none`. Default: the tool's own. */
  networks?: pulumi.Input<pulumi.Input<string>[]>;
  /** `no` (default), `always`, `unless-stopped`, `on-failure` or `on-failure:5`. */
  restart?: pulumi.Input<string>;
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** User, or `user:group`, in the container. Default: the image's. */
  user?: pulumi.Input<string>;
  /** Folder that it starts in. Default: the image's. */
  workdir?: pulumi.Input<string>;
  /** Default: its id. */
  hostname?: pulumi.Input<string>;
  /** A health check in place of the image's. */
  health?: pulumi.Input<ContainerHealth>;
  /** Most memory, such as 512m. Default: no limit. */
  memory?: pulumi.Input<string>;
  /** Most processors, such as 1.5. Default: no limit. */
  cpus?: pulumi.Input<number>;
  /** Most processes. Default: the tool's. */
  pids?: pulumi.Input<number>;
  /** Its own files can't be changed. Default false. */
  readOnly?: pulumi.Input<boolean>;
  /** As free as a process of the machine's root. Default false. */
  privileged?: pulumi.Input<boolean>;
  /** Capabilities beside the usual ones, such as NET_ADMIN. */
  capAdd?: pulumi.Input<pulumi.Input<string>[]>;
  /** Capabilities that it lacks; `ALL`. */
  capDrop?: pulumi.Input<pulumi.Input<string>[]>;
  /** Seconds that it may take to end before it is killed. */
  stopTimeout?: pulumi.Input<number>;
  /** More options for `create`, as one would type them, each a word. */
  options?: pulumi.Input<pulumi.Input<string>[]>;
  /** Default running. */
  state?: pulumi.Input<"running" | "stopped">;
  /** So many seconds it may take to become healthy. Default: it is not waited for. */
  wait?: pulumi.Input<number>;
  /** Any values; when one changes, it is restarted. */
  triggers?: pulumi.Input<pulumi.Input<unknown>[]>;
  /** Default: podman where the machine has it, else docker. Another one replaces. */
  tool?: pulumi.Input<"podman" | "docker">;
}

/** A container. When its settings change it is made anew; the former one comes back where the new one does not start. */
export class Container extends HostResource {
  declare readonly name: pulumi.Output<string>;
  /** The id that the tool gave it: another one each time it is made. */
  declare readonly containerId: pulumi.Output<string>;
  /** The image that it runs. */
  declare readonly imageId: pulumi.Output<string>;
  /** What the tag means on that machine by now. */
  declare readonly localImageId: pulumi.Output<string | undefined>;
  /** A hash of all that it was made with. */
  declare readonly settings: pulumi.Output<string>;
  /** The same, right after orch made it. */
  declare readonly expected: pulumi.Output<string | undefined>;
  /** Which step of orch's made it. */
  declare readonly token: pulumi.Output<string | undefined>;
  /** `podman` or `docker`. */
  declare readonly tool: pulumi.Output<"podman" | "docker">;
  /** `running`, `exited`, `created` … */
  declare readonly status: pulumi.Output<string>;
  /** `healthy`, `unhealthy`, `starting`; absent without a health check. */
  declare readonly health: pulumi.Output<string | undefined>;
  /** Its address in each of its networks. */
  declare readonly addresses: pulumi.Output<Record<string, string>>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Container {
    return new Container(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Container {
    return isOfType(value, "host:index:Container");
  }
  constructor(name: string, args: ContainerArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "host:index:Container",
      [
        ...["name", "containerId", "imageId", "localImageId", "settings", "expected", "token"],
        ...["tool", "status", "health", "addresses"],
      ],
      name,
      args,
      options,
    );
  }
}
