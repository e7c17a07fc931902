/** DNS messages (RFC 1035 4.1), also those of updates, whose sections have other names (RFC 2136 2). */
import { randomInt } from "node:crypto";
import { decodeName, encodeName } from "./names.js";
import { decodeData, encodeData, typeCode, typeName } from "./rdata.js";

export const classes = { IN: 1, NONE: 254, ANY: 255 } as const;
export const opcodes = { query: 0, update: 5 } as const;

/** RFC 6895 2.3. */
const rcodes = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
] as const;
export type Rcode = (typeof rcodes)[number] | `RCODE${number}`;
const rcodeName = (code: number): Rcode => rcodes[code] ?? `RCODE${code}`;

export interface ResourceRecord {
  /** Canonical. */
  readonly name: string;
  readonly type: string;
  readonly class: number;
  readonly ttl: number;
  /** As in zone files; absent: no data at all, as updates have it. */
  readonly data?: string;
}
export interface Question {
  readonly name: string;
  readonly type: string;
}
export interface Request {
  readonly opcode: number;
  readonly question: Question;
  /** In an update: what must be so. */
  readonly answers?: readonly ResourceRecord[];
  /** In an update: what is done. */
  readonly authorities?: readonly ResourceRecord[];
  /** Bytes that a UDP answer may have (RFC 6891). */
  readonly udpSize?: number;
}
export interface Message {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly rcode: Rcode;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without OPT and TSIG. */
  readonly additionals: readonly ResourceRecord[];
  /** Where the signature begins, which is the last record. */
  readonly tsigAt?: number;
}

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};

export function encodeRecord(record: ResourceRecord): Buffer {
  const data = record.data === undefined ? Buffer.alloc(0) : encodeData(record.type, record.data);
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(record.ttl);
  return Buffer.concat([
    encodeName(record.name),
    u16(typeCode(record.type)),
    u16(record.class),
    ttl,
    u16(data.length),
    data,
  ]);
}

/** With a random id; no compression, which nothing requires. */
export function encodeRequest(request: Request): Buffer {
  const { answers = [], authorities = [], udpSize } = request;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(randomInt(0x10000), 0);
  header.writeUInt16BE(request.opcode << 11, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(udpSize === undefined ? 0 : 1, 10);
  const { name, type } = request.question;
  const question = Buffer.concat([encodeName(name), u16(typeCode(type)), u16(classes.IN)]);
  const opt =
    udpSize === undefined
      ? []
      : [Buffer.from([0]), u16(typeCode("OPT")), u16(udpSize), Buffer.alloc(4), u16(0)];
  return Buffer.concat([header, question, ...[...answers, ...authorities].map(encodeRecord), ...opt]);
}

/** Throws a RangeError when it is no message. */
export function decodeMessage(message: Buffer): Message {
  const flags = message.readUInt16BE(2);
  let at = 12;
  const questions: Question[] = [];
  for (let n = message.readUInt16BE(4); n > 0; n--) {
    const { name, end } = decodeName(message, at);
    questions.push({ name, type: typeName(message.readUInt16BE(end)) });
    at = end + 4;
  }
  let tsigAt: number | undefined;
  const section = (count: number): ResourceRecord[] => {
    const records: ResourceRecord[] = [];
    for (let n = count; n > 0; n--) {
      const start = at;
      const { name, end } = decodeName(message, at);
      const type = typeName(message.readUInt16BE(end));
      const length = message.readUInt16BE(end + 8);
      at = end + 10 + length;
      if (type === "TSIG") tsigAt = start;
      if (type === "TSIG" || type === "OPT") continue;
      records.push({
        name,
        type,
        class: message.readUInt16BE(end + 2),
        ttl: message.readUInt32BE(end + 4),
        ...(length === 0 ? {} : { data: decodeData(type, message, end + 10, length) }),
      });
    }
    return records;
  };
  const [answers, authorities, additionals] = [6, 8, 10].map((place) =>
    section(message.readUInt16BE(place)),
  ) as [ResourceRecord[], ResourceRecord[], ResourceRecord[]];
  return {
    id: message.readUInt16BE(0),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    rcode: rcodeName(flags & 0xf),
    questions,
    answers,
    authorities,
    additionals,
    ...(tsigAt === undefined ? {} : { tsigAt }),
  };
}
