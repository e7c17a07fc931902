/**
 * A new data key for a stack, or another way of keeping the one that it has.
 *
 * What is encrypted lies in two places: the state and the settings file. The state goes first, in one transaction that also keeps the
 * wrapped new key; then the settings file is replaced. Killed in between, the file is still under its old key, and the state says
 * what it is under: `openStackContext` reads both.
 */
import { isMap, isScalar, visit } from "yaml";
import { createCrypter, newDataKey } from "../state/crypter.js";
import type { EncryptionBlock } from "../state/keys/contract.js";
import { type KeySources, wrapDataKey, wrapLike } from "../state/keys/index.js";
import type { StackContext } from "./context.js";
import { type ConfigCipher, cipherOf, type Keyring } from "./keyring.js";
import { readStackFile, type StackFile, saveStackFile, setEncryption } from "./stack-file.js";

export interface RekeyOptions {
  /** `key-file`, `passphrase` or a URL. Absent: as the key is kept now. */
  readonly provider?: string;
  /** False: the data key stays, and is only kept in another way. */
  readonly newKey: boolean;
  /** user@host, for the run that is recorded. */
  readonly who: string;
}

export interface Rekeyed {
  readonly block: EncryptionBlock;
  /** In the state and its history. */
  readonly stateSecrets: number;
  readonly configSecrets: number;
  readonly newKey: boolean;
}

/**
 * Rejects as key providers do, with `state-locked` while a run goes on, and with `secret-unreadable` where a secret can't be decrypted;
 * nothing is changed then. The context is of no use afterwards but to be closed.
 */
export async function rekeyStack(
  context: StackContext,
  sources: KeySources,
  options: RekeyOptions,
): Promise<Rekeyed> {
  const { keyring, file } = context;
  // Pulumi's key is made of the passphrase itself: it can't be kept in another way.
  const newKey = options.newKey || keyring.dataKey === undefined;
  const dataKey = newKey ? newDataKey() : (keyring.dataKey as Uint8Array);
  const block =
    options.provider === undefined && file.encryption !== undefined
      ? await wrapLike(dataKey, sources, file.encryption)
      : await wrapDataKey(dataKey, sources, options.provider ?? "passphrase");
  const crypter = createCrypter(dataKey);
  // Every secret is read once before anything is written.
  reencryptConfig(await readStackFile(context.project, context.stack), context.fileCipher, keyring.config);
  const stateSecrets = await context.store.rekey(crypter, block, options.who);
  // Read again: it may have been edited while the services were asked.
  const now = await readStackFile(context.project, context.stack);
  const configSecrets = reencryptConfig(now, context.fileCipher, cipherOf(crypter, now));
  setEncryption(now, block);
  if (now.pulumiSalt !== undefined) now.yaml.document.delete("encryptionsalt");
  await saveStackFile(now);
  return { block, stateSecrets, configSecrets, newKey };
}

/** In the document; saved by the caller. The number of secrets. */
export function reencryptConfig(file: StackFile, from: ConfigCipher, to: ConfigCipher): number {
  let count = 0;
  const config = file.yaml.document.get("config", true);
  if (!isMap(config)) return 0;
  for (const pair of config.items) {
    const name = String(isScalar(pair.key) ? pair.key.value : pair.key);
    visit(pair as never, {
      Map(_key, node) {
        const secure = node.items.length === 1 ? node.get("secure", true) : undefined;
        if (!isScalar(secure) || typeof secure.value !== "string") return undefined;
        secure.value = to.encrypt(from.decrypt(secure.value, name));
        count++;
        return visit.SKIP;
      },
    });
  }
  return count;
}

/** A file whose key is older than the state's, brought to the state's key in memory; the next command that saves it writes that. */
export function catchUp(
  file: StackFile,
  from: ConfigCipher | undefined,
  block: EncryptionBlock,
  to: Keyring,
): StackFile {
  if (from !== undefined) reencryptConfig(file, from, to.config);
  setEncryption(file, block);
  if (file.pulumiSalt !== undefined) file.yaml.document.delete("encryptionsalt");
  return { ...file, encryption: block };
}
