/** Server-side apply: sending an object, who manages which field, and what to say when two want the same one. */
import { createHash } from "node:crypto";
import { type Failure, OrchError } from "@orch/core/model/failure";
import { getPath, parsePath, setPath } from "@orch/core/model/path";
import { type PropertyMap, reveal, type Value } from "@orch/core/model/value";
import { differences } from "../direct/diff.js";
import { type KubernetesApi, type Place, placeText } from "./api.js";
import { isStatus, type StatusError } from "./failures.js";
import { annotation, type KubernetesObject, sameJson } from "./object.js";
import { fieldManagerKey } from "./outputs.js";

/**
 * One manager per resource, so that a field that leaves the program leaves the object, and so that an object can be told to be this resource's own. What Pulumi's plugin made
 * keeps its manager.
 */
export function fieldManagerOf(urn: string, inputs: PropertyMap, outputs: PropertyMap = {}): string {
  const named = annotation(inputs, "pulumi.com/patchFieldManager");
  if (named) return named;
  const kept = outputs[fieldManagerKey];
  if (typeof kept === "string" && kept !== "") return kept;
  return `orch-${createHash("sha256").update(urn).digest("hex").slice(0, 12)}`;
}

export interface Applying {
  readonly place: Place;
  readonly object: KubernetesObject;
  readonly manager: string;
  /** Take fields that others manage. */
  readonly force: boolean;
  /**
   * Inputs that the plan compared with: what it knew of the object. A field that somebody else set to just that is in the plan as a change of their value, and is
   * taken; one that they set to something else since is a conflict.
   */
  readonly known?: PropertyMap;
  readonly dryRun?: boolean;
  readonly signal: AbortSignal;
  readonly quick?: boolean;
  readonly onWarning?: (text: string) => void;
}

export interface Applied {
  readonly object: KubernetesObject;
  /** It was not there before. */
  readonly created: boolean;
  /** Fields that others managed and that this took: as the plan said. */
  readonly taken: readonly Conflict[];
}

/** Made by Pulumi's plugin under this name before it takes over with server-side apply. */
const pluginManager = "pulumi-kubernetes";

/** @throws `conflict` with both values and the other manager; `invalid-property` with paths; see KubernetesApi.send. */
export async function apply(api: KubernetesApi, request: Applying): Promise<Applied> {
  try {
    return await patch(api, request, request.force);
  } catch (error) {
    if (isStatus(error, 422)) return withoutLeftovers(api, request, error);
    if (!isStatus(error, 409)) throw error;
    const conflicts = conflictsOf(error);
    if (conflicts.length === 0) throw error;
    const own = [pluginManager, request.manager];
    if (conflicts.every(({ manager }) => own.includes(manager))) return patch(api, request, true);
    const live = await api.get(request.place, request.signal, request.quick);
    const { known, object } = request;
    const foreseen = (one: Conflict): boolean => {
      const path = pathIn(one.path, object);
      return (
        path !== undefined && sameJson(getPath(live as never, path), getPath(known && reveal(known), path))
      );
    };
    if (live === undefined || !conflicts.every(foreseen))
      throw conflictError(request, conflicts, live, error);
    // As it was looked at, or not at all.
    const { uid, resourceVersion } = live.metadata;
    const exact = { ...object, metadata: { ...object.metadata, uid, resourceVersion } } as KubernetesObject;
    return { ...(await patch(api, { ...request, object: exact }, true)), taken: conflicts };
  }
}

async function patch(api: KubernetesApi, request: Applying, force: boolean): Promise<Applied> {
  const { place, object, manager, dryRun, signal, quick, onWarning } = request;
  const answer = await api.send({
    method: "PATCH",
    verb: "patch",
    place,
    query: {
      fieldManager: manager,
      force,
      fieldValidation: "Strict",
      ...(dryRun ? { dryRun: "All" } : {}),
    },
    headers: { "content-type": "application/apply-patch+yaml" },
    body: JSON.stringify(object),
    // The same object applied twice is applied once.
    idempotent: true,
    signal,
    ...(quick === undefined ? {} : { quick }),
    ...(onWarning === undefined ? {} : { onWarning }),
  });
  return { object: answer.json<KubernetesObject>(), created: answer.status === 201, taken: [] };
}

/**
 * Defaults that belong to what was there before (`rollingUpdate` of the strategy that is no longer wanted) are nobody's fields: applying leaves them, and the server refuses what
 * comes of it. They are taken out first.
 * Source: https://github.com/kubernetes/kubernetes/issues/89711
 */
async function withoutLeftovers(api: KubernetesApi, request: Applying, error: StatusError): Promise<Applied> {
  const { object, dryRun } = request;
  const left = error.status.causes.map(({ reason, field }) =>
    reason === "FieldValueForbidden" ? pathIn(field, object) : undefined,
  );
  const inMaps = left.filter((path) => path?.every((segment) => typeof segment === "string"));
  const leftovers = inMaps.filter((path) => getPath(object as never, path ?? []) === undefined) as string[][];
  if (leftovers.length === 0 || leftovers.length < left.length) throw error;
  const merged = leftovers.reduce<PropertyMap>((all, path) => {
    const parent = path.slice(0, -1);
    const beside = getPath(object as never, parent);
    return setPath(beside === undefined ? all : setPath(all, parent, beside), path, null);
  }, {});
  const cleared = await mergePatch(api, request, merged);
  return dryRun ? { object: cleared, created: false, taken: [] } : patch(api, request, request.force);
}

