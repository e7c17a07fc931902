/** Waiting until what was applied works, with a live word on how far it is. */
import { setTimeout as sleep } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import type { KubernetesApi, Place } from "../api.js";
import { isUnreachable } from "../failures.js";
import { kindOf } from "../kinds.js";
import { annotation, type KubernetesObject } from "../object.js";
import { type Judge, type Judging, judges } from "./readiness.js";
import { waitForRule } from "./wait-for.js";

export interface Awaiting {
  readonly api: KubernetesApi;
  readonly place: Place;
  readonly inputs: PropertyMap;
  /** As it was applied. */
  readonly object: KubernetesObject;
  /** Seconds; absent: ten minutes, or the annotation `pulumi.com/timeoutSeconds`. */
  readonly timeoutSeconds?: number;
  /** Only look: the object was made by a run that was cut off, and what comes next may be another version of it. */
  readonly onlyLook?: boolean;
  readonly signal: AbortSignal;
  readonly status: (text: string) => void;
}

export interface Awaited {
  /** As it was seen last. */
  readonly object: KubernetesObject;
  /** Why it is not ready: it exists, and is not finished. */
  readonly unfinished?: string;
}

export const defaultTimeoutSeconds = 600;

export function timeoutOf(inputs: PropertyMap, given: number | undefined): number {
  if (given !== undefined && given > 0) return given;
  const named = Number(annotation(inputs, "pulumi.com/timeoutSeconds"));
  return Number.isFinite(named) && named > 0 ? named : defaultTimeoutSeconds;
}

export function judgeFor(place: Place, inputs: PropertyMap): Judge | undefined {
  const { kind } = place;
  if (kind.patch || annotation(inputs, "pulumi.com/skipAwait")?.toLowerCase() === "true") return undefined;
  const rule = annotation(inputs, "pulumi.com/waitFor");
  if (rule !== undefined) return waitForRule(rule);
  return judges[`${kind.group}/${kind.kind}`];
}

/** Ends with the object when it is ready, can't become it, or time is over. Rejects only when it is interrupted or may not look. */
export async function awaitReady(request: Awaiting): Promise<Awaited> {
  const { api, place, inputs, signal, status } = request;
  const judge = judgeFor(place, inputs);
  let { object } = request;
  if (judge === undefined) return { object };
  const seconds = timeoutOf(inputs, request.timeoutSeconds);
  const until = Date.now() + seconds * 1000;
  const judging = judgingOf(api, place, signal);
  let said = "";
  for (let wait = 200; ; wait = Math.min(2_000, wait * 1.4)) {
    const now = await judge(object, judging);
    if (now.state === "ready") return { object };
    if (now.state === "failed") return { object, unfinished: now.why };
    if (request.onlyLook)
      return { object, unfinished: `the run that made it was cut off; it waits for ${now.what}` };
    if (now.what !== said) status(`waits for ${now.what}`);
    said = now.what;
    if (Date.now() + wait > until)
      return {
        object,
        unfinished: `not ready within ${seconds} s: waits for ${now.what}. Give it longer with customTimeouts or the annotation pulumi.com/timeoutSeconds, or do not wait with pulumi.com/skipAwait`,
      };
    await sleep(wait, undefined, { signal }).catch(() => {
      throw signal.reason instanceof OrchError
        ? signal.reason
        : new OrchError({ reason: "interrupted", message: "Cancelled" });
    });
    const next = await api.get(place, signal).catch((error: unknown) => {
      // A server that is away for a while changes nothing about the object.
      if (isUnreachable(error) && Date.now() < until) return object;
      throw error;
    });
    if (next === undefined || next.metadata.uid !== object.metadata.uid)
      return { object, unfinished: "somebody deleted it while it was waited for" };
    object = next;
  }
}

/** What may not be looked at (pods, endpoints) only makes the words poorer. */
function judgingOf(api: KubernetesApi, place: Place, signal: AbortSignal): Judging {
  const placeOf = async (
    apiVersion: string,
    kind: string,
    namespace?: string,
    name?: string,
  ): Promise<Place | undefined> => {
    const of = kindOf(`kubernetes:${apiVersion}:${kind}`, kind);
    const resource = await api.resource(of, signal);
    return resource && { kind: of, resource, ...(namespace ? { namespace } : {}), ...(name ? { name } : {}) };
  };
  const orNothing = async <T>(work: () => Promise<T>, nothing: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (
        error instanceof OrchError &&
        (error.failure.reason === "permission-denied" || isUnreachable(error))
      )
        return nothing;
      throw error;
    }
  };
  return {
    api,
    kind: place.kind,
    signal,
    list: (apiVersion, kind, namespace, labels) =>
      orNothing(async () => {
        const of = await placeOf(apiVersion, kind, namespace);
        if (of === undefined) return undefined;
        const answer = await api.send({
          method: "GET",
          verb: "list",
          place: of,
          query: { labelSelector: labels, limit: 20 },
          signal,
        });
        return answer.json<{ items: readonly KubernetesObject[] }>().items;
      }, undefined),
    get: (apiVersion, kind, namespace, name) =>
      orNothing(async () => {
        const of = await placeOf(apiVersion, kind, namespace, name);
        return of && api.get(of, signal);
      }, undefined),
  };
}
