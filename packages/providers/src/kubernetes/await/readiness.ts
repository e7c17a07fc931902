/** What readiness means, kind by kind: a judgement of the object as it is now. */
import type { KubernetesApi } from "../api.js";
import type { Kind } from "../kinds.js";
import { at, condition, isObject, type KubernetesObject, listAt, numberAt, textAt } from "../object.js";

/** `waiting` with what it waits for; `failed` when waiting longer is of no use. */
export type Readiness =
  | { readonly state: "ready" }
  | { readonly state: "waiting"; readonly what: string }
  | { readonly state: "failed"; readonly why: string };

export interface Judging {
  readonly api: KubernetesApi;
  readonly kind: Kind;
  readonly signal: AbortSignal;
  /** Pods, endpoints: other objects that the answer depends on. Undefined: they can't be looked at. */
  list(
    apiVersion: string,
    kind: string,
    namespace: string,
    labels: string,
  ): Promise<readonly KubernetesObject[] | undefined>;
  get(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    name: string,
  ): Promise<KubernetesObject | undefined>;
}

export type Judge = (object: KubernetesObject, judging: Judging) => Readiness | Promise<Readiness>;

const ready: Readiness = { state: "ready" };
const waiting = (what: string): Readiness => ({ state: "waiting", what });
const failed = (why: string): Readiness => ({ state: "failed", why });

/** The controller has not seen this version of the object yet: its status speaks of an older one. */
const notSeen = (object: KubernetesObject): boolean =>
  numberAt(object, "status", "observedGeneration") < numberAt(object, "metadata", "generation");

const messageOf = (part: unknown): string =>
  [textAt(part, "reason"), textAt(part, "message")].filter(Boolean).join(": ");

/** As `kubectl rollout status`. Source: kubernetes/kubectl `pkg/polymorphichelpers/rollout_status.go`. */
const deployment: Judge = async (object, judging) => {
  if (at(object, "spec", "paused") === true) return ready;
  if (notSeen(object)) return waiting("the deployment controller");
  const progressing = condition(object, "Progressing");
  if (textAt(progressing, "reason") === "ProgressDeadlineExceeded")
    return failed(`no progress in time: ${messageOf(progressing)}${await podTroubles(object, judging)}`);
  const wanted = at(object, "spec", "replicas") === undefined ? 1 : numberAt(object, "spec", "replicas");
  const [all, updated, available] = ["replicas", "updatedReplicas", "availableReplicas"].map((key) =>
    numberAt(object, "status", key),
  ) as [number, number, number];
  if (updated < wanted)
    return waiting(`${updated} of ${wanted} replicas updated${await podTroubles(object, judging)}`);
  if (all > updated) return waiting(`${all - updated} old replicas to end`);
  if (available < updated)
    return waiting(`${available} of ${updated} replicas available${await podTroubles(object, judging)}`);
  return ready;
};

const statefulSet: Judge = async (object, judging) => {
  if (textAt(object, "spec", "updateStrategy", "type") === "OnDelete") return ready;
  if (notSeen(object)) return waiting("the statefulset controller");
  const wanted = at(object, "spec", "replicas") === undefined ? 1 : numberAt(object, "spec", "replicas");
  const readyReplicas = numberAt(object, "status", "readyReplicas");
  if (readyReplicas < wanted)
    return waiting(`${readyReplicas} of ${wanted} replicas ready${await podTroubles(object, judging)}`);
  const partition = numberAt(object, "spec", "updateStrategy", "rollingUpdate", "partition");
  const updated = numberAt(object, "status", "updatedReplicas");
  if (partition > 0)
    return updated < wanted - partition
      ? waiting(`${updated} of ${wanted - partition} replicas updated`)
      : ready;
  if (textAt(object, "status", "updateRevision") !== textAt(object, "status", "currentRevision"))
    return waiting(`${updated} of ${wanted} replicas updated`);
  return ready;
};

