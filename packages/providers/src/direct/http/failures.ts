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

const refusedCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "no such name",
  EAI_AGAIN: "its name can't be looked up now",
  EHOSTUNREACH: "no way to that machine",
  ENETUNREACH: "no way to that network",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
};
const certificateCodes: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet (check this machine's clock)",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an authority that is not known here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an authority that is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from an authority that is not known here",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it wants a client certificate",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS there",
};

/** Undefined: it may have been sent. */
export function notSent(error: unknown): NotSent | undefined {
  const code = codeOf(error);
  const refused = refusedCodes[code];
  const certificate = certificateCodes[code];
  if (refused === undefined && certificate === undefined) return undefined;
  return {
    notSent: true,
    passing: refused !== undefined && code !== "ENOTFOUND",
    failure: ({ service, baseUrl, unreachableNext = [] }) =>
      new OrchError(
        {
          reason: "connection-failed",
          message: `${service} can't be reached: ${refused ?? certificate}.`,
          expected: certificate
            ? "a certificate that this machine trusts"
            : `an answer from ${originOf(baseUrl)}`,
          found: code,
          next: certificate
            ? [
                "Renew the server's certificate, or give the authority that signed it in the provider's TLS configuration.",
              ]
            : unreachableNext.length > 0
              ? unreachableNext
              : ["Check the address, and that the service runs and can be reached from here."],
        },
        { cause: error },
      ),
  };
}

/** The answer never came, or broke off. Throws. */
export function connectFailure(
  error: unknown,
  { service }: HttpClientOptions,
  { method, path }: HttpRequest,
  timeoutMs: number,
): never {
  const timedOut = (error as Error).name === "TimeoutError";
  throw new OrchError(
    {
      reason: timedOut ? "timeout" : "connection-lost",
      message: timedOut
        ? `${service} did not answer ${method} ${pathOnly(path)} within ${timeoutMs / 1000} s.`
        : `The connection to ${service} was lost during ${method} ${pathOnly(path)}.`,
      expected: "an answer",
      found: timedOut ? "none" : codeOf(error),
      next: ["Run the same command again: what was under way is looked after first."],
    },
    { cause: error },
  );
}

/** What an answer means whoever asked: 401, 403, 429. Rejects (throws) with that; undefined for any other. */
export function refusal(
  answer: HttpAnswer,
  { service }: HttpClientOptions,
  { method, path }: HttpRequest,
): undefined {
  const what = `${method} ${pathOnly(path)}`;
  const found = `HTTP ${answer.status}${saidBy(answer)}`;
  const failures: Readonly<Record<number, Failure>> = {
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
    429: {
      reason: "throttled",
      message: `${service} takes no more requests for now, and did not after waiting.`,
      expected: `an answer to ${what}`,
      found,
      next: ["Run the same command again later, or with a smaller --parallel."],
    },
  };
  const failure = failures[answer.status];
  if (failure) throw new OrchError(failure);
  return undefined;
}

/** For an answer that the caller did not expect. */
export function unexpected(answer: HttpAnswer, service: string, doing: string): OrchError {
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

/** `fetch failed` says nothing; the innermost cause does. */
function codeOf(error: unknown): string {
  let at = error as Error;
  while (at.cause instanceof Error) at = at.cause;
  if (at instanceof AggregateError && at.errors[0] instanceof Error) at = at.errors[0];
  return (at as NodeJS.ErrnoException).code ?? at.message;
}
/** A query may hold what is nobody's business. */
const pathOnly = (path: string): string => path.split("?")[0] as string;
const originOf = (url: string): string => new URL(url).origin;
