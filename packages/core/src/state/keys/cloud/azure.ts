/**
 * Azure Key Vault: `wrapkey` and `unwrapkey` of its REST API (learn.microsoft.com/rest/api/keyvault/keys), version 7.4, with
 * RSA-OAEP-256. The key never leaves the vault. Needs an RSA key with the operations wrapKey and unwrapKey.
 */
import { azureToken } from "./azure-token.js";
import { base64Of, type Refusal, refuse, requestJson } from "./request.js";
import type { CloudService } from "./service.js";
import { failKeyUrl, splitKeyUrl } from "./url.js";

const apiVersion = "7.4";
const algorithm = "RSA-OAEP-256";

interface Key {
  /** `https://NAME.vault.azure.net` */
  readonly vault: string;
  readonly vaultName: string;
  readonly name: string;
  readonly version: string | undefined;
}
type Env = Readonly<Record<string, string | undefined>>;

export const azureKeyVault: CloudService = {
  async wrap(url, dataKey, env) {
    const key = parse(url);
    const json = await call(key, "wrapkey", dataKey.toString("base64url"), env);
    return {
      wrappedKey: base64Of(json.value, serviceOf(key)).toString("base64"),
      // A new version of the key must not make what an older one wrapped unreadable.
      version: typeof json.kid === "string" ? json.kid.split("/").at(-1) : key.version,
    };
  },
  async unwrap({ url, wrappedKey, version }, env) {
    const key = parse(url);
    const wrapped = Buffer.from(wrappedKey, "base64").toString("base64url");
    const json = await call({ ...key, version: version ?? key.version }, "unwrapkey", wrapped, env);
    return base64Of(json.value, serviceOf(key));
  },
};

const serviceOf = (key: Key): string => `Azure Key Vault ${key.vaultName}`;

/** `azurekeyvault://VAULT/KEY[/VERSION]`, and Pulumi's `azurekeyvault://VAULT.vault.azure.net/keys/KEY[/VERSION]`. */
function parse(url: string): Key {
  const [host = "", ...rest] = splitKeyUrl(url)
    .name.split("/")
    .filter((part) => part !== "");
  const [name, version, ...more] = rest[0] === "keys" && rest.length > 1 ? rest.slice(1) : rest;
  if (!/^[A-Za-z0-9-]+(\.(vault|managedhsm)\.(azure\.net|azure\.cn|usgovcloudapi\.net))?$/.test(host)) {
    return failKeyUrl("azurekeyvault", url, "its vault is neither a name nor a host of Azure Key Vault");
  }
  if (name === undefined) return failKeyUrl("azurekeyvault", url, "it has no key");
  if (more.length > 0 || ![name, version ?? "v"].every((part) => /^[A-Za-z0-9-]+$/.test(part))) {
    return failKeyUrl("azurekeyvault", url, "names of keys have letters, digits and hyphens only");
  }
  return {
    vault: `https://${host.includes(".") ? host : `${host}.vault.azure.net`}`,
    vaultName: host.split(".")[0] as string,
    name,
    version,
  };
}

/** What the token is for: the vault's domain, which differs between clouds. */
const resourceOf = (key: Key): string => `https://${new URL(key.vault).host.split(".").slice(1).join(".")}`;

async function call(
  key: Key,
  action: "wrapkey" | "unwrapkey",
  value: string,
  env: Env,
): Promise<Readonly<Record<string, unknown>>> {
  const token = await azureToken(resourceOf(key), env);
  const path = ["keys", key.name, ...(key.version === undefined ? [] : [key.version]), action].join("/");
  const { status, json } = await requestJson(
    new Request(`${key.vault}/${path}?api-version=${apiVersion}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ alg: algorithm, value }),
    }),
    {
      service: serviceOf(key),
      unreachableNext: [
        `Check the name of the vault (${new URL(key.vault).host}), the network, and the vault's firewall.`,
        `See that it is there: \`az keyvault show --name ${key.vaultName}\`.`,
      ],
    },
  );
  if (status === 200) return json;
  const error = (json.error ?? {}) as {
    code?: string;
    message?: string;
    innererror?: { code?: string };
  };
  const code = error.innererror?.code ?? error.code ?? "";
  return refuse(
    meaning(key, action, code, error.message ?? "", status),
    status,
    [code, error.message].filter(Boolean).join(": "),
  );
}