const daemonSet: Judge = async (object, judging) => {
  if (textAt(object, "spec", "updateStrategy", "type") === "OnDelete") return ready;
  if (notSeen(object)) return waiting("the daemonset controller");
  const [wanted, updated, available] = [
    "desiredNumberScheduled",
    "updatedNumberScheduled",
    "numberAvailable",
  ].map((key) => numberAt(object, "status", key)) as [number, number, number];
  if (updated < wanted) return waiting(`${updated} of ${wanted} pods updated`);
  if (available < wanted)
    return waiting(`${available} of ${wanted} pods available${await podTroubles(object, judging)}`);
  return ready;
};

const replicationController: Judge = async (object, judging) => {
  if (notSeen(object)) return waiting("its controller");
  const wanted = at(object, "spec", "replicas") === undefined ? 1 : numberAt(object, "spec", "replicas");
  const available = numberAt(object, "status", "availableReplicas");
  return available < wanted
    ? waiting(`${available} of ${wanted} replicas available${await podTroubles(object, judging)}`)
    : ready;
};

const job: Judge = async (object, judging) => {
  const failure = condition(object, "Failed");
  if (textAt(failure, "status") === "True")
    return failed(`the job failed: ${messageOf(failure)}${await podTroubles(object, judging)}`);
  if (textAt(condition(object, "Complete"), "status") === "True") return ready;
  if (at(object, "spec", "suspend") === true) return ready;
  const [active, succeeded, failedPods] = ["active", "succeeded", "failed"].map((key) =>
    numberAt(object, "status", key),
  ) as [number, number, number];
  const wanted =
    at(object, "spec", "completions") === undefined ? 1 : numberAt(object, "spec", "completions");
  return waiting(
    `${succeeded} of ${wanted} completions (${active} running, ${failedPods} failed)${failedPods > 0 ? await podTroubles(object, judging) : ""}`,
  );
};

const pod: Judge = (object) => {
  const phase = textAt(object, "status", "phase");
  if (phase === "Succeeded") return ready;
  if (phase === "Failed")
    return failed(`the pod failed: ${messageOf(at(object, "status")) || troublesOf(object).join("; ")}`);
  if (textAt(condition(object, "Ready"), "status") === "True") return ready;
  const troubles = troublesOf(object);
  return waiting(troubles.length > 0 ? troubles.join("; ") : `the pod is ${phase ?? "not seen yet"}`);
};

const service: Judge = async (object, judging) => {
  const type = textAt(object, "spec", "type");
  if (type === "ExternalName") return ready;
  const { namespace = "default", name = "" } = object.metadata;
  const selector = at(object, "spec", "selector");
  const headless = textAt(object, "spec", "clusterIP") === "None";
  if (isObject(selector) && Object.keys(selector).length > 0 && !headless) {
    const slices = await judging.list(
      "discovery.k8s.io/v1",
      "EndpointSlice",
      namespace,
      `kubernetes.io/service-name=${name}`,
    );
    const isReady = (endpoint: unknown): boolean => at(endpoint, "conditions", "ready") !== false;
    if (slices && !slices.some((slice) => listAt(slice, "endpoints").some(isReady)))
      return waiting(
        `a ready pod with the labels ${Object.entries(selector)
          .map(([key, value]) => `${key}=${value}`)
          .join(",")}`,
      );
  }
  if (type === "LoadBalancer" && listAt(object, "status", "loadBalancer", "ingress").length === 0)
    return waiting("an address from the load balancer");
  return ready;
};

const ingress: Judge = (object) =>
  listAt(object, "status", "loadBalancer", "ingress").length > 0
    ? ready
    : waiting("an address from the ingress controller");

const claim: Judge = async (object, judging) => {
  const phase = textAt(object, "status", "phase");
  if (phase === "Bound") return ready;
  if (phase === "Lost") return failed("the volume of the claim is lost");
  const storageClass = textAt(object, "spec", "storageClassName");
  if (phase === "Pending" && storageClass) {
    const found = await judging.get("storage.k8s.io/v1", "StorageClass", undefined, storageClass);
    // Nothing happens before a pod uses it.
    if (textAt(found, "volumeBindingMode") === "WaitForFirstConsumer") return ready;
    if (found === undefined) return waiting(`a volume (there is no StorageClass ${storageClass})`);
  }
  return waiting("a volume to be bound");
};

