import { readFileSync } from "node:fs";
import type { Provider } from "@orch/core/provider/contract";
import { kubernetesLoader } from "@orch/providers/kubernetes/index";
import { afterAll, beforeAll } from "vitest";
import { providerConformance } from "../conformance/provider.js";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { describeLab } from "./requirements.js";

describeLab("the contract of providers, on a real API server", kubernetesNeeds, () => {
  let cluster: LabKubernetes;
  beforeAll(async () => {
    cluster = await startKubernetes();
  });
  afterAll(() => cluster?.remove());

  const start = async (): Promise<Provider> => {
    const context = { projectDir: "/", project: "conformance", stack: "test", log: () => {} };
    return (await kubernetesLoader().load({ name: "kubernetes" }, context)) as Provider;
  };
  let next = 0;
  const unique = () => `conformance-${next++}`;

  const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  providerConformance("kubernetes:scheduling.k8s.io/v1:PriorityClass", async () => {
    const name = unique();
    const inputs = {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name },
      value: 1000,
      description: "of the conformance suite",
    };
    return {
      provider: await start(),
      config: { kubeconfig: cluster.kubeconfig },
      type: "kubernetes:scheduling.k8s.io/v1:PriorityClass",
      inputs,
      changed: { ...inputs, description: "another" },
      // Nobody but the server knows that it is immutable.
      replaced: { ...inputs, value: 2000 },
      invalid: {
        inputs: { ...inputs, metadata: { name: "Not_A_Name", labels: { tier: 7 } } },
        paths: ["metadata.name", "metadata.labels.tier"],
      },
      failing: { ...inputs, value: 2_000_000_000 },
      secretProperty: "description",
      more: [1, 2].map((i) => ({ ...inputs, metadata: { name: `${name}-${i}` } })),
      within: {
        scope: { labelSelector: "!outside" },
        outside: { ...inputs, metadata: { name: `${name}-outside`, labels: { outside: "" } } },
      },
      exists: async (id) => (await cluster.call("GET", `${classes}/${id}`)).status === 200,
      count: async () => (await cluster.call("GET", classes)).body.items.length,
      remove: async (id) => void (await cluster.call("DELETE", `${classes}/${id}`)),
      invoke: {
        token: "kubernetes:yaml:decode",
        args: {
          text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {on: 'yes'}\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Namespace\n    metadata: {name: b, creationTimestamp: 2020-01-02T03:04:05Z}\n",
        },
        result: {
          result: [
            // `on` is a word for true in YAML 1.1, also as a key.
            { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { true: "yes" } },
            {
              apiVersion: "v1",
              kind: "Namespace",
              metadata: { name: "b", creationTimestamp: "2020-01-02T03:04:05Z" },
            },
          ],
        },
      },
    };
  });

  const secrets = "/api/v1/namespaces/default/secrets";
  providerConformance("kubernetes:core/v1:Secret, mutable", async () => {
    const name = unique();
    const inputs = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: "default" },
      data: { password: "Y29ycmVjdCBob3JzZQ==" },
      type: "example.com/lab",
    };
    return {
      provider: await start(),
      config: { kubeconfig: readFileSync(cluster.kubeconfig, "utf8"), enableSecretMutable: "true" },
      type: "kubernetes:core/v1:Secret",
      inputs,
      changed: { ...inputs, data: { password: "YmF0dGVyeSBzdGFwbGU=" } },
      replaced: { ...inputs, type: "example.com/other" },
      invalid: { inputs: { ...inputs, metadata: "x", data: [] }, paths: ["metadata", "data"] },
      failing: { ...inputs, metadata: { name, namespace: "default" }, data: { k: "not base64!" } },
      secretProperty: "type",
      more: [1, 2].map((i) => ({ ...inputs, metadata: { name: `${name}-${i}` } })),
      within: {
        scope: { namespace: "default" },
        outside: { ...inputs, metadata: { name, namespace: "kube-system" } },
      },
      exists: async (id) => (await cluster.call("GET", `${secrets}/${id.split("/")[1]}`)).status === 200,
      count: async () => (await cluster.call("GET", secrets)).body.items.length,
      remove: async (id) => void (await cluster.call("DELETE", `${secrets}/${id.split("/")[1]}`)),
    };
  });
});
