import {
  expiryText,
  expiryValue,
  groupTypeOf,
  groupTypeValue,
  sidText,
} from "@orch/providers/activedirectory/values";
import { guidBytes, guidText, timeOf } from "@orch/providers/ldap/directory";
import {
  escapeDn,
  formatDn,
  isBelow,
  isDn,
  normalDn,
  parentOf,
  parseDn,
  sameDn,
} from "@orch/providers/ldap/dn";
import { minus, sameValues, toBytes, writeLike } from "@orch/providers/ldap/values";
import fc from "fast-check";
import { expect, test } from "vitest";

test("any value goes into a name and comes out of it as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (value) => {
      const dn = `cn=${escapeDn(value)},ou=people`;
      expect(parseDn(dn)).toEqual([[{ type: "cn", value }], [{ type: "ou", value: "people" }]]);
      expect(parseDn(formatDn(parseDn(dn) ?? []))).toEqual(parseDn(dn));
    }),
  );
});

test("the spellings of RFC 4514 and of older servers are one name", () => {
  const spellings = [
    "CN=Lee\\, Ann,OU=Staff",
    'cn="lee, ann" , ou=staff',
    "cn=Lee\\2C Ann;ou=staff",
    "cn=Lee\\,  Ann,ou=Staff",
  ];
  for (const one of spellings) expect(normalDn(one)).toBe("cn=lee\\2C ann,ou=staff");
  expect(sameDn("uid=a+cn=b,dc=x", "CN=B+UID=A,DC=X")).toBe(true);
  expect(sameDn("cn=a,dc=x", "cn=a,dc=y")).toBe(false);
  expect(parseDn("cn=M\\C3\\BCller")).toEqual([[{ type: "cn", value: "Müller" }]]);
  expect(parentOf("cn=a\\,b,ou=x,dc=y")).toBe("ou=x,dc=y");
  expect(isBelow("cn=a,OU=X,dc=y", "ou=x,dc=y")).toBe(true);
  expect(isBelow("cn=a,ou=xx,dc=y", "x,dc=y")).toBe(false);
});

test.each(["", "ann", "cn", "=a", "cn=a,", "cn=a,,dc=b", 'cn="a', "cn=a\\", "1=a", 'cn=a"b'])(
  "%j is no name",
  (text) => {
    expect(isDn(text)).toBe(false);
  },
);

test("values keep the program's order, spelling and form; what is new comes after", () => {
  const found = toBytes(["c", "a", "CN=X,DC=Y"]);
  expect(writeLike(found, ["a", "cn=x, dc=y", "gone"])).toEqual(["a", "cn=x, dc=y", "c"]);
  expect(writeLike(toBytes("a"), undefined)).toBe("a");
  expect(writeLike(toBytes("a"), ["a"])).toEqual(["a"]);
  expect(writeLike([], "a")).toBeUndefined();
  expect(writeLike([Buffer.from([0xff, 0xfe])], "a")).toEqual({ base64: "//4=" });
  expect(writeLike(toBytes("abc"), { base64: "eHl6" })).toEqual({ base64: "YWJj" });
  expect(sameValues(toBytes(["a", "b"]), toBytes(["b", "a"]))).toBe(true);
  expect(sameValues(toBytes("a"), toBytes("A"))).toBe(false);
  expect(minus(toBytes(["a", "b"]), toBytes("a")).map(String)).toEqual(["b"]);
});

test("Active Directory's formats, there and back", () => {
  const guid = "01234567-89ab-cdef-0123-456789abcdef";
  expect(guidBytes(guid).toString("hex")).toBe("67452301ab89efcd0123456789abcdef");
  expect(guidText(guidBytes(guid))).toBe(guid);
  expect(sidText(Buffer.from("010500000000000515000000010000000200000003000000f4010000", "hex"))).toBe(
    "S-1-5-21-1-2-3-500",
  );
  expect(expiryValue("2000-01-01T00:00:00Z")).toBe("125911584000000000");
  expect(expiryText("125911584000000000")).toBe("2000-01-01T00:00:00.000Z");
  for (const never of ["0", "9223372036854775807"]) expect(expiryText(never)).toBeUndefined();
  expect(groupTypeValue("global", "security")).toBe("-2147483646");
  expect(groupTypeValue("universal", "distribution")).toBe("8");
  for (const scope of ["global", "domainLocal", "universal"] as const)
    for (const category of ["security", "distribution"] as const)
      expect(groupTypeOf(groupTypeValue(scope, category))).toEqual({ scope, category });
  expect(timeOf("20261125033000.0Z")).toBe(Date.parse("2026-11-25T03:30:00Z"));
  expect(timeOf("yesterday")).toBeUndefined();
});
