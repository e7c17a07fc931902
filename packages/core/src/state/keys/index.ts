/** Wrapping and unwrapping data keys, by whatever kind of key the stack uses. */
import { fail } from "../../model/failure.js";
import { didYouMean } from "../closest.js";
import { newDataKey } from "../crypter.js";
import { cloudProvider } from "./cloud/provider.js";
import { keyUrlForms, schemeOf } from "./cloud/url.js";
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
  awskms: cloudProvider("awskms"),
  azurekeyvault: cloudProvider("azurekeyvault"),
  hashivault: cloudProvider("hashivault"),
};

/** `key-file`, `passphrase`, or the URL of a service's key. */
export const secretsProviderForms: readonly string[] = [
  "key-file",
  "passphrase",
  ...Object.values(keyUrlForms),
];

interface Choice {
  readonly kind: EncryptionBlock["kind"];
  readonly url?: string;
}

/** Without a wish: a passphrase where one is given by the environment, otherwise the key file. */
function choose(sources: KeySources, wish: string | undefined): Choice {
  if (wish === undefined) return { kind: hasPassphrase(sources) ? "passphrase" : "key-file" };
  if (wish === "key-file" || wish === "passphrase") return { kind: wish };
  // Pulumi's own word for it.
  if (wish === "default") return { kind: "key-file" };
  const kind = schemeOf(wish);
  if (kind !== undefined) return { kind, url: wish };
  const near = didYouMean(wish.replace(/:.*/, ""), ["key-file", "passphrase", ...Object.keys(keyUrlForms)]);
  return fail({
    reason: "invalid-flag",
    message: `orch has no secrets provider ${JSON.stringify(wish)}.`,
    expected: `one of: ${secretsProviderForms.join(", ")}`,
    found: wish,
    next: near.length > 0 ? near : ["Name one of these."],
  });
}

/** Fails with `invalid-flag` when `wish` names no provider. */
export function checkSecretsProvider(wish: string): void {
  choose({ env: {} }, wish);
}

/** `wish`: {@link secretsProviderForms}. Rejects as {@link KeyProvider}s do, and with `invalid-flag`. */
export async function makeDataKey(
  sources: KeySources,
  wish?: string,
): Promise<{ readonly dataKey: Buffer; readonly block: EncryptionBlock }> {
  const dataKey = newDataKey();
  return { dataKey, block: await wrapDataKey(dataKey, sources, wish) };
}

/** Wraps a data key that there is already, to keep it in another way. */
export async function wrapDataKey(
  dataKey: Uint8Array,
  sources: KeySources,
  wish: string | undefined,
): Promise<EncryptionBlock> {
  const { kind, url } = choose(sources, wish);
  return (providers[kind] as KeyProvider).wrap(dataKey, sources, url);
}

/** Wraps another data key in the way in which `like` was wrapped. */
export const wrapLike = (
  dataKey: Uint8Array,
  sources: KeySources,
  like: EncryptionBlock,
): Promise<EncryptionBlock> => wrapDataKey(dataKey, sources, "url" in like ? like.url : like.kind);

export function unwrapDataKey(block: EncryptionBlock, sources: KeySources): Promise<Buffer> {
  return (providers[block.kind] as KeyProvider).unwrap(block, sources);
}
