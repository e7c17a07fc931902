/** What can't be changed in place. The server says so too, but only to somebody who can reach it. */
import { isBuiltIn, isSecretKind, type Kind } from "./kinds.js";

const selector = ["spec.selector"];
const pod = [
  "spec.affinity",
  "spec.automountServiceAccountToken",
  "spec.containers",
  "spec.dnsConfig",
  "spec.dnsPolicy",
  "spec.enableServiceLinks",
  "spec.hostAliases",
  "spec.hostIPC",
  "spec.hostNetwork",
  "spec.hostPID",
  "spec.hostname",
  "spec.imagePullSecrets",
  "spec.initContainers",
  "spec.nodeName",
  "spec.nodeSelector",
  "spec.overhead",
  "spec.preemptionPolicy",
  "spec.priority",
  "spec.priorityClassName",
  "spec.readinessGates",
  "spec.restartPolicy",
  "spec.runtimeClassName",
  "spec.schedulerName",
  "spec.securityContext",
  "spec.serviceAccount",
  "spec.serviceAccountName",
  "spec.shareProcessNamespace",
  "spec.subdomain",
  "spec.terminationGracePeriodSeconds",
  "spec.volumes",
];
const volumeSources = [
  "awsElasticBlockStore",
  "azureDisk",
  "azureFile",
  "cephfs",
  "cinder",
  "csi",
  "fc",
  "flexVolume",
  "gcePersistentDisk",
  "glusterfs",
  "hostPath",
  "iscsi",
  "local",
  "nfs",
  "rbd",
  "vsphereVolume",
].map((source) => `spec.${source}`);

/**
 * By group and kind. The same as Pulumi's plugin has, so that a program means the same with either.
 * Source: `forceNew` in pulumi/pulumi-kubernetes `provider/pkg/provider/diff.go`.
 */
const known: Readonly<Record<string, readonly string[]>> = {
  "apps/DaemonSet": selector,
  "apps/Deployment": selector,
  "apps/StatefulSet": [
    ...selector,
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
  ],
  "/PersistentVolume": volumeSources,
  "/PersistentVolumeClaim": [...selector, "spec.accessModes", "spec.storageClassName", "spec.volumeName"],
  "/Pod": pod,
  "/ResourceQuota": ["spec.scopes"],
  "/Secret": ["type"],
  "/Service": ["spec.clusterIP"],
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
  "batch/Job": [...selector, "spec.completions", "spec.parallelism", "spec.template"],
};

export interface Mutable {
  readonly configMaps: boolean;
  readonly secrets: boolean;
}

/** Property paths whose change needs another object. `immutable` is the field of that name of ConfigMaps and Secrets. */
export function replaceOn(kind: Kind, mutable: Mutable, immutable: boolean): readonly string[] {
  if (kind.patch) return ["metadata.name", "metadata.namespace"];
  const paths = ["metadata.name", "metadata.namespace", ...(known[`${kind.group}/${kind.kind}`] ?? [])];
  if (isSecretKind(kind) && (!mutable.secrets || immutable)) paths.push("data", "stringData");
  if (kind.group === "" && kind.kind === "ConfigMap" && (!mutable.configMaps || immutable))
    paths.push("data", "binaryData");
  return paths;
}

/** How the server says that a field can't be changed; the words differ from kind to kind. */
export function saysImmutable(message: string, kind: Kind): boolean {
  if (
    /\bimmutable\b|may not be changed|updates to [^.]* (are|is) forbidden|may not change once set/i.test(
      message,
    )
  )
    return true;
  // Validation rules of a custom resource that compare with `oldSelf` have words of their author's.
  return !isBuiltIn(kind) && /oldSelf/.test(message);
}
