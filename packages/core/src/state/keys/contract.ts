/**
 * How a stack's data key is kept: wrapped by a key that a person or a service holds, in the stack's settings file. A key-management
 * service is one more {@link KeyProvider}.
 */
import { z } from "zod";
import type { CloudScheme } from "./cloud/url.js";

/** Asks a person; never shown, never stored. */
export type PassphrasePrompt = (question: string, options: { readonly confirm: boolean }) => Promise<string>;

/** Where keys and passphrases may come from. */
export interface KeySources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent without a terminal. */
  readonly prompt?: PassphrasePrompt;
  /** N, r, p of scrypt for new passphrases; for tests. */
  readonly scryptCost?: readonly [number, number, number];
}

/** A key of a key-management service, by its URL. */
const cloudBlock = <Kind extends CloudScheme>(kind: Kind) =>
  z.strictObject({
    kind: z.literal(kind),
    /** As given to `--secrets-provider`: {@link keyUrlForms}. */
    url: z.string(),
    /** Which version of the service's key wrapped, where the wrapped key does not tell. */
    version: z.string().optional(),
    /** The data key, as the service wrapped it. */
    wrappedKey: z.string(),
  });

/** The `encryption` block of a stack's settings file. Everything in it may be published. */
export const encryptionBlock = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("key-file"),
    /** First 16 hex digits of the key's SHA-256. */
    keyId: z.string().regex(/^[0-9a-f]{16}$/, "must be 16 hex digits"),
    /** The data key, sealed with the key of the file. */
    wrappedKey: z.string(),
  }),
  z.strictObject({
    kind: z.literal("passphrase"),
    /** Base64 of 16 random bytes. */
    salt: z.string(),
    /** Cost of scrypt: N, r, p (RFC 7914). */
    scrypt: z.tuple([
      // Bounded: an edited file must not make orch take all memory.
      z
        .number()
        .int()
        .min(2)
        .max(2 ** 20),
      z.number().int().min(1).max(32),
      z.number().int().min(1).max(16),
    ]),
    /** Base64; tells a wrong passphrase from a damaged block. */
    check: z.string(),
    /** The data key, sealed with the key made of the passphrase. */
    wrappedKey: z.string(),
  }),
  cloudBlock("awskms"),
  cloudBlock("azurekeyvault"),
  cloudBlock("hashivault"),
]);
export type EncryptionBlock = z.infer<typeof encryptionBlock>;

export interface KeyProvider<Block extends EncryptionBlock = EncryptionBlock> {
  readonly kind: Block["kind"];
  /** Wraps a data key, making what it needs on first use. `url` is given for services. */
  wrap(dataKey: Uint8Array, sources: KeySources, url?: string): Promise<Block>;
  /**
   * Rejects with `key-missing`, `wrong-passphrase`, or `secret-unreadable` when the block is damaged; services also with
   * `authentication-failed`, `connection-failed`, `timeout`, and `config-invalid` for a wrong URL.
   */
  unwrap(block: Block, sources: KeySources): Promise<Buffer>;
}
