/**
 * HashiCorp Vault (and OpenBao): `encrypt` and `decrypt` of the transit engine (developer.hashicorp.com/vault/api-docs/secret/transit).
 * VAULT_ADDR, VAULT_TOKEN (or ~/.vault-token, as `vault login` leaves it) and VAULT_NAMESPACE say where and as whom.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../../../model/failure.js";
import { base64Of, type Refusal, refuse, requestJson } from "./request.js";
import type { CloudService } from "./service.js";
import { failKeyUrl, splitKeyUrl } from "./url.js";

interface Key {
  readonly address: string;
  readonly mount: string;
  readonly name: string;
}
type Env = Readonly<Record<string, string | undefined>>;

export const vaultTransit: CloudService = {
  async wrap(url, dataKey, env) {
    const key = parse(url, env);
    const { ciphertext } = await call(key, "encrypt", { plaintext: dataKey.toString("base64") }, env);
    if (typeof ciphertext === "string" && /^vault:v\d+:/.test(ciphertext)) return { wrappedKey: ciphertext };
    // Says in what it differs from the documented form.
    base64Of(undefined, serviceOf(key));
    throw new TypeError("unreachable");
  },
  async unwrap({ url, wrappedKey }, env) {
    const key = parse(url, env);
    const { plaintext } = await call(key, "decrypt", { ciphertext: wrappedKey }, env);
    return base64Of(plaintext, serviceOf(key));
  },
};

const serviceOf = (key: Key): string => `Vault at ${key.address}`;

/** `hashivault://KEY`, or `hashivault://KEY?mount=PATH` where the engine is not mounted at `transit`. */
function parse(url: string, env: Env): Key {
  const { name, query } = splitKeyUrl(url);
  const mount = query.get("mount") || "transit";
  if (!/^[\w.-]+$/.test(name)) return failKeyUrl("hashivault", url, "it has no name of a transit key");
  if (!/^[\w./-]+$/.test(mount)) return failKeyUrl("hashivault", url, "its mount is no path");
  // VAULT_SERVER_URL is what Pulumi's library reads.
  const address = (env.VAULT_ADDR || env.VAULT_SERVER_URL || "").replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(address)) {
    return fail({
      reason: "key-missing",
      message: "It is not said where the Vault is that holds the stack's key.",
      path: "VAULT_ADDR",
      expected: "a URL such as https://vault.example.com:8200",
      found: address === "" ? "VAULT_ADDR is not set" : address,
      next: ["Set VAULT_ADDR."],
    });
  }
  return { address, mount: mount.replace(/^\/+|\/+$/g, ""), name };
}

async function tokenOf(env: Env): Promise<string> {
  const given = env.VAULT_TOKEN || env.VAULT_SERVER_TOKEN;
  if (given) return given;
  const path = join(env.HOME || env.USERPROFILE || homedir(), ".vault-token");
  const kept = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "";
    throw error;
  });
  if (kept.trim() !== "") return kept.trim();
  return fail({
    reason: "key-missing",
    message: "There is no Vault token to ask for the stack's key with.",
    expected: `VAULT_TOKEN, or ${path}`,
    found: "neither",
    next: ["Log in with `vault login`, or set VAULT_TOKEN."],
  });
}

