/** Type tokens and the kinds of objects they stand for, as far as that can be told without asking a server. */
import { fail } from "@orch/core/model/failure";

/** One kind of object at one version of its API. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** `v1`, `apps/v1`: as objects say it. */
  readonly apiVersion: string;
  /** A `…Patch` resource: some fields of an object that somebody else made. */
  readonly patch: boolean;
}

/** Tokens of the SDK that are not objects but programs in the plugin. */
const onlyInPlugin: Readonly<Record<string, string>> = {
  "kubernetes:helm.sh/v3:Release": "Helm releases",
  "kubernetes:helm.sh/v4:Chart": "charts of helm.v4",
  "kubernetes:yaml/v2:ConfigFile": "ConfigFile of yaml.v2",
  "kubernetes:yaml/v2:ConfigGroup": "ConfigGroup of yaml.v2",
  "kubernetes:kustomize/v2:Directory": "Directory of kustomize.v2",
};

export const usePlugin =
  "Have Pulumi's plugin serve the package: `providers: { kubernetes: plugin }` in the project file, and `orch plugin install resource kubernetes VERSION`.";

/**
 * `kubernetes:GROUP/VERSION:Kind`; the group `core` is the one without a name. `given` is the `kind` of the inputs where there are any: only it tells a patch
 * from a kind whose name ends so.
 * @throws `unsupported` for Helm releases and other programs in the plugin.
 */
export function kindOf(type: string, given?: unknown): Kind {
  const plugin = onlyInPlugin[type];
  if (plugin !== undefined) {
    return fail({
      reason: "unsupported",
      message: `${plugin} are made by Pulumi's Kubernetes plugin, not by the direct provider.`,
      found: type,
      next: [usePlugin],
    });
  }
  const [package_, module = "", token = ""] = type.split(":");
  if (package_ !== "kubernetes" || module === "" || token === "") {
    return fail({
      reason: "invalid-property",
      message: `${type} is not a type of the package kubernetes.`,
      expected: "kubernetes:GROUP/VERSION:Kind",
      found: type,
    });
  }
  const [first = "", second] = module.split("/");
  const [group, version] = second === undefined ? ["", first] : [first === "core" ? "" : first, second];
  const patch = typeof given === "string" ? token === `${given}Patch` : /.Patch$/.test(token);
  return {
    group,
    version,
    kind: patch ? token.slice(0, -"Patch".length) : token,
    apiVersion: group === "" ? version : `${group}/${version}`,
    patch,
  };
}

export const isSecretKind = ({ group, kind }: Pick<Kind, "group" | "kind">): boolean =>
  group === "" && kind === "Secret";

/** `deployments.apps`-like, for people: `apps/v1 Deployment`. */
export const kindText = ({ apiVersion, kind }: Pick<Kind, "apiVersion" | "kind">): string =>
  `${apiVersion} ${kind}`;

/** Built-in kinds that are in no namespace. Compared with a real server's discovery in test/lab/kubernetes.test.ts. */
const clusterScoped: Readonly<Record<string, readonly string[]>> = {
  "": ["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
  "admissionregistration.k8s.io": [
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
  ],
  "apiextensions.k8s.io": ["CustomResourceDefinition"],
  "apiregistration.k8s.io": ["APIService"],
  "authentication.k8s.io": ["SelfSubjectReview", "TokenReview"],
  "authorization.k8s.io": ["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
  "certificates.k8s.io": ["CertificateSigningRequest", "ClusterTrustBundle"],
  "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
  "internal.apiserver.k8s.io": ["StorageVersion"],
  "networking.k8s.io": ["IPAddress", "IngressClass", "ServiceCIDR"],
  "node.k8s.io": ["RuntimeClass"],
  policy: ["PodSecurityPolicy"],
  "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding"],
  "resource.k8s.io": ["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
  "scheduling.k8s.io": ["PriorityClass"],
  "storage.k8s.io": ["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
  "storagemigration.k8s.io": ["StorageVersionMigration"],
};
const builtInGroups = new Set([
  ...Object.keys(clusterScoped),
  "apps",
  "autoscaling",
  "batch",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "extensions",
  "lifecycle.k8s.io",
]);

/** Is it part of Kubernetes itself, rather than a custom resource or of an aggregated server? */
export const isBuiltIn = ({ group }: Pick<Kind, "group">): boolean => builtInGroups.has(group);

/** Undefined: only a server can tell. */
export function isNamespaced(kind: Pick<Kind, "group" | "kind">): boolean | undefined {
  if (!isBuiltIn(kind)) return undefined;
  return !clusterScoped[kind.group]?.includes(kind.kind);
}
