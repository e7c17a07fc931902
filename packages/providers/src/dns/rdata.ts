/**
 * What records hold, as text of zone files and as bytes. Each type is a row of fields; from it follow reading, writing, and the one canonical
 * text by which records are compared.
 *
 * Of the libraries on npm, `dns-packet` comes nearest; it has no updates, no signatures, no records without data and no text form, and loses
 * bytes of names that are not plain text. What is left of it would be less than this table.
 */
import { isIPv4, isIPv6 } from "node:net";
import { canonicalName, decodeName, encodeName, Malformed, unescapeBytes } from "./names.js";

type Field =
  | { readonly kind: "number"; readonly bytes: 1 | 2 | 4; readonly what: string }
  | { readonly kind: "name" | "ipv4" | "ipv6" | "string" | "strings" | "tag" | "text" | "hex" };

const u8 = (what: string): Field => ({ kind: "number", bytes: 1, what });
const u16 = (what: string): Field => ({ kind: "number", bytes: 2, what });
const u32 = (what: string): Field => ({ kind: "number", bytes: 4, what });
const name: Field = { kind: "name" };

interface Type {
  readonly code: number;
  readonly fields?: readonly Field[];
  /** For messages: what one looks like. */
  readonly example?: string;
}

/** IANA's numbers; the fields by RFC 1035, 2782 (SRV), 3403 (NAPTR), 3596 (AAAA), 4034 (DS), 4255 (SSHFP), 6672 (DNAME), 6698 (TLSA), 8659 (CAA). */
const types = {
  A: { code: 1, fields: [{ kind: "ipv4" }], example: "192.0.2.1" },
  AAAA: { code: 28, fields: [{ kind: "ipv6" }], example: "2001:db8::1" },
  CAA: {
    code: 257,
    fields: [u8("the flags"), { kind: "tag" }, { kind: "text" }],
    example: '0 issue "ca.example.net"',
  },
  CNAME: { code: 5, fields: [name], example: "www.example.com." },
  DNAME: { code: 39, fields: [name], example: "example.net." },
  DS: {
    code: 43,
    fields: [u16("the key tag"), u8("the algorithm"), u8("the digest type"), { kind: "hex" }],
    example: "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
  },
  MX: { code: 15, fields: [u16("the preference"), name], example: "10 mail.example.com." },
  NAPTR: {
    code: 35,
    fields: [
      u16("the order"),
      u16("the preference"),
      { kind: "string" },
      { kind: "string" },
      { kind: "string" },
      name,
    ],
    example: '100 10 "S" "SIP+D2U" "" _sip._udp.example.com.',
  },
  NS: { code: 2, fields: [name], example: "ns1.example.com." },
  PTR: { code: 12, fields: [name], example: "host.example.com." },
  SRV: {
    code: 33,
    fields: [u16("the priority"), u16("the weight"), u16("the port"), name],
    example: "10 5 5060 sip.example.com.",
  },
  SSHFP: {
    code: 44,
    fields: [u8("the algorithm"), u8("the fingerprint type"), { kind: "hex" }],
    example: "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789",
  },
  TLSA: {
    code: 52,
    fields: [u8("the usage"), u8("the selector"), u8("the matching type"), { kind: "hex" }],
    example: "3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
  },
  TXT: { code: 16, fields: [{ kind: "strings" }], example: '"v=spf1 -all"' },
  SOA: {
    code: 6,
    fields: [name, name, u32("the serial"), u32("refresh"), u32("retry"), u32("expire"), u32("the minimum")],
  },
  OPT: { code: 41 },
  RRSIG: { code: 46 },
  NSEC: { code: 47 },
  DNSKEY: { code: 48 },
  NSEC3: { code: 50 },
  NSEC3PARAM: { code: 51 },
  TSIG: { code: 250 },
  AXFR: { code: 252 },
  ANY: { code: 255 },
} as const satisfies Record<string, Type>;

