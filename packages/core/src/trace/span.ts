/**
 * Spans of what orch does, through OpenTelemetry's API: without an SDK that a caller has registered, each of these does next to nothing. Names are
 * few; what differs from run to run is in attributes. No value of a resource and no text of a failure is put into a span.
 */
import {
  type Attributes,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { type Failure, toFailure } from "../model/failure.js";

/** Asked for each time: the SDK may be registered later, and through another copy of the API. */
const tracer = () => trace.getTracer("orch");

export interface SpanOptions {
  /** The call leaves orch's process, or asks another system. */
  readonly client?: boolean;
  /** The span that it belongs to, where that is not the one that is active: what an event of a socket begins, for instance. */
  readonly parent?: Context;
  /** Milliseconds since the epoch, when it began before it was known to be worth a span. */
  readonly startedAt?: number;
}

/** Runs the work in a span, which is active within it, and has failed when the work rejects. */
export function inSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
  { client = false, parent = context.active() }: SpanOptions = {},
): Promise<T> {
  return tracer().startActiveSpan(
    name,
    { attributes, kind: client ? SpanKind.CLIENT : SpanKind.INTERNAL },
    parent,
    async (span) => {
      try {
        return await work(span);
      } catch (error) {
        failSpan(span, toFailure(error));
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

/** A span that is not active, and that the caller ends. */
export const startSpan = (name: string, attributes: Attributes, options: SpanOptions = {}): Span =>
  tracer().startSpan(
    name,
    {
      attributes,
      kind: options.client ? SpanKind.CLIENT : SpanKind.INTERNAL,
      ...(options.startedAt === undefined ? {} : { startTime: options.startedAt }),
    },
    options.parent ?? context.active(),
  );

/** The reason only: what a failure says may quote a value. */
export function failSpan(span: Span, { reason }: Pick<Failure, "reason">): void {
  span.setAttribute("error.type", reason);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** What is active here, to be the parent of what another event begins. */
export const here = (): Context => context.active();

/** A function that runs in that context whoever calls it. */
export const bound = <A extends unknown[], R>(
  parent: Context,
  call: (...args: A) => R,
): ((...args: A) => R) => context.bind(parent, call);

/** `traceparent` and what belongs to it, for the headers of a request; empty without an SDK. */
export function traceHeaders(): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}

/** The same for the environment of a process: TRACEPARENT, TRACESTATE. */
export const traceEnvironment = (): Record<string, string> =>
  Object.fromEntries(Object.entries(traceHeaders()).map(([name, value]) => [name.toUpperCase(), value]));