const volume: Judge = (object) => {
  const phase = textAt(object, "status", "phase");
  if (phase === "Available" || phase === "Bound") return ready;
  return phase === "Failed"
    ? failed(`the volume failed: ${messageOf(at(object, "status"))}`)
    : waiting("the volume to be available");
};

const definition: Judge = (object) => {
  const names = condition(object, "NamesAccepted");
  if (textAt(names, "status") === "False") return failed(`its names are not accepted: ${messageOf(names)}`);
  return textAt(condition(object, "Established"), "status") === "True"
    ? ready
    : waiting("its API to be served");
};

const apiService: Judge = (object) => {
  const available = condition(object, "Available");
  return textAt(available, "status") === "True"
    ? ready
    : waiting(`its server to be available (${messageOf(available)})`);
};

const namespace: Judge = (object) =>
  textAt(object, "status", "phase") === "Active" ? ready : waiting("the namespace to be active");

/** A token is put into it by a controller. */
const secret: Judge = (object) =>
  textAt(object, "type") !== "kubernetes.io/service-account-token" || textAt(object, "data", "token")
    ? ready
    : waiting("the service account's token");

/** By group and kind. Any version of a group means the same. */
export const judges: Readonly<Record<string, Judge>> = {
  "apps/Deployment": deployment,
  "extensions/Deployment": deployment,
  "apps/StatefulSet": statefulSet,
  "apps/DaemonSet": daemonSet,
  "extensions/DaemonSet": daemonSet,
  "batch/Job": job,
  "/Pod": pod,
  "/ReplicationController": replicationController,
  "/Service": service,
  "/PersistentVolumeClaim": claim,
  "/PersistentVolume": volume,
  "/Namespace": namespace,
  "/Secret": secret,
  "networking.k8s.io/Ingress": ingress,
  "extensions/Ingress": ingress,
  "apiextensions.k8s.io/CustomResourceDefinition": definition,
  "apiregistration.k8s.io/APIService": apiService,
};

/** What the pods of a workload suffer from, as an addition to a sentence; empty when nothing is known. */
async function podTroubles(object: KubernetesObject, judging: Judging): Promise<string> {
  const labels = at(object, "spec", "selector", "matchLabels");
  if (!isObject(labels)) return "";
  const selector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const pods = await judging.list("v1", "Pod", object.metadata.namespace ?? "default", selector);
  const troubles = new Set(pods?.flatMap((one) => troublesOf(one)));
  return troubles.size === 0 ? "" : ` (${[...troubles].slice(0, 3).join("; ")})`;
}

const harmless = new Set(["ContainerCreating", "PodInitializing", "Completed"]);

function troublesOf(object: KubernetesObject): readonly string[] {
  const found: string[] = [];
  const scheduled = condition(object, "PodScheduled");
  if (textAt(scheduled, "status") === "False") found.push(`not scheduled: ${messageOf(scheduled)}`);
  const containers = [
    ...listAt(object, "status", "initContainerStatuses"),
    ...listAt(object, "status", "containerStatuses"),
  ];
  for (const container of containers) {
    const name = textAt(container, "name");
    const waits = at(container, "state", "waiting");
    const ended = at(container, "state", "terminated");
    if (isObject(waits) && !harmless.has(textAt(waits, "reason") ?? ""))
      found.push(`container ${name}: ${messageOf(waits)}`);
    else if (isObject(ended) && numberAt(ended, "exitCode") !== 0)
      found.push(
        `container ${name} ended with exit code ${numberAt(ended, "exitCode")}${messageOf(ended) ? ` (${messageOf(ended)})` : ""}`,
      );
  }
  return found;
}