/** Types that a program may manage. */
export const recordTypes = [
  "A",
  "AAAA",
  "CAA",
  "CNAME",
  "DNAME",
  "DS",
  "MX",
  "NAPTR",
  "NS",
  "PTR",
  "SRV",
  "SSHFP",
  "TLSA",
  "TXT",
] as const;
export type RecordType = (typeof recordTypes)[number];

const byName: ReadonlyMap<string, Type> = new Map(Object.entries(types));
const byCode = new Map(Object.entries(types).map(([type, { code }]) => [code as number, type]));

/** `TYPE65` for what has no name here (RFC 3597). */
export const typeName = (code: number): string => byCode.get(code) ?? `TYPE${code}`;
export const typeCode = (type: string): number => byName.get(type)?.code ?? Number(type.replace(/^TYPE/, ""));
export const isRecordType = (type: string): type is RecordType =>
  (recordTypes as readonly string[]).includes(type);
export const exampleOf = (type: RecordType): string => types[type].example;

interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

/** Words and quoted strings of a zone file's line (RFC 1035 5.1), escapes kept. */
function tokens(text: string): Token[] {
  const found: Token[] = [];
  const pattern = /\s+|"((?:\\.|[^"\\])*)"|((?:\\.|[^\s"\\])+)/gsy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) throw new Malformed("each quote closed, and a character after each backslash");
    if (match[1] !== undefined) found.push({ text: match[1], quoted: true });
    else if (match[2] !== undefined) found.push({ text: match[2], quoted: false });
  }
  return found;
}

/** The bytes of a record given as text. Throws `Malformed`. */
export function encodeData(type: string, text: string): Buffer {
  const fields = byName.get(type)?.fields;
  if (fields === undefined) {
    const [mark, , ...hex] = text.split(/\s+/);
    if (mark !== "\\#") throw new Malformed("\\# length hex");
    return Buffer.from(hex.join(""), "hex");
  }
  const words = tokens(text);
  const parts = fields.map((field) => encodeField(field, words));
  if (words.length > 0) throw new Malformed(`nothing behind it (${fields.length} fields)`);
  return Buffer.concat(parts);
}

/** Takes its words off the front. */
function encodeField(field: Field, words: Token[]): Buffer {
  const next = (what: string): string => {
    const word = words.shift();
    if (word === undefined) throw new Malformed(what);
    return word.text;
  };
  switch (field.kind) {
    case "number": {
      const most = 2 ** (8 * field.bytes) - 1;
      const word = next(field.what);
      if (!/^\d{1,10}$/.test(word) || Number(word) > most)
        throw new Malformed(`${field.what} as a number from 0 to ${most}`);
      const bytes = Buffer.alloc(field.bytes);
      bytes.writeUIntBE(Number(word), 0, field.bytes);
      return bytes;
    }
    case "name":
      return encodeName(targetName(next("a domain name")));
    case "ipv4":
    case "ipv6": {
      const bytes = addressBytes(next(`an ${field.kind === "ipv4" ? "IPv4" : "IPv6"} address`));
      const wanted = field.kind === "ipv4" ? 4 : 16;
      if (bytes?.length !== wanted) throw new Malformed(`an ${wanted === 4 ? "IPv4" : "IPv6"} address`);
      return bytes;
    }
    case "tag": {
      const word = next("a tag");
      if (!/^[a-z0-9]{1,255}$/i.test(word)) throw new Malformed("a tag of letters and digits, such as issue");
      return characterString(Buffer.from(word.toLowerCase()));
    }
    case "string":
      return characterString(unescapeBytes(next("a string")));
    case "strings": {
      if (words.length === 0) throw new Malformed("a text");
      return Buffer.concat(words.splice(0).map((word) => characterString(unescapeBytes(word.text))));
    }
    case "text":
      return unescapeBytes(next("a value"));
    case "hex": {
      const text = words
        .splice(0)
        .map((word) => word.text)
        .join("");
      if (!/^([0-9a-f]{2})+$/i.test(text)) throw new Malformed("pairs of hexadecimal digits at its end");
      return Buffer.from(text, "hex");
    }
  }
}

