/** A program on @pulumi/kubernetes through the command line, on a real control plane: from plan to destroy, and what goes wrong in between. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { describeLab } from "./requirements.js";
import { type LabStack, labStack } from "./stack.js";

const PASSWORD = "hunter2-password";
const merge = "application/merge-patch+json";
const web = "/apis/apps/v1/namespaces/shop/deployments/web";
const repositoryRoot = resolve(fileURLToPath(import.meta.url), "..", "..", "..");

describeLab("lab: a program on Kubernetes", kubernetesNeeds, () => {
  let cluster: LabKubernetes;
  let stack: LabStack;
  beforeAll(async () => {
    cluster = await startKubernetes();
  });
  afterAll(() => cluster?.remove());
  beforeEach(async () => {
    stack = labStack("kubernetes", { KUBECONFIG: cluster.kubeconfig });
    await stack.succeed("stack", "init", "dev");
    expect((await stack.orchWith(`${PASSWORD}\n`, "config", "set", "password", "--secret")).code).toBe(0);
  });
  afterEach(async () => {
    await stack.orch("destroy", "--yes");
    stack.remove();
  });
  const set = (key: string, value: string) => stack.succeed("config", "set", key, value);
  const get = async (path: string) => (await cluster.call("GET", path)).body;

  test("plans, applies, changes, sees drift, heals it, and destroys; the password is nowhere in clear", async () => {
    const seen: string[] = [];
    const ok = async (...args: string[]): Promise<string> => {
      const { all, stdout } = await stack.succeed(...args);
      seen.push(all);
      return stdout;
    };
    const planned = await ok("plan");
    expect(planned).toMatch(/\+ kubernetes:core\/v1:ConfigMap settings/);
    expect(planned).toMatch(/name: "settings-[0-9a-f]{8}"/);
    expect(planned).toContain("address: (known after apply, from kubernetes:core/v1:Service web → spec)");
    expect(planned).toContain("Plan: 9 to create, 0 unchanged.");
    expect((await cluster.call("GET", "/api/v1/namespaces/shop")).status).toBe(404);

    const applied = await ok("apply", "--yes");
    expect(applied).toContain("Apply complete: 9 created");
    expect((await get(web)).status.availableReplicas).toBe(2);
    expect((await get("/apis/shop.example.com/v1/namespaces/shop/widgets/widget")).spec).toEqual({
      name: "first",
      size: 3,
    });
    const outputs = JSON.parse(await ok("stack", "output", "--json"));
    expect(outputs.address).toMatch(/^10\.96\./);
    expect((await stack.orch("plan", "--detailed-exitcode")).code).toBe(0);
    expect((await stack.orch("plan", "--refresh", "--detailed-exitcode")).code).toBe(0);
    expect((await stack.orch("drift")).code).toBe(0);

    // Another colour is another ConfigMap, and so a rollout.
    await set("colour", "red");
    const change = await ok("plan");
    expect(change).toMatch(/kubernetes:core\/v1:ConfigMap settings/);
    expect(change).toMatch(
      /~ spec\.template\.spec\.containers\[name="web"\]\.envFrom\[0\]\.configMapRef\.name: "settings-[0-9a-f]{8}" → "settings-[0-9a-f]{8}"/,
    );
    await ok("apply", "--yes");
    expect(
      (await get("/api/v1/namespaces/shop/configmaps")).items.filter((item: { metadata: { name: string } }) =>
        item.metadata.name.startsWith("settings-"),
      ),
    ).toHaveLength(1);

    await cluster.call("PATCH", `${web}/scale?fieldManager=kubectl`, { spec: { replicas: 3 } }, merge);
    await cluster.call("DELETE", "/api/v1/namespaces/shop/services/web");
    const drift = await stack.orch("drift");
    seen.push(drift.all);
    expect(drift.code).toBe(2);
    expect(drift.stdout).toContain("~ spec.replicas: 2 → 3");
    expect(drift.stdout).toMatch(/kubernetes:core\/v1:Service web .* is gone/);
    const healed = await ok("apply", "--refresh", "--yes");
    expect(healed).toContain("~ spec.replicas: 3 → 2");
    expect((await get(web)).spec.replicas).toBe(2);
    expect((await stack.orch("drift")).code).toBe(0);

    await ok("destroy", "--yes");
    expect((await cluster.call("GET", "/api/v1/namespaces/shop")).status).toBe(404);
    expect(
      (
        await cluster.call(
          "GET",
          "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.shop.example.com",
        )
      ).status,
    ).toBe(404);
    for (const text of [PASSWORD, Buffer.from(PASSWORD).toString("base64")]) {
      expect(seen.join("\n")).not.toContain(text);
      expect(stack.filesWith(text)).toEqual([]);
    }
  });

  test("a conflict and a mistake are found by the plan, with the place in the program", async () => {
    await stack.succeed("apply", "--yes");
    await cluster.call("PATCH", `${web}/scale?fieldManager=kubectl`, { spec: { replicas: 3 } }, merge);
    await set("replicas", "4");
    const conflict = await stack.orch("plan");
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain(
      'error[conflict]: The apps/v1 Deployment shop/web has spec.replicas set by "kubectl"',
    );
    expect(conflict.stderr).toMatch(/expected 4\n +found {4}3/);
    expect(conflict.stderr).toContain("at index.ts:");
    // Nothing of it was tried.
    expect((await get(web)).spec.replicas).toBe(3);
    await set("brokenLabel", "not a label");
    const mistake = await stack.orch("plan", "--refresh");
    expect(mistake.stderr).toContain("error[invalid-property]");
    expect(mistake.stderr).toContain("property spec.template.labels");
  });

  test("what somebody changes between a plan and its apply stops that step, and the rest is done; the next plan goes on", async () => {
    await stack.succeed("apply", "--yes");
    await set("replicas", "4");
    await set("colour", "green");
    const file = join(stack.root, "saved.plan");
    await stack.succeed("plan", "--out", file);
    await cluster.call("PATCH", `${web}/scale?fieldManager=kubectl`, { spec: { replicas: 3 } }, merge);
    const apply = await stack.orch("apply", file, "--yes");
    expect(apply.code).toBe(1);
    expect(apply.all).toContain('spec.replicas set by "kubectl"');
    expect((await get(web)).spec.replicas).toBe(3);
    await stack.succeed("apply", "--refresh", "--yes");
    expect((await get(web)).spec.replicas).toBe(4);
  });

  test("a rollout that does not come to its end: told with what the pods say, kept, and finished by the next apply", async () => {
    await set("brokenLabel", "unpullable");
    await set("timeout", "4");
    const first = await stack.orch("apply", "--yes");
    expect(first.code).toBe(1);
    expect(first.all).toContain("ImagePullBackOff");
    expect(first.all).toContain("exists but is not finished");
    await stack.succeed("config", "rm", "brokenLabel");
    await stack.succeed("config", "rm", "timeout");
    const second = await stack.orch("apply", "--yes");
    expect(second.code, second.all).toBe(0);
    expect((await get(web)).status.availableReplicas).toBe(2);
  });

  test("killed in the middle of a creation: the next apply finds the object, and makes no second one", async () => {
    await set("brokenLabel", "unpullable");
    await set("timeout", "600");
    const child = spawn(
      join(repositoryRoot, "node_modules", ".bin", "node"),
      [join(repositoryRoot, "packages", "cli", "bin", "orch.js"), "apply", "--yes"],
      {
        cwd: stack.directory,
        env: {
          PATH: process.env.PATH ?? "",
          HOME: stack.home,
          LANG: "C.UTF-8",
          KUBECONFIG: cluster.kubeconfig,
        },
        stdio: "ignore",
      },
    );
    await expect.poll(async () => (await cluster.call("GET", web)).status, { timeout: 60_000 }).toBe(200);
    const { uid } = (await get(web)).metadata;
    child.kill("SIGKILL");
    await new Promise((done) => child.once("exit", done));
    await stack.succeed("config", "rm", "brokenLabel");
    await stack.succeed("config", "rm", "timeout");
    // The selector's pods can't be told apart, but the object can: it is the same one.
    const next = await stack.orch("apply", "--yes");
    expect(next.code, next.all).toBe(0);
    expect((await get(web)).metadata.uid).toBe(uid);
    expect((await get(web)).status.availableReplicas).toBe(2);
    expect(readFileSync(join(stack.directory, "Pulumi.dev.yaml"), "utf8")).not.toContain(PASSWORD);
  });
});
