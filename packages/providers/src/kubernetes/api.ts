/** One API server: requests, what they mean when they fail, and which kinds of objects there are. */
import { setTimeout as sleep } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";
import { didYouMean } from "@orch/core/state/closest";
import { type HttpAnswer, type HttpClient, type HttpRequest, httpClient } from "../direct/http/client.js";
import type { Configuration } from "./config.js";
import { type Credentials, credentialsOf } from "./credentials.js";
import {
  forbidden,
  isForbidden,
  isStatus,
  type Right,
  StatusError,
  statusError,
  statusOf,
  unknownFieldOf,
} from "./failures.js";
import { type Kind, kindText } from "./kinds.js";
import { type ClusterConfig, clusterConfig } from "./kubeconfig.js";
import { fieldsBeside } from "./near.js";
import type { Json, KubernetesObject } from "./object.js";

/** How a kind is asked for. Source: `GET /apis/GROUP/VERSION`. */
export interface ApiResource {
  /** Plural, as in paths and rights: `deployments`. */
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

export interface Place {
  readonly kind: Kind;
  readonly resource: ApiResource;
  /** Absent for what is in no namespace, and for lists of all namespaces. */
  readonly namespace?: string;
  /** Absent for lists. */
  readonly name?: string;
}

export interface ApiRequest extends Omit<HttpRequest, "path" | "signal"> {
  readonly place: Place;
  /** RBAC's verb. */
  readonly verb: "get" | "list" | "create" | "patch" | "delete";
  readonly signal: AbortSignal;
  /** A plan does not wait long for a server that is away. */
  readonly quick?: boolean;
  /** Hears the server's warnings about this object. */
  readonly onWarning?: (text: string) => void;
}

interface Clients {
  readonly patient: HttpClient;
  readonly quick: HttpClient;
}

export class KubernetesApi {
  readonly cluster: ClusterConfig;
  /** For people: `Kubernetes at https://10.0.0.1:6443 (context prod of ~/.kube/config)`. */
  readonly service: string;
  /** Requests sent so far. */
  requests = 0;
  readonly #credentials: Credentials;
  readonly #settings: Configuration["kubeClientSettings"];
  #clients: Promise<Clients> | undefined;
  readonly #resources = new Map<string, Promise<readonly ApiResource[] | undefined>>();
  readonly #warned = new Set<string>();

  /** Reads the kubeconfig; connects on the first request. */
  constructor(config: Configuration) {
    this.cluster = clusterConfig(config);
    this.service = `Kubernetes at ${this.cluster.server} (${this.cluster.from})`;
    this.#credentials = credentialsOf(this.cluster);
    this.#settings = config.kubeClientSettings;
  }

  async #open(): Promise<Clients> {
    const { cluster } = this;
    const certificate = await this.#credentials.certificate();
    const make = (retries: number): HttpClient =>
      httpClient({
        service: this.service,
        baseUrl: cluster.server,
        headers: () => this.#credentials.headers(),
        renew: () => this.#renew(certificate !== undefined),
        tls: {
          ...(cluster.ca === undefined ? {} : { ca: cluster.ca }),
          ...(cluster.serverName === undefined ? {} : { serverName: cluster.serverName }),
          ...(certificate ?? {}),
          insecure: cluster.insecure,
        },
        timeoutMs: (this.#settings.timeout ?? 32) * 1000,
        concurrency: this.#settings.burst ?? 32,
        retries,
        unreachableNext: [
          "Check the server of the kubeconfig's cluster, and that it can be reached from here (a VPN, a tunnel).",
        ],
      });
    // A server that is restarted is away for some ten seconds.
    return { patient: make(8), quick: make(1) };
  }

  /** A certificate belongs to the connection: with a new one, new connections are made. */
  async #renew(withCertificate: boolean): Promise<boolean> {
    const renewed = await this.#credentials.renew();
    if (renewed && withCertificate) this.#clients = undefined;
    return renewed;
  }

  async close(): Promise<void> {
    const clients = await this.#clients?.catch(() => undefined);
    await Promise.all([clients?.patient.close(), clients?.quick.close()]);
    this.#clients = undefined;
  }

