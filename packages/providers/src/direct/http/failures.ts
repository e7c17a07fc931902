/** What went wrong with a request, and whether the service can have seen it. */
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { HttpAnswer, HttpClientOptions, HttpRequest } from "./client.js";

/** Nothing left this machine, or nothing was there to take it: safe to send again, whatever it is. */
export interface NotSent {
  readonly notSent: true;
  /** It may work in a moment. */
  readonly passing: boolean;
  failure(options: HttpClientOptions, request: HttpRequest): OrchError;
}

/** Why there was no connection. */
interface Cause {
  readonly what: string;
  /** It may work in a moment. */
  readonly passing?: true;
  readonly reason?: "provider-config";
  readonly expected?: string;
  readonly next?: string;
}

const trusted = {
  expected: "a certificate that this machine trusts",
  next: "Give the authority that signed it in the provider's TLS configuration, or have the server's certificate corrected.",
};
const unknownAuthority: Cause = {
  what: "its certificate comes from an authority that is not known here",
  ...trusted,
};
const clientCertificate = {
  expected: "a client certificate that the server accepts",
  next: "Correct the client certificate and key in the provider's TLS configuration.",
};

const causes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: { what: "nothing listens there", passing: true },
  ENOTFOUND: { what: "no such name" },
  EAI_AGAIN: { what: "its name can't be looked up now", passing: true },
  EHOSTUNREACH: { what: "no way to that machine", passing: true },
  ENETUNREACH: { what: "no way to that network", passing: true },
  UND_ERR_CONNECT_TIMEOUT: { what: "no connection in time", passing: true },
  // By `fetch` itself, before it connects.
  "bad port": {
    what: "its port is one that no HTTP service may have",
    reason: "provider-config",
    expected: "a port that is not on the list of bad ports (https://fetch.spec.whatwg.org/#port-blocking)",
  },
  "unknown scheme": {
    what: "its address is not one of HTTP",
    reason: "provider-config",
    expected: "an address that begins with http:// or https://",
  },
  CERT_HAS_EXPIRED: {
    what: "its certificate has expired",
    ...trusted,
    next: "Renew the server's certificate.",
  },
  CERT_NOT_YET_VALID: {
    what: "its certificate is not valid yet",
    ...trusted,
    next: "Check this machine's clock.",
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: { what: "its certificate is signed by itself", ...trusted },
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: "its certificate is for another name",
    expected: "a certificate for the name in the address",
    next: "Use a name that the certificate has, or give it as the server's name in the provider's TLS configuration.",
  },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: { what: "it wants a client certificate", ...clientCertificate },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: {
    what: "it does not know our certificate's authority",
    ...clientCertificate,
  },
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: { what: "it does not accept our certificate", ...clientCertificate },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: { what: "our certificate has expired", ...clientCertificate },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    what: "it does not speak TLS there",
    expected: "a TLS server",
    next: "Use http:// in the address, or the service's TLS port.",
  },
};

/** OpenSSL can't read a PEM text, or the key is not the certificate's: nothing was tried. */
const unusable: Cause = {
  what: "the certificate or key in the provider's configuration can't be used",
  reason: "provider-config",
  expected: "certificates and a key that belong together, as PEM",
  next: "Correct the provider's TLS configuration.",
};

/** Undefined: it may have been sent. */
export function notSent(error: unknown): NotSent | undefined {
  const { code, connecting } = innermost(error);
  const cause: Cause | undefined =
    causes[code] ??
    (/^ERR_OSSL_/.test(code) ? unusable : undefined) ??
    (connecting ? { what: "no connection", passing: true } : undefined);
  if (cause === undefined) return undefined;
  return {
    notSent: true,
    passing: cause.passing === true,
    failure: ({ service, baseUrl, unreachableNext = [] }) =>
      new OrchError(
        {
          reason: cause.reason ?? "connection-failed",
          message: `${service} can't be reached: ${cause.what}.`,
          expected: cause.expected ?? `an answer from ${originOf(baseUrl)}`,
          found: code,
          next: cause.next
            ? [cause.next]
            : unreachableNext.length > 0
              ? unreachableNext
              : ["Check the address, and that the service runs and can be reached from here."],
        },
        { cause: error },
      ),
  };
}

const lookAfter = ["Run the same command again: what was under way is looked after first."];

