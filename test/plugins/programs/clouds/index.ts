import * as aws from "@pulumi/aws";
import * as azure from "@pulumi/azure-native";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const caller = aws.getCallerIdentityOutput();
const bucket = new aws.s3.Bucket("assets", {
  tags: { owner: config.get("owner") ?? "nobody", account: caller.accountId },
  forceDestroy: config.getBoolean("force") ?? false,
});

const group = new azure.resources.ResourceGroup("group", { location: "westeurope" });
const account = new azure.storage.StorageAccount("store", {
  resourceGroupName: group.name,
  kind: "StorageV2",
  sku: { name: "Standard_LRS" },
  tags: { bucket: bucket.arn },
});

const cluster = new kubernetes.Provider("cluster", {
  kubeconfig: config.requireSecret("kubeconfig"),
  namespace: "apps",
});
const labels = { app: "web" };
const secret = new kubernetes.core.v1.Secret(
  "credentials",
  { stringData: { password: config.requireSecret("password"), bucket: bucket.bucket } },
  { provider: cluster },
);
const web = new kubernetes.apps.v1.Deployment(
  "web",
  {
    spec: {
      replicas: config.getNumber("replicas") ?? 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: "web",
              image: "nginx:1.27",
              env: [
                { name: "STORE", value: account.primaryEndpoints.blob },
                {
                  name: "PASSWORD",
                  valueFrom: { secretKeyRef: { name: secret.metadata.name, key: "password" } },
                },
              ],
            },
          ],
        },
      },
    },
  },
  { provider: cluster },
);

export const bucketName = bucket.bucket;
export const storage = account.primaryEndpoints.blob;
export const replicas = web.status.readyReplicas;
export const deployment = web.metadata.name;
