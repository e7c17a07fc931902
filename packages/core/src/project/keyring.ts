/** What a stack's secrets are read and written with, by what its settings file says. */
import { fail } from "../model/failure.js";
import type { Crypter } from "../state/contract.js";
import { createCrypter, openText, sealText } from "../state/crypter.js";
import { type KeySources, makeDataKey, pulumiPassphraseKey, unwrapDataKey } from "../state/keys/index.js";
import { type StackFile, setEncryption } from "./stack-file.js";

/** Encrypts the secrets of a settings file. `key` is named when one can't be read. */
export interface ConfigCipher {
  encrypt(plaintext: string): string;
  decrypt(ciphertext: string, key: string): string;
}

export interface Keyring {
  /** For state, plans and fingerprints. */
  readonly crypter: Crypter;
  readonly config: ConfigCipher;
  /** Absent for Pulumi's own key, which is made of the passphrase itself. */
  readonly dataKey?: Uint8Array;
}

/**
 * Unwraps the stack's data key. Undefined when the file has none yet. A file with Pulumi's `encryptionsalt` and no block of orch stays
 * Pulumi's: its key is the data key, and what orch encrypts in the file Pulumi can read.
 */
export async function openKeyring(file: StackFile, sources: KeySources): Promise<Keyring | undefined> {
  if (file.encryption === undefined) {
    if (file.pulumiSalt === undefined) return undefined;
    const key = await pulumiPassphraseKey(file.pulumiSalt, sources);
    return {
      crypter: createCrypter(key),
      config: {
        encrypt: (plaintext) => sealText(key, plaintext),
        decrypt: (ciphertext, name) => openText(key, ciphertext) ?? failUnreadable(file, name),
      },
    };
  }
  return keyringOf(await unwrapDataKey(file.encryption, sources), file);
}

/** Makes the stack's data key, wraps it as `secretsProvider` says and puts the block into the file's document. */
export async function makeKeyring(
  file: StackFile,
  sources: KeySources,
  secretsProvider?: string,
): Promise<Keyring> {
  const { dataKey, block } = await makeDataKey(sources, secretsProvider);
  setEncryption(file, block);
  return keyringOf(dataKey, file);
}

export function keyringOf(dataKey: Uint8Array, file: StackFile): Keyring {
  const crypter = createCrypter(dataKey);
  return { crypter, config: cipherOf(crypter, file), dataKey };
}

export const cipherOf = (crypter: Crypter, file: StackFile): ConfigCipher => ({
  encrypt: crypter.encrypt,
  decrypt(ciphertext, name) {
    try {
      return crypter.decrypt(ciphertext);
    } catch (error) {
      return failUnreadable(file, name, error);
    }
  },
});

const failUnreadable = (file: StackFile, key: string, cause?: unknown): never =>
  fail(
    {
      reason: "secret-unreadable",
      message: `The secret ${key} in ${file.yaml.path} can't be decrypted: it was encrypted with another key, or changed since.`,
      path: key,
      next: [
        `Set it again: \`orch config set --secret ${key}\`.`,
        "Or restore the file from version control, together with its encryption block.",
      ],
    },
    cause,
  );
