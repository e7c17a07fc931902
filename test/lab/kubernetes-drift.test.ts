import type { PropertyMap } from "@orch/core/model/value";
import { kubernetesLoader } from "@orch/providers/kubernetes/index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { type Live, startLive } from "./live.js";
import { describeLab } from "./requirements.js";

/** The figures of docs/kubernetes.md come from here: they are printed. */
describeLab("kubernetes: drift of 2,000 objects", kubernetesNeeds, () => {
  let cluster: LabKubernetes;
  beforeAll(async () => {
    cluster = await startKubernetes();
  });
  afterAll(() => cluster?.remove());

  test("takes a list for each kind and namespace instead of a read for each object", async () => {
    const { create, readMany, read } = await startLive(kubernetesLoader(), "kubernetes", {
      // A user of its own, to tell its requests from the controllers'.
      kubeconfig: cluster.kubeconfigFor({ token: cluster.tokens.limited }),
    });
    await cluster.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
      metadata: { name: "limited" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "User", name: "limited" }],
    });
    const namespaces = ["one", "two", "three", "four"];
    for (const name of namespaces) await cluster.call("POST", "/api/v1/namespaces", { metadata: { name } });
    const inNamespace = (i: number): string => namespaces[i % namespaces.length] as string;
    const wanted = Array.from({ length: 2000 }, (_, i): readonly [string, PropertyMap] => {
      const metadata = { name: `object-${i}`, namespace: inNamespace(i) };
      const labels = { app: `object-${i}` };
      return i < 1900
        ? [
            "kubernetes:core/v1:ConfigMap",
            {
              apiVersion: "v1",
              kind: "ConfigMap",
              metadata,
              data: { text: `text ${i}`, more: "x".repeat(500) },
            },
          ]
        : [
            "kubernetes:apps/v1:Deployment",
            {
              apiVersion: "apps/v1",
              kind: "Deployment",
              metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
              spec: {
                replicas: 1,
                selector: { matchLabels: labels },
                template: {
                  metadata: { labels },
                  spec: { containers: [{ name: "app", image: "nginx:1.27" }] },
                },
              },
            },
          ];
    });
    const parallel = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
      const out: R[] = [];
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < items.length) {
          const i = next++;
          out[i] = await work(items[i] as T);
        }
      };
      await Promise.all(Array.from({ length: 10 }, worker));
      return out;
    };
    const made: readonly Live[] = await parallel(wanted, ([type, inputs]) => create(type, inputs));
    await cluster.call("DELETE", "/api/v1/namespaces/one/configmaps/object-0");
    await cluster.call(
      "PATCH",
      "/api/v1/namespaces/two/configmaps/object-1",
      { data: { text: "other" } },
      "application/merge-patch+json",
    );

    const measured = async <T>(
      what: string,
      work: () => Promise<T>,
    ): Promise<{ answer: T; requests: number }> => {
      const before = cluster.audit().length;
      const began = performance.now();
      const answer = await work();
      const seconds = (performance.now() - began) / 1000;
      const requests = cluster
        .audit()
        .slice(before)
        .filter(({ user }) => user === "limited").length;
      console.log(`${what}: ${seconds.toFixed(2)} s, ${requests} requests`);
      return { answer, requests };
    };
    const many = await measured("lists", () => readMany(made));
    const each = await measured("one read each, ten at a time", () => parallel(made, read));

    const objects = many.answer.map((answer) => ("failure" in answer ? answer.failure : answer.object));
    expect(objects.filter((object) => object === undefined)).toHaveLength(1);
    expect(objects.map((object) => object && "inputs" in object && object.inputs)).toEqual(
      each.answer.map((found) => found?.inputs),
    );
    expect(each.answer[1]?.inputs.data).toMatchObject({ text: "other" });
    // Nothing else differs from what was made.
    const changed = made.filter(
      (one, i) => JSON.stringify(each.answer[i]?.inputs) !== JSON.stringify(one.inputs),
    );
    expect(changed.map(({ id }) => id)).toEqual(["one/object-0", "two/object-1"]);
    expect(many.requests).toBe(8);
  });
});
