/** The secrets of a checkpoint: ciphertext under a passphrase (`secrets_providers`). Source: pulumi/pulumi `pkg/secrets/passphrase/manager.go`. */
import { randomBytes } from "node:crypto";
import { type Failure, fail, OrchError } from "../../model/failure.js";
import { sealText } from "../crypter.js";
import type { KeySources } from "../keys/contract.js";
import { readPassphrase } from "../keys/passphrase.js";
import { derivePulumiKey, pulumiPassphraseKey } from "../keys/pulumi.js";

export interface SecretsProvider {
  readonly type: string;
  readonly state?: unknown;
}

const variable = "PULUMI_CONFIG_PASSPHRASE";

/** orch's own passphrase is another one, and is asked for under its own name. */
function pulumiSources({ env, ...sources }: KeySources): KeySources {
  const given = Object.entries(env).filter(([name]) => name === variable || name === `${variable}_FILE`);
  return { ...sources, env: Object.fromEntries(given) };
}

const missing: Partial<Failure> = {
  next: [`Set ${variable}, or ${variable}_FILE to a file that holds it. On a terminal, orch asks for it.`],
};

async function told<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OrchError)) throw error;
    const { failure } = error;
    if (failure.reason === "key-missing")
      throw new OrchError({
        ...failure,
        ...missing,
        message: `The secrets of ${name} need a passphrase, and none was given.`,
      });
    if (failure.reason === "wrong-passphrase")
      throw new OrchError({
        ...failure,
        message: `The passphrase is not the one that the secrets of ${name} were encrypted with. Nothing was imported.`,
        next: [`Check ${variable}, or enter it again.`],
      });
    throw error;
  }
}

/** The key of a file's secrets. Rejects with `key-missing`, `wrong-passphrase`, or `secret-unreadable` for a provider that only Pulumi can ask. */
export async function openKey(
  provider: SecretsProvider | undefined,
  name: string,
  sources: KeySources,
): Promise<Buffer> {
  const salt = (provider?.state as { salt?: unknown } | undefined)?.salt;
  if (provider?.type === "passphrase" && typeof salt === "string")
    return told(name, () => pulumiPassphraseKey(salt, pulumiSources(sources)));
  return fail({
    reason: "secret-unreadable",
    message: `The secrets of ${name} are encrypted in a way that only Pulumi can undo. Nothing was imported.`,
    path: "deployment.secrets_providers",
    expected: "the type `passphrase` with its salt, or secrets in clear",
    found: provider === undefined ? "none" : `the type ${JSON.stringify(provider.type)}`,
    next: [
      "Export it with secrets in clear, import that, and delete the file: `pulumi stack export --show-secrets --file FILE`.",
    ],
  });
}

/** A new key out of the passphrase, and what `secrets_providers` says of it. Rejects with `key-missing`. */
export async function newKey(sources: KeySources): Promise<{ key: Buffer; provider: SecretsProvider }> {
  const passphrase = await told("the stack", () => readPassphrase(pulumiSources(sources), "new"));
  const salt = randomBytes(8);
  const key = await derivePulumiKey(passphrase, salt);
  const state = { salt: `v1:${salt.toString("base64")}:${sealText(key, "pulumi")}` };
  return { key, provider: { type: "passphrase", state } };
}
