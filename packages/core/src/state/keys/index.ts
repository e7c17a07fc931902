/** Wrapping and unwrapping data keys, by whatever kind of key the stack uses. */
import { newDataKey } from "../crypter.js";
import type { EncryptionBlock, KeyProvider, KeySources } from "./contract.js";
import { keyFileProvider } from "./key-file.js";
import { hasPassphrase, passphraseProvider } from "./passphrase.js";

export type { EncryptionBlock, KeyProvider, KeySources, PassphrasePrompt } from "./contract.js";
export { encryptionBlock } from "./contract.js";
export { keyFolder } from "./key-file.js";
export { pulumiPassphraseKey } from "./pulumi.js";

const providers: {
  readonly [Kind in EncryptionBlock["kind"]]: KeyProvider<Extract<EncryptionBlock, { kind: Kind }>>;
} = {
  "key-file": keyFileProvider,
  passphrase: passphraseProvider,
};

/** Without a wish: a passphrase where one is given by the environment, otherwise the key file. */
export async function makeDataKey(
  sources: KeySources,
  kind: EncryptionBlock["kind"] = hasPassphrase(sources) ? "passphrase" : "key-file",
): Promise<{ readonly dataKey: Buffer; readonly block: EncryptionBlock }> {
  const dataKey = newDataKey();
  return { dataKey, block: await providers[kind].wrap(dataKey, sources) };
}

export function unwrapDataKey(block: EncryptionBlock, sources: KeySources): Promise<Buffer> {
  return (providers[block.kind] as KeyProvider).unwrap(block, sources);
}
