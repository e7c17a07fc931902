/** A way to PostgreSQL that can break at the worst moment. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { HOST } from "./process.js";

/**
 * What becomes of the next commit: `unsent`, the connection breaks before the server gets it; `unanswered`, after the server did it and
 * before the client hears of it; `silent`: nothing is heard any more on a connection that stands.
 */
export type Mischief = "unsent" | "unanswered" | "silent";

export interface PostgresProxy {
  readonly port: number;
  /** Once; whoever commits next meets it. */
  next(mischief: Mischief): void;
  /** How often it happened. */
  readonly happened: () => number;
  close(): Promise<void>;
}

/** The message Parse of the statement `commit`, which orch sends by itself. */
const commit = Buffer.from("\0commit\0");

export async function startProxy(to: number): Promise<PostgresProxy> {
  let planned: Mischief | undefined;
  let happened = 0;
  const sockets = new Set<Socket>();

  const server: Server = createServer((client) => {
    const upstream = connect(to, HOST);
    let answer: "pass" | "break" | "swallow" = "pass";
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (data) => {
      if (planned !== undefined && data.includes(commit)) {
        const mischief = planned;
        planned = undefined;
        happened++;
        if (mischief === "unsent") return client.destroy();
        answer = mischief === "silent" ? "swallow" : "break";
        if (mischief === "silent") return;
      }
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (answer === "pass") client.write(data);
      else if (answer === "break") client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    next(mischief) {
      planned = mischief;
    },
    happened: () => happened,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
