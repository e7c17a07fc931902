/** What the verbs work with: requests to one SCIM service (RFC 7644), and what it can do. */
import { fail, OrchError } from "@orch/core/model/failure";
import { goneMeanwhile } from "../direct/conflict.js";
import { serviceClient } from "../direct/http/auth.js";
import type { HttpAnswer, HttpClient, HttpRequest } from "../direct/http/client.js";
import { unexpected } from "../direct/http/failures.js";
import { type Attributes, type PatchOperation, patchOperations, putBody } from "./attributes.js";
import type { ScimConfig } from "./config.js";

/** What a service says of itself in its ServiceProviderConfig, as far as it matters. */
export interface Abilities {
  readonly patch: boolean;
  readonly filter: boolean;
  readonly etag: boolean;
}

export interface ScimResource extends Attributes {
  readonly id: string;
  readonly meta?: {
    readonly location?: string;
    readonly version?: string;
    readonly created?: string;
    readonly lastModified?: string;
  };
}
export interface ScimPage {
  readonly resources: readonly ScimResource[];
  readonly total: number;
}

export class ScimSession {
  readonly #client: HttpClient;
  #abilities: Promise<Abilities> | undefined;
  readonly service: string;

  constructor(readonly config: ScimConfig) {
    this.service = `the SCIM service at ${config.url}`;
    this.#client = serviceClient({
      service: this.service,
      ...config,
      unreachableNext: ["Check `scim:url`, and that the service runs and can be reached from here."],
    });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  send(request: Omit<HttpRequest, "path"> & { readonly path: string }): Promise<HttpAnswer> {
    const { contentType } = this.config;
    return this.#client.send({
      ...request,
      headers: {
        accept: `${contentType}, application/json;q=0.9`,
        ...(request.body === undefined ? {} : { "content-type": contentType }),
        ...request.headers,
      },
    });
  }

  /** Asked for once; what the configuration says counts more. A service without the document is taken for one that can do all. */
  abilities(signal: AbortSignal): Promise<Abilities> {
    this.#abilities ??= this.#askAbilities(signal).catch((error: unknown) => {
      this.#abilities = undefined;
      throw error;
    });
    return this.#abilities;
  }

  async #askAbilities(signal: AbortSignal): Promise<Abilities> {
    const { patch, filter, etag } = this.config;
    if (patch !== undefined && filter !== undefined && etag !== undefined) return { patch, filter, etag };
    const path = "ServiceProviderConfig";
    const answer = await this.send({ method: "GET", path, signal }).catch((error: unknown) => {
      if (error instanceof OrchError && error.failure.reason === "permission-denied") return undefined;
      throw error;
    });
    const said = answer?.ok
      ? answer.json<Partial<Record<keyof Abilities, { supported?: boolean }>>>()
      : undefined;
    if (answer && !answer.ok && ![404, 405, 501].includes(answer.status))
      throw unexpected(answer, this.service, "say what it can do (ServiceProviderConfig)");
    return {
      patch: patch ?? said?.patch?.supported ?? true,
      filter: filter ?? said?.filter?.supported ?? true,
      etag: etag ?? said?.etag?.supported ?? false,
    };
  }

  /** Undefined: there is none. */
  async get(
    endpoint: string,
    id: string,
    signal: AbortSignal,
    query?: HttpRequest["query"],
  ): Promise<ScimResource | undefined> {
    const answer = await this.send({
      method: "GET",
      path: pathOf(endpoint, id),
      signal,
      ...(query ? { query } : {}),
    });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw unexpected(answer, this.service, `read ${endpoint}/${id}`);
    return this.#resource(answer);
  }

  #resource(answer: HttpAnswer): ScimResource {
    const resource = answer.json<ScimResource>();
    if (typeof resource.id !== "string" || resource.id === "")
      return fail({
        reason: "provider-error",
        message: `${this.service} answered something that is no SCIM resource.`,
        expected: "an object with an `id`",
        found: Object.keys(resource ?? {}).join(", ") || "nothing",
        next: ["Check that `scim:url` is the base of the SCIM endpoints (often it ends with /v2)."],
      });
    return resource;
  }

  /** Pages of `count`, from `startIndex` (RFC 7644, 3.4.2.4), or by the cursors of RFC 9865 where the service hands out one. */
  async *pages(
    endpoint: string,
    signal: AbortSignal,
    query: HttpRequest["query"] = {},
  ): AsyncGenerator<ScimPage> {
    const count = this.config.pageSize;
    let startIndex = 1;
    let cursor: string | undefined;
    for (;;) {
      const place = cursor === undefined ? { startIndex } : { cursor };
      const answer = await this.send({
        method: "GET",
        path: endpoint,
        query: { ...query, ...place, count },
        signal,
      });
      if (!answer.ok) throw unexpected(answer, this.service, `list ${endpoint}`);
      const page = answer.json<{
        Resources?: readonly ScimResource[];
        totalResults?: number;
        nextCursor?: string;
      }>();
      // Services leave out `Resources` where there are none.
      const resources = page.Resources ?? [];
      const total = page.totalResults ?? resources.length;
      yield { resources, total };
      if (page.nextCursor !== undefined && page.nextCursor !== cursor) {
        cursor = page.nextCursor;
        continue;
      }
      startIndex += resources.length;
      if (cursor !== undefined || resources.length === 0 || startIndex > total) return;
    }
  }

  /** Those that a filter of one attribute fits; without filters, by going through all. */
  async find(
    endpoint: string,
    attribute: string,
    value: string,
    signal: AbortSignal,
  ): Promise<ScimResource[]> {
    const { filter } = await this.abilities(signal);
    const query = filter ? { filter: `${attribute} eq ${JSON.stringify(value)}` } : {};
    const found: ScimResource[] = [];
    for await (const page of this.pages(endpoint, signal, query)) found.push(...page.resources);
    // Names are case-insensitive (RFC 7643, 4.1.1), and a service that knows no such filter may answer with everything.
    const same = (other: unknown): boolean =>
      attribute === "externalId"
        ? other === value
        : typeof other === "string" && other.toLowerCase() === value.toLowerCase();
    return found.filter((resource) => same(resource[attribute]));
  }

  /** The answer to a POST: the resource, or the refusal for the caller to judge. */
  async post(endpoint: string, body: Attributes, signal: AbortSignal): Promise<ScimResource | HttpAnswer> {
    const answer = await this.send({ method: "POST", path: endpoint, body, signal });
    return answer.ok ? this.#resource(answer) : answer;
  }

  /**
   * Changes `current` from one set of managed attributes to another, by PATCH or PUT. With the version that was read: rejects with `conflict` when somebody was
   * quicker.
   */
  async change(
    endpoint: string,
    current: ScimResource,
    before: Attributes,
    after: Attributes,
    signal: AbortSignal,
  ): Promise<ScimResource> {
    const abilities = await this.abilities(signal);
    const operations = patchOperations(before, after, this.config.memberRemoval);
    if (operations.length === 0) return current;
    const version = current.meta?.version;
    const headers: Readonly<Record<string, string>> =
      abilities.etag && version !== undefined ? { "if-match": version } : {};
    const path = pathOf(endpoint, current.id);
    const answer = abilities.patch
      ? await this.send({ method: "PATCH", path, headers, body: patchBody(operations), signal })
      : await this.send({ method: "PUT", path, headers, body: putBody(current, before, after), signal });
    if (answer.status === 412) throw changedMeanwhile(this.service, `${endpoint}/${current.id}`, answer);
    if (!answer.ok) throw unexpected(answer, this.service, `change ${endpoint}/${current.id}`);
    // RFC 7644, 3.5.2: a PATCH may be answered without a body.
    if (answer.status === 204 || answer.text.trim() === "")
      return (
        (await this.get(endpoint, current.id, signal)) ??
        goneMeanwhile(`${endpoint}/${current.id}`, this.service)
      );
    return this.#resource(answer);
  }

  async remove(endpoint: string, id: string, signal: AbortSignal): Promise<void> {
    const answer = await this.send({ method: "DELETE", path: pathOf(endpoint, id), signal });
    if (!answer.ok && answer.status !== 404)
      throw unexpected(answer, this.service, `delete ${endpoint}/${id}`);
  }
}

export const patchBody = (operations: readonly PatchOperation[]): Attributes => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations: operations,
});

/** An id is the service's: it may hold anything, but never leads to another endpoint. */
export const pathOf = (endpoint: string, id: string): string =>
  id === "." || id === ".."
    ? fail({ reason: "invalid-property", message: `${JSON.stringify(id)} is no id.`, expected: "an id" })
    : `${endpoint}/${encodeURIComponent(id)}`;

function changedMeanwhile(service: string, what: string, answer: HttpAnswer): OrchError {
  const { failure } = unexpected(answer, service, `change ${what}`);
  return new OrchError({
    ...failure,
    reason: "conflict",
    message: `Somebody else changed ${what} at the same moment; it was left alone.`,
    next: ["Look at it: orch drift", "Then plan with what is really there: orch plan --refresh"],
  });
}
