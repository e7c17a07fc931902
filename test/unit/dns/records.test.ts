/** Names and records as text and as bytes; what a program may write, and the one form it gets. */
import { Secret, unknown } from "@orch/core/model/value";
import { absoluteName, canonicalName, decodeName, encodeName, Malformed } from "@orch/providers/dns/names";
import {
  decodeData,
  encodeData,
  plainText,
  type RecordType,
  recordTypes,
  zoneText,
} from "@orch/providers/dns/rdata";
import { checkRecordSet, idOf, parseId } from "@orch/providers/dns/record-set";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("names", () => {
  test.each([
    ["example.com", "example.com."],
    ["WWW.Example.COM.", "www.example.com."],
    ["bücher.example", "xn--bcher-kva.example."],
    ["_dmarc.example.com", "_dmarc.example.com."],
    ["*.example.com", "*.example.com."],
    ["a\\.b.example.com", "a\\.b.example.com."],
    ["a\\046b.example.com", "a\\.b.example.com."],
    ["0/26.2.0.192.in-addr.arpa", "0/26.2.0.192.in-addr.arpa."],
    [".", "."],
  ])("%s is %s", (given, canonical) => expect(canonicalName(given)).toBe(canonical));

  test.each([
    "",
    "a..b",
    ".a",
    "a b.example.com",
    `${"x".repeat(64)}.com`,
    `${"x".repeat(50)}.`.repeat(6),
    "a\\",
    "a\\999",
    "a\u200d.com",
  ])("%j is no name", (given) => expect(() => canonicalName(given)).toThrow(Malformed));

  test("any bytes come back from a message", () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 });
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 3 }), (labels) => {
        const small = labels.map((bytes) => bytes.map((b) => (b >= 0x41 && b <= 0x5a ? b + 32 : b)));
        const wire = Buffer.concat([
          ...small.flatMap((bytes) => [Buffer.from([bytes.length]), Buffer.from(bytes)]),
          Buffer.from([0]),
        ]);
        const { name, end } = decodeName(wire, 0);
        expect(end).toBe(wire.length);
        expect(encodeName(name)).toEqual(wire);
        expect(canonicalName(name)).toBe(name);
      }),
    );
  });

  test("a pointer that does not point back is refused, not followed for ever", () => {
    expect(() => decodeName(Buffer.from([0xc0, 0x00]), 0)).toThrow(RangeError);
    expect(() => decodeName(Buffer.from([1, 0x61, 0xc0, 0x02]), 0)).toThrow(RangeError);
    expect(() => decodeName(Buffer.from([5, 0x61]), 0)).toThrow(RangeError);
  });

  test("relative to a zone, or whole", () => {
    const zone = "example.com.";
    expect(absoluteName("www", zone)).toBe("www.example.com.");
    expect(absoluteName("@", zone)).toBe(zone);
    expect(absoluteName("www.example.com", zone)).toBe("www.example.com.");
    expect(absoluteName("a.b", zone)).toBe("a.b.example.com.");
    expect(absoluteName("notexample.com", zone)).toBe("notexample.com.example.com.");
    expect(() => absoluteName("www.example.org.", zone)).toThrow("a name within example.com.");
  });
});

