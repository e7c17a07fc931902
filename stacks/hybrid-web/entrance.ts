import * as dns from "@orch/providers/dns";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { WebFront } from "./web";

/** How people come in: a name for the service's address, and the ingress that serves this name. */
export class Entrance extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;

  constructor(
    name: string,
    args: { zone: string; host: string; web: WebFront },
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("hybrid:index:Entrance", name, {}, options);
    const parent = { parent: this };
    const { zone, web } = args;

    const record = new dns.RecordSet(
      `${name}-name`,
      { zone, name: args.host, type: "A", ttl: 60, records: [web.address] },
      parent,
    );
    const host = record.fqdn.apply((fqdn) => fqdn.replace(/\.$/, ""));
    new k8s.networking.v1.Ingress(
      `${name}-ingress`,
      {
        metadata: {
          name: args.host,
          namespace: web.namespace,
          // Nothing here needs the controller's address, and it may come later.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          rules: [
            {
              host,
              http: {
                paths: [
                  {
                    path: "/",
                    pathType: "Prefix",
                    backend: { service: { name: web.service, port: { number: 80 } } },
                  },
                ],
              },
            },
          ],
        },
      },
      parent,
    );
    this.url = pulumi.interpolate`http://${host}/`;
    this.registerOutputs({ url: this.url });
  }
}
