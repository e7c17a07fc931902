import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

export interface ShopArgs {
  /** Absolute folder for the service's files; made, and removed again. */
  folder: string;
  port: number;
  /** Who has it may change the items. */
  token: pulumi.Input<string>;
}

/** A running service on this machine: its folder, its configuration and its process. */
export class Shop extends pulumi.ComponentResource {
  /** Where the running service answers, as it said itself. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: ShopArgs, options?: pulumi.ComponentResourceOptions) {
    super("quickstart:index:Shop", name, {}, options);
    const parent = { parent: this };

    const folder = new host.Directory(
      `${name}-folder`,
      { path: args.folder, mode: "0755", purge: true },
      parent,
    );
    const settings = new host.File(
      `${name}-settings`,
      {
        path: pulumi.interpolate`${folder.path}/settings.json`,
        content: pulumi.jsonStringify({ port: args.port, folder: folder.path, token: args.token }),
        mode: "0600",
      },
      parent,
    );

    const script = join(__dirname, "service", "server.mjs");
    const run = (verb: string) => pulumi.interpolate`node '${script}' ${verb} '${settings.path}'`;
    const service = new host.Command(
      `${name}-service`,
      {
        create: run("start"),
        read: run("status"),
        delete: run("stop"),
        triggers: [settings.sha256],
      },
      parent,
    );

    this.url = service.stdout.apply((text) => text.trim());
    this.registerOutputs({ url: this.url });
  }
}