describe("records", () => {
  const cases: Record<RecordType, readonly [given: string, canonical: string][]> = {
    A: [["192.0.2.1", "192.0.2.1"]],
    AAAA: [
      ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
      ["::", "::"],
      ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ],
    CAA: [
      ['0 ISSUE "ca.example.net"', '0 issue "ca.example.net"'],
      ["128 iodef mailto:a@b.c", '128 iodef "mailto:a@b.c"'],
    ],
    CNAME: [["WWW.Example.com", "www.example.com."]],
    DNAME: [["example.net.", "example.net."]],
    DS: [
      [
        "60485 5 1 2bb183af 5f22588179a53b0a98631fad1a292118",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
      ],
    ],
    MX: [
      ["010   Mail.example.com", "10 mail.example.com."],
      ["0 .", "0 ."],
    ],
    NAPTR: [['100 10 S SIP+D2U "" _sip._udp.example.com', '100 10 "S" "SIP+D2U" "" _sip._udp.example.com.']],
    NS: [["ns1.example.com.", "ns1.example.com."]],
    PTR: [["host.example.com", "host.example.com."]],
    SRV: [["10 5 5060 sip.example.com", "10 5 5060 sip.example.com."]],
    SSHFP: [["4 2 abCD", "4 2 ABCD"]],
    TLSA: [["3 1 1 aa bb", "3 1 1 AABB"]],
    TXT: [
      ["v=spf1 include:x -all", "v=spf1 include:x -all"],
      ['"v=spf1 -all"', "v=spf1 -all"],
      ['"two" "strings"', '"two" "strings"'],
      ['say "hi" \\ there', 'say "hi" \\ there'],
      ['"say \\"hi\\""', 'say "hi"'],
      ['"\\"quoted\\""', '"\\"quoted\\""'],
      ["größe", "größe"],
      ['"\\255"', '"\\255"'],
      ['""', '""'],
      ["k".repeat(600), "k".repeat(600)],
    ],
  };
  test.each(
    recordTypes.flatMap((type) => cases[type].map(([given, canonical]) => ({ type, given, canonical }))),
  )("$type $given is $canonical", ({ type, given, canonical }) => {
    expect(plainText(type, given)).toBe(canonical);
    expect(plainText(type, canonical)).toBe(canonical);
    const zone = zoneText(type, given);
    expect(plainText(type, zone)).toBe(canonical);
    const bytes = encodeData(type, zone);
    expect(decodeData(type, bytes, 0, bytes.length)).toBe(zone);
  });

  test("any text is a TXT and comes back; its strings have at most 255 bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 700 }), (text) => {
        const once = plainText("TXT", text.startsWith('"') ? `x${text}` : text);
        expect(plainText("TXT", once)).toBe(once);
        expect(plainText("TXT", zoneText("TXT", once))).toBe(once);
      }),
    );
    expect(zoneText("TXT", "a".repeat(256))).toBe(`"${"a".repeat(255)}" "a"`);
  });

  test.each<[RecordType, string, string]>([
    ["A", "192.0.2", "an IPv4 address"],
    ["A", "::1", "an IPv4 address"],
    ["A", "192.0.2.1 192.0.2.2", "nothing behind it (1 fields)"],
    ["AAAA", "fe80::1%eth0", "an IPv6 address"],
    ["MX", "mail.example.com", "the preference as a number from 0 to 65535"],
    ["MX", "10", "a domain name"],
    ["MX", "70000 mail.example.com", "the preference as a number from 0 to 65535"],
    [
      "CNAME",
      "www",
      "a whole domain name, such as www.example.com (with a dot at its end if it is one word)",
    ],
    ["TLSA", "3 1 1 xyz", "pairs of hexadecimal digits at its end"],
    ["TXT", '"open', "each quote closed, and a character after each backslash"],
    ["CAA", '0 is-sue "x"', "a tag of letters and digits, such as issue"],
  ])("%s %s: expected %s", (type, text, expected) => {
    expect(() => zoneText(type, text)).toThrow(`expected ${expected}`);
  });
});

describe("record sets", () => {
  test("get one form: small names, records in order", () => {
    const { inputs, failures } = checkRecordSet({
      zone: "Example.COM.",
      name: "mail.example.com",
      type: "MX",
      ttl: 60,
      records: ["20 b.example.com", "10 A.example.com."],
    });
    expect(failures).toEqual([]);
    expect(inputs).toEqual({
      zone: "example.com",
      name: "mail",
      type: "MX",
      ttl: 60,
      records: ["10 a.example.com.", "20 b.example.com."],
    });
  });

  test("what is unknown or secret stays so", () => {
    const records = ["192.0.2.2", unknown, new Secret("192.0.2.1")];
    const { inputs, failures } = checkRecordSet({ zone: unknown, name: "WWW", type: "A", ttl: 60, records });
    expect(failures).toEqual([]);
    expect(inputs).toEqual({ zone: unknown, name: "WWW", type: "A", ttl: 60, records });
    const secret = checkRecordSet({
      zone: "a.test",
      name: new Secret("X"),
      type: "TXT",
      ttl: 1,
      records: new Secret(["b", "a"]),
    });
    expect(secret.inputs).toMatchObject({ name: new Secret("x"), records: new Secret(["a", "b"]) });
  });

  test("say what is wrong by its path, and show no secret", () => {
    const base = { zone: "example.com", ttl: 60 };
    const failures = [
      ...checkRecordSet({ ...base, name: "x", type: "A", records: ["1.2.3.4", "nope", "1.2.3.4"] }).failures,
      ...checkRecordSet({ ...base, name: "@", type: "CNAME", records: ["a.b.", "c.d."] }).failures,
      ...checkRecordSet({ ...base, name: "a..b", type: "A", records: [new Secret("s3cr3t")] }).failures,
    ];
    expect(failures.map(({ path }) => path)).toEqual([
      "records[1]",
      "records[2]",
      "records",
      "name",
      "name",
      "records[0]",
    ]);
    expect(failures[0]).toEqual({
      path: "records[1]",
      message: 'records[1] must have an IPv4 address, as in 192.0.2.1, not "nope"',
      expected: "an IPv4 address, as in 192.0.2.1",
      found: '"nope"',
    });
    expect(JSON.stringify(failures)).not.toContain("s3cr3t");
  });

  test("have ids that come back", () => {
    const id = { zone: "2.0.192.in-addr.arpa.", name: "0/26.2.0.192.in-addr.arpa.", type: "NS" } as const;
    expect(idOf(id)).toBe("2.0.192.in-addr.arpa/0\\04726/NS");
    expect(parseId(idOf(id))).toEqual(id);
    expect(parseId("Example.com./www.example.com./a")).toEqual({
      zone: "example.com.",
      name: "www.example.com.",
      type: "A",
    });
    for (const bad of [
      "example.com/www",
      "example.com/www/BOGUS",
      "a..b/www/A",
      "a.test/b.example./A",
      "x/y/z/A",
    ])
      expect(parseId(bad), bad).toBeUndefined();
  });
});
