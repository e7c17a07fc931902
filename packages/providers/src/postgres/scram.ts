/**
 * Passwords as PostgreSQL keeps them (SCRAM-SHA-256, RFC 5802 and 7677): made here, so that the password itself never reaches the server, its log or its
 * statistics. Format: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, in base64.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

const ITERATIONS = 4096;

/** SASLprep (RFC 4013) as PostgreSQL does it: where the result would hold what is prohibited, the password is taken as it is. */
function prepared(password: string): string {
  const mapped = password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(/\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g, "")
    .normalize("NFKC");
  return mapped === "" || /[\p{Cc}\p{Co}\p{Cs}\p{Cn}]/u.test(mapped) ? password : mapped;
}

export function verifier(password: string, salt = randomBytes(16), iterations = ITERATIONS): string {
  const salted = pbkdf2Sync(prepared(password), salt, iterations, 32, "sha256");
  const hmac = (text: string): Buffer => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(hmac("Client Key")).digest();
  const keys = `${stored.toString("base64")}:${hmac("Server Key").toString("base64")}`;
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${keys}`;
}

/** Is it the verifier of this password? Also of the older MD5 kind. */
export function isVerifierOf(kept: string, password: string, role: string): boolean {
  const [, iterations, salt] = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$/.exec(kept) ?? [];
  const made =
    salt === undefined
      ? `md5${createHash("md5").update(`${password}${role}`).digest("hex")}`
      : verifier(password, Buffer.from(salt, "base64"), Number(iterations));
  return made.length === kept.length && timingSafeEqual(Buffer.from(made), Buffer.from(kept));
}
