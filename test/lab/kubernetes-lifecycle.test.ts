import { setTimeout as sleep } from "node:timers/promises";
import type { PropertyMap } from "@orch/core/model/value";
import { kubernetesLoader } from "@orch/providers/kubernetes/index";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { failureOf, startLive } from "./live.js";
import { describeLab } from "./requirements.js";

const Deployment = "kubernetes:apps/v1:Deployment";
const merge = "application/merge-patch+json";

describeLab("kubernetes: readiness, deletion, custom kinds", kubernetesNeeds, () => {
  let cluster: LabKubernetes;
  let namespace = "";
  let count = 0;
  beforeAll(async () => {
    cluster = await startKubernetes();
  });
  afterAll(() => cluster?.remove());
  beforeEach(async () => {
    namespace = `test-${++count}`;
    await cluster.call("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  });

  const live = (config: PropertyMap = {}) =>
    startLive(kubernetesLoader(), "kubernetes", {
      kubeconfig: cluster.kubeconfig,
      enableConfigMapMutable: true,
      ...config,
    });
  const object = (
    apiVersion: string,
    kind: string,
    name: string,
    rest: PropertyMap,
    annotations: PropertyMap = {},
  ): PropertyMap => ({
    apiVersion,
    kind,
    metadata: { name, namespace, annotations },
    ...rest,
  });
  const template = (labels: PropertyMap, spec: PropertyMap = {}): PropertyMap => ({
    metadata: { labels },
    spec: { containers: [{ name: "app", image: "nginx:1.27" }], ...spec },
  });
  const workload = (name: string, labels: PropertyMap = {}, spec: PropertyMap = {}): PropertyMap => ({
    selector: { matchLabels: { app: name } },
    template: template({ app: name, ...labels }),
    ...spec,
  });
  /** Creates, and gives what came back, finished or not. */
  const attempt = async (type: string, inputs: PropertyMap, config: PropertyMap = {}) => {
    const started = await live(config);
    const { inputs: checked } = await started.check(type, inputs);
    const urn = `urn:pulumi:test::lab::${type}::it`;
    const made = await started.provider.create({ urn, type, name: "it", inputs: checked, preview: false });
    return { ...started, ...made, inputs: checked, type, urn };
  };
  const soon = { "pulumi.com/timeoutSeconds": "3" };

  describe("is waited for", () => {
    test("of a Deployment until its replicas are available, with a word on how far it is", async () => {
      const made = await attempt(
        Deployment,
        object("apps/v1", "Deployment", "web", { spec: workload("web", {}, { replicas: 3 }) }),
      );
      expect(made.partial).toBeUndefined();
      expect(made.outputs.status).toMatchObject({ availableReplicas: 3, updatedReplicas: 3 });
      expect(made.log.join("\n")).toMatch(/waits for (the deployment controller|\d of 3 replicas)/);
    });

    test("of one whose image is not to be had: it exists, and is not finished, with what the pods say", async () => {
      const made = await attempt(
        Deployment,
        object("apps/v1", "Deployment", "web", { spec: workload("web", { lab: "unpullable" }) }, soon),
      );
      expect(made.id).toBe(`${namespace}/web`);
      expect(made.partial?.reasons).toEqual([
        expect.stringMatching(
          /not ready within 3 s: waits for 0 of 1 replicas available \(container app: ImagePullBackOff: Back-off pulling image/,
        ),
      ]);
    });

    test("of one that makes no progress: told as soon as the controller gives up", async () => {
      const made = await attempt(
        Deployment,
        object("apps/v1", "Deployment", "web", {
          spec: workload("web", { lab: "unpullable" }, { progressDeadlineSeconds: 1 }),
        }),
      );
      expect(made.partial?.reasons).toEqual([
        expect.stringContaining("no progress in time: ProgressDeadlineExceeded"),
      ]);
    });

    test("of StatefulSets, DaemonSets, Jobs and Pods", async () => {
      const { create } = await live();
      const set = await create(
        "kubernetes:apps/v1:StatefulSet",
        object("apps/v1", "StatefulSet", "db", {
          spec: workload("db", {}, { replicas: 2, serviceName: "db" }),
        }),
      );
      expect(set.outputs.status).toMatchObject({ readyReplicas: 2 });
      const daemon = await create(
        "kubernetes:apps/v1:DaemonSet",
        object("apps/v1", "DaemonSet", "agent", { spec: workload("agent") }),
      );
      expect(daemon.outputs.status).toMatchObject({ numberAvailable: 1 });
      const job = await create(
        "kubernetes:batch/v1:Job",
        object("batch/v1", "Job", "once", { spec: { template: template({}, { restartPolicy: "Never" }) } }),
      );
      expect(job.outputs.status).toMatchObject({ succeeded: 1 });
      const pod = await create(
        "kubernetes:core/v1:Pod",
        object("v1", "Pod", "alone", { spec: { containers: [{ name: "app", image: "x" }] } }),
      );
      expect(pod.outputs.status).toMatchObject({ phase: "Running" });
    });

    test("of a Job and a Pod that fail: why", async () => {
      const labels = { lab: "failing" };
      const job = await attempt(
        "kubernetes:batch/v1:Job",
        object("batch/v1", "Job", "once", {
          spec: { backoffLimit: 0, template: template(labels, { restartPolicy: "Never" }) },
        }),
      );
      expect(job.partial?.reasons[0]).toMatch(
        /the job failed: BackoffLimitExceeded.*container app ended with exit code 3/,
      );
      const pod = await attempt("kubernetes:core/v1:Pod", {
        ...object("v1", "Pod", "alone", {
          spec: { restartPolicy: "Never", containers: [{ name: "app", image: "x" }] },
        }),
        metadata: { name: "alone", namespace, labels },
      });
      expect(pod.partial?.reasons[0]).toMatch(/the pod failed: .*exit code 3/);
    });

    test("of a Service until a pod is behind it; of a load balancer and an Ingress until they have an address", async () => {
      const service = (name: string, spec: PropertyMap, annotations: PropertyMap = soon) =>
        object("v1", "Service", name, { spec: { ports: [{ port: 80 }], ...spec } }, annotations);
      const Service = "kubernetes:core/v1:Service";
      const lonely = await attempt(Service, service("lonely", { selector: { app: "none" } }));
      expect(lonely.partial?.reasons[0]).toContain("waits for a ready pod with the labels app=none");
      expect(
        (await attempt(Service, service("external", { type: "ExternalName", externalName: "example.com" })))
          .partial,
      ).toBeUndefined();
      expect(
        (await attempt(Service, service("headless", { selector: { app: "none" }, clusterIP: "None" })))
          .partial,
      ).toBeUndefined();
      const { create } = await live();
      await create(Deployment, object("apps/v1", "Deployment", "web", { spec: workload("web") }));
      expect(
        (await attempt(Service, service("web", { selector: { app: "web" } }, {}))).partial,
      ).toBeUndefined();

      const address = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.7" }] } } };
      const give = async (path: string): Promise<void> => {
        await expect
          .poll(async () => (await cluster.call("PATCH", `${path}/status`, address, merge)).status, {
            timeout: 30_000,
          })
          .toBe(200);
      };
      const [balanced] = await Promise.all([
        attempt(Service, service("balanced", { type: "LoadBalancer", selector: { app: "web" } }, {})),
        give(`/api/v1/namespaces/${namespace}/services/balanced`),
      ]);
      expect(balanced.outputs.status).toMatchObject(address.status);
      const [ingress] = await Promise.all([
        attempt(
          "kubernetes:networking.k8s.io/v1:Ingress",
          object("networking.k8s.io/v1", "Ingress", "web", {
            spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
          }),
        ),
        give(`/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/web`),
      ]);
      expect(ingress.outputs.status).toMatchObject(address.status);
    });

    test("of a claim until a volume is bound, unless nothing happens before it is used", async () => {
      const claim = (name: string, storageClassName: string, annotations: PropertyMap = soon) =>
        object(
          "v1",
          "PersistentVolumeClaim",
          name,
          {
            spec: {
              accessModes: ["ReadWriteOnce"],
              storageClassName,
              resources: { requests: { storage: "1Gi" } },
            },
          },
          annotations,
        );
      const Claim = "kubernetes:core/v1:PersistentVolumeClaim";
      expect((await attempt(Claim, claim("lost", "nowhere"))).partial?.reasons[0]).toContain(
        "there is no StorageClass nowhere",
      );
      const classes = "/apis/storage.k8s.io/v1/storageclasses";
      await cluster.call("POST", classes, {
        metadata: { name: `late-${namespace}` },
        provisioner: "lab/none",
        volumeBindingMode: "WaitForFirstConsumer",
      });
      expect((await attempt(Claim, claim("late", `late-${namespace}`))).partial).toBeUndefined();
      const { create } = await live();
      const volume = await create("kubernetes:core/v1:PersistentVolume", {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: `volume-${namespace}` },
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          storageClassName: `by-hand-${namespace}`,
          hostPath: { path: "/none" },
        },
      });
      expect(volume.id).toBe(`volume-${namespace}`);
      const bound = await create(Claim, claim("bound", `by-hand-${namespace}`, {}));
      expect(bound.outputs.status).toMatchObject({ phase: "Bound", capacity: { storage: "1Gi" } });
    });

    test("not at all with pulumi.com/skipAwait; by its own rules with pulumi.com/waitFor", async () => {
      const spec = { spec: workload("web", { lab: "unpullable" }) };
      const skipped = await attempt(
        Deployment,
        object("apps/v1", "Deployment", "skipped", spec, { "pulumi.com/skipAwait": "true" }),
      );
      expect(skipped.partial).toBeUndefined();
      const rules = JSON.stringify([
        "condition=Progressing",
        "jsonpath={.status.observedGeneration}=1",
        'jsonpath={.status.conditions[?(@.type=="Progressing")].status}=True',
      ]);
      const ruled = await attempt(
        Deployment,
        object("apps/v1", "Deployment", "ruled", spec, { "pulumi.com/waitFor": rules }),
      );
      expect(ruled.partial).toBeUndefined();
      const never = await attempt(
        Deployment,
        object("apps/v1", "Deployment", "never", spec, {
          ...soon,
          "pulumi.com/waitFor": "jsonpath={.status.phase}=Done",
        }),
      );
      expect(never.partial?.reasons[0]).toContain("waits for jsonpath={.status.phase}=Done (now not there)");
      const { check } = await live();
      const wrong = check(
        Deployment,
        object("apps/v1", "Deployment", "wrong", spec, { "pulumi.com/waitFor": "until it works" }),
      );
      expect(await failureOf(wrong)).toMatchObject({
        reason: "invalid-property",
        path: 'metadata.annotations["pulumi.com/waitFor"]',
      });
    });

    test("until it is cancelled", async () => {
      const { provider, check, log } = await live();
      const { inputs } = await check(
        Deployment,
        object("apps/v1", "Deployment", "web", { spec: workload("web", { lab: "unpullable" }) }),
      );
      const made = provider.create({ urn: "urn:x", type: Deployment, name: "it", inputs, preview: false });
      await expect.poll(() => log.join(), { timeout: 30_000 }).toContain("ImagePullBackOff");
      await provider.cancel?.();
      expect(await failureOf(made)).toMatchObject({ reason: "interrupted" });
    });

    test("through a restart of the API server", async () => {
      const started = attempt(
        "kubernetes:core/v1:ConfigMap",
        object(
          "v1",
          "ConfigMap",
          "slow",
          { data: {} },
          { "pulumi.com/waitFor": "jsonpath={.data.done}=yes" },
        ),
      );
      await expect
        .poll(
          async () => (await cluster.call("GET", `/api/v1/namespaces/${namespace}/configmaps/slow`)).status,
          { timeout: 30_000 },
        )
        .toBe(200);
      await cluster.stopServer();
      await sleep(1_500);
      await cluster.startServer();
      await cluster.call(
        "PATCH",
        `/api/v1/namespaces/${namespace}/configmaps/slow`,
        { data: { done: "yes" } },
        merge,
      );
      expect((await started).outputs.data).toEqual({ done: "yes" });
    });

    test("a request that meets the server in its restart is sent again", async () => {
      const { create } = await live();
      await create("kubernetes:core/v1:ConfigMap", object("v1", "ConfigMap", "first", { data: {} }));
      await cluster.stopServer();
      const second = create(
        "kubernetes:core/v1:ConfigMap",
        object("v1", "ConfigMap", "second", { data: {} }),
      );
      await sleep(500);
      await cluster.startServer();
      expect((await second).id).toBe(`${namespace}/second`);
    });
  });

  describe("deletion", () => {
    test("ends when the object and what belongs to it are gone", async () => {
      const { create, delete: remove } = await live();
      const made = await create(
        Deployment,
        object("apps/v1", "Deployment", "web", { spec: workload("web") }),
      );
      await remove(made);
      expect(
        (await cluster.call("GET", `/apis/apps/v1/namespaces/${namespace}/deployments/web`)).status,
      ).toBe(404);
      expect((await cluster.call("GET", `/api/v1/namespaces/${namespace}/pods`)).body.items).toEqual([]);
      await remove(made);
    });

    test("pulumi.com/deletionPropagationPolicy: orphan leaves what belongs to it", async () => {
      const { create, delete: remove } = await live();
      const made = await create(
        Deployment,
        object(
          "apps/v1",
          "Deployment",
          "web",
          { spec: workload("web") },
          { "pulumi.com/deletionPropagationPolicy": "orphan" },
        ),
      );
      await remove(made);
      expect(
        (await cluster.call("GET", `/apis/apps/v1/namespaces/${namespace}/replicasets`)).body.items,
      ).toHaveLength(1);
    });

    test("waits for finalizers, and names those that hold it", async () => {
      const { create, provider, log } = await live();
      const given = object("v1", "ConfigMap", "held", { data: {} });
      const made = await create("kubernetes:core/v1:ConfigMap", given);
      const path = `/api/v1/namespaces/${namespace}/configmaps/held`;
      await cluster.call("PATCH", path, { metadata: { finalizers: ["example.com/hold"] } }, merge);
      const remove = (timeoutSeconds: number) =>
        provider.delete({ ...made, urn: "urn:x", name: "it", timeoutSeconds });
      expect(await failureOf(remove(1))).toMatchObject({
        reason: "timeout",
        found: "the finalizers example.com/hold",
        message: expect.stringContaining("waits for the finalizer example.com/hold"),
      });
      const second = remove(60);
      await expect
        .poll(() => log.filter((line) => line.includes("example.com/hold")).length, { timeout: 30_000 })
        .toBeGreaterThan(1);
      await cluster.call("PATCH", path, { metadata: { finalizers: null } }, merge);
      await second;
      expect((await cluster.call("GET", path)).status).toBe(404);
    });

    test("takes only the object that it knows, not another one of its name", async () => {
      const { create, delete: remove } = await live();
      const made = await create("kubernetes:core/v1:ConfigMap", object("v1", "ConfigMap", "a", { data: {} }));
      const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
      await cluster.call("DELETE", path);
      await cluster.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: "a" } });
      await remove(made);
      expect((await cluster.call("GET", path)).status).toBe(200);
    });

    test("a creation waits for an object of its name that is on its way out", async () => {
      const { create } = await live();
      const all = `/api/v1/namespaces/${namespace}/configmaps`;
      await cluster.call("POST", all, { metadata: { name: "a", finalizers: ["example.com/hold"] } });
      await cluster.call("DELETE", `${all}/a`);
      const made = create(
        "kubernetes:core/v1:ConfigMap",
        object("v1", "ConfigMap", "a", { data: { new: "1" } }),
      );
      await sleep(500);
      await cluster.call("PATCH", `${all}/a`, { metadata: { finalizers: null } }, merge);
      expect((await made).outputs.data).toEqual({ new: "1" });
    });
  });

  describe("custom kinds", () => {
    const group = () => `${namespace}.example.com`;
    const definition = (scope: string): PropertyMap => ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `widgets.${group()}` },
      spec: {
        group: group(),
        scope,
        names: { plural: "widgets", singular: "widget", kind: "Widget" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object", x_kubernetes_preserve_unknown_fields: true } },
              },
            },
          },
        ],
      },
    });
    const CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition";

    test("a definition is waited for until it is served, and an object of it may be made at the same time", async () => {
      const { create, check, provider, delete: remove, read, log } = await live();
      const Widget = `kubernetes:${group()}/v1:Widget`;
      const widget = {
        apiVersion: `${group()}/v1`,
        kind: "Widget",
        metadata: { name: "w" },
        spec: { any: { thing: 1 } },
      };
      await check(CRD, definition("Cluster"));
      const { inputs } = await check(Widget, widget);
      // Nobody but the program knows the kind yet.
      const preview = await provider.create({
        urn: "urn:x",
        type: Widget,
        name: "it",
        inputs,
        preview: true,
      });
      expect(preview.id).toBe("w");
      const [made, crd] = await Promise.all([
        create(Widget, widget),
        expect
          .poll(() => log.join(), { timeout: 30_000 })
          .toContain("waits for the API of")
          .then(() => create(CRD, definition("Cluster"))),
      ]);
      expect(made).toMatchObject({ id: "w", outputs: { spec: { any: { thing: 1 } } } });
      expect(crd.outputs.spec).toMatchObject({
        versions: [
          {
            schema: {
              openAPIV3Schema: { properties: { spec: { x_kubernetes_preserve_unknown_fields: true } } },
            },
          },
        ],
      });
      expect(await read(crd)).toEqual(crd);
      expect(await read(made)).toEqual(made);
      await remove(crd);
      // With its definition gone there is nothing left to read or delete.
      expect(await read(made)).toBeUndefined();
      await remove(made);
    });
  });
});
