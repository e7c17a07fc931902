/** One request over gRPC as a promise, with deadline and abort. */
import { type Client, Metadata, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import type { CallOptions } from "@orch/core/provider/contract";

/**
 * A provider that is told its time limit ends by itself and says what it left behind; only after this many seconds more is the
 * request cut off.
 */
export const deadlineGraceSeconds = 10;

/** Rejects with grpc's ServiceError. */
export function unary<Request, Response>(
  client: Client,
  method: MethodDefinition<Request, Response>,
  request: Request,
  options: CallOptions & { readonly graceSeconds?: number } = {},
): Promise<Response> {
  return new Promise<Response>((resolve, reject) => {
    const seconds = options.timeoutSeconds;
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      seconds
        ? { deadline: Date.now() + (seconds + (options.graceSeconds ?? deadlineGraceSeconds)) * 1000 }
        : {},
      (error, response) => {
        options.signal?.removeEventListener("abort", abort);
        if (error) reject(error);
        else resolve(response as Response);
      },
    );
    const abort = () => call.cancel();
    if (options.signal?.aborted) abort();
    else options.signal?.addEventListener("abort", abort, { once: true });
  });
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && typeof (error as ServiceError).code === "number" && "metadata" in error;
}
export const isUnimplemented = (error: unknown): boolean =>
  isServiceError(error) && error.code === status.UNIMPLEMENTED;