async function mergePatch(
  api: KubernetesApi,
  { place, manager, dryRun, signal }: Pick<Applying, "place" | "manager" | "dryRun" | "signal">,
  content: PropertyMap,
): Promise<KubernetesObject> {
  const answer = await api.send({
    method: "PATCH",
    verb: "patch",
    place,
    query: { fieldManager: manager, ...(dryRun ? { dryRun: "All" } : {}) },
    headers: { "content-type": "application/merge-patch+json" },
    body: JSON.stringify(content),
    idempotent: true,
    signal,
  });
  return answer.json<KubernetesObject>();
}

export interface Conflict {
  readonly manager: string;
  /** `using v1 at 2026-…` and the like. */
  readonly how: string;
  readonly path: string;
}

/** Source: `NewApplyConflict` in k8s.io/apimachinery `pkg/api/errors`: `conflict with "kubectl-edit" using v1`. */
function conflictsOf(error: StatusError): readonly Conflict[] {
  return error.status.causes
    .filter(({ reason }) => reason === "FieldManagerConflict")
    .map(({ message, field }) => {
      const [, manager = "somebody else", how = ""] = /conflict with "([^"]*)"(.*)/.exec(message) ?? [];
      return { manager, how: how.trim(), path: field };
    });
}

function conflictError(
  { place, object }: Applying,
  conflicts: readonly Conflict[],
  live: KubernetesObject | undefined,
  cause: StatusError,
): OrchError {
  const secret = place.kind.group === "" && place.kind.kind === "Secret";
  const causes = conflicts.map(({ manager, how, path }): Failure => {
    const segments = pathIn(path, object);
    const show = (root: unknown): string => {
      const value = segments && getPath(root as Value, segments);
      return value === undefined
        ? "nothing"
        : secret && segments?.[0] !== "metadata"
          ? "[secret]"
          : shown(value);
    };
    return {
      reason: "conflict",
      message: `${path} is set by ${JSON.stringify(manager)}${how ? ` (${how})` : ""}.`,
      path,
      expected: show(object),
      found: live === undefined ? "another value" : show(live),
    };
  });
  const [first] = causes as [Failure, ...Failure[]];
  const managers = [...new Set(conflicts.map(({ manager }) => manager))];
  return new OrchError(
    {
      reason: "conflict",
      message: `${sentence(placeText(place))} has ${conflicts.length === 1 ? `${first.path} set` : `${conflicts.length} fields set`} by ${managers.map((name) => JSON.stringify(name)).join(" and ")}, to another value than the program's.`,
      ...(first.path ? { path: first.path } : {}),
      ...(first.expected ? { expected: first.expected } : {}),
      ...(first.found ? { found: first.found } : {}),
      causes,
      next: [
        "To see the other value in the plan, and take the field back: plan again with `--refresh`.",
        "Put the other value into the program, or leave the field to the other manager: take it out of the program.",
        'Or take the field: set the annotation `pulumi.com/patchForce: "true"` on the resource (`enablePatchForce` on the provider for all).',
      ],
    },
    { cause },
  );
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const shown = (value: Value): string => {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 197)}…` : text;
};

/** The server names list items by their keys: `spec.containers[name="app"].image`. Undefined when the item is not there. */
export function pathIn(path: string, object: unknown): readonly (string | number)[] | undefined {
  let here = "";
  // Key selectors are replaced by the item's place, from left to right.
  for (const part of path.split(/(\[[^\]]*=[^\]]*\])/)) {
    if (!/^\[[^\]]*=/.test(part)) {
      here += part;
      continue;
    }
    const list = getPath(object as Value, safely(here) ?? []);
    if (!Array.isArray(list)) return undefined;
    const wanted = part
      .slice(1, -1)
      .split(",")
      .map((pair) => {
        const [key = "", ...value] = pair.split("=");
        return [key, JSON.parse(value.join("=")) as Value] as const;
      });
    const index = list.findIndex((item) =>
      wanted.every(([key, value]) => {
        const own = (item as PropertyMap)[key];
        return own === undefined || sameJson(own, value);
      }),
    );
    if (index < 0) return undefined;
    here += `[${index}]`;
  }
  return safely(here);
}
function safely(path: string): readonly (string | number)[] | undefined {
  try {
    return parsePath(path);
  } catch {
    return undefined;
  }
}

/** `pulumi.com/patchForce` on the resource, or else the provider's setting. */
export function forces(inputs: PropertyMap, enabled: boolean): boolean {
  const own = annotation(inputs, "pulumi.com/patchForce");
  return own === undefined ? enabled : own === "true";
}

/**
 * What left the program leaves the object, also where another manager has it as well: an object that was imported belongs to whoever made it, and the plan has said that the
 * field goes. Only while it still is what the plan saw.
 */
export async function clearRemoved(
  api: KubernetesApi,
  request: Pick<Applying, "place" | "object" | "manager" | "signal"> & {
    readonly oldInputs: PropertyMap;
    readonly newInputs: PropertyMap;
  },
): Promise<KubernetesObject> {
  const { place, object, oldInputs, newInputs } = request;
  if (place.kind.patch) return object;
  const left = differences(oldInputs, newInputs).filter(
    ({ path, before, after }) =>
      after === undefined &&
      path[0] !== "stringData" &&
      path.every((segment) => typeof segment === "string" && !segment.startsWith("__")) &&
      sameJson(getPath(object as never, path), before),
  );
  if (left.length === 0) return object;
  const patch = left.reduce<PropertyMap>((all, { path }) => setPath(all, path, null), {
    metadata: { resourceVersion: object.metadata.resourceVersion as string },
  });
  return mergePatch(api, request, patch);
}
