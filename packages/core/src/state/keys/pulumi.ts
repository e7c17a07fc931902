/**
 * Pulumi's own passphrase secrets: `encryptionsalt: v1:<salt>:v1:<nonce>:<ciphertext of "pulumi">` in a stack's settings file, with a key
 * from PBKDF2-SHA-256 of 1,000,000 rounds. Source: pulumi/pulumi `pkg/secrets/passphrase/manager.go`, `sdk/go/common/resource/config/crypt.go`.
 */
import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { fail } from "../../model/failure.js";
import { keyBytes, openText } from "../crypter.js";
import type { KeySources } from "./contract.js";
import { failWrongPassphrase, readPassphrase } from "./passphrase.js";

const rounds = 1_000_000;

/** The key that Pulumi encrypts the file's `secure:` values with, itself and not derived further. */
export async function pulumiPassphraseKey(encryptionSalt: string, sources: KeySources): Promise<Buffer> {
  const match = /^v1:([^:]+):(v1:.+)$/.exec(encryptionSalt);
  if (match === null) {
    return fail({
      reason: "secret-unreadable",
      message: "The encryptionsalt of the stack's settings file is not in the form that Pulumi writes.",
      path: "encryptionsalt",
      expected: "v1:<salt>:v1:<nonce>:<check>",
      next: ["Restore the stack's settings file from version control or a copy."],
    });
  }
  const passphrase = await readPassphrase(sources, "existing");
  const salt = Buffer.from(match[1] as string, "base64");
  const key = await derivePulumiKey(passphrase, salt);
  return openText(key, match[2] as string) === "pulumi" ? key : failWrongPassphrase();
}

export const derivePulumiKey = (passphrase: string, salt: Uint8Array): Promise<Buffer> =>
  promisify(pbkdf2)(passphrase, salt, rounds, keyBytes, "sha256");
