import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PropertyMap } from "@orch/core/model/value";
import type { ReadManyResponse } from "@orch/core/provider/contract";
import { kubernetesLoader } from "@orch/providers/kubernetes/index";
import { clusterConfig } from "@orch/providers/kubernetes/kubeconfig";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { failureOf, type Live, startLive } from "./live.js";
import { describeLab } from "./requirements.js";

const ConfigMap = "kubernetes:core/v1:ConfigMap";
const rbac = "/apis/rbac.authorization.k8s.io/v1";

describeLab("kubernetes: logging in, rights, many objects at once", kubernetesNeeds, () => {
  let cluster: LabKubernetes;
  let namespace = "";
  let count = 0;
  let folder = "";
  beforeAll(async () => {
    cluster = await startKubernetes();
    folder = mkdtempSync(join(tmpdir(), "orch-lab-kubeconfigs-"));
  });
  afterAll(async () => {
    await cluster?.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    namespace = `test-${++count}`;
    await cluster.call("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  });

  const live = (config: PropertyMap = {}) =>
    startLive(kubernetesLoader(), "kubernetes", { kubeconfig: cluster.kubeconfig, ...config });
  const as = (user: Readonly<Record<string, unknown>>, context = {}) =>
    live({ kubeconfig: cluster.kubeconfigFor(user, context) });
  const configMap = (name: string, within = namespace): PropertyMap => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: within },
    data: { a: "1" },
  });
  const grant = async (verbs: readonly string[], resources = ["configmaps"]): Promise<void> => {
    await cluster.call("POST", `${rbac}/namespaces/${namespace}/roles`, {
      metadata: { name: "given" },
      rules: [{ apiGroups: [""], resources, verbs }],
    });
    await cluster.call("POST", `${rbac}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: "given" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "given" },
      subjects: [{ kind: "User", name: "limited" }],
    });
  };
  const limited = () => as({ token: cluster.tokens.limited });

  describe("logging in", () => {
    test("with a certificate, a token, a token file, a program that prints either", async () => {
      await grant(["*"]);
      const tokenFile = join(folder, "token");
      writeFileSync(tokenFile, `${cluster.tokens.limited}\n`);
      const certificate = cluster.certificate("limited", 1);
      const program = (status: object): object => {
        const file = join(folder, `login-${Math.random().toString(36).slice(2)}`);
        writeFileSync(
          file,
          `#!/bin/sh\ncat <<'END'\n${JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status })}\nEND\n`,
        );
        chmodSync(file, 0o700);
        return {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1",
            command: file,
            args: [],
            interactiveMode: "Never",
          },
        };
      };
      const base64 = (text: string) => Buffer.from(text).toString("base64");
      for (const [name, user] of Object.entries({
        certificate: {
          "client-certificate-data": base64(certificate.cert),
          "client-key-data": base64(certificate.key),
        },
        token: { token: cluster.tokens.limited },
        file: { tokenFile },
        "printed-token": program({ token: cluster.tokens.limited }),
        "printed-certificate": program({
          clientCertificateData: certificate.cert,
          clientKeyData: certificate.key,
        }),
      })) {
        const { create } = await as(user as Record<string, unknown>);
        expect((await create(ConfigMap, configMap(name))).id, name).toBe(`${namespace}/${name}`);
      }
    });

    test("a token that the program has printed and that ran out is asked for again", async () => {
      await grant(["*"]);
      const file = join(folder, "twice");
      const good = JSON.stringify({ kind: "ExecCredential", status: { token: cluster.tokens.limited } });
      // The first time it prints what the server does not know.
      writeFileSync(
        file,
        `#!/bin/sh\nif [ -e "$0.again" ]; then echo '${good}'; else touch "$0.again"; echo '{"kind":"ExecCredential","status":{"token":"old"}}'; fi\n`,
      );
      chmodSync(file, 0o700);
      const { create } = await as({ exec: { apiVersion: "client.authentication.k8s.io/v1", command: file } });
      expect((await create(ConfigMap, configMap("a"))).id).toBe(`${namespace}/a`);
    });

    test("what is wrong with it is told: credentials, certificates, programs; no secret with it", async () => {
      const expired = cluster.certificate("limited", -1);
      const base64 = (text: string) => Buffer.from(text).toString("base64");
      const tokenless = join(folder, "tokenless");
      writeFileSync(tokenless, "#!/bin/sh\necho log in first >&2\nexit 1\n");
      chmodSync(tokenless, 0o700);
      const secret = "a-token-that-nobody-must-see";
      for (const [user, wanted] of [
        [{ token: secret }, { reason: "authentication-failed", found: expect.stringContaining("401") }],
        [
          { "client-certificate-data": base64(expired.cert), "client-key-data": base64(expired.key) },
          { reason: "authentication-failed" },
        ],
        [
          { exec: { command: tokenless, apiVersion: "client.authentication.k8s.io/v1" } },
          { reason: "authentication-failed", found: "log in first" },
        ],
        [
          {
            exec: {
              command: "no-such-program",
              apiVersion: "client.authentication.k8s.io/v1",
              installHint: "Get it from your administrator.",
            },
          },
          { reason: "provider-config", next: ["Get it from your administrator."] },
        ],
      ] as const) {
        const { create } = await as(user);
        const failure = await failureOf(create(ConfigMap, configMap("a")));
        expect(failure).toMatchObject(wanted);
        expect(JSON.stringify(failure)).not.toContain(secret);
      }
      // Somebody else's server, or somebody in between.
      const other = JSON.parse(cluster.kubeconfigFor({ token: cluster.tokens.limited }));
      delete other.clusters[0].cluster["certificate-authority-data"];
      const { create } = await live({ kubeconfig: JSON.stringify(other) });
      expect(await failureOf(create(ConfigMap, configMap("a")))).toMatchObject({
        reason: "connection-failed",
        message: expect.stringContaining("certificate"),
      });
      other.clusters[0].cluster["insecure-skip-tls-verify"] = true;
      await grant(["*"]);
      const careless = await live({ kubeconfig: JSON.stringify(other) });
      expect((await careless.create(ConfigMap, configMap("a"))).id).toBe(`${namespace}/a`);
    });

    test("as a pod, with its service account", async () => {
      const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      await expect
        .poll(async () => (await cluster.call("GET", `${accounts}/default`)).status, { timeout: 30_000 })
        .toBe(200);
      const { body } = await cluster.call("POST", `${accounts}/default/token`, { spec: {} });
      const pod = join(folder, "pod");
      mkdirSync(pod);
      const config = JSON.parse(cluster.kubeconfigFor({}));
      writeFileSync(join(pod, "token"), body.status.token);
      writeFileSync(
        join(pod, "ca.crt"),
        Buffer.from(config.clusters[0].cluster["certificate-authority-data"], "base64"),
      );
      writeFileSync(join(pod, "namespace"), namespace);
      const { hostname, port } = new URL(cluster.server);
      const env = { HOME: folder, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
      const found = clusterConfig({}, env, pod);
      expect(found).toMatchObject({ server: cluster.server, namespace, from: "this pod's service account" });
      // The same as a kubeconfig, to try it.
      const { create } = await as(
        { tokenFile: found.user.tokenFile as string },
        { namespace: found.namespace },
      );
      const failure = await failureOf(create(ConfigMap, configMap("a")));
      expect(failure.message).toContain(`system:serviceaccount:${namespace}:default may not get configmaps`);
    });

    test("contexts, namespaces of contexts, and what a kubeconfig lacks", async () => {
      await grant(["*"]);
      const { create } = await as({ token: cluster.tokens.limited }, { namespace });
      const unplaced = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: {} };
      expect((await create(ConfigMap, unplaced)).id).toBe(`${namespace}/a`);
      const kubeconfig = cluster.kubeconfigFor({});
      for (const [config, message] of [
        [{ kubeconfig, context: "prod" }, 'has no context "prod"'],
        [{ kubeconfig, cluster: "prod" }, 'has no cluster "prod"'],
        [{ kubeconfig: "/no/such/file" }, "neither the text of one nor a file that exists"],
        [{ kubeconfig: "{a: [" }, "neither valid YAML nor JSON"],
      ] as const)
        expect(await failureOf(live(config)), message).toMatchObject({
          reason: "provider-config",
          message: expect.stringContaining(message),
        });
      // A file is named; only what it holds is secret.
      expect((await failureOf(live({ context: "prod" }))).message).toContain(cluster.kubeconfig);
      await expect(live({ kubeconfig, enableServerSideApply: false })).rejects.toThrow(
        /client-side apply is served by Pulumi's plugin only/,
      );
      await expect(live({ kubeconfig, namespaze: "x" })).rejects.toThrow(/did you mean namespace/);
    });
  });

  test("a right that is missing is named: verb, resource, group and namespace", async () => {
    await grant(["get"]);
    const { create, list } = await limited();
    expect(await failureOf(create(ConfigMap, configMap("a")))).toMatchObject({
      reason: "permission-denied",
      message: expect.stringContaining(
        `The user limited may not patch configmaps in the namespace ${namespace}`,
      ),
      expected: `the verb "patch" on "configmaps" of the API group "" in the namespace ${namespace}`,
      next: [expect.stringContaining("Bind a Role"), `kubectl auth can-i patch configmaps -n ${namespace}`],
    });
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "a", namespace },
      spec: {},
    };
    expect(await failureOf(create("kubernetes:apps/v1:Deployment", deployment))).toMatchObject({
      message: expect.stringContaining("may not get deployments.apps in the namespace"),
    });
    expect(await failureOf(list(ConfigMap, { zone: "x" }))).toMatchObject({
      reason: "invalid-property",
      path: "zone",
      expected: "namespace, labelSelector, fieldSelector",
    });
    expect(await failureOf(list("kubernetes:core/v1:Node", {}))).toMatchObject({
      message: expect.stringContaining("may not list nodes in the whole cluster"),
      next: [expect.stringContaining("Bind a ClusterRole"), "kubectl auth can-i list nodes"],
    });
  });

  test("a quota and an admission rule are not taken for missing rights", async () => {
    await cluster.call("POST", `/api/v1/namespaces/${namespace}/resourcequotas`, {
      metadata: { name: "none" },
      spec: { hard: { "count/configmaps": "0" } },
    });
    const { create } = await live();
    await expect
      .poll(
        async () =>
          (await cluster.call("GET", `/api/v1/namespaces/${namespace}/resourcequotas/none`)).body.status
            ?.hard !== undefined,
        { timeout: 30_000 },
      )
      .toBe(true);
    expect(await failureOf(create(ConfigMap, configMap("a")))).toMatchObject({
      reason: "provider-error",
      message: expect.stringContaining("a quota is used up"),
    });
    await cluster.call(
      "PATCH",
      `/api/v1/namespaces/${namespace}`,
      { metadata: { labels: { "pod-security.kubernetes.io/enforce": "restricted" } } },
      "application/merge-patch+json",
    );
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a", namespace },
      spec: { containers: [{ name: "app", image: "x" }] },
    };
    expect(await failureOf(create("kubernetes:core/v1:Pod", pod))).toMatchObject({
      reason: "invalid-property",
      message: expect.stringContaining("an admission rule does not allow it"),
      found: expect.stringContaining("violates PodSecurity"),
    });
  });

  test("a namespace that is not there, and comes", async () => {
    const { create } = await live();
    const made = create(ConfigMap, configMap("a", `${namespace}-late`));
    await new Promise((done) => setTimeout(done, 700));
    await cluster.call("POST", "/api/v1/namespaces", { metadata: { name: `${namespace}-late` } });
    expect((await made).id).toBe(`${namespace}-late/a`);
  });

  test("the server's warnings are told, once", async () => {
    const started = await live();
    const binding = (name: string) => ({
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name, namespace },
      subsets: [],
    });
    await started.create("kubernetes:core/v1:Endpoints", binding("a"));
    await started.create("kubernetes:core/v1:Endpoints", binding("b"));
    expect(started.log.filter((line) => line.includes("Endpoints is deprecated"))).toHaveLength(1);
  });

  describe("many at once", () => {
    const make = async (names: readonly string[], within = namespace): Promise<readonly Live[]> => {
      const { create } = await live();
      return Promise.all(names.map((name) => create(ConfigMap, configMap(name, within))));
    };
    const ids = (answers: ReadManyResponse) =>
      answers.map((answer) => ("failure" in answer ? answer.failure.reason : answer.object?.id));
    const asked = (since: number) =>
      cluster
        .audit()
        .slice(since)
        .filter(({ uri }) => uri.includes("/configmaps"));

    test("one list for each kind and namespace, page by page", async () => {
      const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
      await cluster.call("POST", "/api/v1/namespaces", { metadata: { name: `${namespace}-b` } });
      const made = [...(await make(names)), ...(await make(names, `${namespace}-b`))];
      await cluster.call("DELETE", `/api/v1/namespaces/${namespace}/configmaps/n7`);
      const { readMany } = await live();
      const before = cluster.audit().length;
      const answers = await readMany(made);
      expect(ids(answers)).toEqual(made.map(({ id }) => (id === `${namespace}/n7` ? undefined : id)));
      expect(asked(before).map(({ verb }) => verb)).toEqual(["list", "list"]);
    });

    test("a list of many pages is of one version, and ends when all are found", async () => {
      await Promise.all(
        Array.from({ length: 1100 }, (_, i) =>
          cluster.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
            metadata: { name: `m${String(i).padStart(4, "0")}` },
            data: { a: "1" },
          }),
        ),
      );
      const { import: take, readMany, list } = await live();
      const named = async (name: string) => {
        const found = (await take(ConfigMap, `${namespace}/${name}`)) as Live;
        return { ...found, inputs: configMap(name) };
      };
      const last = [await named("m0001"), await named("m0600"), await named("m1099")];
      const first = [await named("m0001"), await named("m0002"), await named("m0003")];
      let before = cluster.audit().length;
      expect(ids(await readMany(last))).toEqual(last.map(({ id }) => id));
      expect(asked(before)).toHaveLength(3);
      before = cluster.audit().length;
      expect(ids(await readMany(first))).toEqual(first.map(({ id }) => id));
      expect(asked(before)).toHaveLength(1);
      const listed = await list(ConfigMap, { namespace, fieldSelector: "metadata.name!=kube-root-ca.crt" });
      expect(new Set(listed.map(({ id }) => id)).size).toBe(1100);
      expect(listed[0]?.changes).toMatchObject([{ at: expect.any(Number), how: "Update" }]);
    });

    test("without the right to list, each is read by itself; without any, each says so", async () => {
      const made = await make(["a", "b", "c"]);
      const nobody = await as({ token: cluster.tokens.nobody });
      const failed = await nobody.readMany(made);
      expect(ids(failed)).toEqual(["permission-denied", "permission-denied", "permission-denied"]);
      await grant(["get"]);
      const { readMany } = await limited();
      await expect
        .poll(async () => ids(await readMany(made)), { timeout: 30_000 })
        .toEqual(made.map(({ id }) => id));
    });

    test("an unreachable cluster: each fails, or counts as the configuration says", async () => {
      const made = await make(["a", "b", "c"]);
      const kubeconfig = cluster.kubeconfigFor({}).replace(/127\.0\.0\.1:\d+/, "no-such-host.invalid:6443");
      expect(ids(await (await live({ kubeconfig })).readMany(made))).toEqual(
        Array(3).fill("connection-failed"),
      );
      expect(ids(await (await live({ kubeconfig, skipUpdateUnreachable: true })).readMany(made))).toEqual(
        made.map(({ id }) => id),
      );
      const gone = await live({ kubeconfig, deleteUnreachable: "true" });
      expect(ids(await gone.readMany(made))).toEqual(Array(3).fill(undefined));
      await gone.delete(made[0] as Live);
    });
  });

  test("what only the plugin can do says so", async () => {
    const { check, provider } = await live();
    expect(await failureOf(check("kubernetes:helm.sh/v3:Release", { chart: "x" }))).toMatchObject({
      reason: "unsupported",
      next: [expect.stringContaining("providers: { kubernetes: plugin }")],
    });
    expect(await failureOf(provider.invoke({ token: "kubernetes:helm:template", args: {} }))).toMatchObject({
      reason: "unsupported",
    });
  });
});