  async #send(request: HttpRequest, quick: boolean): Promise<HttpAnswer> {
    this.#clients ??= this.#open();
    const { patient, quick: hasty } = await this.#clients;
    this.requests++;
    return (quick ? hasty : patient).send(request);
  }

  /** What the server answered with 2xx. @throws StatusError, and failures of connections and rights. */
  async send(request: ApiRequest): Promise<HttpAnswer> {
    const { place, verb, quick = false, onWarning, ...rest } = request;
    const doing = doingText(verb, place);
    try {
      const answer = await this.#send({ ...rest, path: pathOf(place) }, quick);
      this.#warn(answer, onWarning);
      if (!answer.ok)
        throw await this.#withNearFields(statusError(statusOf(answer), this.service, doing), request);
      return answer;
    } catch (error) {
      if (error instanceof OrchError && error.failure.reason === "permission-denied")
        throw forbidden(error.failure, rightOf(verb, place), this.service, doing);
      throw error;
    }
  }

  /** A document of the server; undefined where it has none, or none for this login. */
  async look(path: string, signal: AbortSignal): Promise<Json | undefined> {
    try {
      const answer = await this.#send({ method: "GET", path, signal }, true);
      return answer.ok ? answer.json<Json>() : undefined;
    } catch (error) {
      if (isForbidden(error)) return undefined;
      throw error;
    }
  }

  async #withNearFields(error: StatusError, { place, signal }: ApiRequest): Promise<StatusError> {
    const field = unknownFieldOf(error.status);
    if (field === undefined) return error;
    // What went wrong is told all the same when the server has gone meanwhile.
    const fields = await fieldsBeside(this, place.kind, field, signal).catch(() => []);
    if (fields.length === 0) return error;
    const near = didYouMean(field.split(".").at(-1) as string, fields);
    const { failure, status } = error;
    return new StatusError(status, {
      ...failure,
      expected: `one of ${fields.join(", ")}`,
      next: near.length > 0 ? near : (failure.next ?? []),
    });
  }

  /** The object, or undefined when there is none. */
  async get(place: Place, signal: AbortSignal, quick = false): Promise<KubernetesObject | undefined> {
    try {
      return (await this.send({ method: "GET", verb: "get", place, signal, quick })).json<KubernetesObject>();
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /**
   * How the server calls the kind; undefined when it does not know it (its definition may not be there yet). Asked once per group and version;
   * `again`: what was known to be missing is asked anew.
   */
  async resource(
    kind: Kind,
    signal: AbortSignal,
    { quick = false, again = false } = {},
  ): Promise<ApiResource | undefined> {
    const { apiVersion } = kind;
    const find = async (): Promise<ApiResource | undefined> =>
      (await this.#discover(kind, signal, quick))?.find((one) => one.kind === kind.kind);
    const known = await find();
    if (known !== undefined || !again) return known;
    this.#resources.delete(apiVersion);
    return find();
  }

  #discover(kind: Kind, signal: AbortSignal, quick: boolean): Promise<readonly ApiResource[] | undefined> {
    const { apiVersion } = kind;
    let answer = this.#resources.get(apiVersion);
    if (answer === undefined) {
      answer = this.#askDiscovery(kind, signal, quick);
      this.#resources.set(apiVersion, answer);
      // A server that was away may be back for the next who asks.
      answer.catch(() => this.#resources.delete(apiVersion));
    }
    return answer;
  }

  async #askDiscovery(
    { apiVersion, group }: Kind,
    signal: AbortSignal,
    quick: boolean,
  ): Promise<readonly ApiResource[] | undefined> {
    const path = group === "" ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
    const answer = await this.#send({ method: "GET", path, signal }, quick);
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw statusError(statusOf(answer), this.service, `list the kinds of ${apiVersion}`);
    const { resources } = answer.json<{ resources: readonly ApiResource[] }>();
    return resources.filter(({ name }) => !name.includes("/"));
  }

  /** Source: RFC 9111 5.5 and https://kubernetes.io/blog/2020/09/03/warnings/: `299 - "text"`. Each is told once. */
  #warn(answer: HttpAnswer, onWarning: ApiRequest["onWarning"]): void {
    const header = answer.headers.get("warning");
    if (header === null || onWarning === undefined) return;
    for (const [, quoted = ""] of header.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      const text = quoted.replaceAll(/\\(.)/g, "$1");
      if (this.#warned.has(text)) continue;
      this.#warned.add(text);
      onWarning(text);
    }
  }
}

export function pathOf({ kind, resource, namespace, name }: Place): string {
  const parts = [
    kind.group === "" ? "/api" : "/apis",
    ...kind.apiVersion.split("/"),
    ...(resource.namespaced && namespace !== undefined ? ["namespaces", encodeURIComponent(namespace)] : []),
    resource.name,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
  ];
  return parts.join("/");
}

const rightOf = (verb: string, { kind, resource, namespace, name }: Place): Right => ({
  verb,
  group: kind.group,
  resource: resource.name,
  ...(resource.namespaced && namespace !== undefined ? { namespace } : {}),
  ...(name === undefined ? {} : { name }),
});

export const placeText = ({ kind, namespace, name }: Omit<Place, "resource">): string =>
  `the ${kindText(kind)} ${namespace === undefined ? "" : `${namespace}/`}${name ?? ""}`;

const doing: Readonly<Record<ApiRequest["verb"], string>> = {
  get: "read",
  list: "list",
  create: "create",
  patch: "apply",
  delete: "delete",
};
function doingText(verb: ApiRequest["verb"], place: Place): string {
  if (place.name !== undefined) return `${doing[verb]} ${placeText(place)}`;
  const where = place.namespace === undefined ? "" : ` in the namespace ${place.namespace}`;
  return `${doing[verb]} the ${place.resource.name} (${place.kind.apiVersion})${where}`;
}

/** Asks again and again, ever slower, until there is an answer or time is over (then undefined). */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  {
    signal,
    forMs,
    everyMs = 300,
    mostMs = 3_000,
  }: { signal: AbortSignal; forMs: number; everyMs?: number; mostMs?: number },
): Promise<T | undefined> {
  const until = Date.now() + forMs;
  for (let wait = everyMs; ; wait = Math.min(mostMs, wait * 1.5)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() + wait > until) return undefined;
    await sleep(wait, undefined, { signal }).catch(() => {
      throw signal.reason instanceof OrchError
        ? signal.reason
        : new OrchError({ reason: "interrupted", message: "Cancelled" });
    });
  }
}
