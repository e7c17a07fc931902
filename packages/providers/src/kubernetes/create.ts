/** Making an object: in its place, under its name, once. */
import { fail } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import { type KubernetesApi, type Place, placeText, poll } from "./api.js";
import { type Applied, apply } from "./apply.js";
import { type Awaited, awaitReady } from "./await/index.js";
import { remove } from "./delete.js";
import { isStatus } from "./failures.js";
import { toObject, withUid } from "./inputs.js";
import { isController, isManagedBy, managersOf } from "./managed-fields.js";
import { idOf, type KubernetesObject } from "./object.js";

export interface Creating {
  readonly api: KubernetesApi;
  readonly place: Place;
  readonly inputs: PropertyMap;
  readonly manager: string;
  /** Take fields that others manage. */
  readonly force: boolean;
  /** What is there already is changed, rather than refused. */
  readonly upsert: boolean;
  readonly timeoutSeconds?: number;
  readonly signal: AbortSignal;
  readonly status: (text: string) => void;
  readonly onWarning: (text: string) => void;
}

/** How long a creation waits for its namespace, or for the definition of its kind, which may be made in the same run. */
export const waitForOthersMs = 60_000;

/** Ends when the object works, or with why it does not. Called again after it was cut off it finds its own object by the field manager. */
export async function createObject(request: Creating): Promise<Awaited> {
  const { api, place, inputs, manager, force, upsert, signal, onWarning } = request;
  const { kind } = place;
  const before = await untilGone(request);
  if (kind.patch && before === undefined) {
    return fail({
      reason: "provider-error",
      message: `${placeText(place)} is not there to be patched.`,
      path: "metadata.name",
      expected: "an existing object",
      found: "nothing",
      next: ["Correct the name and namespace, or make the object first (`dependsOn`)."],
    });
  }
  if (before !== undefined && !kind.patch && !upsert) refuseForeign(place, before, manager);
  const object = withUid(toObject(kind, inputs), before?.metadata.uid);
  const applied = await whenNamespaceIsThere(request, () =>
    apply(api, { place, object, manager, force, signal, onWarning }),
  );
  if (before === undefined && !applied.created && !upsert) refuseTwin(place, applied.object, manager);
  return awaitReady({
    ...request,
    object: applied.object,
    onlyLook: before !== undefined && isManagedBy(before, manager),
  });
}

/** Somebody else's object is not taken over by chance. */
export function refuseForeign(place: Place, live: KubernetesObject, manager: string): void {
  if (isManagedBy(live, manager)) return;
  const others = managersOf(live).map(({ manager: name }) => name);
  fail({
    reason: "conflict",
    message: `${placeText(place)} is there already, and this resource did not make it.`,
    path: "metadata.name",
    expected: "no object of this name",
    found: `one made ${live.metadata.creationTimestamp ?? ""}, managed by ${[...new Set(others)].join(", ") || "nobody known"}`,
    next: [
      `Take it over with the resource option \`import: ${JSON.stringify(idOf(live.metadata))}\`, or name the new object otherwise.`,
      "If the resource was renamed in the program, give it the old name with `aliases`.",
      "With `upsertExistingObjects` on the provider, creating takes over what is there.",
    ],
  });
}

/** Somebody made the object between looking and applying, so that both made one. Our own request sent twice is no twin. */
function refuseTwin(place: Place, object: KubernetesObject, manager: string): void {
  const others = managersOf(object)
    .filter((entry) => entry.manager !== manager && !isController(entry))
    .map((entry) => entry.manager ?? "somebody");
  if (others.length === 0) return;
  fail({
    reason: "conflict",
    message: `${placeText(place)} was made by ${others.join(" and ")} at the same moment, and has this resource's fields too now.`,
    path: "metadata.name",
    expected: "no object of this name",
    found: `one that is managed by ${others.join(", ")}`,
    next: [
      `Look at it, and take it over with \`import: ${JSON.stringify(idOf(object.metadata))}\`, or name the new object otherwise.`,
    ],
  });
}

/** An object of the same name that is on its way out is waited for. */
async function untilGone(request: Creating): Promise<KubernetesObject | undefined> {
  const { api, place, signal } = request;
  const live = await api.get(place, signal);
  if (live?.metadata.deletionTimestamp === undefined || place.kind.patch) return live;
  await remove({ ...request, inputs: {}, uid: live.metadata.uid });
  return api.get(place, signal);
}

async function whenNamespaceIsThere(
  { place, signal, status }: Creating,
  work: () => Promise<Applied>,
): Promise<Applied> {
  const applied = await poll(
    async () => {
      try {
        return await work();
      } catch (error) {
        if (!isStatus(error, 404) || error.status.detailsKind !== "namespaces") throw error;
        status(`waits for the namespace ${place.namespace}`);
        return undefined;
      }
    },
    { signal, forMs: waitForOthersMs, everyMs: 500 },
  );
  return (
    applied ??
    fail({
      reason: "provider-error",
      message: `There is no namespace ${JSON.stringify(place.namespace)} for ${placeText(place)}.`,
      path: "metadata.namespace",
      expected: "an existing namespace",
      found: `none of this name, also after ${waitForOthersMs / 1000} s`,
      next: ["Make it in the program, and name it by its output (`ns.metadata.name`)."],
    })
  );
}
