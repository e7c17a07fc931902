/**
 * Host keys: what the known_hosts files say, and whether a server's key is to be trusted.
 * Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; fingerprints as `ssh-keygen -l` prints them.
 */
import { createHash, createHmac } from "node:crypto";

export interface KnownHostKey {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly marker?: "revoked" | "cert-authority";
  /** Host patterns as written: `web1,10.0.0.*`, `[web1]:2222`, `|1|salt|hash`. */
  readonly hosts: string;
  /** `ssh-ed25519`. */
  readonly type: string;
  /** Base64 of the key blob. */
  readonly key: string;
}

/** Lines that are blank, comments or malformed are left out, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): readonly KnownHostKey[] {
  return text.split("\n").flatMap((raw, i) => {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return [];
    const fields = line.split(/[ \t]+/);
    const marker = fields[0]?.startsWith("@") ? fields.shift()?.slice(1) : undefined;
    if (marker !== undefined && marker !== "revoked" && marker !== "cert-authority") return [];
    const [hosts, type, key] = fields;
    if (hosts === undefined || type === undefined || key === undefined) return [];
    return [{ file, line: i + 1, hosts, type, key, ...(marker === undefined ? {} : { marker }) }];
  });
}

/** How a host is written in known_hosts: the bare name on port 22, `[name]:port` otherwise. */
export const hostPattern = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

/** Does a line's host field speak of this host? A negated pattern that matches wins over all others. */
export function matchesHost(hosts: string, host: string, port: number): boolean {
  const name = hostPattern(host, port);
  if (hosts.startsWith("|1|")) {
    const [, , salt = "", hash = ""] = hosts.split("|");
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
  }
  let matched = false;
  for (const pattern of hosts.toLowerCase().split(",")) {
    const negated = pattern.startsWith("!");
    if (!glob(negated ? pattern.slice(1) : pattern).test(name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );

/** `SHA256:` and unpadded base64. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

/** The algorithm name that a key blob begins with (RFC 4253 §6.6). */
export function keyType(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return length > 0 && length <= key.length - 4 ? key.toString("latin1", 4, 4 + length) : "unknown";
}

export type HostKeyVerdict =
  | { readonly kind: "known"; readonly entry?: KnownHostKey }
  | { readonly kind: "unknown" }
  /** Another key is recorded; `entry` is one of them. */
  | { readonly kind: "mismatch"; readonly entry: KnownHostKey }
  | { readonly kind: "revoked"; readonly entry: KnownHostKey }
  /** Another key is named in the connection itself. */
  | { readonly kind: "not-the-given"; readonly expected: readonly string[] };

/** Against the known hosts. A recorded key of another type counts as a mismatch: the server was asked for the recorded types first. */
export function judgeByKnownHosts(
  entries: readonly KnownHostKey[],
  host: string,
  port: number,
  key: Buffer,
): HostKeyVerdict {
  const base64 = key.toString("base64");
  const own = entries.filter((entry) => matchesHost(entry.hosts, host, port));
  const same = own.filter((entry) => entry.key === base64);
  const revoked = same.find((entry) => entry.marker === "revoked");
  if (revoked) return { kind: "revoked", entry: revoked };
  const known = same.find((entry) => entry.marker === undefined);
  if (known) return { kind: "known", entry: known };
  const others = own.filter((entry) => entry.marker === undefined);
  const other = others.find((entry) => entry.type === keyType(key)) ?? others[0];
  return other ? { kind: "mismatch", entry: other } : { kind: "unknown" };
}

/** Against keys given in the connection: fingerprints, or public key lines. */
export function judgeByGiven(given: readonly string[], key: Buffer): HostKeyVerdict {
  const expected = given.map(givenFingerprint);
  return expected.includes(fingerprint(key)) ? { kind: "known" } : { kind: "not-the-given", expected };
}

function givenFingerprint(text: string): string {
  const trimmed = text.trim();
  if (/^SHA256:/i.test(trimmed)) return `SHA256:${trimmed.slice(7).replace(/=+$/, "")}`;
  const blob = trimmed.split(/\s+/).find((field) => field.startsWith("AAAA"));
  return blob ? fingerprint(Buffer.from(blob, "base64")) : trimmed;
}

/** ssh2's names of the signature algorithms that prove a key of a type. */
export function signatureAlgorithms(type: string): readonly string[] {
  return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type];
}

/** The algorithms to ask for so that a server with several keys shows one that can be checked; undefined when it does not matter. */
export function preferredTypes(
  entries: readonly KnownHostKey[],
  host: string,
  port: number,
): readonly string[] | undefined {
  const types = entries
    .filter((entry) => entry.marker === undefined && matchesHost(entry.hosts, host, port))
    .map((entry) => entry.type);
  return types.length === 0 ? undefined : [...new Set(types.flatMap(signatureAlgorithms))];
}
