/**
 * Domain names as text and as bytes (RFC 1035 3.1 and 5.1, RFC 4343). The text form here is canonical: ASCII letters small, a dot at the
 * end, `\.` and `\DDD` for bytes that would be read otherwise. Letters beyond ASCII become punycode.
 */
import { domainToASCII } from "node:url";

/** What a text should have been; the caller knows the property. */
export class Malformed extends Error {
  constructor(readonly expected: string) {
    super(`expected ${expected}`);
    this.name = "Malformed";
  }
}

const MAX_LABEL = 63;
const MAX_NAME = 255;

/** The labels of a name, without the empty one of the root. Throws `Malformed`. */
export function labelsOf(text: string): readonly Buffer[] {
  if (text === ".") return [];
  const labels: Buffer[] = [];
  let size = 1;
  for (const part of splitLabels(text)) {
    const label = labelBytes(part);
    if (label.length === 0) throw new Malformed("a domain name without empty labels");
    if (label.length > MAX_LABEL) throw new Malformed(`labels of at most ${MAX_LABEL} bytes`);
    size += label.length + 1;
    labels.push(label);
  }
  if (labels.length === 0) throw new Malformed("a domain name");
  if (size > MAX_NAME) throw new Malformed(`a domain name of at most ${MAX_NAME} bytes`);
  return labels;
}

/** At unescaped dots; one at the end is the root's. */
function splitLabels(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ".") {
      parts.push(part);
      part = "";
    } else if (text[i] === "\\") part += `\\${text[++i] ?? ""}`;
    else part += text[i];
  }
  return part === "" ? parts : [...parts, part];
}

function labelBytes(part: string): Buffer {
  if (/[^\p{ASCII}]/u.test(part)) {
    const ascii = domainToASCII(part);
    if (ascii === "" || ascii.includes("."))
      throw new Malformed("labels that are valid international names (IDNA)");
    return Buffer.from(ascii, "latin1");
  }
  if (/[\s"]/.test(part.replace(/\\./g, ""))) throw new Malformed("a domain name without spaces and quotes");
  return lower(unescapeBytes(part));
}

/** `\DDD` and `\X`, in a name or a character string. */
export function unescapeBytes(text: string): Buffer {
  const bytes: Buffer[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      const point = text.codePointAt(i) as number;
      bytes.push(Buffer.from(String.fromCodePoint(point), "utf8"));
      if (point > 0xffff) i++;
      continue;
    }
    const digits = /^\d{3}/.exec(text.slice(i + 1))?.[0];
    if (digits !== undefined) {
      if (Number(digits) > 255) throw new Malformed("escapes from \\000 to \\255");
      bytes.push(Buffer.from([Number(digits)]));
      i += 3;
    } else {
      if (i + 1 >= text.length) throw new Malformed("a character after each backslash");
      bytes.push(Buffer.from(text[++i] as string, "utf8"));
    }
  }
  return Buffer.concat(bytes);
}

const lower = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)));

const plainByte = /^[a-z0-9_*\-/+=:]$/;

function labelText(label: Uint8Array): string {
  let text = "";
  for (const byte of lower(Buffer.from(label))) {
    const char = String.fromCharCode(byte);
    if (plainByte.test(char)) text += char;
    else if (byte > 0x20 && byte < 0x7f) text += `\\${char}`;
    else text += `\\${String(byte).padStart(3, "0")}`;
  }
  return text;
}

export const nameOf = (labels: readonly Uint8Array[]): string =>
  labels.length === 0 ? "." : labels.map((label) => `${labelText(label)}.`).join("");

/** `WWW.Exämple.com` → `www.xn--exmple-cua.com.`. Throws `Malformed`. */
export const canonicalName = (text: string): string => nameOf(labelsOf(text));

/** Uncompressed, as updates and signatures want it (RFC 8945 4.3.3, RFC 4034 6.2). */
export function encodeName(name: string): Buffer {
  const parts = labelsOf(name).flatMap((label) => [Buffer.from([label.length]), label]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** A name in a message, and where it ends. Follows compression (RFC 1035 4.1.4). Throws a RangeError on a broken message. */
export function decodeName(message: Buffer, at: number): { readonly name: string; readonly end: number } {
  const labels: Buffer[] = [];
  let end: number | undefined;
  let before = at;
  for (let i = at; ; ) {
    const length = message.readUInt8(i);
    if (length === 0) return { name: nameOf(labels), end: end ?? i + 1 };
    if (length >= 0xc0) {
      end ??= i + 2;
      const to = message.readUInt16BE(i) & 0x3fff;
      // Only backwards, or a message could send its reader round for ever.
      if (to >= before) throw new RangeError("a compression pointer that does not point back");
      before = to;
      i = to;
      continue;
    }
    if (length > MAX_LABEL || i + 1 + length > message.length) throw new RangeError("a broken name");
    labels.push(message.subarray(i + 1, i + 1 + length));
    i += 1 + length;
  }
}

/** Is the (canonical) name the zone's own or below it? */
export const isWithin = (name: string, zone: string): boolean =>
  zone === "." || name === zone || name.endsWith(`.${zone}`);

/** `www.example.com.` in `example.com.` → `www`; the zone's own name → `@`. */
export const relativeName = (name: string, zone: string): string =>
  name === zone ? "@" : name.slice(0, name.length - (zone === "." ? 1 : zone.length + 1));

/** The whole name of a record: `@` or nothing is the zone's own; with a dot at its end, or ending in the zone's name, it is whole already. */
export function absoluteName(text: string, zone: string): string {
  if (text === "@" || text === "") return zone;
  const name = canonicalName(text);
  if (isWithin(name, zone)) return name;
  if (/(^|[^\\])\.$/.test(text)) throw new Malformed(`a name within ${zone}`);
  return zone === "." ? name : canonicalName(`${name}${zone}`);
}

/** The name below in-addr.arpa or ip6.arpa (RFC 1035 3.5, RFC 3596 2.5). */
export function reverseName(address: Buffer): string {
  if (address.length === 4) return `${[...address].reverse().join(".")}.in-addr.arpa.`;
  return `${[...address.toString("hex")].reverse().join(".")}.ip6.arpa.`;
}
