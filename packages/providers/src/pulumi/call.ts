/** One request over gRPC as a promise, with deadline and abort. */
import { type Client, Metadata, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import type { CallOptions } from "@orch/core/provider/contract";

/** Bytes. What Pulumi's own engine and plugins allow; schemas and large states come near it. */
export const maxMessageBytes = 400 * 1024 * 1024;

/** Channel options for either side of the protocol. A proxy from the environment must not come between two local processes. */
export const channelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.enable_http_proxy": 0,
  // Between two processes of one machine there is nothing to retry, and a creation is not to be sent twice in any case.
  "grpc.enable_retries": 0,
} as const;

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
