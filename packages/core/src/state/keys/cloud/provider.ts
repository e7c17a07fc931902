/** The key-management services as key providers. Each loads when a stack's key is wrapped by it, and not before. */
import { fail } from "../../../model/failure.js";
import { keyBytes } from "../../crypter.js";
import type { EncryptionBlock, KeyProvider } from "../contract.js";
import type { CloudService } from "./service.js";
import { type CloudScheme, keyUrlForms, schemeOf } from "./url.js";

const load: Readonly<Record<CloudScheme, () => Promise<CloudService>>> = {
  awskms: async () => (await import("./aws.js")).awsKms,
  azurekeyvault: async () => (await import("./azure.js")).azureKeyVault,
  hashivault: async () => (await import("./vault.js")).vaultTransit,
};

type CloudBlock = Extract<EncryptionBlock, { kind: CloudScheme }>;

export function cloudProvider<Scheme extends CloudScheme>(
  kind: Scheme,
): KeyProvider<Extract<EncryptionBlock, { kind: Scheme }>> {
  const provider: KeyProvider<CloudBlock> = {
    kind,
    async wrap(dataKey, { env }, url = "") {
      const service = await load[kind]();
      const wrapped = await service.wrap(url, Buffer.from(dataKey), env);
      const { wrappedKey, version } = wrapped;
      return { kind, url, ...(version === undefined ? {} : { version }), wrappedKey };
    },
    async unwrap(block, { env }) {
      if (schemeOf(block.url) !== kind) {
        return fail({
          reason: "config-invalid",
          message: "The encryption block of the stack's settings file has a URL that is not of its kind.",
          path: "encryption.url",
          expected: keyUrlForms[kind],
          found: block.url,
          next: ["Restore the stack's settings file from version control or a copy."],
        });
      }
      const dataKey = await (await load[kind]()).unwrap(block, env);
      if (dataKey.length === keyBytes) return dataKey;
      return fail({
        reason: "secret-unreadable",
        message: "What the encryption block of the stack's settings file holds is not a stack's data key.",
        path: "encryption.wrappedKey",
        expected: `${keyBytes} bytes`,
        found: `${dataKey.length} bytes`,
        next: ["Restore the stack's settings file from version control or a copy."],
      });
    },
  };
  // The same kind goes in and comes out.
  return provider as unknown as KeyProvider<Extract<EncryptionBlock, { kind: Scheme }>>;
}