async function call(
  key: Key,
  action: "encrypt" | "decrypt",
  input: Readonly<Record<string, string>>,
  env: Env,
): Promise<Readonly<Record<string, unknown>>> {
  const token = await tokenOf(env);
  const { status, json } = await requestJson(
    new Request(`${key.address}/v1/${key.mount}/${action}/${key.name}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-vault-request": "true",
        "x-vault-token": token,
        ...(env.VAULT_NAMESPACE ? { "x-vault-namespace": env.VAULT_NAMESPACE } : {}),
      },
      body: JSON.stringify(input),
    }),
    {
      service: serviceOf(key),
      unreachableNext: [
        "Check VAULT_ADDR and the network.",
        "Where Vault has a certificate of an own authority, name that with NODE_EXTRA_CA_CERTS.",
      ],
    },
  );
  if (status === 200) return (json.data ?? {}) as Record<string, unknown>;
  const errors = Array.isArray(json.errors) ? json.errors.join("; ").trim() : "";
  return refuse(meaning(key, action, errors, status, env), status, errors);
}

function meaning(key: Key, action: string, said: string, status: number, env: Env): Refusal {
  const path = `${key.mount}/${action}/${key.name}`;
  const namespace = env.VAULT_NAMESPACE ? ` in the namespace ${env.VAULT_NAMESPACE}` : "";
  if (status === 401 || (status === 403 && /invalid token|bad token|missing client token/i.test(said))) {
    return {
      reason: "authentication-failed",
      message: `Vault at ${key.address} does not accept the token.`,
      expected: "a valid token",
      next: ["Log in again with `vault login`, or correct VAULT_TOKEN and VAULT_NAMESPACE."],
    };
  }
  if (status === 403) {
    return {
      reason: "authentication-failed",
      message: `The Vault token may not use the key ${key.name}${namespace}: the capability update on ${path} is missing.`,
      path,
      expected: `the capability update on ${key.mount}/encrypt/${key.name} and ${key.mount}/decrypt/${key.name}`,
      next: [
        `See what it may do: \`vault token capabilities ${path}\` (a token that has expired is refused in the same way: \`vault token lookup\`).`,
        `Add to its policy: path "${path}" { capabilities = ["update"] }.`,
      ],
    };
  }
  if (status === 404 || /no handler for route|unsupported path/i.test(said)) {
    return {
      reason: "key-missing",
      message: `Vault has no transit engine at ${key.mount}${namespace}.`,
      expected: `a transit engine at ${key.mount}`,
      next: [
        `Enable it: \`vault secrets enable -path=${key.mount} transit\`,`,
        "or name where it is in the key's URL (?mount=PATH), or its namespace with VAULT_NAMESPACE.",
      ],
    };
  }
  if (/key not found/i.test(said)) {
    return {
      reason: "key-missing",
      message: `There is no key ${key.name} in Vault's ${key.mount}${namespace}.`,
      expected: "the name of a transit key",
      next: [
        `See what there is: \`vault list ${key.mount}/keys\`. Make one with \`vault write -f ${key.mount}/keys/${key.name}\`.`,
      ],
    };
  }
  if (/disallowed by policy|too old/i.test(said)) {
    return {
      reason: "key-missing",
      message: `The version of the key ${key.name} that wrapped the stack's data key may not be used any more.`,
      expected: "a min_decryption_version that is not above it",
      next: [
        `See the versions: \`vault read ${key.mount}/keys/${key.name}\`; set min_decryption_version back, and then run \`orch secrets change-provider hashivault://${key.name}\`.`,
      ],
    };
  }
  if (/sealed/i.test(said) || status === 503) {
    return {
      reason: "connection-failed",
      message: `Vault at ${key.address} is sealed or not ready.`,
      expected: "an unsealed Vault",
      next: ["`vault status` tells its state; unseal it, then run the same command again."],
    };
  }
  if (status === 400 && action === "decrypt") {
    return {
      reason: "secret-unreadable",
      message: `The stack's data key was not wrapped by Vault's key ${key.name}, or the encryption block of the settings file was changed.`,
      path: "encryption.wrappedKey",
      expected: "a data key that this key wrapped",
      next: ["Restore the stack's settings file from version control or a copy, and check VAULT_ADDR."],
    };
  }
  return {
    reason: status >= 500 ? "connection-failed" : "key-missing",
    message: `Vault at ${key.address} refused to ${action} with the key ${key.name}.`,
    expected: "HTTP 200",
    next:
      status >= 300 && status < 400
        ? ["It answered with a redirection, which is not followed: set VAULT_ADDR to the address itself."]
        : [`See the key: \`vault read ${key.mount}/keys/${key.name}\`.`],
  };
}
