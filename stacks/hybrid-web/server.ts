import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
import { processOf, unitOf } from "./service";

export interface StockServerArgs {
  machine: host.InventoryHost;
  /** Shown on the server's page. */
  greeting: string;
  /** A secret. */
  databaseUrl: pulumi.Input<string>;
  /** Who asks this server. */
  client: pulumi.Input<string>;
}

/** A machine that answers what is in stock: a folder, a configuration, a page, and the service that runs from them. */
export class StockServer extends pulumi.ComponentResource {
  readonly address: string;
  readonly port: number;

  constructor(name: string, args: StockServerArgs, options?: pulumi.ComponentResourceOptions) {
    super("hybrid:index:StockServer", name, {}, options);
    const { vars, connection } = args.machine;
    this.address = String(vars.address);
    this.port = Number(vars.port);
    const provider = new host.Provider(name, { connection }, { parent: this });
    const on = { parent: this, provider };

    const folder = new host.Directory(
      `${name}-folder`,
      { path: String(vars.root), mode: "0755", purge: true },
      on,
    );
    const at = (file: string) => pulumi.interpolate`${folder.path}/${file}`;
    const program = new host.File(
      `${name}-program`,
      { path: at("stock.py"), source: new pulumi.asset.FileAsset(join(__dirname, "files", "stock.py")) },
      on,
    );
    const settings = new host.File(
      `${name}-settings`,
      {
        path: at("stock.conf"),
        template: new pulumi.asset.FileAsset(join(__dirname, "files", "stock.conf.liquid")),
        variables: { port: this.port, client: args.client, databaseUrl: args.databaseUrl },
        mode: "0600",
      },
      on,
    );
    new host.File(
      `${name}-page`,
      {
        path: at("index.html"),
        template: new pulumi.asset.FileAsset(join(__dirname, "files", "index.html.liquid")),
        variables: { server: name, greeting: args.greeting, client: args.client },
        mode: "0644",
      },
      on,
    );
    const service = { folder: folder.path, program, settings };
    if (vars.systemd === true) new host.SystemdUnit(`${name}-service`, unitOf(service), on);
    else new host.Command(`${name}-service`, processOf(service), on);
    this.registerOutputs({ address: this.address, port: this.port });
  }
}
