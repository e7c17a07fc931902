/** The decision about one server's key while connecting, with the known_hosts files read and, if asked for, a new key recorded. */
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Failure } from "@orch/core/model/failure";
import { expandHome, type Hop } from "../connection.js";
import {
  fingerprint,
  hostPattern,
  judgeByGiven,
  judgeByKnownHosts,
  type KnownHostKey,
  keyType,
  parseKnownHosts,
  preferredTypes,
} from "./known-hosts.js";

const defaultFiles = ["~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"];
const list = (value: string | readonly string[]): readonly string[] =>
  typeof value === "string" ? [value] : value;

export interface HostKeyPolicy {
  /** Signature algorithms to offer first; undefined: ssh2's own order. */
  readonly algorithms: readonly string[] | undefined;
  /** Undefined: trusted. Records the key when it is new and new keys are accepted. */
  readonly judge: (key: Buffer) => Failure | undefined;
}

/** Reads the files once per connection. A file that is not there knows nothing; one that can't be read is a failure to connect. */
export function hostKeyPolicy(hop: Hop): HostKeyPolicy {
  if (hop.hostKey !== undefined) {
    const given = list(hop.hostKey);
    return {
      algorithms: undefined,
      judge: (key) => {
        const verdict = judgeByGiven(given, key);
        return verdict.kind === "not-the-given"
          ? mismatch(hop, key, verdict.expected.join(" or "), "the connection's `hostKey`")
          : undefined;
      },
    };
  }
  const files = list(hop.knownHostsFile ?? defaultFiles).map(expandHome);
  const entries = files.flatMap(read);
  return {
    algorithms: preferredTypes(entries, hop.host, hop.port),
    judge: (key) => {
      const verdict = judgeByKnownHosts(entries, hop.host, hop.port, key);
      switch (verdict.kind) {
        case "known":
        case "not-the-given":
          return undefined;
        case "mismatch":
          return mismatch(
            hop,
            key,
            `${fingerprint(Buffer.from(verdict.entry.key, "base64"))} (${verdict.entry.type})`,
            `${verdict.entry.file}:${verdict.entry.line}`,
          );
        case "revoked":
          return {
            reason: "host-key-mismatch",
            message: `${hop.host} (port ${hop.port}) shows a key that is revoked in ${verdict.entry.file}:${verdict.entry.line}`,
            expected: "a key that is not revoked",
            found: `${fingerprint(key)} (${keyType(key)})`,
            next: ["Do not connect; ask who runs that machine for its new key."],
          };
        case "unknown":
          if (!hop.acceptNewHostKey) return unknownKey(hop, key, files);
          record(files[0] as string, hop, key);
          return undefined;
      }
    },
  };
}

function read(file: string): readonly KnownHostKey[] {
  try {
    return parseKnownHosts(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function record(file: string, hop: Hop, key: Buffer): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let before = "";
  try {
    before = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const line = `${hostPattern(hop.host, hop.port)} ${keyType(key)} ${key.toString("base64")}\n`;
  appendFileSync(file, before === "" || before.endsWith("\n") ? line : `\n${line}`, { mode: 0o600 });
}

const mismatch = (hop: Hop, key: Buffer, expected: string, where: string): Failure => ({
  reason: "host-key-mismatch",
  message: `${hop.host} (port ${hop.port}) shows another host key than ${where} says: somebody may be in between, or the machine was set up anew`,
  expected,
  found: `${fingerprint(key)} (${keyType(key)})`,
  next: [
    "Ask who runs that machine whether its key has changed.",
    where.startsWith("the connection")
      ? "If it has, put the new one into `hostKey`."
      : `If it has, remove that line: ssh-keygen -R ${JSON.stringify(hostPattern(hop.host, hop.port))} -f ${where.slice(0, where.lastIndexOf(":"))}`,
  ],
});

const unknownKey = (hop: Hop, key: Buffer, files: readonly string[]): Failure => ({
  reason: "host-key-mismatch",
  message: `The host key of ${hop.host} (port ${hop.port}) is not known`,
  expected: `a key recorded in ${files.join(" or ")}`,
  found: `${fingerprint(key)} (${keyType(key)})`,
  next: [
    `Compare that fingerprint with the machine's own (there: ssh-keygen -lf /etc/ssh/ssh_host_${shortType(key)}_key.pub), then put it into the connection: hostKey: "${fingerprint(key)}"`,
    "Or set `acceptNewHostKey: true` to trust machines at first sight and record their keys.",
  ],
});
const shortType = (key: Buffer): string => {
  const type = keyType(key);
  return type.startsWith("ecdsa") ? "ecdsa" : type.replace(/^ssh-/, "");
};
