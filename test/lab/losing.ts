/** In front of an HTTP server: one answer that never comes through. */
import { createServer, request as forward } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { HOST } from "./process.js";

export interface Losing {
  /** `to`, by way of this. */
  readonly url: string;
  close(): void;
}

/** The answer to the first request that fits does not come through after it has been done; then `lost` is called. All others do. */
export async function losing(
  to: string,
  fits: (method: string, path: string) => boolean,
  lost: (socket: Socket) => unknown = (socket) => socket.destroy(),
): Promise<Losing> {
  let done = false;
  const proxy = createServer((asked, response) => {
    const { method = "", url = "", headers } = asked;
    const { host: _, ...rest } = headers;
    const sent = forward(new URL(url, to), { method, headers: rest }, (answer) => {
      if (!done && fits(method, url)) {
        done = true;
        answer.resume().on("end", () => lost(asked.socket));
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    sent.on("error", () => asked.socket.destroy());
    asked.pipe(sent);
  });
  await new Promise<void>((resolve) => proxy.listen(0, HOST, resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    url: to.replace(/127\.0\.0\.1:\d+/, `${HOST}:${port}`),
    close: () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}
