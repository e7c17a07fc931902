/** Distinguished names as text (RFC 4514). Pure, so that programs may use it, too. */

/** One `type=value`; a relative name has several where it is written `cn=a+uid=b`. The value is unescaped. */
export interface NamePart {
  readonly type: string;
  readonly value: string;
}
export type RelativeName = readonly NamePart[];

/**
 * A value for use in a distinguished name: ``dn`cn=${name},ou=people` `` is `cn=${escapeDn(name)},ou=people`. Special characters become
 * `\` and two hex digits, which every server takes and which no comma follows by accident.
 */
export function escapeDn(value: string): string {
  return value.replace(/[,+"\\<>;=\0]|^[ #]|[ ]$/g, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `\\${byte.toString(16).padStart(2, "0").toUpperCase()}`)
      .join(""),
  );
}

/** The relative names, the entry's own first. Undefined: it is not a distinguished name. */
export function parseDn(text: string): readonly RelativeName[] | undefined {
  const names: NamePart[][] = [];
  let parts: NamePart[] = [];
  let at = 0;
  const spaces = (): void => {
    while (text[at] === " ") at++;
  };
  for (;;) {
    spaces();
    const type = /^(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)/.exec(text.slice(at))?.[0];
    if (type === undefined) return undefined;
    at += type.length;
    spaces();
    if (text[at] !== "=") return undefined;
    at++;
    spaces();
    const read = text[at] === '"' ? quoted(text, at + 1) : plain(text, at);
    if (read === undefined) return undefined;
    parts.push({ type, value: read.value });
    at = read.next;
    spaces();
    const separator = text[at];
    if (separator === "+") {
      at++;
      continue;
    }
    names.push(parts);
    parts = [];
    if (separator === undefined) return names;
    if (separator !== "," && separator !== ";") return undefined;
    at++;
  }
}

interface Read {
  readonly value: string;
  readonly next: number;
}

function escaped(text: string, at: number): { readonly bytes: Buffer; readonly next: number } | undefined {
  const hex = /^[0-9A-Fa-f]{2}/.exec(text.slice(at))?.[0];
  if (hex) return { bytes: Buffer.from(hex, "hex"), next: at + 2 };
  const character = text[at];
  return character === undefined ? undefined : { bytes: Buffer.from(character), next: at + 1 };
}

function plain(text: string, start: number): Read | undefined {
  const bytes: Buffer[] = [];
  let at = start;
  /** Spaces at the end count only when they are escaped. */
  let kept = 0;
  while (at < text.length && !",;+".includes(text[at] as string)) {
    if (text[at] === '"') return undefined;
    if (text[at] === "\\") {
      const read = escaped(text, at + 1);
      if (read === undefined) return undefined;
      bytes.push(read.bytes);
      at = read.next;
      kept = bytes.length;
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(at) as number);
    bytes.push(Buffer.from(character));
    at += character.length;
    if (character !== " ") kept = bytes.length;
  }
  return { value: Buffer.concat(bytes.slice(0, kept)).toString(), next: at };
}

/** The form of RFC 2253, which servers may still give. */
function quoted(text: string, start: number): Read | undefined {
  const bytes: Buffer[] = [];
  let at = start;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\") {
      const read = escaped(text, at + 1);
      if (read === undefined) return undefined;
      bytes.push(read.bytes);
      at = read.next;
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(at) as number);
    bytes.push(Buffer.from(character));
    at += character.length;
  }
  return text[at] === '"' ? { value: Buffer.concat(bytes).toString(), next: at + 1 } : undefined;
}

export const isDn = (text: string): boolean => parseDn(text) !== undefined;

const formatName = (name: RelativeName): string =>
  name.map(({ type, value }) => `${type}=${escapeDn(value)}`).join("+");
export const formatDn = (names: readonly RelativeName[]): string => names.map(formatName).join(",");

/** The same text for all spellings of one name, for comparing and as a key: case, spaces and ways to escape do not count. */
export function normalDn(text: string): string {
  const names = parseDn(text);
  if (names === undefined) return text.toLowerCase();
  const normal = (value: string): string => value.trim().replace(/\s+/g, " ").toLowerCase();
  return formatDn(
    names.map((name) =>
      name
        .map(({ type, value }) => ({ type: type.toLowerCase(), value: normal(value) }))
        .sort((a, b) => (a.type < b.type ? -1 : 1)),
    ),
  );
}
export const sameDn = (a: string, b: string): boolean => a === b || normalDn(a) === normalDn(b);

/** Is `dn` the base itself or below it? */
export function isBelow(dn: string, base: string): boolean {
  const [inner, outer] = [normalDn(dn), normalDn(base)];
  return outer === "" || inner === outer || inner.endsWith(`,${outer}`);
}

/** The name of the entry above; empty for a name of one part. */
export function parentOf(dn: string): string {
  const names = parseDn(dn);
  return names === undefined ? "" : formatDn(names.slice(1));
}

/** The entry's own relative name. */
export const ownName = (dn: string): RelativeName => parseDn(dn)?.[0] ?? [];
