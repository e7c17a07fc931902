import { type PropertyMap, Secret, unknown } from "@orch/core/model/value";
import { kubernetesLoader } from "@orch/providers/kubernetes/index";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { failureOf, startLive } from "./live.js";
import { describeLab } from "./requirements.js";

const ConfigMap = "kubernetes:core/v1:ConfigMap";
const Deployment = "kubernetes:apps/v1:Deployment";

describeLab("kubernetes on a real control plane", kubernetesNeeds, () => {
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
  const configMap = (name: string, data: PropertyMap, annotations: PropertyMap = {}): PropertyMap => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, annotations },
    data,
  });
  const pathOf = (name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
  const template = (labels: PropertyMap, image = "nginx:1.27"): PropertyMap => ({
    metadata: { labels },
    spec: { containers: [{ name: "app", image }] },
  });
  const deployment = (name: string, spec: PropertyMap = {}, annotations: PropertyMap = {}): PropertyMap => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, annotations },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: template({ app: name }),
      ...spec,
    },
  });

  test("knows of the server's own kinds which of them have namespaces", async () => {
    const { isNamespaced } = await import("@orch/providers/kubernetes/kinds");
    const versions: [group: string, path: string][] = [["", "/api/v1"]];
    for (const { name, versions: of } of (await cluster.call("GET", "/apis")).body.groups)
      for (const { groupVersion } of of) versions.push([name, `/apis/${groupVersion}`]);
    const wrong: string[] = [];
    for (const [group, path] of versions)
      for (const { name, kind, namespaced } of (await cluster.call("GET", path)).body.resources)
        if (!name.includes("/") && isNamespaced({ group, kind }) !== namespaced)
          wrong.push(`${group}/${kind}`);
    expect(wrong).toEqual([]);
  });

  describe("server-side apply", () => {
    test("sends what the program says, with a manager of its own, and takes back what leaves the program", async () => {
      const { create, update } = await live();
      const made = await create(ConfigMap, configMap("a", { one: "1", two: "2" }));
      expect(made.id).toBe(`${namespace}/a`);
      const { body } = await cluster.call("GET", pathOf("a"));
      expect(body.data).toEqual({ one: "1", two: "2" });
      const [entry] = body.metadata.managedFields;
      expect(entry).toMatchObject({ manager: made.outputs.__fieldManager, operation: "Apply" });
      // Somebody else's field stays.
      await cluster.call("PATCH", pathOf("a"), { data: { three: "3" } }, "application/merge-patch+json");
      await update(made, configMap("a", { one: "1" }));
      expect((await cluster.call("GET", pathOf("a"))).body.data).toEqual({ one: "1", three: "3" });
    });

    test("a field that somebody else changed is a conflict, with both values and the other manager", async () => {
      const { create, update, diff, read } = await live();
      const made = await create(ConfigMap, configMap("a", { one: "1", two: "2" }));
      await cluster.call(
        "PATCH",
        `${pathOf("a")}?fieldManager=somebody`,
        { data: { one: "theirs" } },
        "application/merge-patch+json",
      );
      const wanted = configMap("a", { one: "ours", two: "2" });
      for (const work of [diff, update]) {
        const failure = await failureOf(work(made, wanted));
        expect(failure).toMatchObject({
          reason: "conflict",
          path: "data.one",
          expected: '"ours"',
          found: '"theirs"',
        });
        expect(failure.message).toContain('"somebody"');
      }
      expect((await cluster.call("GET", pathOf("a"))).body.data.one).toBe("theirs");

      // Known to the plan, and so to who reviewed it, it is taken.
      const seen = await read(made);
      expect(seen?.inputs.data).toEqual({ one: "theirs", two: "2" });
      const planned = await diff(seen as typeof made, wanted);
      expect(planned.detailed).toMatchObject([{ path: "data.one", reason: 'set by "somebody" last' }]);
      await update(seen as typeof made, wanted);
      expect((await cluster.call("GET", pathOf("a"))).body.data.one).toBe("ours");
    });

    test("pulumi.com/patchForce takes a field whoever has it", async () => {
      const { create, update } = await live();
      const made = await create(ConfigMap, configMap("a", { one: "1" }));
      await cluster.call(
        "PATCH",
        `${pathOf("a")}?fieldManager=somebody`,
        { data: { one: "theirs" } },
        "application/merge-patch+json",
      );
      await update(made, configMap("a", { one: "ours" }, { "pulumi.com/patchForce": "true" }));
      expect((await cluster.call("GET", pathOf("a"))).body.data.one).toBe("ours");
    });

    test("an object that is there already is not taken over by chance; its own creation again is no second one", async () => {
      const { create, provider } = await live();
      await cluster.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
        metadata: { name: "theirs" },
        data: { a: "b" },
      });
      const failure = await failureOf(create(ConfigMap, configMap("theirs", { a: "c" })));
      expect(failure).toMatchObject({ reason: "conflict", path: "metadata.name" });
      expect(failure.next?.join()).toContain(`import: "${namespace}/theirs"`);
      expect((await cluster.call("GET", pathOf("theirs"))).body.data).toEqual({ a: "b" });
      // Told in the plan already.
      const request = {
        urn: "urn:pulumi:test::lab::x::it",
        type: ConfigMap,
        name: "it",
        inputs: configMap("theirs", { a: "c" }),
      };
      expect(await failureOf(provider.create({ ...request, preview: true }))).toMatchObject({
        reason: "conflict",
      });

      const first = await create(ConfigMap, configMap("ours", { a: "1" }));
      const again = await create(ConfigMap, configMap("ours", { a: "1" }));
      expect(again.outputs.metadata).toMatchObject({
        uid: (first.outputs.metadata as PropertyMap).uid as string,
      });

      const upserting = await live({ upsertExistingObjects: "true" });
      await upserting.create(ConfigMap, configMap("theirs", { b: "c" }));
      expect((await cluster.call("GET", pathOf("theirs"))).body.data).toEqual({ a: "b", b: "c" });
    });

    test("an object deleted, or made anew by somebody else, since the plan is neither made nor changed by an update", async () => {
      const { create, update } = await live();
      const made = await create(ConfigMap, configMap("a", { one: "1" }));
      await cluster.call("DELETE", pathOf("a"));
      expect(await failureOf(update(made, configMap("a", { one: "2" })))).toMatchObject({
        reason: "conflict",
        message: expect.stringContaining("was deleted by somebody else"),
      });
      expect((await cluster.call("GET", pathOf("a"))).status).toBe(404);
      await cluster.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
        metadata: { name: "a" },
        data: { other: "x" },
      });
      expect(await failureOf(update(made, configMap("a", { one: "2" })))).toMatchObject({
        reason: "conflict",
      });
      expect((await cluster.call("GET", pathOf("a"))).body.data).toEqual({ other: "x" });
    });

    test("what is wrong is named by its path", async () => {
      const { create, check, provider } = await live();
      const badPort = deployment("a", {
        template: {
          metadata: { labels: { app: "a" } },
          spec: { containers: [{ name: "app", image: "x", ports: [{ containerPort: 70000 }] }] },
        },
      });
      expect(await failureOf(create(Deployment, badPort))).toMatchObject({
        reason: "invalid-property",
        path: "spec.template.spec.containers[0].ports[0].containerPort",
      });
      // In a plan already.
      const { inputs } = await check(Deployment, badPort);
      const preview = provider.create({ urn: "urn:x", type: Deployment, name: "it", inputs, preview: true });
      expect(await failureOf(preview)).toMatchObject({
        path: "spec.template.spec.containers[0].ports[0].containerPort",
      });
      expect(await failureOf(create(Deployment, deployment("a", { replica: 3 })))).toMatchObject({
        reason: "invalid-property",
        path: expect.stringContaining("replica"),
        expected: expect.stringContaining("replicas"),
        next: ["Did you mean replicas?"],
      });
      const deep = deployment("a", {
        template: {
          metadata: { labels: { app: "a" } },
          spec: { containers: [{ name: "app", image: "x", ports: [{ containerPrt: 80 }] }] },
        },
      });
      expect(await failureOf(create(Deployment, deep))).toMatchObject({
        path: expect.stringMatching(/^spec\.template\.spec\.containers\[.*\]\.ports\[.*\]\.containerPrt$/),
        next: ["Did you mean containerPort?"],
      });
      const { failures } = await check(ConfigMap, {
        metadata: { name: "Upper_Case", generateName: "x", labels: { a: 1 } },
      });
      expect(failures.map(({ path }) => path).sort()).toEqual(["metadata.labels.a", "metadata.name"]);
      expect((await check(ConfigMap, { metadata: { generateName: "x-" } })).failures[0]?.path).toBe(
        "metadata.generateName",
      );
    });

    test("a kind that is misspelt, or of another version of its API, is told by the nearest that the server has", async () => {
      const { provider } = await live();
      for (const [type, near] of [
        ["kubernetes:apps/v1:Deploymnt", "apps/v1 Deployment"],
        ["kubernetes:apps/v1beta9:Deployment", "apps/v1 Deployment"],
        ["kubernetes:core/v1:Configmap", "v1 ConfigMap"],
        ["kubernetes:aps/v1:StatefulSet", "apps/v1 StatefulSet"],
      ] as const) {
        const listed = async (): Promise<void> => {
          for await (const _ of provider.list?.({ type, scope: {} }) ?? []) break;
        };
        expect(await failureOf(listed())).toMatchObject({
          message: expect.stringContaining("does not know the kind"),
          next: [`Did you mean ${near}?`, expect.any(String)],
        });
      }
    });

    test("a patch changes fields of somebody else's object, and takes them back", async () => {
      const { create, update, delete: remove, read } = await live();
      const ConfigMapPatch = "kubernetes:core/v1:ConfigMapPatch";
      expect(await failureOf(create(ConfigMapPatch, configMap("theirs", { ours: "1" })))).toMatchObject({
        message: expect.stringContaining("is not there to be patched"),
      });
      await cluster.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
        metadata: { name: "theirs" },
        data: { theirs: "1" },
      });
      const made = await create(
        ConfigMapPatch,
        configMap("theirs", { ours: "1" }, { "pulumi.com/patchForce": "true" }),
      );
      const now = (await cluster.call("GET", pathOf("theirs"))).body;
      expect(now.data).toEqual({ theirs: "1", ours: "1" });
      expect(now.metadata.annotations).toBeUndefined();
      expect((await read(made))?.inputs).toEqual(made.inputs);
      const conflict = await failureOf(create(ConfigMapPatch, configMap("theirs", { theirs: "2" })));
      expect(conflict).toMatchObject({ reason: "conflict", path: "data.theirs" });
      await update(made, configMap("theirs", { ours: "2" }));
      expect((await cluster.call("GET", pathOf("theirs"))).body.data).toEqual({ theirs: "1", ours: "2" });
      await remove(made);
      expect((await cluster.call("GET", pathOf("theirs"))).body.data).toEqual({ theirs: "1" });
    });

    test("what Pulumi's plugin made goes on with its field manager, and is no conflict", async () => {
      const { diff, update, read } = await live();
      const inputs = configMap("a", { one: "1", two: "2" });
      // As the plugin makes objects, and as its state has them (provider/pkg/provider/provider.go).
      await cluster.call(
        "POST",
        `/api/v1/namespaces/${namespace}/configmaps?fieldManager=pulumi-kubernetes`,
        inputs,
      );
      const { body } = await cluster.call("GET", pathOf("a"));
      const hidden = {
        __inputs: inputs,
        __initialApiVersion: "v1",
        __fieldManager: "pulumi-kubernetes-1f2e3d4c",
      };
      const made = { type: ConfigMap, id: `${namespace}/a`, inputs, outputs: { ...body, ...hidden } };
      expect(await read(made)).toMatchObject({ inputs, outputs: hidden });
      expect((await diff(made, inputs)).changes).toBe("none");
      const wanted = configMap("a", { one: "3" });
      expect((await diff(made, wanted)).detailed).toMatchObject([{ path: "data.one" }, { path: "data.two" }]);
      await update(made, wanted);
      const after = (await cluster.call("GET", pathOf("a"))).body;
      expect(after.data).toEqual({ one: "3" });
      expect(after.metadata.managedFields).toContainEqual(
        expect.objectContaining({ manager: "pulumi-kubernetes-1f2e3d4c", operation: "Apply" }),
      );
    });

    test("what a Secret holds is secret, and comes back as base64", async () => {
      const { create, read, diff } = await live({ enableSecretMutable: true });
      const Secret_ = "kubernetes:core/v1:Secret";
      const secret = (password: string): PropertyMap => ({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s", namespace },
        stringData: { password },
      });
      const made = await create(Secret_, secret("hunter2"));
      expect(made.inputs.stringData).toEqual({ password: new Secret("hunter2") });
      expect(made.outputs.data).toEqual({ password: new Secret("aHVudGVyMg==") });
      expect(JSON.stringify(made.outputs)).not.toContain("aHVudGVyMg==");
      expect(await read(made)).toEqual(made);
      expect((await diff(made, secret("hunter3"))).detailed).toEqual([
        { path: "stringData.password", kind: "update", effect: "update", inputDiff: true },
      ]);
      await cluster.call(
        "PATCH",
        `/api/v1/namespaces/${namespace}/secrets/s`,
        { data: { password: "b3RoZXI=" } },
        "application/merge-patch+json",
      );
      expect((await read(made))?.inputs.stringData).toEqual({ password: new Secret("other") });
    });
  });

  describe("plans", () => {
    test("tell what the server would set besides, and change nothing", async () => {
      const { create, diff, provider, check } = await live();
      const made = await create(
        Deployment,
        deployment("a", { revisionHistoryLimit: 4 }, { "pulumi.com/skipAwait": "true" }),
      );
      const recreate = deployment(
        "a",
        { strategy: { type: "Recreate" } },
        { "pulumi.com/skipAwait": "true" },
      );
      const { detailed } = await diff(made, recreate);
      expect(detailed).toMatchObject([
        { path: "spec.revisionHistoryLimit", kind: "delete" },
        { path: "spec.strategy", kind: "add" },
      ]);
      const { inputs } = await check("kubernetes:core/v1:Service", {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "svc", namespace },
        spec: { selector: { app: "a" }, ports: [{ port: 80 }] },
      });
      const preview = await provider.create({
        urn: "urn:x",
        type: "kubernetes:core/v1:Service",
        name: "svc",
        inputs,
        preview: true,
      });
      expect(preview.id).toBe(`${namespace}/svc`);
      // Defaults are known, addresses are not.
      expect(preview.outputs.spec).toMatchObject({
        clusterIP: unknown,
        type: "ClusterIP",
        sessionAffinity: "None",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      });
      expect((await cluster.call("GET", `/api/v1/namespaces/${namespace}/services/svc`)).status).toBe(404);
    });

    test("tell what an admission rule of the cluster adds", async () => {
      const group = "/apis/admissionregistration.k8s.io/v1";
      const name = `admit-${namespace}`;
      await cluster.call("POST", `${group}/mutatingadmissionpolicies`, {
        metadata: { name },
        spec: {
          matchConstraints: {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
            resourceRules: [
              {
                apiGroups: [""],
                apiVersions: ["v1"],
                operations: ["CREATE", "UPDATE"],
                resources: ["configmaps"],
              },
            ],
          },
          failurePolicy: "Fail",
          reinvocationPolicy: "Never",
          mutations: [
            {
              patchType: "ApplyConfiguration",
              applyConfiguration: {
                expression: 'Object{metadata: Object.metadata{labels: {"admitted": "yes"}}}',
              },
            },
          ],
        },
      });
      const { create, diff } = await live();
      const made = await create(ConfigMap, configMap("a", { one: "1" }));
      const binding = { metadata: { name }, spec: { policyName: name } };
      expect((await cluster.call("POST", `${group}/mutatingadmissionpolicybindings`, binding)).status).toBe(
        201,
      );
      // The server takes a moment to heed it.
      await expect
        .poll(async () => (await diff(made, configMap("a", { one: "2" }))).detailed, {
          timeout: 60_000,
          interval: 500,
        })
        .toMatchObject([
          { path: "data.one", inputDiff: true },
          { path: "metadata.labels", after: { admitted: "yes" }, inputDiff: false },
        ]);
    });

    test("replace what can't be changed, by rule and by the server's word", async () => {
      const { create, diff } = await live({ enableConfigMapMutable: false });
      const made = await create(Deployment, deployment("a", {}, { "pulumi.com/skipAwait": "true" }));
      const other = await diff(
        made,
        deployment(
          "a",
          { selector: { matchLabels: { app: "b" } }, template: template({ app: "b" }) },
          { "pulumi.com/skipAwait": "true" },
        ),
      );
      expect(other.replaces).toEqual(["spec"]);
      // The same name: one must go before the other comes.
      expect(other.deleteBeforeReplace).toBe(true);
      expect(other.detailed?.find(({ effect }) => effect === "replace")?.path).toBe(
        "spec.selector.matchLabels.app",
      );

      const map = await create(ConfigMap, configMap("a", { one: "1" }));
      expect((await diff(map, configMap("a", { one: "2" }))).replaces).toEqual(["data"]);
      // Only the server knows these.
      const storage = {
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name: `class-${namespace}` },
        value: 5,
      };
      const priority = await create("kubernetes:scheduling.k8s.io/v1:PriorityClass", storage);
      const change = await diff(priority, { ...storage, value: 6 });
      expect(change.detailed).toMatchObject([
        { path: "value", effect: "replace", reason: "the server does not change it in place" },
      ]);
    });

    test("generated names are in the plan, stay, and make room for a replacement", async () => {
      const { create, diff } = await live({ enableConfigMapMutable: false });
      const unnamed = (one: string): PropertyMap => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace },
        data: { one },
      });
      const made = await create(ConfigMap, unnamed("1"));
      expect(made.id).toBe(`${namespace}/it-00000000`);
      expect(made.inputs.metadata).toMatchObject({ annotations: { "pulumi.com/autonamed": "true" } });
      expect((await diff(made, unnamed("1"))).changes).toBe("none");
      expect(await diff(made, unnamed("2"))).toMatchObject({
        replaces: ["data"],
        deleteBeforeReplace: false,
      });
    });

    test("compare inputs when the cluster is away, or this account may not try", async () => {
      const made = await (await live()).create(ConfigMap, configMap("a", { one: "1" }));
      const away = await live({
        kubeconfig: cluster.kubeconfigFor({}).replace(/127\.0\.0\.1:\d+/, "no-such-host.invalid:6443"),
      });
      const reader = await live({ kubeconfig: cluster.kubeconfigFor({ token: cluster.tokens.nobody }) });
      for (const [who, words] of [
        [away, "can't be reached"],
        [reader, "may not try out changes"],
      ] as const) {
        expect(await who.diff(made, configMap("a", { one: "2" }))).toMatchObject({
          changes: "some",
          replaces: [],
        });
        const { inputs } = await who.check(ConfigMap, configMap("b", { one: "1" }));
        const preview = await who.provider.create({
          urn: "urn:x",
          type: ConfigMap,
          name: "it",
          inputs,
          preview: true,
        });
        expect(preview).toMatchObject({
          id: `${namespace}/b`,
          outputs: { data: { one: "1" }, metadata: { uid: unknown } },
        });
        expect(who.log.filter((line) => line.includes(words))).toHaveLength(1);
      }
    });
  });

  describe("what is read", () => {
    test("controllers' writes are no drift; somebody's are, with who", async () => {
      const { create, provider, read } = await live();
      const made = await create(Deployment, deployment("a"));
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/a`;
      expect(await read(made)).toEqual(made);
      await cluster.call("PATCH", `${path}/scale`, { spec: { replicas: 3 } }, "application/merge-patch+json");
      await cluster.call(
        "PATCH",
        `${path}?fieldManager=somebody`,
        { metadata: { labels: { who: "me" } } },
        "application/merge-patch+json",
      );
      const seen = await provider.read({
        ...made,
        urn: "urn:pulumi:test::lab::kubernetes:apps/v1:Deployment::it",
        name: "it",
      });
      expect(seen.object?.inputs.spec).toMatchObject({ replicas: 3 });
      expect(seen.object?.outputs.metadata).toMatchObject({ labels: { who: "me" } });
      expect(seen.changes).toContainEqual(
        expect.objectContaining({
          by: "somebody",
          how: "Update",
          at: expect.any(Number),
          paths: expect.arrayContaining(["metadata.labels.who"]),
        }),
      );
    });

    test("quantities that the server writes in another way are as the program gave them", async () => {
      const { create, read, diff } = await live();
      const spec = {
        template: {
          metadata: { labels: { app: "a" } },
          spec: {
            containers: [
              { name: "app", image: "x", resources: { requests: { cpu: "1000m", memory: "1024Mi" } } },
            ],
          },
        },
      };
      const made = await create(Deployment, deployment("a", spec));
      const seen = await read(made);
      expect(seen?.inputs).toEqual(made.inputs);
      expect((await diff(made, deployment("a", spec))).changes).toBe("none");
    });

    test("an import takes what is there, and compares only what the program says", async () => {
      const { import: take, diff, update } = await live();
      await cluster.call("POST", `/api/v1/namespaces/${namespace}/configmaps?fieldManager=kubectl-create`, {
        metadata: { name: "a", labels: { team: "one" } },
        data: { one: "1", two: "2" },
      });
      const taken = await take(ConfigMap, `${namespace}/a`);
      if (taken === undefined) throw new Error("not found");
      expect(taken.inputs).toMatchObject({
        data: { one: "1", two: "2" },
        metadata: { labels: { team: "one" } },
      });
      expect((await diff(taken, configMap("a", { one: "1" }))).changes).toBe("none");
      expect((await diff(taken, configMap("a", { one: "3" }))).detailed).toMatchObject([
        { path: "data.one" },
      ]);
      // As the state has it after the import: with the program's inputs. What leaves them leaves the object, whoever put it there.
      const imported = { ...taken, inputs: configMap("a", { one: "1", two: "2" }) };
      expect((await diff(imported, configMap("a", { one: "3" }))).detailed).toMatchObject([
        { path: "data.one", reason: 'set by "kubectl-create" last' },
        { path: "data.two", kind: "delete" },
      ]);
      await update(imported, configMap("a", { one: "3" }));
      const { body } = await cluster.call("GET", pathOf("a"));
      expect(body.data).toEqual({ one: "3" });
      expect(body.metadata.labels).toEqual({ team: "one" });
      expect(await take(ConfigMap, `${namespace}/none`)).toBeUndefined();
    });
  });
});
