import * as dns from "@orch/providers/dns";
import * as pulumi from "@pulumi/pulumi";
import type { StockServer } from "./server";

/** The servers' names: one each, one for all of them, and where their service is (SRV). */
export class ServerNames extends pulumi.ComponentResource {
  /** Whole names of the servers, without a dot at their end, with the port. */
  readonly endpoints: pulumi.Output<string[]>;

  constructor(
    name: string,
    args: { zone: string; servers: Readonly<Record<string, StockServer>> },
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("hybrid:index:ServerNames", name, {}, options);
    const { zone } = args;
    const servers = Object.values(args.servers);
    // A name that is known leads to a server that answers.
    const after = { parent: this, dependsOn: servers };

    const named = Object.entries(args.servers).map(([host, server]) => ({
      port: server.port,
      record: new dns.RecordSet(
        `${name}-${host}`,
        { zone, name: host, type: "A", ttl: 300, records: [server.address] },
        after,
      ),
    }));
    new dns.RecordSet(
      `${name}-all`,
      { zone, name: "stock", type: "A", ttl: 60, records: servers.map(({ address }) => address) },
      after,
    );
    new dns.RecordSet(
      `${name}-service`,
      {
        zone,
        name: "_stock._tcp",
        type: "SRV",
        ttl: 60,
        records: named.map(({ record, port }) => pulumi.interpolate`10 50 ${port} ${record.fqdn}`),
      },
      after,
    );
    this.endpoints = pulumi.all(
      named.map(({ record, port }) => record.fqdn.apply((fqdn) => `${fqdn.replace(/\.$/, "")}:${port}`)),
    );
    this.registerOutputs({ endpoints: this.endpoints });
  }
}