/** The answer never came, or broke off. `timeoutMs`: that was too long. */
export function noAnswer(
  error: unknown,
  { service }: HttpClientOptions,
  { method, path }: HttpRequest,
  timeoutMs: number | undefined,
): OrchError {
  const what = `${method} ${pathOnly(path)}`;
  return new OrchError(
    {
      reason: timeoutMs === undefined ? "connection-lost" : "timeout",
      message:
        timeoutMs === undefined
          ? `The connection to ${service} was lost during ${what}.`
          : `${service} did not answer ${what} within ${timeoutMs / 1000} s.`,
      expected: "an answer",
      found: timeoutMs === undefined ? innermost(error).code : "none",
      next: lookAfter,
    },
    { cause: error },
  );
}

/** 502, 503 or 504: something in between answered, and does not know what became of the request. */
export function cutOff(
  answer: HttpAnswer,
  { service }: HttpClientOptions,
  { method, path }: HttpRequest,
): OrchError {
  return new OrchError({
    reason: "connection-lost",
    message: `${service} is not available now; ${method} ${pathOnly(path)} may or may not have reached it.`,
    expected: "an answer",
    found: `HTTP ${answer.status}${saidBy(answer)}`,
    next: ["Find out why it is down.", ...lookAfter],
  });
}

/** What an answer means whoever asked: 401, 403, throttling. Rejects (throws) with that; undefined for any other. */
export function refusal(
  answer: HttpAnswer,
  throttled: boolean,
  { service }: HttpClientOptions,
  { method, path }: HttpRequest,
): undefined {
  const what = `${method} ${pathOnly(path)}`;
  const found = `HTTP ${answer.status}${saidBy(answer)}`;
  const failures: Readonly<Record<string, Failure>> = {
    401: {
      reason: "authentication-failed",
      message: `${service} does not accept the credentials.`,
      expected: `credentials that may ${what}`,
      found,
      next: ["Correct the credentials in the provider's configuration; they may have expired."],
    },
    403: {
      reason: "permission-denied",
      message: `${service} does not allow ${what} with these credentials.`,
      expected: `the right to ${what}`,
      found,
      next: ["Give the account that right, or use another account."],
    },
    throttled: {
      reason: "throttled",
      message: `${service} takes no more requests for now, and did not after waiting.`,
      expected: `an answer to ${what}`,
      found,
      next: ["Run the same command again later, or with a smaller --parallel."],
    },
  };
  const failure = failures[throttled ? "throttled" : answer.status];
  if (failure) throw new OrchError(failure);
  return undefined;
}

/** For an answer that the caller did not expect. */
export function unexpected(answer: HttpAnswer, service: string, doing: string): OrchError {
  const elsewhere = answer.status >= 300 && answer.status < 400 ? answer.headers.get("location") : null;
  if (elsewhere !== null)
    return new OrchError({
      reason: "provider-error",
      message: `${service} refused to ${doing}: it sends on to another address.`,
      expected: "an answer at the configured address",
      found: `HTTP ${answer.status} to ${pathOnly(elsewhere)}`,
      next: [
        "Configure the address that it names, if that is the service's; credentials follow no redirects.",
      ],
    });
  return new OrchError({
    reason: answer.status === 409 || answer.status === 412 ? "conflict" : "provider-error",
    message: `${service} refused to ${doing}.`,
    found: `HTTP ${answer.status}${saidBy(answer)}`,
  });
}

/** The service's own words, in the places where APIs put them. */
function saidBy({ text }: HttpAnswer): string {
  let said = text;
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    const place = json.detail ?? json.message ?? json.error_description ?? json.error ?? json.title ?? text;
    said = typeof place === "string" ? place : JSON.stringify(place);
  } catch {
    // Not JSON: as it is.
  }
  said = said.trim().slice(0, 500);
  return said === "" ? "" : `: ${said}`;
}

export const aborted = (signal: AbortSignal): unknown =>
  signal.reason instanceof OrchError
    ? signal.reason
    : new OrchError({ reason: "interrupted", message: "Cancelled" });

/** `fetch failed` says nothing; the innermost cause does. `connecting`: it came before there was a connection. */
function innermost(error: unknown): { readonly code: string; readonly connecting: boolean } {
  let at = error as Error;
  while (at.cause instanceof Error) at = at.cause;
  if (at instanceof AggregateError && at.errors[0] instanceof Error) at = at.errors[0];
  const { code, syscall, message } = at as NodeJS.ErrnoException;
  return { code: code ?? message, connecting: syscall === "connect" || syscall === "getaddrinfo" };
}
/** A query may hold what is nobody's business. */
const pathOnly = (path: string): string => path.split("?")[0] as string;
const originOf = (url: string): string => new URL(url).origin;
