/** Messages to a server and back: one over UDP, any number over a TCP connection of its own (RFC 1035 4.2, RFC 7766). */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import { fail, OrchError } from "@orch/core/model/failure";

export interface Endpoint {
  /** Name or address. */
  readonly server: string;
  readonly port: number;
  /** Per try, in ms. */
  readonly timeoutMs: number;
}

export const endpointText = ({ server, port }: Endpoint): string =>
  `${server.includes(":") ? `[${server}]` : server}${port === 53 ? "" : `:${port}`}`;

const next = ["Check `server` and `port`, and that the server runs and can be reached from here."];

/** Nothing was there to take it, or its answer never came. */
function unreachable(endpoint: Endpoint, error: unknown, sent: boolean): OrchError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const what = endpointText(endpoint);
  return new OrchError(
    {
      reason: sent ? "connection-lost" : "connection-failed",
      message: sent
        ? `The connection to the DNS server ${what} was lost before it answered.`
        : `The DNS server ${what} can't be reached.`,
      expected: `an answer from ${what}`,
      found: code,
      next: sent ? ["Run the same command again: what was under way is looked after first."] : next,
    },
    { cause: error },
  );
}

const noAnswer = (endpoint: Endpoint): OrchError =>
  new OrchError({
    reason: "timeout",
    message: `The DNS server ${endpointText(endpoint)} did not answer within ${endpoint.timeoutMs / 1000} s.`,
    expected: "an answer",
    found: "none",
    next: [...next, "A firewall may let nothing through to it."],
  });

async function addressOf(endpoint: Endpoint): Promise<{ readonly address: string; readonly family: number }> {
  try {
    return await lookup(endpoint.server);
  } catch (error) {
    throw unreachable(endpoint, error, false);
  }
}

const abortion = (signal: AbortSignal): unknown =>
  signal.reason instanceof OrchError
    ? signal.reason
    : new OrchError({ reason: "interrupted", message: "Cancelled" });

/** The first datagram from the server that has the request's id. Rejects with `connection-failed`, `timeout`. */
export async function overUdp(endpoint: Endpoint, request: Buffer, signal: AbortSignal): Promise<Buffer> {
  const { address, family } = await addressOf(endpoint);
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      abort = () => reject(abortion(signal));
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      timer = setTimeout(() => reject(noAnswer(endpoint)), endpoint.timeoutMs);
      socket.once("error", (error) => reject(unreachable(endpoint, error, false)));
      socket.on("message", (message) => {
        // A late answer to an earlier try, or a forged one.
        if (message.length >= 12 && message.readUInt16BE(0) === request.readUInt16BE(0)) resolve(message);
      });
      // Connected: the kernel drops what others send, and tells when nobody listens there.
      socket.connect(endpoint.port, address, () => socket.send(request));
    });
  } finally {
    clearTimeout(timer);
    if (abort) signal.removeEventListener("abort", abort);
    socket.close();
  }
}

/**
 * Sends a request over TCP and gives the messages that come, until the reader stops. Rejects with `connection-failed` (nothing was
 * done), `connection-lost` and `timeout` (between two messages).
 */
export async function* overTcp(
  endpoint: Endpoint,
  request: Buffer,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { address } = await addressOf(endpoint);
  if (signal.aborted) throw abortion(signal);
  const socket = connect({ host: address, port: endpoint.port, noDelay: true });
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  let connected = false;
  let late = false;
  socket.once("connect", () => {
    connected = true;
  });
  socket.setTimeout(endpoint.timeoutMs, () => {
    late = true;
    socket.destroy();
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(request.length);
  socket.write(Buffer.concat([length, request]));
  let received: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      received = received.length === 0 ? (chunk as Buffer) : Buffer.concat([received, chunk as Buffer]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const message = received.subarray(2, end);
        received = received.subarray(end);
        if (message.length < 12) throw unreachable(endpoint, "a broken message", true);
        yield message;
      }
    }
    throw new Error("closed");
  } catch (error) {
    if (signal.aborted) throw abortion(signal);
    if (error instanceof OrchError) throw error;
    if (late) throw noAnswer(endpoint);
    if (error instanceof RangeError) return brokenMessage(endpoint, error);
    throw unreachable(endpoint, error, connected);
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

/** What came is no DNS. */
export const brokenMessage = (endpoint: Endpoint, error: unknown): never =>
  fail(
    {
      reason: "provider-error",
      message: `${endpointText(endpoint)} answered something that is no DNS message.`,
      expected: "a DNS message (RFC 1035)",
      found: (error as Error).message,
      next: ["Check that `server` and `port` are those of a DNS server."],
    },
    error,
  );
