/**
 * An HTTP client for one service: JSON in and out, tries again where that can do no harm, slows down when the service asks for it, and says what
 * went wrong in the words of failures. Everything that a direct provider sends over HTTP goes through one of these.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@orch/core/model/failure";
import { aborted, connectFailure, type NotSent, notSent, refusal } from "./failures.js";
import { Throttle } from "./throttle.js";

export interface HttpClientOptions {
  /** For people: `PowerDNS at http://dns1:8081`. */
  readonly service: string;
  /** Paths of requests are put behind it. */
  readonly baseUrl: string;
  /** Headers of every request: authentication. Asked before each try, so that a token can be renewed. */
  readonly headers?: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Called once when a request with the headers above was refused with 401; true: they are new now, try again. */
  readonly renew?: () => Promise<boolean>;
  readonly tls?: TlsOptions;
  /** Per try, in ms. Default 30,000. */
  readonly timeoutMs?: number;
  /** Requests at the same time. Default 16; less while the service throttles. */
  readonly concurrency?: number;
  /** Further tries after the first. Default 4. */
  readonly retries?: number;
  /** What a person does when the service can't be reached. */
  readonly unreachableNext?: readonly string[];
}

/** PEM texts. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name that the certificate must be for, where it is not the URL's. */
  readonly serverName?: string;
  /** Any certificate is believed. */
  readonly insecure?: boolean;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** Relative to `baseUrl`, or a whole URL of the same origin (a next page). */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; text and bytes are sent as they are. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
  /** Sending it twice does the same as once. Default: all but POST and PATCH. */
  readonly idempotent?: boolean;
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** 200 to 299. */
  readonly ok: boolean;
  readonly headers: Headers;
  readonly text: string;
  /** Rejects (throws `provider-error`) what is no JSON. */
  json<T = unknown>(): T;
}

export interface HttpClient {
  /**
   * Whatever the service answered but 401, 403, 429 and what trying again helped: the caller knows what 404, 409 or 422 means to it. Rejects with
   * `connection-failed` (nothing was done), `connection-lost` and `timeout` (it may have been done), `authentication-failed`, `permission-denied`, `throttled`.
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Connections that are kept alive are ended. */
  close(): Promise<void>;
}

export function httpClient(options: HttpClientOptions): HttpClient {
  const throttle = new Throttle(options.concurrency ?? 16);
  let agent: Promise<Agent> | undefined;

  async function once(request: HttpRequest): Promise<HttpAnswer | NotSent> {
    const { method, body, signal, timeoutMs = options.timeoutMs ?? 30_000 } = request;
    const url = urlOf(options.baseUrl, request);
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const init: RequestInit = {
      method,
      redirect: "manual",
      headers: {
        accept: "application/json",
        ...(raw ? {} : { "content-type": "application/json" }),
        ...(await options.headers?.()),
        ...request.headers,
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    };
    if (options.tls) {
      agent ??= agentFor(options.tls);
      Object.assign(init, { dispatcher: await agent });
    }
    try {
      const response = await fetch(url, init);
      return answerOf(options.service, response, await response.text());
    } catch (error) {
      if (signal.aborted) throw aborted(signal);
      return notSent(error) ?? connectFailure(error, options, request, timeoutMs);
    }
  }

  /** Throttled and tried again as long as that is safe. */
  async function send(request: HttpRequest): Promise<HttpAnswer> {
    const tries = 1 + (options.retries ?? 4);
    const safe = request.idempotent ?? !["POST", "PATCH"].includes(request.method);
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const answer = await throttle
        .run(request.signal, () => once(request))
        .catch((error: unknown) => {
          if (!safe || attempt >= tries || request.signal.aborted) throw error;
          return undefined;
        });
      if (answer === undefined) {
        await wait(backoff(attempt), request.signal);
        continue;
      }
      if ("notSent" in answer) {
        // Whatever it was, the service never saw it.
        if (!answer.passing || attempt >= tries) throw answer.failure(options, request);
        await wait(backoff(attempt), request.signal);
        continue;
      }
      const { status } = answer;
      if (status === 401 && !renewed && options.renew) {
        renewed = true;
        if (await options.renew()) continue;
      }
      const later = retryAfter(answer);
      // Throttling says that nothing was done; a gateway's word for a broken server does not.
      const refused = status === 429 || (status === 503 && later !== undefined);
      if (refused) throttle.slower(later ?? backoff(attempt));
      else throttle.faster();
      if (attempt < tries && (refused || (safe && [502, 503, 504].includes(status)))) {
        await wait(later ?? backoff(attempt), request.signal);
        continue;
      }
      return refusal(answer, options, request) ?? answer;
    }
  }

  return {
    send,
    async close() {
      await (await agent?.catch(() => undefined))?.close();
    },
  };
}

type Agent = { close(): Promise<void> };

/** undici is loaded only where a certificate is configured. */
async function agentFor({ ca, cert, key, serverName, insecure }: TlsOptions): Promise<Agent> {
  const { Agent } = await import("undici");
  return new Agent({
    connect: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(insecure ? { rejectUnauthorized: false } : {}),
    },
  });
}

function urlOf(baseUrl: string, { path, query = {} }: HttpRequest): URL {
  const base = new URL(baseUrl);
  const whole = /^https?:\/\//.test(path);
  const url = whole ? new URL(path) : new URL(`${base.href.replace(/\/$/, "")}/${path.replace(/^\//, "")}`);
  if (url.origin !== base.origin) {
    return fail({
      reason: "provider-error",
      message: `${base.origin} sent on to ${url.origin}; credentials go to no other place.`,
      expected: base.origin,
      found: url.origin,
    });
  }
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

function answerOf(service: string, response: Response, text: string): HttpAnswer {
  const { status, ok, headers } = response;
  return {
    status,
    ok,
    headers,
    text,
    json<T>(): T {
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        return fail(
          {
            reason: "provider-error",
            message: `${service} answered something that is not JSON.`,
            expected: "JSON",
            found: `HTTP ${status}, ${headers.get("content-type") ?? "no content type"}: ${text.slice(0, 200)}`,
            next: ["Check that the address is the service's own and not a proxy's or a login page's."],
          },
          error,
        );
      }
    },
  };
}

/** Milliseconds; full jitter, so that many who were refused together do not come again together. */
const backoff = (attempt: number): number => Math.random() * Math.min(10_000, 250 * 2 ** attempt) + 50;

/** RFC 9110 10.2.3: seconds or a date. At most two minutes. */
function retryAfter({ headers }: HttpAnswer): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 120_000);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw aborted(signal);
  });
}
