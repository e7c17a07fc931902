/** Requests to key-management services: small JSON documents, with the failures that every service has in common. */
import { type Failure, fail } from "../../../model/failure.js";

export interface Answer {
  readonly status: number;
  /** Empty when the body is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface RequestOptions {
  /** For people: `AWS KMS in eu-central-1`. */
  readonly service: string;
  readonly timeoutMs?: number;
  /** What to do when it can't be reached. */
  readonly unreachableNext: readonly string[];
}

/** Rejects with `connection-failed` or `timeout` when there is no answer. Redirects are answers: credentials go to no other host. */
export async function requestJson(request: Request, options: RequestOptions): Promise<Answer> {
  const { service, timeoutMs = 15_000, unreachableNext } = options;
  const { origin } = new URL(request.url);
  try {
    const response = await fetch(
      new Request(request, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) }),
    );
    const text = await response.text();
    return { status: response.status, json: objectOf(text) };
  } catch (error) {
    const timedOut = (error as Error).name === "TimeoutError";
    return fail(
      {
        reason: timedOut ? "timeout" : "connection-failed",
        message: timedOut
          ? `${service} did not answer within ${timeoutMs / 1000} s.`
          : `${service} can't be reached.`,
        expected: `an answer from ${origin}`,
        found: timedOut ? "none" : causeOf(error),
        next: unreachableNext,
      },
      error,
    );
  }
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    // A proxy's page, or nothing: the status tells the rest.
    return {};
  }
}

/** `fetch failed` says nothing; what made it fail does. */
function causeOf(error: unknown): string {
  const { cause, message } = error as Error;
  if (cause instanceof Error) return (cause as NodeJS.ErrnoException).code ?? cause.message;
  return message;
}

/** What a service's refusal means. `found` is the service's own words, which never hold a secret of orch's. */
export type Refusal = Omit<Failure, "found">;

export function refuse(refusal: Refusal, status: number, said: string | undefined): never {
  return fail({ ...refusal, found: `HTTP ${status}${said ? `: ${said.slice(0, 500)}` : ""}` });
}

/** The base64 text in an answer that was good. */
export function base64Of(value: unknown, service: string): Buffer {
  if (typeof value === "string" && value !== "") return Buffer.from(value, "base64");
  return fail({
    reason: "connection-failed",
    message: `${service} answered something else than its documented form.`,
    expected: "JSON with the result in base64",
    found: typeof value,
    next: ["Check that the address is the service's own and not a proxy's."],
  });
}
