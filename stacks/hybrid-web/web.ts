import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ServiceAccount } from "./account";
import type { AppDatabase } from "./database";

export interface WebFrontArgs {
  image: string;
  replicas: number;
  database: AppDatabase;
  account: ServiceAccount;
  /** `name:port` of each. */
  stockServers: pulumi.Input<string[]>;
  greeting: string;
}

/** The web front on Kubernetes: its namespace, settings, credentials, pods and the service before them. */
export class WebFront extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  readonly service: pulumi.Output<string>;
  /** Where the service is reached inside; a cluster's network may route it to the rest of the house. */
  readonly address: pulumi.Output<string>;

  constructor(name: string, args: WebFrontArgs, options?: pulumi.ComponentResourceOptions) {
    super("hybrid:index:WebFront", name, {}, options);
    const parent = { parent: this };
    const labels = { app: name };

    const namespace = new k8s.core.v1.Namespace(`${name}-namespace`, { metadata: { name } }, parent);
    const inside = { namespace: namespace.metadata.name };
    // Without names of their own: other contents are other objects, and so a rollout.
    const settings = new k8s.core.v1.ConfigMap(
      `${name}-settings`,
      {
        metadata: inside,
        data: {
          GREETING: args.greeting,
          DATABASE: pulumi.interpolate`${args.database.host}/${args.database.database} as ${args.database.role}`,
          DIRECTORY_USER: args.account.principal,
          DIRECTORY_GROUP: args.account.group,
          STOCK_SERVERS: pulumi.output(args.stockServers).apply((servers) => servers.join(",")),
        },
      },
      parent,
    );
    const credentials = new k8s.core.v1.Secret(
      `${name}-credentials`,
      {
        metadata: inside,
        stringData: { DATABASE_URL: args.database.url, DIRECTORY_PASSWORD: args.account.password },
      },
      parent,
    );
    const pods = new k8s.apps.v1.Deployment(
      `${name}-pods`,
      {
        metadata: { ...inside, name },
        spec: {
          replicas: args.replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              containers: [
                {
                  name: "web",
                  image: args.image,
                  ports: [{ containerPort: 80 }],
                  envFrom: [
                    { configMapRef: { name: settings.metadata.name } },
                    { secretRef: { name: credentials.metadata.name } },
                  ],
                  resources: { requests: { cpu: "100m", memory: "64Mi" } },
                },
              ],
            },
          },
        },
      },
      parent,
    );
    const service = new k8s.core.v1.Service(
      `${name}-service`,
      { metadata: { ...inside, name }, spec: { selector: labels, ports: [{ port: 80 }] } },
      // A Service is ready when a pod is: without pods, as after a failure elsewhere, it would wait for them in vain.
      { ...parent, dependsOn: pods },
    );

    this.namespace = namespace.metadata.name;
    this.service = service.metadata.name;
    this.address = service.spec.clusterIP;
    this.registerOutputs({ address: this.address });
  }
}
