import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret, unknown } from "@orch/core/model/value";
import { pathIn } from "@orch/providers/kubernetes/apply";
import { waitForRule } from "@orch/providers/kubernetes/await/wait-for";
import { statusError } from "@orch/providers/kubernetes/failures";
import { replaceOn, saysImmutable } from "@orch/providers/kubernetes/immutable";
import { checkInputs } from "@orch/providers/kubernetes/inputs";
import { decode } from "@orch/providers/kubernetes/invokes";
import { kindOf } from "@orch/providers/kubernetes/kinds";
import { clusterConfig } from "@orch/providers/kubernetes/kubeconfig";
import { changesOf, ownedPaths } from "@orch/providers/kubernetes/managed-fields";
import type { KubernetesObject } from "@orch/providers/kubernetes/object";
import { importedInputs, kept, readInputs, readOutputs } from "@orch/providers/kubernetes/outputs";
import { describe, expect, onTestFinished, test } from "vitest";

const deployment = kindOf("kubernetes:apps/v1:Deployment");
const seed = new Uint8Array([1, 0x2f, 3, 0xff, 5]);

describe("kinds", () => {
  test("are in the token; only inputs tell a patch from a kind that is called so", () => {
    expect(deployment).toEqual({
      group: "apps",
      version: "v1",
      kind: "Deployment",
      apiVersion: "apps/v1",
      patch: false,
    });
    expect(kindOf("kubernetes:core/v1:Pod")).toMatchObject({ group: "", apiVersion: "v1" });
    expect(kindOf("kubernetes:v1:Pod")).toMatchObject({ group: "", apiVersion: "v1" });
    expect(kindOf("kubernetes:core/v1:PodPatch", "Pod")).toMatchObject({ kind: "Pod", patch: true });
    expect(kindOf("kubernetes:x.example.com/v1:BigPatch", "BigPatch")).toMatchObject({
      kind: "BigPatch",
      patch: false,
    });
    expect(() => kindOf("kubernetes:Pod")).toThrow(/is not a type of the package/);
  });
});

describe("checked inputs", () => {
  const check = (type: string, newInputs: object, oldInputs?: object) =>
    checkInputs({
      kind: kindOf(type, (newInputs as { kind?: string }).kind),
      name: "web",
      newInputs: newInputs as never,
      randomSeed: seed,
      namespace: "shop",
      ...(oldInputs ? { oldInputs: oldInputs as never } : {}),
    });
  const map = "kubernetes:core/v1:ConfigMap";

  test("get a name from the seed, and keep one that was generated", () => {
    const { inputs } = check(map, {});
    expect(inputs.metadata).toEqual({
      name: "web-012f03ff",
      namespace: "shop",
      annotations: { "pulumi.com/autonamed": "true" },
    });
    const old = { metadata: { name: "web-aaaaaaaa", annotations: { "pulumi.com/autonamed": "true" } } };
    expect(check(map, {}, old).inputs.metadata).toMatchObject({ name: "web-aaaaaaaa" });
    expect(check(map, {}, { metadata: { name: "given" } }).inputs.metadata).toMatchObject({
      name: "web-012f03ff",
    });
  });

  test("get the provider's namespace where the kind has one", () => {
    expect(
      check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", { metadata: { namespace: "x" } }).inputs
        .metadata,
    ).not.toHaveProperty("namespace");
    expect(check("kubernetes:x.example.com/v1:Thing", {}).inputs.metadata).not.toHaveProperty("namespace");
    expect(check(map, { metadata: { namespace: unknown } }).inputs.metadata).toMatchObject({
      namespace: unknown,
    });
  });

  test("bear what is not known yet, and lose what only a server writes", () => {
    expect(check(map, { metadata: unknown })).toEqual({
      inputs: { apiVersion: "v1", kind: "ConfigMap", metadata: unknown },
      failures: [],
    });
    const { inputs, failures } = check(map, {
      metadata: { name: unknown, uid: "x", creationTimestamp: null, labels: unknown },
    });
    expect(failures).toEqual([]);
    expect(inputs.metadata).toEqual({ name: unknown, labels: unknown, namespace: "shop" });
  });

  test("a name that can't be one is refused, with what would be right", () => {
    const { failures } = checkInputs({ kind: deployment, name: "My_App", newInputs: {}, randomSeed: seed });
    expect(failures).toMatchObject([
      { path: "metadata.name", message: expect.stringContaining("rename the resource") },
    ]);
  });
});

