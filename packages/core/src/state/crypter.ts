/**
 * Encryption of secrets. A stack has one random 32-byte data key; what encrypts and what fingerprints are separate keys derived from it.
 * Text form of a ciphertext, the same as Pulumi's (pulumi/pulumi `sdk/go/common/resource/config/crypt.go`):
 * `v1:<nonce>:<ciphertext and tag>`, both base64, AES-256-GCM with a random 12-byte nonce and a 16-byte tag.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { fail } from "../model/failure.js";
import type { Crypter } from "./contract.js";

/** Bytes of a data key, and of every key derived from it. */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export const newDataKey = (): Buffer => randomBytes(keyBytes);

/** The crypter of a stack's state, plans and own configuration secrets. `dataKey` is 32 bytes. */
export function createCrypter(dataKey: Uint8Array): Crypter {
  const encryption = deriveKey(dataKey, "orch secrets v1");
  const fingerprints = deriveKey(dataKey, "orch fingerprints v1");
  return {
    encrypt: (plaintext) => sealText(encryption, plaintext),
    decrypt: (ciphertext) =>
      openText(encryption, ciphertext) ??
      fail({
        reason: "secret-unreadable",
        message: "A secret can't be decrypted: it was encrypted with another key, or changed since.",
        next: [
          "Check that the stack's settings file and the state belong together: the data key in the settings file is the one that the state's secrets were encrypted with.",
          "Restore whichever was changed from version control or a copy.",
        ],
      }),
    fingerprint: (text) => createHmac("sha256", fingerprints).update(text, "utf8").digest("hex"),
  };
}

/** Which data key it is, to tell one from another: 16 hex digits that may be published. */
export const keyIdOf = (crypter: Crypter): string => crypter.fingerprint("orch data key v1").slice(0, 16);

/** HKDF-SHA-256 (RFC 5869) with the purpose as its info. */
const deriveKey = (key: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync("sha256", key, "", purpose, keyBytes));

/** Encrypts with the key itself; the text form is described above. */
export function sealText(key: Uint8Array, plaintext: string | Uint8Array): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([
    typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}

/** Undefined when the text is malformed, was changed, or belongs to another key. */
export function openBytes(key: Uint8Array, ciphertext: string): Buffer | undefined {
  const match = /^v1:([A-Za-z0-9+/]{16}):([A-Za-z0-9+/]+={0,2})$/.exec(ciphertext);
  if (match === null) return undefined;
  const nonce = Buffer.from(match[1] as string, "base64");
  const sealed = Buffer.from(match[2] as string, "base64");
  // Bits that base64 ignores would make two texts of one ciphertext.
  if (sealed.length < tagBytes || sealed.toString("base64") !== match[2]) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
  } catch {
    // The only thing that final() throws for: the tag does not fit.
    return undefined;
  }
}

export const openText = (key: Uint8Array, ciphertext: string): string | undefined =>
  openBytes(key, ciphertext)?.toString("utf8");
