/**
 * What orch asks a DNS server: the records of one name, a whole zone, and updates that happen only if what orch knows still holds. Everything
 * is signed when there is a key, and answers are believed only with the key's signature.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, fail, OrchError } from "@orch/core/model/failure";
import { Throttle } from "../direct/http/throttle.js";
import {
  classes,
  decodeMessage,
  encodeRequest,
  type Message,
  opcodes,
  type Rcode,
  type Request,
  type ResourceRecord,
} from "./message.js";
import { brokenMessage, type Endpoint, endpointText, overTcp, overUdp } from "./transport.js";
import { sign, type TsigKey, Verifier } from "./tsig.js";

export interface DnsClientOptions extends Endpoint {
  readonly key?: TsigKey;
  /** Ask over TCP only. */
  readonly tcp: boolean;
}

export interface Update {
  readonly zone: string;
  /** What must be so, or nothing is done (RFC 2136 2.4): made by `must`. */
  readonly prerequisites: readonly ResourceRecord[];
  readonly changes: readonly ResourceRecord[];
  /** For failures: `add www.example.com. A`. */
  readonly doing: string;
}
/** `done`, or which kind of prerequisite did not hold. */
export type UpdateOutcome = "done" | "YXDOMAIN" | "YXRRSET" | "NXRRSET" | "NXDOMAIN";

export interface DnsClient {
  readonly server: string;
  /** The answer of a server that has the zone. Over UDP, and again over TCP when that cuts it off. */
  query(name: string, type: string, signal: AbortSignal): Promise<Message>;
  /** Every record of a zone (AXFR, RFC 5936), its SOA once. Rejects with `permission-denied` when the server gives none to this key. */
  transfer(zone: string, signal: AbortSignal): Promise<readonly ResourceRecord[]>;
  /**
   * Over TCP, and all or nothing. Sent again when the answer is lost: its prerequisites then see what the first try did. Rejects with
   * `permission-denied`, `authentication-failed`, `connection-failed`, `connection-lost`, `timeout`, `provider-error`.
   */
  update(update: Update, signal: AbortSignal): Promise<UpdateOutcome>;
}

const TRIES = 4;
const UDP_SIZE = 1232; // What passes everywhere in one piece (DNS flag day 2020).
/** Reasons for which another try may go through; no request here does harm when it is sent twice. */
const passing: ReadonlySet<string> = new Set(["connection-failed", "connection-lost", "timeout"]);

export function dnsClient(options: DnsClientOptions): DnsClient {
  const { key } = options;
  const server = endpointText(options);
  const throttle = new Throttle(16);

  /** Signed, and read with the answers' signatures checked. */
  function prepare(request: Request): {
    readonly bytes: Buffer;
    readonly read: (answer: Buffer) => Message;
    readonly end: () => void;
  } {
    const plain = encodeRequest(request);
    const { signed, mac } = key ? sign(plain, key) : { signed: plain, mac: undefined };
    const verifier = key && mac ? new Verifier(key, mac, server) : undefined;
    const read = (answer: Buffer): Message => {
      try {
        const message = decodeMessage(answer);
        if (!message.response || message.id !== plain.readUInt16BE(0))
          throw new RangeError("an answer to something else");
        // A server that does not even read the request signs nothing.
        if (!(message.tsigAt === undefined && ["FORMERR", "NOTIMP"].includes(message.rcode)))
          verifier?.accept(answer, message.tsigAt);
        return message;
      } catch (error) {
        if (error instanceof RangeError) return brokenMessage(options, error);
        throw error;
      }
    };
    return { bytes: signed, read, end: () => verifier?.end() };
  }

  async function once(request: Request, tcp: boolean, signal: AbortSignal): Promise<Message> {
    const { bytes, read } = prepare(request);
    if (!tcp) return read(await overUdp(options, bytes, signal));
    for await (const answer of overTcp(options, bytes, signal)) return read(answer);
    throw new TypeError("overTcp ends without an answer");
  }

  /** Tried again while the server is away or busy: it may be restarting. */
  async function ask<T>(
    signal: AbortSignal,
    once: () => Promise<T>,
    isBusy: (answer: T) => boolean,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await throttle.run(signal, once);
        if (attempt === TRIES || !isBusy(answer)) return answer;
      } catch (error) {
        const passes = error instanceof OrchError && passing.has(error.failure.reason);
        if (!passes || attempt === TRIES || signal.aborted) throw error;
      }
      await sleep(Math.random() * 250 * 2 ** attempt + 100, undefined, { signal });
    }
  }

  const isBusy = ({ rcode }: Message): boolean => rcode === "SERVFAIL";

  return {
    server,

    async query(name, type, signal) {
      const request: Request = { opcode: opcodes.query, question: { name, type }, udpSize: UDP_SIZE };
      const answer = await ask(signal, () => once(request, options.tcp, signal), isBusy);
      const whole = answer.truncated ? await ask(signal, () => once(request, true, signal), isBusy) : answer;
      if (whole.rcode !== "NOERROR" && whole.rcode !== "NXDOMAIN")
        throw refused(whole.rcode, { server, doing: `look up ${name} ${type}`, what: "queries", name });
      return whole;
    },

    async transfer(zone, signal) {
      const read = async (): Promise<{ rcode: Rcode; records: ResourceRecord[] }> => {
        const records: ResourceRecord[] = [];
        const { bytes, read, end } = prepare({
          opcode: opcodes.query,
          question: { name: zone, type: "AXFR" },
        });
        for await (const answer of overTcp(options, bytes, signal)) {
          const { rcode, answers } = read(answer);
          if (rcode !== "NOERROR") return { rcode, records };
          for (const record of answers) {
            if (records.length === 0 && record.type !== "SOA") break;
            if (record.type !== "SOA" || records.length === 0) records.push(record);
            else {
              // The SOA again: that was all.
              end();
              return { rcode, records };
            }
          }
          if (records.length === 0) break;
        }
        return fail({
          reason: "provider-error",
          message: `${server} broke off the transfer of ${zone}.`,
          expected: "records between two SOA (RFC 5936)",
          found: `${records.length} records`,
        });
      };
      const { rcode, records } = await ask(signal, read, ({ rcode }) => rcode === "SERVFAIL");
      if (rcode !== "NOERROR")
        throw refused(rcode, {
          server,
          doing: `transfer ${zone}`,
          what: "transfers",
          name: zone,
          key,
        });
      return records;
    },

    async update({ zone, prerequisites, changes, doing }, signal) {
      const request: Request = {
        opcode: opcodes.update,
        question: { name: zone, type: "SOA" },
        answers: prerequisites,
        authorities: changes,
      };
      const { rcode } = await ask(signal, () => once(request, true, signal), isBusy);
      switch (rcode) {
        case "NOERROR":
          return "done";
        case "YXDOMAIN":
        case "YXRRSET":
        case "NXRRSET":
        case "NXDOMAIN":
          return rcode;
        default:
          throw refused(rcode, { server, doing, what: "updates", name: zone, key });
      }
    },
  };
}