describe("what is read", () => {
  const live = (spec: object, more: object = {}): KubernetesObject =>
    ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "a", namespace: "n", uid: "u", resourceVersion: "7", ...more },
      spec,
    }) as never;
  const container = (name: string, more: object = {}) => ({ name, image: "i", ...more });
  const remembered = { manager: "m", initialApiVersion: "apps/v1" };

  test("is the program's own, but for what somebody changed: by the items' names, wherever they stand", () => {
    const inputs = { spec: { containers: [container("one", { cpu: "1000m" }), container("two")] } } as never;
    const then = live({
      containers: [container("sidecar"), container("one", { cpu: "1" }), container("two")],
    });
    expect(readInputs(deployment, then, inputs, kept(then) as never)).toEqual(inputs);
    const now = live({
      containers: [
        container("sidecar"),
        container("two", { image: "other" }),
        container("one", { cpu: "1" }),
        container("extra"),
      ],
    });
    expect(readInputs(deployment, now, inputs, kept(then) as never)).toEqual({
      spec: {
        containers: [
          container("one", { cpu: "1000m" }),
          container("two", { image: "other" }),
          container("extra"),
        ],
      },
    });
  });

  test("is not drift where a controller or a newer server wrote it, and is where somebody did", () => {
    const inputs = { spec: { replicas: 2 } } as never;
    const before = { ...kept(live({ replicas: 2 })), status: { replicas: 2 } } as never;
    const fields = (manager: string, fieldsV1: object, subresource = "") => ({
      manager,
      operation: "Update",
      time: "2026-01-02T03:04:05Z",
      fieldsV1,
      ...(subresource ? { subresource } : {}),
    });
    const quiet = live(
      { replicas: 2, newDefault: true, scaledByController: 1 },
      {
        resourceVersion: "9",
        managedFields: [
          fields("kube-controller-manager", { "f:spec": { "f:scaledByController": {} } }),
          fields("hpa", { "f:status": {} }, "status"),
        ],
      },
    );
    expect(
      readOutputs(deployment, { ...quiet, status: { replicas: 1 } }, inputs, before, remembered),
    ).toEqual(before);
    const touched = live(
      { replicas: 2, paused: true },
      { managedFields: [fields("kubectl", { "f:spec": { "f:paused": {} } })] },
    );
    expect(readOutputs(deployment, touched, inputs, before, remembered)).toMatchObject({
      spec: { replicas: 2, paused: true },
    });
    expect(changesOf(touched, "m")).toEqual([
      { by: "kubectl", at: Date.parse("2026-01-02T03:04:05Z"), how: "Update", paths: ["spec.paused"] },
    ]);
  });

  test("never holds what others applied in clear", () => {
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "password", mine: "1" };
    expect(kept(live({}, { annotations })).metadata.annotations).toEqual({ mine: "1" });
    expect(JSON.stringify(importedInputs(deployment, live({}, { annotations })))).not.toContain("password");
  });

  test("of an applied object, an import is what people applied", () => {
    const managedFields = [
      {
        manager: "argo",
        operation: "Apply",
        fieldsV1: {
          "f:spec": { "f:containers": { 'k:{"name":"one"}': { ".": {}, "f:name": {}, "f:image": {} } } },
        },
      },
      { manager: "kubelet", operation: "Update", subresource: "status", fieldsV1: {} },
    ];
    const found = live(
      { containers: [container("one", { imagePullPolicy: "Always" })], schedulerName: "default" },
      { managedFields },
    );
    expect(importedInputs(deployment, found).spec).toEqual({ containers: [container("one")] });
  });

  test("secrets stay marked", () => {
    const secret = kindOf("kubernetes:core/v1:Secret");
    const found = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", uid: "u" },
      data: { k: "eA==" },
    } as never;
    expect(readOutputs(secret, found, {}, {}, remembered).data).toEqual({ k: new Secret("eA==") });
    expect(importedInputs(secret, found).data).toEqual({ k: new Secret("eA==") });
  });
});

describe("paths of the server", () => {
  const object = {
    spec: { containers: [{ name: "a" }, { name: "b", ports: [{ containerPort: 80, protocol: "TCP" }] }] },
  };
  test("name list items by their keys", () => {
    expect(pathIn('spec.containers[name="b"].image', object)).toEqual(["spec", "containers", 1, "image"]);
    expect(pathIn('spec.containers[name="b"].ports[containerPort=80,protocol="TCP"].name', object)).toEqual([
      "spec",
      "containers",
      1,
      "ports",
      0,
      "name",
    ]);
    expect(pathIn('spec.containers[name="c"].image', object)).toBeUndefined();
    expect(
      ownedPaths(
        { "f:spec": { "f:containers": { 'k:{"name":"b"}': { "f:image": {} }, 'k:{"name":"gone"}': {} } } },
        object,
      ),
    ).toEqual([["spec", "containers", 1, "image"]]);
  });

  test("a field that is not in the schema is named", () => {
    const status = {
      code: 500,
      reason: "",
      causes: [],
      message:
        "failed to create typed patch object (n/a; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema",
    };
    expect(statusError(status, "Kubernetes", "apply it").failure).toMatchObject({
      reason: "invalid-property",
      path: "spec.replica",
    });
  });
});

