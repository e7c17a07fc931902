/**
 * An HTTP client for one service: JSON in and out, tries again where that can do no harm, slows down when the service asks for it, and says what
 * went wrong in the words of failures. Everything that a direct provider sends over HTTP goes through one of these.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail, OrchError } from "@orch/core/model/failure";
import { traceHeaders } from "@orch/core/trace/span";
import type { Agent } from "undici";
import { aborted, cutOff, type NotSent, noAnswer, notSent, refusal } from "./failures.js";
import { Throttle } from "./throttle.js";

export interface HttpClientOptions {
  /** For people: `PowerDNS at http://dns1:8081`. */
  readonly service: string;
  /** Paths of requests are put behind it. */
  readonly baseUrl: string;
  /** Headers of every request: authentication. Asked before each try, so that a token can be renewed. */
  readonly headers?: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Called when a request with the headers above was refused with 401, once for all that were under way; true: they are new now, try again. */
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
  /**
   * Sending it twice does the same as once, so that it may be sent again when no answer came. Default: all but POST and PATCH, and but those with
   * `if-match` or `if-none-match`: the second would meet what the first has done, and take it for somebody else's.
   */
  readonly idempotent?: boolean;
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** 200 to 299. */
  readonly ok: boolean;
  readonly headers: Pick<Headers, "get">;
  readonly text: string;
  /** Rejects (throws `provider-error`) what is no JSON. */
  json<T = unknown>(): T;
}

export interface HttpClient {
  /**
   * Whatever the service answered but 401, 403, 429, 502 to 504 and what trying again helped: the caller knows what 404, 409 or 422 means to it. Rejects with
   * `connection-failed` (nothing was done), `connection-lost` and `timeout` (it may have been done), `authentication-failed`, `permission-denied`, `throttled`
   * (nothing was done), `provider-config` (a certificate or key that can't be used), or the failure of `headers` and `renew`.
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Connections that are kept alive are ended. */
  close(): Promise<void>;
}

