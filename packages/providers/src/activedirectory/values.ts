/** Active Directory's own formats (MS-DTYP, MS-ADTS). */

/** A password as `unicodePwd` takes it: in quotes, UTF-16 (MS-ADTS 3.1.1.3.1.5.1). */
export const passwordBytes = (password: string): Buffer => Buffer.from(`"${password}"`, "utf16le");

/** A security identifier as text: `S-1-5-21-…` (MS-DTYP 2.4.2). */
export function sidText(bytes: Buffer): string {
  const parts = Array.from({ length: bytes[1] as number }, (_, i) => bytes.readUInt32LE(8 + 4 * i));
  return `S-${bytes[0]}-${bytes.readUIntBE(2, 6)}-${parts.join("-")}`;
}

/** 100 ns from 1601-01-01 to 1970-01-01. */
const epochDifference = 116_444_736_000_000_000n;
/** `accountExpires` of an account that does not end (MS-ADA1 2.3). */
export const never = ["0", "9223372036854775807"] as const;

/** `accountExpires` as a time in ISO 8601; undefined: never. */
export const expiryText = (value: string | undefined): string | undefined =>
  value === undefined || (never as readonly string[]).includes(value)
    ? undefined
    : new Date(Number((BigInt(value) - epochDifference) / 10_000n)).toISOString();

/** Undefined: never. */
export const expiryValue = (time: string | undefined): string =>
  time === undefined ? "0" : String(BigInt(Date.parse(time)) * 10_000n + epochDifference);

/** Bits of `userAccountControl` (MS-ADTS 2.2.16). */
export const control = {
  disabled: 0x2,
  normalAccount: 0x200,
  workstation: 0x1000,
  passwordNeverExpires: 0x10000,
} as const;

const scopes = { global: 0x2, domainLocal: 0x4, universal: 0x8 } as const;
export type GroupScope = keyof typeof scopes;
const securityEnabled = 0x80000000;

/** `groupType` is a signed number of 32 bits (MS-ADTS 2.2.12). */
export const groupTypeValue = (scope: GroupScope, category: "security" | "distribution"): string =>
  String(scopes[scope] | (category === "security" ? securityEnabled : 0) | 0);

export function groupTypeOf(value: string): { scope: GroupScope; category: "security" | "distribution" } {
  const bits = Number(value);
  const scope = (Object.keys(scopes) as GroupScope[]).find((each) => (bits & scopes[each]) !== 0) ?? "global";
  return { scope, category: bits < 0 ? "security" : "distribution" };
}
