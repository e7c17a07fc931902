/**
 * An SSH server made of the `ssh2` package's own server class, in this process: for logins that a real sshd of this machine can't be
 * asked for (passwords, several steps) and for servers that misbehave. The real sshd is in test/lab/host-provider.test.ts.
 */
import { spawn } from "node:child_process";
import ssh2 from "ssh2";
import { onEnd } from "./kit.js";

export interface FakeServer {
  readonly port: number;
  readonly fingerprint: string;
  /** A second key of another type, in the format of known_hosts: `ssh-rsa AAAA…`. */
  readonly rsaKey: string;
  /** Ways of logging in that clients tried, in order. */
  readonly tried: string[];
  /** The most channels that were open at the same time. */
  most: number;
}

export async function startServer(options: {
  /** Ways that the server offers. */
  readonly offers: ("password" | "keyboard-interactive" | "publickey")[];
  readonly password?: string;
  /** Channels that it allows at the same time. */
  readonly maxSessions?: number;
}): Promise<FakeServer> {
  const key = ssh2.utils.generateKeyPairSync("ed25519");
  const rsa = ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 });
  const parsed = ssh2.utils.parseKey(key.private);
  if (parsed instanceof Error) throw parsed;
  const { fingerprint: fingerprintOf } = await import("@orch/providers/host/ssh/known-hosts");
  const state = { tried: [] as string[], most: 0 };
  let open = 0;
  const server = new ssh2.Server({ hostKeys: [key.private, rsa.private] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (context) => {
      state.tried.push(context.method);
      const refuse = (): void => context.reject(options.offers as never);
      if (context.method === "password" && options.offers.includes("password"))
        return context.password === options.password ? context.accept() : refuse();
      if (context.method === "keyboard-interactive" && options.offers.includes("keyboard-interactive"))
        return context.prompt([{ prompt: "Password: ", echo: false }], (answers) =>
          answers[0] === options.password ? context.accept() : refuse(),
        );
      return refuse();
    });
    client.on("session", (accept, reject) => {
      if (open >= (options.maxSessions ?? 100)) return reject();
      state.most = Math.max(state.most, ++open);
      const session = accept();
      session.on("exec", (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        const child = spawn("/bin/sh", ["-c", command], { detached: true });
        channel.pipe(child.stdin);
        child.stdin.on("error", () => {});
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        child.on("close", (code) => {
          open--;
          channel.exit(code ?? 1);
          channel.close();
        });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onEnd(() => server.close());
  const { port } = server.address() as { port: number };
  return Object.assign(state, {
    port,
    fingerprint: fingerprintOf(parsed.getPublicSSH()),
    rsaKey: rsa.public.split(" ").slice(0, 2).join(" "),
  });
}
