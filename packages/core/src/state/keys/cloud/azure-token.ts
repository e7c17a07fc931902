/**
 * A token of Microsoft Entra ID, in the order of Azure's DefaultAzureCredential: a client secret from the environment, a
 * workload identity, a managed identity (App Service, then the machine's), and the `az` command line. Sources:
 * learn.microsoft.com "OAuth 2.0 client credentials flow", "How to use managed identities … to acquire an access token".
 */
import { readFile } from "node:fs/promises";
import { fail } from "../../../model/failure.js";
import { requestJson } from "./request.js";
import { runTool } from "./tool.js";

type Env = Readonly<Record<string, string | undefined>>;

/** `resource` as in `https://vault.azure.net`. Rejects with `key-missing` when nobody is logged in in any way. */
export async function azureToken(resource: string, env: Env): Promise<string> {
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client } = env;
  if (tenant && client && env.AZURE_CLIENT_SECRET) {
    return entraToken(env, tenant, client, resource, { client_secret: env.AZURE_CLIENT_SECRET });
  }
  if (tenant && client && env.AZURE_FEDERATED_TOKEN_FILE) {
    const path = env.AZURE_FEDERATED_TOKEN_FILE;
    const assertion = await readFile(path, "utf8").catch((error: Error) =>
      fail(
        {
          reason: "key-missing",
          message: `The token file ${path} that AZURE_FEDERATED_TOKEN_FILE names can't be read.`,
          found: error.message,
          next: ["Correct AZURE_FEDERATED_TOKEN_FILE."],
        },
        error,
      ),
    );
    return entraToken(env, tenant, client, resource, {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion.trim(),
    });
  }
  const managed = env.IDENTITY_ENDPOINT
    ? await appServiceToken(env, resource)
    : await machineToken(env, resource);
  if (managed !== undefined) return managed;
  const tool = await runTool(
    "az",
    ["account", "get-access-token", "--resource", resource, "--output", "json"],
    env,
  );
  if (tool !== undefined && "json" in tool && typeof tool.json.accessToken === "string") {
    return tool.json.accessToken;
  }
  return fail({
    reason: "key-missing",
    message: "Nobody is logged in to Azure, so Azure Key Vault can't be asked for the stack's key.",
    expected: "an identity from the environment, of this machine, or of `az login`",
    found: [
      "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (not all set)",
      "a managed identity (none)",
      `\`az account get-access-token\` (${tool === undefined ? "the Azure command line is not installed" : "failed" in tool ? tool.failed : "gave none"})`,
    ].join("; "),
    next: ["az login", "Or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."],
  });
}

async function entraToken(
  env: Env,
  tenant: string,
  client: string,
  resource: string,
  proof: Readonly<Record<string, string>>,
): Promise<string> {
  const authority = (env.AZURE_AUTHORITY_HOST || "https://login.microsoftonline.com").replace(/\/$/, "");
  const { status, json } = await requestJson(
    new Request(`${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_id: client,
        scope: `${resource}/.default`,
        ...proof,
      }),
    }),
    {
      service: "Microsoft Entra ID",
      unreachableNext: ["Check the network, and AZURE_AUTHORITY_HOST where it is set."],
    },
  );
  if (status === 200 && typeof json.access_token === "string") return json.access_token;
  const said = [json.error, String(json.error_description ?? "").split(/\r?\n/)[0]]
    .filter(Boolean)
    .join(": ");
  return fail({
    reason: "authentication-failed",
    message: `Microsoft Entra ID does not accept the credentials of the client ${client}.`,
    expected: "a client of the tenant with a valid secret or federated token",
    found: `HTTP ${status}${said === "" ? "" : `: ${said}`}`,
    next: [
      "Correct AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE).",
      "A secret may have expired: `az ad app credential list --id CLIENT-ID` shows until when it holds.",
    ],
  });
}

async function appServiceToken(env: Env, resource: string): Promise<string | undefined> {
  const url = new URL(env.IDENTITY_ENDPOINT as string);
  url.searchParams.set("api-version", "2019-08-01");
  url.searchParams.set("resource", resource);
  if (env.AZURE_CLIENT_ID) url.searchParams.set("client_id", env.AZURE_CLIENT_ID);
  const { json } = await requestJson(
    new Request(url, { headers: { "x-identity-header": env.IDENTITY_HEADER ?? "" } }),
    { service: "The managed identity's endpoint", unreachableNext: ["Check IDENTITY_ENDPOINT."] },
  );
  return typeof json.access_token === "string" ? json.access_token : undefined;
}

/** The managed identity of a virtual machine. Undefined where there is none, or no metadata service. */
async function machineToken(env: Env, resource: string): Promise<string | undefined> {
  const base = (env.AZURE_POD_IDENTITY_AUTHORITY_HOST || "http://169.254.169.254").replace(/\/$/, "");
  const url = new URL(`${base}/metadata/identity/oauth2/token?api-version=2018-02-01`);
  url.searchParams.set("resource", resource);
  if (env.AZURE_CLIENT_ID) url.searchParams.set("client_id", env.AZURE_CLIENT_ID);
  try {
    const response = await fetch(url, { headers: { metadata: "true" }, signal: AbortSignal.timeout(1000) });
    const json = (await response.json()) as { access_token?: unknown };
    return typeof json.access_token === "string" ? json.access_token : undefined;
  } catch {
    // Not on Azure: nothing, or something else, answers there. The caller tells all places that were looked at.
    return undefined;
  }
}
