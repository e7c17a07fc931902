import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const namespace = "default";

const api = k8s.core.v1.Service.get("api", "default/kubernetes");

const adopted = new k8s.core.v1.ConfigMap(
  "adopted",
  { metadata: { name: "adopted", namespace }, data: { mine: config.get("mine") ?? "1" } },
  { import: "default/adopted" },
);
new k8s.core.v1.ConfigMapPatch("patched", {
  metadata: { name: "patched", namespace },
  data: { added: "by orch" },
});

new k8s.yaml.ConfigFile("file", { file: "manifest.yaml" });
new k8s.kustomize.Directory("site", { directory: "./site" });

export const apiAddress = api.spec.clusterIP;
export const adoptedUid = adopted.metadata.uid;
