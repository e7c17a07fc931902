/** One SSH connection, through its jump hosts, with failures that say what was tried. */
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";
import type { AuthHandlerMiddleware, Client, ConnectConfig, ServerHostKeyAlgorithm } from "ssh2";
import ssh2 from "ssh2";
import { type Hop, hopName } from "../connection.js";
import { authWays, refused } from "./auth.js";
import { hostKeyPolicy } from "./host-key.js";

/** Milliseconds between keep-alive questions; three without an answer end the connection. */
const keepaliveMs = 10_000;

/** Seconds. */
const timeoutOf = (hop: Hop): number => hop.connectTimeout ?? 20;

/** Opens the stream that a connection runs over, when it is not a TCP connection of its own. */
export type Transport = (host: string, port: number) => Promise<Duplex>;

/**
 * A client that is logged in. Rejects with `connection-failed`, `host-key-mismatch` or `authentication-failed`. Connecting is tried again for
 * `waitSeconds` while nothing answers; a wrong key or login is not.
 */
export async function connect(hop: Hop, via: Transport | undefined, signal: AbortSignal): Promise<Client> {
  const until = Date.now() + (hop.waitSeconds ?? 0) * 1000;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await connectOnce(hop, via, signal);
    } catch (error) {
      const failure = toFailure(error);
      if (failure.reason !== "connection-failed" || Date.now() >= until) throw error;
      await sleep(Math.min(2000, Math.max(0, until - Date.now())), undefined, { signal });
    }
  }
}

async function connectOnce(hop: Hop, via: Transport | undefined, signal: AbortSignal): Promise<Client> {
  const ways = authWays(hop);
  const policy = hostKeyPolicy(hop);
  const sock = via && (await via(hop.host, hop.port));
  const client = new ssh2.Client();

  let hostKeyFailure: Failure | undefined;
  const tried: string[] = [];
  let offered: readonly string[] = [];
  const remaining = [...ways];
  const authHandler: AuthHandlerMiddleware = (methodsLeft, partialSuccess, next) => {
    if (methodsLeft) offered = methodsLeft as unknown as string[];
    // A way that the server does not offer is left out, unless the server has not said yet.
    for (let way = remaining.shift(); way; way = remaining.shift()) {
      const kind = way.method.type === "agent" ? "publickey" : way.method.type;
      if (offered.length > 0 && !offered.includes(kind)) continue;
      tried.push(partialSuccess ? `then ${way.name}` : way.name);
      return next(way.method);
    }
    next(false as never);
  };
  const config: ConnectConfig = {
    host: hop.host,
    port: hop.port,
    username: hop.user,
    readyTimeout: timeoutOf(hop) * 1000,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: 3,
    ...(sock ? { sock: sock as never } : {}),
    ...(policy.algorithms ? { algorithms: { serverHostKey: order(policy.algorithms) } } : {}),
    authHandler,
    hostVerifier: (key: Buffer, accept: (valid: boolean) => void) => {
      try {
        hostKeyFailure = policy.judge(key);
      } catch (error) {
        hostKeyFailure = toFailure(error); // The file could not be written.
      }
      accept(hostKeyFailure === undefined);
    },
  };

  return new Promise<Client>((resolve, reject) => {
    const settle = (failure: Failure | undefined): void => {
      signal.removeEventListener("abort", abort);
      client.off("ready", ready).off("close", closed).off("error", failed);
      // ssh2 may still report the end of what was given up, or of what the pool has not taken yet.
      client.on("error", () => {});
      if (failure === undefined) resolve(client);
      else {
        client.destroy();
        reject(new OrchError(failure));
      }
    };
    const abort = (): void => settle(toFailure(signal.reason));
    const ready = (): void => settle(undefined);
    const closed = (): void => settle(hostKeyFailure ?? unreachable(hop, "the server closed the connection"));
    const failed = (error: Error & { level?: string }): void => {
      if (hostKeyFailure) settle(hostKeyFailure);
      else if (error.level === "agent" || /^Error .*signing/.test(error.message)) {
        // ssh2 goes on with the next way.
        tried.push(`${tried.pop() ?? "agent"} (${error.message})`);
      } else if (error.level === "client-authentication") settle(refused(hop, tried, offered));
      else settle(unreachable(hop, error.message));
    };
    signal.addEventListener("abort", abort, { once: true });
    client.on("ready", ready).on("close", closed).on("error", failed);
    client.connect(config);
    // Requests are small and wait for their answers: gathered with later ones, each would take the 40 ms of a delayed acknowledgement.
    client.setNoDelay(true);
  });
}

/** All host key algorithms of ssh2's default, the preferred ones first. */
function order(preferred: readonly string[]): ServerHostKeyAlgorithm[] {
  const all: readonly ServerHostKeyAlgorithm[] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
  ];
  return [...all].sort((a, b) => Number(preferred.includes(b)) - Number(preferred.includes(a)));
}

export const unreachable = (hop: Hop, why: string): Failure => ({
  reason: "connection-failed",
  message: `Could not connect to ${hopName(hop)}: ${why}`,
  expected: `an SSH server on ${hop.host} port ${hop.port} within ${timeoutOf(hop)} s`,
  found: why,
  next: [
    "Check that the machine is up and that its name, port and firewall are right.",
    `Try by hand: ssh -v -p ${hop.port} ${hop.user}@${hop.host}`,
    "For a machine that is still starting, set `waitSeconds` in the connection.",
  ],
});

/** Streams to other machines, through a client's forwarding. */
export const through =
  (client: Client, jump: Hop): Transport =>
  (host, port) =>
    new Promise((resolve, reject) => {
      client.forwardOut("127.0.0.1", 0, host, port, (error, stream) => {
        if (!error) return resolve(stream);
        reject(
          new OrchError({
            reason: "connection-failed",
            message: `The jump host ${hopName(jump)} could not reach ${host} port ${port}: ${error.message}`,
            expected: `${host} port ${port} reachable from ${jump.host}`,
            found: error.message,
            next: [
              `Check from there: ssh -p ${jump.port} ${jump.user}@${jump.host} nc -vz ${host} ${port}`,
              "The jump host's sshd must allow TCP forwarding (AllowTcpForwarding).",
            ],
          }),
        );
      });
    });
