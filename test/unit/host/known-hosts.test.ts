import { createHmac } from "node:crypto";
import {
  fingerprint,
  judgeByGiven,
  judgeByKnownHosts,
  matchesHost,
  parseKnownHosts,
  preferredTypes,
} from "@orch/providers/host/ssh/known-hosts";
import { describe, expect, test } from "vitest";

/** A key blob as RFC 4253 §6.6 begins it. */
const blob = (type: string, fill: number): Buffer => {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.alloc(40, fill)]);
};
const ed = blob("ssh-ed25519", 1);
const other = blob("ssh-ed25519", 2);
const rsa = blob("ssh-rsa", 3);
const line = (hosts: string, key: Buffer, type = "ssh-ed25519"): string =>
  `${hosts} ${type} ${key.toString("base64")} a comment`;
const judge = (text: string, host: string, port: number, key: Buffer) =>
  judgeByKnownHosts(parseKnownHosts(text, "kh"), host, port, key);

describe("known_hosts", () => {
  test("comments, blank and broken lines are passed over, and lines are counted", () => {
    const text = ["# a comment", "", "broken", line("web1", ed)].join("\n");
    expect(parseKnownHosts(text, "kh")).toEqual([
      { file: "kh", line: 4, hosts: "web1", type: "ssh-ed25519", key: ed.toString("base64") },
    ]);
  });

  test.each([
    ["web1", "web1", 22, true],
    ["WEB1", "web1", 22, true],
    ["web1", "web1", 2222, false],
    ["[web1]:2222", "web1", 2222, true],
    ["a,web1,b", "web1", 22, true],
    ["*.example.com", "x.example.com", 22, true],
    ["web?", "web1", 22, true],
    ["web?", "web12", 22, false],
    ["*.example.com,!bad.example.com", "bad.example.com", 22, false],
    ["10.0.0.*", "10.0.0.7", 22, true],
    ["1.2.3.4", "1x2.3.4", 22, false],
  ])("%s for %s port %d: %s", (hosts, host, port, matches) => {
    expect(matchesHost(hosts, host, port)).toBe(matches);
  });

  test("hashed names, with and without a port", () => {
    const hashed = (name: string): string => {
      const salt = Buffer.alloc(20, 7);
      return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
    };
    expect(matchesHost(hashed("web1"), "web1", 22)).toBe(true);
    expect(matchesHost(hashed("web1"), "web2", 22)).toBe(false);
    expect(matchesHost(hashed("[web1]:2222"), "web1", 2222)).toBe(true);
  });

  test("a known key, another one, one of another type, none", () => {
    const text = [line("web1", ed), line("web3", rsa, "ssh-rsa")].join("\n");
    expect(judge(text, "web1", 22, ed)).toMatchObject({ kind: "known", entry: { line: 1 } });
    expect(judge(text, "web1", 22, other)).toMatchObject({ kind: "mismatch", entry: { line: 1 } });
    expect(judge(text, "web3", 22, ed)).toMatchObject({ kind: "mismatch", entry: { line: 2 } });
    expect(judge(text, "web2", 22, ed)).toEqual({ kind: "unknown" });
  });

  test("a revoked key is refused even where it is also known; a certificate authority vouches for no plain key", () => {
    const text = [line("web1", ed), line("@revoked *", ed), line("@cert-authority *", other)].join("\n");
    expect(judge(text, "web1", 22, ed)).toMatchObject({ kind: "revoked", entry: { line: 2 } });
    expect(judge(text, "web2", 22, other)).toEqual({ kind: "unknown" });
  });

  test("recorded types are asked for first", () => {
    const entries = parseKnownHosts(line("web1", rsa, "ssh-rsa"), "kh");
    expect(preferredTypes(entries, "web1", 22)).toEqual(["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]);
    expect(preferredTypes(entries, "web2", 22)).toBeUndefined();
  });

  test("given keys: fingerprints with or without padding, and public key lines", () => {
    expect(judgeByGiven([fingerprint(ed)], ed).kind).toBe("known");
    expect(judgeByGiven([`${fingerprint(ed)}=`], ed).kind).toBe("known");
    expect(judgeByGiven([`ssh-ed25519 ${ed.toString("base64")} me`], ed).kind).toBe("known");
    expect(judgeByGiven([fingerprint(other)], ed)).toEqual({
      kind: "not-the-given",
      expected: [fingerprint(other)],
    });
  });
});