function characterString(bytes: Buffer): Buffer {
  if (bytes.length > 255) throw new Malformed("strings of at most 255 bytes");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** Names in records are whole: what is relative to what, and where a dot is forgotten, is how zones break. */
function targetName(text: string): string {
  const name = canonicalName(text);
  if (text !== "." && !/\.$/.test(text) && /^[^.]*\.$/.test(name))
    throw new Malformed(
      "a whole domain name, such as www.example.com (with a dot at its end if it is one word)",
    );
  return name;
}

/** 4 or 16 bytes; undefined when it is no address. */
export function addressBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const short = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = "", tail] = short.split("::");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(zeros).fill("0"), ...groups(tail ?? "")];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = bytes.toString("hex").match(/.{4}/g) as string[];
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** The text of a record within a message, as zone files have it. Throws a RangeError on a broken message. */
export function decodeData(type: string, message: Buffer, at: number, length: number): string {
  const fields = byName.get(type)?.fields;
  const end = at + length;
  if (end > message.length) throw new RangeError("a record that is cut off");
  if (fields === undefined) return `\\# ${length} ${message.toString("hex", at, end)}`.trim();
  let i = at;
  const take = (count: number): Buffer => {
    if (i + count > end) throw new RangeError("a record that is cut off");
    i += count;
    return message.subarray(i - count, i);
  };
  const one = (field: Field): string => {
    switch (field.kind) {
      case "number":
        return String(take(field.bytes).readUIntBE(0, field.bytes));
      case "name": {
        const { name, end } = decodeName(message, i);
        i = end;
        return name;
      }
      case "ipv4":
        return addressText(take(4));
      case "ipv6":
        return addressText(take(16));
      case "tag":
        return take(take(1).readUInt8()).toString("latin1").toLowerCase();
      case "string":
        return quoted(take(take(1).readUInt8()));
      case "strings": {
        const strings: string[] = [];
        while (i < end) strings.push(quoted(take(take(1).readUInt8())));
        return strings.join(" ");
      }
      case "text":
        return quoted(take(end - i));
      case "hex":
        return take(end - i)
          .toString("hex")
          .toUpperCase();
    }
  };
  return fields.map(one).join(" ");
}

function quoted(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, "0")}`;
  }
  return `"${text}"`;
}

/** The one text of a record, as zone files (and PowerDNS) have it. Throws `Malformed`. */
export function zoneText(type: RecordType, text: string): string {
  const bytes = encodeData(type, type === "TXT" ? txtStrings(text) : text);
  return decodeData(type, bytes, 0, bytes.length);
}

/**
 * The one text of a record for people: as in zone files, but a TXT is what it says, without quotes and however long. Where that would not come back the
 * same (its strings are cut elsewhere, or it is no readable text) it keeps its quotes. Throws `Malformed`.
 */
export function plainText(type: RecordType, text: string): string {
  const zone = zoneText(type, text);
  if (type !== "TXT") return zone;
  const said = Buffer.concat(tokens(zone).map((token) => unescapeBytes(token.text))).toString("utf8");
  const comesBack = said !== "" && !said.startsWith('"') && !/\p{Cc}/u.test(said);
  return comesBack && zoneText("TXT", said) === zone ? said : zone;
}

/** A TXT that does not begin with a quote is its content, to be cut into strings of 255 bytes. */
function txtStrings(text: string): string {
  if (/^\s*"/.test(text)) return text;
  const bytes = Buffer.from(text, "utf8");
  const strings: string[] = [];
  for (let i = 0; i < Math.max(1, bytes.length); i += 255) strings.push(quoted(bytes.subarray(i, i + 255)));
  return strings.join(" ");
}
