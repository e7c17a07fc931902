/** Objects that are there already (read, imported, patched) and manifests (files, kustomize), through the command line. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubernetesNeeds, type LabKubernetes, startKubernetes } from "./kubernetes.js";
import { describeLab } from "./requirements.js";
import { type LabStack, labStack } from "./stack.js";

const maps = "/api/v1/namespaces/default/configmaps";

describeLab("lab: objects of others, and manifests", [...kubernetesNeeds, "kubectl"], () => {
  let cluster: LabKubernetes;
  let stack: LabStack;
  beforeAll(async () => {
    cluster = await startKubernetes();
    stack = labStack("kubernetes-adopt", { KUBECONFIG: cluster.kubeconfig });
    await stack.succeed("stack", "init", "dev");
  });
  afterAll(async () => {
    await cluster?.remove();
    stack?.remove();
  });
  const data = async (name: string) => (await cluster.call("GET", `${maps}/${name}`)).body.data;

  test("are read, imported, patched and made; what others put there stays", async () => {
    for (const [name, content] of Object.entries({
      adopted: { mine: "1", theirs: "2" },
      patched: { theirs: "3" },
    }))
      await cluster.call("POST", `${maps}?fieldManager=kubectl-create`, {
        metadata: { name },
        data: content,
      });
    const { uid } = (await cluster.call("GET", `${maps}/adopted`)).body.metadata;

    const planned = await stack.succeed("plan");
    expect(planned.stdout).toContain("kubernetes:core/v1:ConfigMap adopted");
    expect(await data("patched")).toEqual({ theirs: "3" });
    const applied = await stack.orch("apply", "--yes");
    expect(applied.code, applied.all).toBe(0);
    const outputs = JSON.parse((await stack.succeed("stack", "output", "--json")).stdout);
    expect(outputs).toMatchObject({ apiAddress: "10.96.0.1", adoptedUid: uid });
    expect(await data("adopted")).toEqual({ mine: "1", theirs: "2" });
    expect(await data("patched")).toEqual({ theirs: "3", added: "by orch" });
    expect(await data("from-file")).toEqual({ answer: "yes" });
    expect(await data("site-settings")).toEqual({ built: "with kustomize" });
    const accounts = "/api/v1/namespaces/default/serviceaccounts/from-list";
    expect((await cluster.call("GET", accounts)).status).toBe(200);
    expect((await stack.orch("plan", "--refresh", "--detailed-exitcode")).all).toContain(
      "Plan: nothing to do; 8 resources unchanged",
    );

    await stack.succeed("config", "set", "mine", "changed");
    const change = await stack.orch("apply", "--yes");
    expect(change.code, change.all).toBe(0);
    expect((await data("adopted")).mine).toBe("changed");

    await stack.succeed("destroy", "--yes");
    expect(await data("patched")).toEqual({ theirs: "3" });
    expect(await data("from-file")).toBeUndefined();
    expect((await cluster.call("GET", accounts)).status).toBe(404);
  });
});
