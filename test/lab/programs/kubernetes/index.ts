import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const labels = { app: "web" };
// For trying out what goes wrong: a label that makes the laboratory's pods fail, and how long to wait for them.
const broken = config.get("brokenLabel");
const annotations = { "pulumi.com/timeoutSeconds": config.get("timeout") ?? "60" };

const namespace = new k8s.core.v1.Namespace("shop", { metadata: { name: "shop" } });
const inShop = { namespace: namespace.metadata.name };

const settings = new k8s.core.v1.ConfigMap("settings", {
  metadata: inShop,
  data: { colour: config.get("colour") ?? "blue" },
});
const credentials = new k8s.core.v1.Secret("credentials", {
  metadata: { ...inShop, name: "credentials" },
  stringData: { password: config.requireSecret("password") },
});

const web = new k8s.apps.v1.Deployment("web", {
  metadata: { ...inShop, name: "web", annotations },
  spec: {
    replicas: config.getNumber("replicas") ?? 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels: { ...labels, ...(broken === undefined ? {} : { lab: broken }) } },
      spec: {
        containers: [
          {
            name: "web",
            image: config.get("image") ?? "nginx:1.27",
            resources: { requests: { cpu: "1000m", memory: "64Mi" } },
            envFrom: [
              { configMapRef: { name: settings.metadata.name } },
              { secretRef: { name: credentials.metadata.name } },
            ],
            ports: [{ containerPort: 80 }],
          },
        ],
      },
    },
  },
});

const service = new k8s.core.v1.Service("web", {
  metadata: { ...inShop, name: "web", annotations },
  spec: { selector: labels, ports: [{ port: 80 }] },
});

// A kind of the program's own, and an object of it, in one run.
const definition = new k8s.apiextensions.v1.CustomResourceDefinition("widgets", {
  metadata: { name: "widgets.shop.example.com" },
  spec: {
    group: "shop.example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: { size: { type: "integer", default: 3 }, name: { type: "string" } },
              },
            },
          },
        },
      },
    ],
  },
});
new k8s.apiextensions.CustomResource(
  "widget",
  {
    apiVersion: "shop.example.com/v1",
    kind: "Widget",
    metadata: { ...inShop, name: "widget" },
    spec: { name: "first" },
  },
  { dependsOn: [definition] },
);

// A manifest, as a component that is SDK code only.
new k8s.yaml.ConfigGroup("manifest", {
  yaml: `
apiVersion: v1
kind: ConfigMap
metadata: { name: from-manifest, namespace: default }
data: { text: hello }
`,
});

export const address = service.spec.clusterIP;
export const available = web.status.availableReplicas;
export const settingsName = settings.metadata.name;
