/** gRPC between processes of one machine, as Pulumi's plugins speak it. Without grpc-js itself, which takes long to load and is not always needed. */
import type { MethodDefinition, Server, ServerCredentials } from "@grpc/grpc-js";

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

const bytes = (value: Buffer): Buffer => value;

/** A method whose messages are left as they are. */
export const rawMethod = (path: string): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

/** Serves on a free port of loopback. Gives `host:port`. */
export function listenOnLoopback(server: Server, credentials: ServerCredentials): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
      if (error) reject(error);
      else resolve(`127.0.0.1:${port}`);
    });
  });
}