function refused(
  rcode: Rcode,
  {
    server,
    doing,
    what,
    name,
    key,
  }: {
    readonly server: string;
    readonly doing: string;
    readonly what: "updates" | "queries" | "transfers";
    readonly name: string;
    readonly key?: TsigKey | undefined;
  },
): OrchError {
  const by = key ? `the TSIG key ${key.name}` : "requests without a TSIG key";
  const base = { found: rcode };
  const ways: Readonly<Record<typeof what, readonly string[]>> = {
    updates: [
      `Allow it on the server: in BIND, the zone's \`update-policy { grant ${key?.name ?? "KEY"} …; };\` or \`allow-update\`.`,
      "Or it is one of the server's own rules: BIND refuses an MX, SRV or NS whose target is in the zone and has no address there. Let it depend on that address.",
    ],
    queries: [
      "Check that the server has the zone, and that it answers queries from here (in BIND, `allow-query`).",
    ],
    transfers: [
      `Allow it on the server: in BIND, the zone's \`allow-transfer { key ${key?.name ?? "KEY"}; };\`.`,
    ],
  };
  const known: Readonly<Record<string, Failure>> = {
    REFUSED: {
      ...base,
      reason: "permission-denied",
      message: `${server} refused ${by} to ${doing}.`,
      expected: `the right to ${doing}`,
      next: [...ways[what], ...(key ? [] : ["Set `keyName` and `keySecret` of the provider."])],
    },
    NOTAUTH: {
      ...base,
      reason: "provider-error",
      message: `${server} does not have the zone ${name}, or has only a copy of it.`,
      path: "zone",
      expected: "a zone of which this server is the primary",
      next: ["Correct `zone`, or `server` of the provider."],
    },
    NOTZONE: {
      ...base,
      reason: "provider-error",
      message: `${server} says that a name is not within the zone ${name}.`,
      path: "name",
      expected: `a name within ${name}`,
    },
    NOTIMP: {
      ...base,
      reason: "unsupported",
      message: `${server} does not know ${what}.`,
      expected: `a server that takes ${what}`,
    },
  };
  return new OrchError(
    known[rcode] ?? {
      ...base,
      reason: "provider-error",
      message: `${server} failed to ${doing}.`,
      expected: "NOERROR",
      next: ["The server's log says why."],
    },
  );
}

const bare = { class: classes.IN, ttl: 0 };

/** Prerequisites of updates (RFC 2136 2.4). */
export const must = {
  notBeUsed: (name: string): ResourceRecord => ({ ...bare, name, type: "ANY", class: classes.NONE }),
  notExist: (name: string, type: string): ResourceRecord => ({ ...bare, name, type, class: classes.NONE }),
  exist: (name: string, type: string): ResourceRecord => ({ ...bare, name, type, class: classes.ANY }),
  be: (name: string, type: string, data: readonly string[]): ResourceRecord[] =>
    data.map((each) => ({ ...bare, name, type, data: each })),
};

/** Changes of updates (RFC 2136 2.5). */
export const change = {
  add: (name: string, type: string, ttl: number, data: readonly string[]): ResourceRecord[] =>
    data.map((each) => ({ name, type, class: classes.IN, ttl, data: each })),
  removeSet: (name: string, type: string): ResourceRecord => ({ ...bare, name, type, class: classes.ANY }),
  remove: (name: string, type: string, data: readonly string[]): ResourceRecord[] =>
    data.map((each) => ({ ...bare, name, type, class: classes.NONE, data: each })),
};