function meaning(key: Key, action: string, code: string, said: string, status: number): Refusal {
  const show = `\`az keyvault key show --vault-name ${key.vaultName} --name ${key.name}\``;
  if (status === 401) {
    return {
      reason: "authentication-failed",
      message: `Azure Key Vault ${key.vaultName} does not accept the token of the identity that asked.`,
      expected: "an identity of the vault's own tenant",
      next: [
        "See which identity and tenant it is: `az account show`.",
        "Correct AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or `az login --tenant TENANT`.",
      ],
    };
  }
  if (/KeyDisabled|KeyNotYetValid|KeyExpired/.test(code) || /is disabled|expired|not yet valid/i.test(said)) {
    return {
      reason: "key-missing",
      message: `The key ${key.name} of the vault ${key.vaultName} can't be used: it is disabled, has expired, or is not valid yet.`,
      expected: "an enabled key",
      next: [
        `Enable it: \`az keyvault key set-attributes --vault-name ${key.vaultName} --name ${key.name} --enabled true\`.`,
        `See its dates: ${show}.`,
      ],
    };
  }
  if (status === 403) {
    const right = action === "wrapkey" ? "wrap" : "unwrap";
    const byFirewall = code === "ForbiddenByFirewall";
    return byFirewall
      ? {
          reason: "connection-failed",
          message: `The firewall of the vault ${key.vaultName} does not let this machine in.`,
          expected: "an address that the vault's network rules allow",
          next: [`See them: \`az keyvault network-rule list --name ${key.vaultName}\`.`],
        }
      : {
          reason: "authentication-failed",
          message: `The Azure identity may not ${right} with the key ${key.name} of the vault ${key.vaultName}: the right Microsoft.KeyVault/vaults/keys/${right}/action is missing.`,
          path: `Microsoft.KeyVault/vaults/keys/${right}/action`,
          expected: "the rights wrap and unwrap on the key",
          next: [
            'Give the identity the role "Key Vault Crypto User" on the key or the vault (`az role assignment create`),',
            "or, in a vault with access policies: `az keyvault set-policy --key-permissions wrapKey unwrapKey`.",
          ],
        };
  }
  if (status === 404) {
    return {
      reason: "key-missing",
      message: `There is no key ${key.name}${key.version === undefined ? "" : ` of the version ${key.version}`} in the vault ${key.vaultName}.`,
      expected: "the name of a key",
      next: [
        `See what there is: \`az keyvault key list --vault-name ${key.vaultName}\`. Then correct the URL.`,
        `If it was deleted: \`az keyvault key recover --vault-name ${key.vaultName} --name ${key.name}\`.`,
      ],
    };
  }
  if (status === 400 && action === "unwrapkey") {
    return {
      reason: "secret-unreadable",
      message: `The stack's data key was not wrapped by the key ${key.name} of the vault ${key.vaultName}, or the encryption block of the settings file was changed.`,
      path: "encryption.wrappedKey",
      expected: "a data key that this version of the key wrapped",
      next: ["Restore the stack's settings file from version control or a copy."],
    };
  }
  if (status === 400) {
    return {
      reason: "config-invalid",
      message: `The key ${key.name} of the vault ${key.vaultName} can't wrap keys.`,
      path: "encryption.url",
      expected: `an RSA key with the operations wrapKey and unwrapKey (${algorithm})`,
      next: [`See its type: ${show}. Then choose or make another key.`],
    };
  }
  return {
    reason: "connection-failed",
    message: `Azure Key Vault ${key.vaultName} could not answer.`,
    expected: "HTTP 200",
    next: ["Wait a little, then run the same command again."],
  };
}
