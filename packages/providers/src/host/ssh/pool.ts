/** The SSH connections of a run: one per machine and login, whoever asks, and a bounded number of channels on each. */
import { createHash } from "node:crypto";
import { OrchError } from "@orch/core/model/failure";
import type { Client, SFTPWrapper } from "ssh2";
import { type Hop, hopName, hops, type SshConnection } from "../connection.js";
import type { Machine } from "../machine.js";
import { connect, through, unreachable } from "./connect.js";
import { sshMachine } from "./machine.js";

/** sshd's MaxSessions is 10 by default; one is the shared SFTP channel, one is kept for ending a script. */
const maxScripts = 8;

/** A live connection. Everything on it fails with `connection-lost` once it is lost. */
export interface Link {
  readonly hop: Hop;
  readonly client: Client;
  /** Opened on first use, then shared. */
  sftp(): Promise<SFTPWrapper>;
  /** At most {@link maxScripts} at the same time, fewer when the server refuses more. */
  readonly channels: Slots;
  /** Rejects when the connection is lost. */
  readonly lost: Promise<never>;
}

export class SshPool {
  private readonly links = new Map<string, Promise<Link>>();
  private readonly stop = new AbortController();

  /** A machine whose connection is made when it is first used, and again after it was lost. */
  machine(connection: SshConnection): Machine {
    const route = hops(connection);
    return sshMachine(hopName(route[route.length - 1] as Hop), () => this.link(route));
  }

  /** A machine on a connection of its own. `close` ends it; jump hosts are reached as ever. */
  anew(connection: SshConnection): { readonly machine: Machine; close(): Promise<void> } {
    const route = hops(connection);
    let link: Promise<Link> | undefined;
    const machine = sshMachine(hopName(route[route.length - 1] as Hop), () => {
      link ??= this.open(route, () => {});
      return link;
    });
    return {
      machine,
      close: async () => {
        const [made] = await Promise.allSettled(link ? [link] : []);
        if (made?.status === "fulfilled") await end(made.value.client);
      },
    };
  }

  private link(route: readonly Hop[]): Promise<Link> {
    const key = createHash("sha256").update(JSON.stringify(route)).digest("hex");
    const existing = this.links.get(key);
    if (existing) return existing;
    const made = this.open(route, () => this.links.delete(key));
    this.links.set(key, made);
    // A connection that was never made is tried anew by whoever asks next.
    made.catch(() => this.links.delete(key));
    return made;
  }

  private async open(route: readonly Hop[], forget: () => void): Promise<Link> {
    const hop = route[route.length - 1] as Hop;
    const before = route.slice(0, -1);
    const jump = before.length > 0 ? await this.link(before) : undefined;
    const client = await connect(hop, jump && through(jump.client, jump.hop), this.stop.signal);
    const lost = new Promise<never>((_resolve, reject) => {
      let why = "the connection was closed";
      client.on("error", (error) => {
        why = error.message;
      });
      client.once("close", () => {
        forget();
        reject(
          new OrchError({
            ...unreachable(hop, why),
            reason: "connection-lost",
            message: `The connection to ${hopName(hop)} was lost: ${why}`,
            next: [
              "Check that the machine is up, then run the same command again: what was finished is kept.",
            ],
          }),
        );
      });
    });
    lost.catch(() => {}); // Whoever works on the connection races against it.
    let sftp: Promise<SFTPWrapper> | undefined;
    return {
      hop,
      client,
      channels: new Slots(maxScripts),
      lost,
      sftp: () => {
        sftp ??= openSftp(client, hop);
        return sftp;
      },
    };
  }

  /** Ends all connections, the farthest first. */
  async close(): Promise<void> {
    this.stop.abort(new OrchError({ reason: "interrupted", message: "Closed" }));
    const links = await Promise.allSettled(this.links.values());
    for (const link of links.reverse()) if (link.status === "fulfilled") await end(link.value.client);
    this.links.clear();
  }
}

async function end(client: Client): Promise<void> {
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  client.end();
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  client.destroy();
}

function openSftp(client: Client, hop: Hop): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (!error) return resolve(sftp);
      reject(
        new OrchError({
          reason: "connection-failed",
          message: `${hopName(hop)} offers no file transfer (SFTP): ${error.message}`,
          expected: "the SFTP subsystem",
          found: error.message,
          next: ["Enable it in that machine's sshd_config: Subsystem sftp internal-sftp"],
        }),
      );
    });
  });
}

/** A counting semaphore whose size can shrink while it is in use. */
export class Slots {
  private used = 0;
  private readonly waiting: (() => void)[] = [];
  constructor(private size: number) {}

  async take(): Promise<void> {
    while (this.used >= this.size) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.used++;
  }
  give(): void {
    this.used--;
    this.waiting.shift()?.();
  }
  /** Called by a holder that could not use its slot. False: nobody else has one, so waiting will not help. */
  shrink(): boolean {
    if (this.used <= 1) return false;
    this.size = Math.max(1, this.used - 1);
    return true;
  }
}
