/** Lists: many objects of a kind with one request per 500 of them. */
import { fail } from "@orch/core/model/failure";
import { type KubernetesApi, type Place, poll } from "./api.js";
import { isStatus } from "./failures.js";
import type { KubernetesObject } from "./object.js";

interface ListAnswer {
  readonly metadata: { readonly continue?: string; readonly resourceVersion?: string };
  readonly items: readonly KubernetesObject[];
}

export interface Listing {
  readonly place: Place;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly signal: AbortSignal;
}

export const pageSize = 500;

/**
 * Page by page; every page is of the same `resourceVersion` as the first, so that an object is in exactly one of them. A list that took so long that the server does not have
 * that version any more goes on with the newest.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
export async function* pages(
  api: KubernetesApi,
  { place, labelSelector, fieldSelector, signal }: Listing,
): AsyncIterable<readonly KubernetesObject[]> {
  let token: string | undefined;
  do {
    const ask = async (from: string | undefined): Promise<ListAnswer> =>
      (
        await api.send({
          method: "GET",
          verb: "list",
          place,
          query: { limit: pageSize, labelSelector, fieldSelector, continue: from },
          signal,
        })
      ).json<ListAnswer>();
    const from: string | undefined = token;
    const answer: ListAnswer = await ask(from).catch((error: unknown) => {
      if (from === undefined || !isStatus(error, 410)) throw error;
      return ask(error.status.continue);
    });
    const { apiVersion, kind } = place.kind;
    // Items of a list do not say what they are.
    yield answer.items.map((item) => ({ ...item, apiVersion, kind }));
    token = answer.metadata.continue || undefined;
  } while (token !== undefined);
}

const scopeKeys = ["namespace", "labelSelector", "fieldSelector"] as const;

/** What narrows a search, as it was given. @throws `invalid-property` */
export function listScope(
  type: string,
  given: Readonly<Record<string, unknown>>,
): Partial<Record<(typeof scopeKeys)[number], string>> {
  for (const [key, value] of Object.entries(given)) {
    const known = scopeKeys.some((one) => one === key);
    if (known && typeof value === "string") continue;
    fail({
      reason: "invalid-property",
      message: known ? `${key} must be a text.` : `${type} can't be searched by ${key}.`,
      path: key,
      expected: known ? "a text" : scopeKeys.join(", "),
      found: known ? typeof value : key,
    });
  }
  return given;
}

/** The objects of these names, by name; ends as soon as all are found. */
export async function findByName(
  api: KubernetesApi,
  place: Place,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, KubernetesObject>> {
  const found = new Map<string, KubernetesObject>();
  for await (const page of pages(api, { place, signal })) {
    for (const object of page) {
      const { name = "" } = object.metadata;
      if (names.has(name)) found.set(name, object);
    }
    if (found.size === names.size) break;
  }
  return found;
}

/** Waits until the server knows the kind: its definition may be made in the same run. */
export const waitForKind = (
  api: KubernetesApi,
  kind: Place["kind"],
  signal: AbortSignal,
  forMs: number,
  status: (text: string) => void,
): Promise<Place["resource"] | undefined> => {
  let told = false;
  return poll(
    async () => {
      const resource = await api.resource(kind, signal, { again: true });
      if (resource === undefined && !told) status(`waits for the API of ${kind.apiVersion} ${kind.kind}`);
      told ||= resource === undefined;
      return resource;
    },
    { signal, forMs },
  );
};