test("what can't be changed in place", () => {
  const map = kindOf("kubernetes:core/v1:ConfigMap");
  expect(replaceOn(map, { configMaps: false, secrets: false }, false)).toContain("data");
  expect(replaceOn(map, { configMaps: true, secrets: false }, false)).not.toContain("data");
  expect(replaceOn(map, { configMaps: true, secrets: false }, true)).toContain("data");
  for (const text of [
    "field is immutable",
    "updates to statefulset spec for fields other than 'replicas' are forbidden",
    "may not change once set",
  ])
    expect(saysImmutable(text, deployment), text).toBe(true);
  expect(saysImmutable("Invalid value: 70000: must be between 1 and 65535", deployment)).toBe(false);
});

describe("pulumi.com/waitFor", () => {
  const object = (status: object): KubernetesObject =>
    ({ apiVersion: "v1", kind: "X", metadata: { name: "x" }, status }) as never;
  const state = (rule: string, status: object) => waitForRule(rule)(object(status)).state;
  test.each([
    ["condition=Ready", { conditions: [{ type: "Ready", status: "True" }] }, "ready"],
    ["condition=Ready", { conditions: [{ type: "Ready", status: "False" }] }, "waiting"],
    ["condition=Stalled=False", { conditions: [{ type: "Stalled", status: "False" }] }, "ready"],
    ["jsonpath={.status.phase}=Running", { phase: "Running" }, "ready"],
    ["jsonpath={.status.phase}='Running'", { phase: "Pending" }, "waiting"],
    ["jsonpath={.status.address}", { address: "x" }, "ready"],
    ["jsonpath={.status.address}", {}, "waiting"],
    ["jsonpath={.status.ingress[0].ip}=10.0.0.1", { ingress: [{ ip: "10.0.0.1" }] }, "ready"],
    ["jsonpath={.status.ingress[*].ip}=10.0.0.2", { ingress: [{ ip: "1" }, { ip: "10.0.0.2" }] }, "ready"],
    ['["condition=A", "condition=B"]', { conditions: [{ type: "A", status: "True" }] }, "waiting"],
  ])("%s of %j is %s", (rule, status, wanted) => expect(state(rule, status)).toBe(wanted));
  test.each(["", "ready", "[]", "[1]", "condition=", "jsonpath={}", "jsonpath={.a[?(x)]}"])(
    "%j is refused",
    (rule) => expect(() => waitForRule(rule)).toThrow(/can't be read/),
  );
});

test("several kubeconfig files are one: of the same name the first counts; paths are relative to their file", () => {
  const folder = mkdtempSync(join(tmpdir(), "orch-kubeconfig-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: object): string => {
    writeFileSync(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  writeFileSync(join(folder, "ca.crt"), "the authority");
  const first = write("first", {
    users: [{ name: "u", user: { token: "first" } }],
    contexts: [{ name: "c", context: { cluster: "k", user: "u", namespace: "n" } }],
  });
  const second = write("second", {
    "current-context": "c",
    users: [{ name: "u", user: { token: "second" } }],
    clusters: [{ name: "k", cluster: { server: "https://k:6443", "certificate-authority": "ca.crt" } }],
  });
  expect(clusterConfig({}, { KUBECONFIG: `${first}:${second}`, HOME: folder })).toMatchObject({
    server: "https://k:6443",
    ca: "the authority",
    namespace: "n",
    user: { token: "first" },
  });
  expect(() => clusterConfig({}, { HOME: folder }, folder)).toThrow(/no kubeconfig, and this is not a pod/);
  const proxied = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "k" } }],
    clusters: [{ name: "k", cluster: { server: "https://k", "proxy-url": "http://p" } }],
  };
  expect(() => clusterConfig({ kubeconfig: JSON.stringify(proxied) })).toThrow(/uses proxy-url/);
});

test("manifests that are none are refused with their place", () => {
  expect(() => decode("a: [", undefined)).toThrow(/not valid YAML.*line 1/);
  expect(() => decode("a: 1", undefined)).toThrow(/not a Kubernetes object/);
  expect(decode("apiVersion: v1\nkind: X\nmetadata: {name: a}", "n")).toEqual([
    { apiVersion: "v1", kind: "X", metadata: { name: "a", namespace: "n" } },
  ]);
});
