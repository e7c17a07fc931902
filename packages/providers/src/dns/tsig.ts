/** Signatures of messages by a shared key (RFC 8945). */
import { createHmac, timingSafeEqual } from "node:crypto";
import { fail } from "@orch/core/model/failure";
import { canonicalName, decodeName, encodeName } from "./names.js";
import { typeCode } from "./rdata.js";

export const algorithms = ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1"] as const;

export interface TsigKey {
  readonly name: string;
  readonly algorithm: (typeof algorithms)[number];
  readonly secret: Buffer;
}

/** Seconds that the clocks may differ; what the RFC recommends. */
const FUDGE = 300;
const errors: Readonly<Record<number, string>> = {
  16: "BADSIG",
  17: "BADKEY",
  18: "BADTIME",
  22: "BADTRUNC",
};

interface Tsig {
  readonly name: string;
  readonly algorithm: string;
  readonly time: number;
  readonly fudge: number;
  readonly mac: Buffer;
  readonly originalId: number;
  readonly error: number;
  readonly other: Buffer;
}

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u48 = (value: number): Buffer => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
};
const now = (): number => Math.floor(Date.now() / 1000);
const withLength = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes]);
const hmac = ({ algorithm, secret }: TsigKey, ...parts: readonly Buffer[]): Buffer => {
  const digest = createHmac(algorithm.slice("hmac-".length), secret);
  for (const part of parts) digest.update(part);
  return digest.digest();
};
const timers = ({ time, fudge }: Pick<Tsig, "time" | "fudge">): Buffer =>
  Buffer.concat([u48(time), u16(fudge)]);
/** 4.3.3: the signature's own words, which are signed as well. */
const variables = (tsig: Omit<Tsig, "mac" | "originalId">): Buffer =>
  Buffer.concat([
    encodeName(tsig.name),
    u16(0xff),
    Buffer.alloc(4),
    encodeName(tsig.algorithm),
    timers(tsig),
    u16(tsig.error),
    withLength(tsig.other),
  ]);

/** The message with its signature, and the code of it, which the answer's depends on. */
export function sign(message: Buffer, key: TsigKey): { readonly signed: Buffer; readonly mac: Buffer } {
  const tsig = {
    name: canonicalName(key.name),
    algorithm: canonicalName(key.algorithm),
    time: now(),
    fudge: FUDGE,
    error: 0,
    other: Buffer.alloc(0),
  };
  const mac = hmac(key, message, variables(tsig));
  const data = Buffer.concat([
    encodeName(tsig.algorithm),
    timers(tsig),
    withLength(mac),
    message.subarray(0, 2),
    u16(0),
    u16(0),
  ]);
  const signed = Buffer.concat([
    message,
    encodeName(tsig.name),
    u16(typeCode("TSIG")),
    u16(0xff),
    Buffer.alloc(4),
    withLength(data),
  ]);
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { signed, mac };
}

function parse(message: Buffer, at: number): Tsig {
  const { name, end } = decodeName(message, at);
  const algorithm = decodeName(message, end + 10);
  let i = algorithm.end;
  const take = (count: number): Buffer => {
    if (i + count > message.length) throw new RangeError("a signature that is cut off");
    i += count;
    return message.subarray(i - count, i);
  };
  const time = take(6).readUIntBE(0, 6);
  const fudge = take(2).readUInt16BE();
  const mac = take(take(2).readUInt16BE());
  const originalId = take(2).readUInt16BE();
  const error = take(2).readUInt16BE();
  const other = take(take(2).readUInt16BE());
  return { name, algorithm: algorithm.name, time, fudge, mac, originalId, error, other };
}

/** Checks the answers to one request, in order: one message, or the many of a transfer (5.3.1). */
export class Verifier {
  #last: Buffer;
  #first = true;
  /** Messages without a signature since the last one that had it. */
  #unsigned: Buffer[] = [];

  constructor(
    private readonly key: TsigKey,
    requestMac: Buffer,
    private readonly server: string,
  ) {
    this.#last = requestMac;
  }

  /** Rejects (throws `authentication-failed`) what the key's holder did not say. */
  accept(message: Buffer, tsigAt: number | undefined): void {
    if (tsigAt === undefined) {
      // Only within a transfer, and never more than 99 of them.
      if (this.#first || this.#unsigned.push(message) > 99) this.refuse("no signature");
      return;
    }
    const tsig = parse(message, tsigAt);
    if (tsig.error === 16 || tsig.error === 17) this.refuseKey(tsig);
    const bare = Buffer.from(message.subarray(0, tsigAt));
    bare.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
    bare.writeUInt16BE(tsig.originalId, 0);
    const mac = hmac(
      this.key,
      withLength(this.#last),
      ...this.#unsigned,
      bare,
      this.#first ? variables(tsig) : timers(tsig),
    );
    if (tsig.mac.length !== mac.length || !timingSafeEqual(tsig.mac, mac))
      this.refuse("a signature of another key");
    if (tsig.error !== 0) this.refuseKey(tsig);
    if (Math.abs(now() - tsig.time) > tsig.fudge) this.refuse(`a signature of ${at(tsig.time)}`);
    this.#last = mac;
    this.#first = false;
    this.#unsigned = [];
  }

  /** The last message of a transfer must be signed. */
  end(): void {
    if (this.#unsigned.length > 0) this.refuse("no signature on the last message");
  }

  private refuse(found: string): never {
    return fail({
      reason: "authentication-failed",
      message: `The answer of ${this.server} is not signed as it must be.`,
      expected: `a signature with the key ${this.key.name}`,
      found,
      next: ["Look whether something between here and the server changes or answers DNS messages."],
    });
  }

  /** What the server says of our signature (2.3, 5.2). */
  private refuseKey(tsig: Tsig): never {
    const { name, algorithm } = this.key;
    const error = errors[tsig.error] ?? `error ${tsig.error}`;
    const base = { reason: "authentication-failed", found: error } as const;
    if (error === "BADKEY")
      return fail({
        ...base,
        message: `${this.server} does not know the TSIG key ${name} with ${algorithm}.`,
        path: "keyName",
        expected: "the name and algorithm of a key in the server's configuration",
        next: ["Correct `keyName` and `keyAlgorithm`, or add the key to the server."],
      });
    if (error === "BADTIME") {
      const theirs = tsig.other.length === 6 ? at(tsig.other.readUIntBE(0, 6)) : "another time";
      return fail({
        ...base,
        message: `The clocks of this machine and of ${this.server} differ too much for a signature.`,
        expected: `${at(tsig.time)}, give or take ${FUDGE} s`,
        found: `BADTIME: the server has ${theirs}`,
        next: ["Set the clock of this machine or of the server (NTP)."],
      });
    }
    return fail({
      ...base,
      message: `${this.server} knows the TSIG key ${name}, but its secret is another.`,
      path: "keySecret",
      expected: `the secret that the server has for ${name}`,
      next: ["Correct `keySecret`: the base64 text from the server's key file."],
    });
  }
}

const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