export function httpClient(options: HttpClientOptions): HttpClient {
  const throttle = new Throttle(options.concurrency ?? 16);
  let agent: Agent | undefined;

  // Counts renewals: what was refused with older headers than the newest is sent again without another one.
  let generation = 0;
  let renewal: Promise<boolean> | undefined;

  /** Are there newer headers than those of a refused request? */
  function renewed(since: number): Promise<boolean> {
    if (generation > since) return Promise.resolve(true);
    renewal ??= (options.renew?.() ?? Promise.resolve(false))
      .then((fresh) => {
        if (fresh) generation++;
        return fresh;
      })
      .finally(() => {
        renewal = undefined;
      });
    return renewal;
  }

  async function once(request: HttpRequest): Promise<Sent> {
    const { method, body, signal, timeoutMs = options.timeoutMs ?? 30_000 } = request;
    const url = urlOf(options.baseUrl, request);
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const with_ = generation;
    const headers = new Headers({ accept: "application/json" });
    if (!raw) headers.set("content-type", "application/json");
    // A trace goes on in the system that is asked.
    for (const part of [traceHeaders(), await options.headers?.(), request.headers])
      for (const [name, value] of Object.entries(part ?? {})) headers.set(name, value);
    const init = {
      method,
      redirect: "manual",
      headers: Object.fromEntries(headers),
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    } as const;
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, timeout]);
    signal.throwIfAborted();
    try {
      const response = await (options.tls
        ? fetchOverTls(url, { ...init, signal: either })
        : fetch(url, { ...init, signal: either }));
      return { answer: answerOf(options.service, response, await response.text()), generation: with_ };
    } catch (error) {
      if (signal.aborted) throw aborted(signal);
      const never = timeout.aborted ? undefined : notSent(error);
      if (never) return { never };
      throw noAnswer(error, options, request, timeout.aborted ? timeoutMs : undefined);
    }
  }

  /** undici is loaded only where a certificate is configured; its own `fetch`, as Node's may be of another version. */
  async function fetchOverTls(url: URL, init: object): Promise<Answering> {
    // By its default export: of a CommonJS module, a bundle has no other.
    const { default: undici } = await import("undici");
    agent ??= new undici.Agent({ connect: connectOptions(options.tls ?? {}) });
    return undici.fetch(url, { ...init, dispatcher: agent });
  }

  /** Before the next request has its turn. */
  function heed(sent: Sent, attempt: number): Sent {
    if ("never" in sent) return sent;
    const { answer } = sent;
    if (isThrottling(answer)) throttle.slower(retryAfter(answer) ?? backoff(attempt));
    else if (answer.status < 500) throttle.faster();
    return sent;
  }

  /** Throttled, and tried again as long as that is safe. */
  async function send(request: HttpRequest): Promise<HttpAnswer> {
    const tries = 1 + (options.retries ?? 4);
    const safe = request.idempotent ?? isIdempotent(request);
    let fresh = false;
    for (let attempt = 1; ; attempt++) {
      const again = attempt < tries;
      let sent: Sent;
      try {
        sent = await throttle.run(request.signal, async () => heed(await once(request), attempt));
      } catch (error) {
        if (request.signal.aborted) throw aborted(request.signal);
        if (!safe || !again || !(error instanceof OrchError) || !isNoAnswer(error)) throw error;
        await wait(backoff(attempt), request.signal);
        continue;
      }
      if ("never" in sent) {
        // Whatever it was, the service never saw it.
        if (!sent.never.passing || !again) throw sent.never.failure(options, request);
        await wait(backoff(attempt), request.signal);
        continue;
      }
      const { answer } = sent;
      const { status } = answer;
      if (status === 401 && !fresh && options.renew && (await renewed(sent.generation))) {
        fresh = true;
        attempt--;
        continue;
      }
      const later = retryAfter(answer);
      const refused = isThrottling(answer);
      const broken = !refused && [502, 503, 504].includes(status);
      // Often it is a passing one (a locked database, a restart); where it is not, nobody should wait for long.
      const stumbled = status === 500 && attempt <= triesOfStumbling;
      if (again && (refused || (safe && (broken || stumbled)))) {
        await wait(later ?? backoff(attempt), request.signal);
        continue;
      }
      if (broken) throw cutOff(answer, options, request);
      return refusal(answer, refused, options, request) ?? answer;
    }
  }

  return {
    send,
    async close() {
      await agent?.close();
      agent = undefined;
    },
  };
}

/** Further tries when the service fails within itself. */
const triesOfStumbling = 2;

type Sent = { readonly answer: HttpAnswer; readonly generation: number } | { readonly never: NotSent };
/** Of an answer by Node's fetch or undici's, what is used. */
type Answering = Pick<Response, "status" | "ok" | "text"> & {
  readonly headers: Pick<Headers, "get">;
};

const isIdempotent = ({ method, headers = {} }: HttpRequest): boolean =>
  !["POST", "PATCH"].includes(method) &&
  !Object.keys(headers).some((name) => ["if-match", "if-none-match"].includes(name.toLowerCase()));
const isNoAnswer = ({ failure }: OrchError): boolean =>
  failure.reason === "connection-lost" || failure.reason === "timeout";

const connectOptions = ({ ca, cert, key, serverName, insecure }: TlsOptions): object => ({
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
  ...(serverName === undefined ? {} : { servername: serverName }),
  ...(insecure ? { rejectUnauthorized: false } : {}),
});

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

function answerOf(service: string, response: Answering, text: string): HttpAnswer {
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

/** Throttling says that nothing was done; a gateway's word for a server that is broken does not. Some throttle with 403. */
const isThrottling = (answer: HttpAnswer): boolean =>
  answer.status === 429 || ([403, 503].includes(answer.status) && retryAfter(answer) !== undefined);

/** Milliseconds; full jitter, so that many who were refused together do not come again together. */
const backoff = (attempt: number): number => Math.random() * Math.min(10_000, 250 * 2 ** attempt) + 50;

/** RFC 9110 10.2.3: seconds or a date. At most two minutes. */
function retryAfter({ headers }: HttpAnswer): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 120_000);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw aborted(signal);
  });
}
