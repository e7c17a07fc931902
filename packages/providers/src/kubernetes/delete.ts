/** Deleting: the object that is known, by its uid, with whatever its finalizers still have to do. */
import { fail } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import { type KubernetesApi, type Place, placeText, poll } from "./api.js";
import { apply } from "./apply.js";
import { timeoutOf } from "./await/index.js";
import { isStatus } from "./failures.js";
import { annotation, condition, type KubernetesObject, listAt, textAt } from "./object.js";

export interface Deleting {
  readonly api: KubernetesApi;
  readonly place: Place;
  readonly inputs: PropertyMap;
  /** Of the object that is to go. Another one of the same name is somebody else's. */
  readonly uid: string | undefined;
  readonly timeoutSeconds?: number;
  readonly signal: AbortSignal;
  readonly status: (text: string) => void;
}

/** Ends when the object is gone. @throws `timeout` with the finalizers that hold it. */
export async function remove(request: Deleting): Promise<void> {
  const { api, place, inputs, uid, signal, status } = request;
  try {
    await api.send({
      method: "DELETE",
      verb: "delete",
      place,
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy: propagation(inputs),
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      },
      signal,
    });
  } catch (error) {
    // Gone, or gone and made anew by somebody else.
    if (isStatus(error, 404) || (isStatus(error, 409) && /uid/i.test(error.status.message))) return;
    throw error;
  }
  if (annotation(inputs, "pulumi.com/skipAwait")?.toLowerCase() === "true") return;
  const seconds = timeoutOf(inputs, request.timeoutSeconds);
  let last: KubernetesObject | undefined;
  let said = "";
  const gone = await poll(
    async () => {
      const object = await api.get(place, signal);
      if (object === undefined || (uid !== undefined && object.metadata.uid !== uid)) return true;
      last = object;
      const holds = `waits for ${heldBy(object)}`;
      if (holds !== said) status(holds);
      said = holds;
      return undefined;
    },
    { signal, forMs: seconds * 1000 },
  );
  if (gone) return;
  fail({
    reason: "timeout",
    message: `${placeText(place)} is being deleted, and is still there after ${seconds} s: it waits for ${last ? heldBy(last) : "the server"}.`,
    expected: "no such object",
    found:
      (last?.metadata.finalizers ?? []).length > 0
        ? `the finalizers ${last?.metadata.finalizers?.join(", ")}`
        : "the object",
    next: [
      "See to it that the controllers behind these finalizers run, then run the same command again.",
      "Or give it longer with customTimeouts.delete.",
    ],
  });
}

function heldBy(object: KubernetesObject): string {
  const finalizers = object.metadata.finalizers ?? [];
  const spec = listAt(object, "spec", "finalizers");
  // A namespace says itself what is left in it.
  const left = [
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
    "NamespaceDeletionContentFailure",
  ]
    .map((type) => condition(object, type))
    .filter((one) => textAt(one, "status") === "True")
    .map((one) => textAt(one, "message"));
  if (left.length > 0) return left.join("; ");
  if (finalizers.length === 0) return spec.length > 0 ? `the finalizers ${spec.join(", ")}` : "its end";
  if (finalizers.includes("foregroundDeletion")) return "the objects that belong to it to go first";
  return `the finalizer${finalizers.length > 1 ? "s" : ""} ${finalizers.join(", ")}`;
}

const policies: Readonly<Record<string, string>> = {
  foreground: "Foreground",
  background: "Background",
  orphan: "Orphan",
};

function propagation(inputs: PropertyMap): string {
  const given = annotation(inputs, "pulumi.com/deletionPropagationPolicy");
  if (given === undefined) return "Foreground";
  return (
    policies[given.toLowerCase()] ??
    fail({
      reason: "invalid-property",
      message: "There is no such way to delete.",
      path: 'metadata.annotations["pulumi.com/deletionPropagationPolicy"]',
      expected: "foreground, background or orphan",
      found: JSON.stringify(given),
    })
  );
}

/** A patch is taken back: its fields go, unless somebody else has them too. The object stays. */
export async function releasePatch(
  api: KubernetesApi,
  place: Place,
  manager: string,
  signal: AbortSignal,
): Promise<void> {
  const live = await api.get(place, signal);
  if (live === undefined) return;
  const { apiVersion, kind } = place.kind;
  const { name, namespace, uid } = live.metadata;
  const object = {
    apiVersion,
    kind,
    metadata: { name, ...(namespace ? { namespace } : {}), uid },
  } as KubernetesObject;
  await apply(api, { place, object, manager, force: true, signal });
}
