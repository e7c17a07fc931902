/**
 * The key-management services against recorded shapes: no service was asked. Requests and answers are written after the vendors'
 * documentation: AWS KMS API reference (Encrypt, Decrypt, common errors), Azure Key Vault REST 7.4 (wrapKey, unwrapKey), Vault's
 * transit HTTP API. `nock` refuses every request that is not expected.
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Failure, OrchError } from "@orch/core/model/failure";
import { encryptionBlock, makeDataKey, unwrapDataKey, wrapDataKey } from "@orch/core/state/keys/index";
import nock from "nock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "orch-keys-"));
  nock.disableNetConnect();
});
afterEach(async () => {
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
  await rm(home, { recursive: true, force: true });
});

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  const { failure } = error as OrchError;
  for (const part of [failure.expected, failure.found]) expect(part ?? "").not.toBe("");
  expect(failure.next?.length ?? 0).toBeGreaterThan(0);
  return failure;
}

const jsonOf = async (request: Request): Promise<Record<string, string>> =>
  (await request.json()) as Record<string, string>;
const xor = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0x5a));

describe("AWS KMS, as documented", () => {
  const url = "awskms://alias/orch?region=eu-central-1";
  const env = () => ({
    HOME: home,
    PATH: "",
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "not-a-real-secret-key",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  const kms = () => nock("https://kms.eu-central-1.amazonaws.com");

  test("wraps with Encrypt and unwraps with Decrypt; both signed; the secret key is not sent", async () => {
    const seen: { target: string; authorization: string; body: Record<string, string> }[] = [];
    kms()
      .post("/")
      .times(2)
      .reply(async (request: Request) => {
        const json = await jsonOf(request);
        const header = (name: string) => String(request.headers.get(name));
        seen.push({ target: header("x-amz-target"), authorization: header("authorization"), body: json });
        const arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        return [
          200,
          json.Plaintext === undefined
            ? {
                KeyId: arn,
                Plaintext: xor(Buffer.from(String(json.CiphertextBlob), "base64")).toString("base64"),
              }
            : { KeyId: arn, CiphertextBlob: xor(Buffer.from(json.Plaintext, "base64")).toString("base64") },
        ];
      });
    const sources = { env: env() };
    const { dataKey, block } = await makeDataKey(sources, url);
    expect(encryptionBlock.parse(JSON.parse(JSON.stringify(block)))).toEqual(block);
    expect(block).toMatchObject({ kind: "awskms", url });
    expect(JSON.stringify(block)).not.toContain(dataKey.toString("base64"));
    expect((await unwrapDataKey(block, sources)).equals(dataKey)).toBe(true);
    expect(seen.map(({ target }) => target)).toEqual(["TrentService.Encrypt", "TrentService.Decrypt"]);
    for (const { authorization, body } of seen) {
      expect(authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/kms\/aws4_request, SignedHeaders=[^,]*x-amz-target[^,]*, Signature=[0-9a-f]{64}$/,
      );
      expect(body.KeyId).toBe("alias/orch");
      expect(JSON.stringify(seen)).not.toContain("not-a-real-secret-key");
    }
  });

  test("an ARN says its region; the context of the URL goes with both requests", async () => {
    const arn = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    nock("https://kms.us-west-2.amazonaws.com")
      .post("/", (body) => body.EncryptionContext?.team === "shop" && body.KeyId === arn)
      .reply(200, { CiphertextBlob: "AAAA" });
    const { block } = await makeDataKey({ env: env() }, `awskms:///${arn}?context_team=shop`);
    expect(block).toMatchObject({ wrappedKey: "AAAA" });
  });

  test("credentials of a profile's file; without any it says where it looked", async () => {
    await mkdir(join(home, ".aws"));
    await writeFile(
      join(home, ".aws", "credentials"),
      "[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n\n[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = abc=/+\naws_session_token = tok\n",
    );
    kms()
      .post("/")
      .matchHeader("authorization", /Credential=AKIDWORK\//)
      .matchHeader("x-amz-security-token", "tok")
      .reply(200, { CiphertextBlob: "AAAA" });
    await makeDataKey({ env: { ...env(), AWS_PROFILE: "work" } }, url);

    await rm(join(home, ".aws"), { recursive: true });
    const none = { HOME: home, PATH: "", AWS_EC2_METADATA_DISABLED: "true" };
    const failure = await failureOf(makeDataKey({ env: none }, url));
    expect(failure.reason).toBe("key-missing");
    expect(failure.found).toContain("AWS_ACCESS_KEY_ID");
    expect(failure.found).toContain("not installed");
  });

  test("a web identity becomes a role's credentials", async () => {
    await writeFile(join(home, "token"), "jwt-of-the-pipeline\n");
    nock("https://sts.eu-central-1.amazonaws.com")
      .post(
        "/",
        (body) =>
          body.Action === "AssumeRoleWithWebIdentity" && body.WebIdentityToken === "jwt-of-the-pipeline",
      )
      .reply(200, {
        AssumeRoleWithWebIdentityResponse: {
          AssumeRoleWithWebIdentityResult: {
            Credentials: { AccessKeyId: "ASIAROLE", SecretAccessKey: "s", SessionToken: "session" },
          },
        },
      });
    kms()
      .post("/")
      .matchHeader("authorization", /Credential=ASIAROLE\//)
      .reply(200, { CiphertextBlob: "AAAA" });
    const web = {
      HOME: home,
      PATH: "",
      AWS_REGION: "eu-central-1",
      AWS_ROLE_ARN: "arn:aws:iam::111122223333:role/ci",
      AWS_WEB_IDENTITY_TOKEN_FILE: join(home, "token"),
    };
    await makeDataKey({ env: web }, "awskms://alias/orch");
  });

  test.each([
    ["UnrecognizedClientException", 400, "authentication-failed", "does not accept the credentials"],
    ["InvalidSignatureException", 400, "authentication-failed", "does not accept the credentials"],
    ["ExpiredTokenException", 400, "authentication-failed", "does not accept the credentials"],
    ["AccessDeniedException", 400, "authentication-failed", "the right kms:Encrypt is missing"],
    ["NotFoundException", 400, "key-missing", "There is no key alias/orch in eu-central-1"],
    ["DisabledException", 400, "key-missing", "is disabled"],
    ["KMSInvalidStateException", 400, "key-missing", "waiting for its deletion"],
    ["InvalidKeyUsageException", 400, "config-invalid", "not made for encryption"],
    ["KMSInternalException", 500, "connection-failed", "refused to encrypt"],
    ["ThrottlingException", 400, "connection-failed", "refused to encrypt"],
  ])("%s", async (type, status, reason, message) => {
    kms()
      .post("/")
      .reply(status, { __type: `com.amazonaws.kms#${type}`, message: "the service's own words" });
    const failure = await failureOf(makeDataKey({ env: env() }, url));
    expect(failure).toMatchObject({ reason });
    expect(failure.message).toContain(message);
    expect(failure.found).toBe(`HTTP ${status}: ${type}: the service's own words`);
  });

  test("a wrapped key of another key; unreachable; an answer that is none", async () => {
    const block = { kind: "awskms", url, wrappedKey: "AAAA" } as const;
    kms().post("/").reply(400, { __type: "IncorrectKeyException" });
    expect(await failureOf(unwrapDataKey(block, { env: env() }))).toMatchObject({
      reason: "secret-unreadable",
    });
    kms()
      .post("/")
      .replyWithError(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    const failure = await failureOf(unwrapDataKey(block, { env: env() }));
    expect(failure).toMatchObject({
      reason: "connection-failed",
      message: "AWS KMS in eu-central-1 can't be reached.",
    });
    kms().post("/").reply(200, "<html>a proxy</html>");
    expect(await failureOf(unwrapDataKey(block, { env: env() }))).toMatchObject({
      reason: "connection-failed",
    });
    kms()
      .post("/")
      .reply(200, { Plaintext: Buffer.from("short").toString("base64") });
    expect(await failureOf(unwrapDataKey(block, { env: env() }))).toMatchObject({
      reason: "secret-unreadable",
    });
  });
});

describe("Azure Key Vault, as documented", () => {
  const url = "azurekeyvault://my-vault/orch";
  const env = () => ({
    HOME: home,
    PATH: "",
    AZURE_TENANT_ID: "tenant-1",
    AZURE_CLIENT_ID: "client-1",
    AZURE_CLIENT_SECRET: "not-a-real-client-secret",
  });
  const vault = () => nock("https://my-vault.vault.azure.net");
  const entra = () =>
    nock("https://login.microsoftonline.com")
      .post(
        "/tenant-1/oauth2/v2.0/token",
        (body) =>
          body.grant_type === "client_credentials" &&
          body.client_id === "client-1" &&
          body.scope === "https://vault.azure.net/.default",
      )
      .reply(200, { token_type: "Bearer", expires_in: 3599, access_token: "the-token" });
  const kid = "https://my-vault.vault.azure.net/keys/orch/78deebed173b48e48f55abf87ed4cf71";

  test("wraps with wrapkey, remembers the version, unwraps with it", async () => {
    entra();
    vault()
      .post("/keys/orch/wrapkey?api-version=7.4", (body) => body.alg === "RSA-OAEP-256")
      .matchHeader("authorization", "Bearer the-token")
      .reply(200, async (request: Request) => ({
        kid,
        value: xor(Buffer.from(String((await jsonOf(request)).value), "base64url")).toString("base64url"),
      }));
    const sources = { env: env() };
    const { dataKey, block } = await makeDataKey(sources, url);
    expect(encryptionBlock.parse(JSON.parse(JSON.stringify(block)))).toEqual(block);
    expect(block).toMatchObject({ kind: "azurekeyvault", url, version: "78deebed173b48e48f55abf87ed4cf71" });
    entra();
    vault()
      .post("/keys/orch/78deebed173b48e48f55abf87ed4cf71/unwrapkey?api-version=7.4")
      .reply(200, async (request: Request) => ({
        kid,
        value: xor(Buffer.from(String((await jsonOf(request)).value), "base64url")).toString("base64url"),
      }));
    expect((await unwrapDataKey(block, sources)).equals(dataKey)).toBe(true);
  });

  test("Pulumi's form of the URL, and a federated token", async () => {
    await writeFile(join(home, "token"), "jwt-of-the-pipeline\n");
    nock("https://login.microsoftonline.com")
      .post(
        "/tenant-1/oauth2/v2.0/token",
        (body) =>
          body.client_assertion === "jwt-of-the-pipeline" &&
          body.client_assertion_type === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      )
      .reply(200, { access_token: "federated" });
    vault()
      .post("/keys/orch/wrapkey?api-version=7.4")
      .matchHeader("authorization", "Bearer federated")
      .reply(200, { kid, value: "AAAA" });
    const { AZURE_CLIENT_SECRET: _, ...rest } = env();
    await makeDataKey(
      { env: { ...rest, AZURE_FEDERATED_TOKEN_FILE: join(home, "token") } },
      "azurekeyvault://my-vault.vault.azure.net/keys/orch",
    );
  });

  test("a machine's managed identity; then `az`; then nobody is logged in", async () => {
    nock("http://169.254.169.254")
      .get("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net")
      .matchHeader("metadata", "true")
      .reply(200, { access_token: "managed" });
    vault()
      .post("/keys/orch/wrapkey?api-version=7.4")
      .matchHeader("authorization", "Bearer managed")
      .reply(200, { kid, value: "AAAA" });
    await makeDataKey({ env: { HOME: home, PATH: "" } }, url);

    const tools = join(home, "bin");
    await mkdir(tools);
    await writeFile(join(tools, "az"), `#!/bin/sh\necho '{"accessToken":"of-az"}'\n`, { mode: 0o755 });
    nock("http://169.254.169.254").get(/.*/).replyWithError("no such host");
    vault()
      .post("/keys/orch/wrapkey?api-version=7.4")
      .matchHeader("authorization", "Bearer of-az")
      .reply(200, { kid, value: "AAAA" });
    await makeDataKey({ env: { HOME: home, PATH: `${tools}:/bin:/usr/bin` } }, url);

    nock("http://169.254.169.254").get(/.*/).replyWithError("no such host");
    const failure = await failureOf(makeDataKey({ env: { HOME: home, PATH: "" } }, url));
    expect(failure).toMatchObject({ reason: "key-missing" });
    expect(failure.next?.[0]).toBe("az login");
  });

  test("a wrong client secret", async () => {
    nock("https://login.microsoftonline.com").post("/tenant-1/oauth2/v2.0/token").reply(401, {
      error: "invalid_client",
      error_description: "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1",
    });
    const failure = await failureOf(makeDataKey({ env: env() }, url));
    expect(failure.reason).toBe("authentication-failed");
    expect(failure.found).toBe("HTTP 401: invalid_client: AADSTS7000215: Invalid client secret provided.");
    expect(JSON.stringify(failure)).not.toContain("not-a-real-client-secret");
  });

  test.each([
    [401, { code: "Unauthorized" }, "authentication-failed", "does not accept the token"],
    [
      403,
      { code: "Forbidden", message: "no action", innererror: { code: "ForbiddenByRbac" } },
      "authentication-failed",
      "the right Microsoft.KeyVault/vaults/keys/wrap/action is missing",
    ],
    [
      403,
      { code: "Forbidden", innererror: { code: "ForbiddenByFirewall" } },
      "connection-failed",
      "firewall",
    ],
    [403, { code: "Forbidden", innererror: { code: "KeyDisabled" } }, "key-missing", "is disabled"],
    [404, { code: "KeyNotFound", message: "not found" }, "key-missing", "There is no key orch"],
    [400, { code: "BadParameter", message: "key type" }, "config-invalid", "can't wrap keys"],
    [503, { code: "ServiceUnavailable" }, "connection-failed", "could not answer"],
  ])("HTTP %i %j", async (status, error, reason, message) => {
    entra();
    vault().post("/keys/orch/wrapkey?api-version=7.4").reply(status, { error });
    const failure = await failureOf(makeDataKey({ env: env() }, url));
    expect(failure).toMatchObject({ reason });
    expect(failure.message).toContain(message);
  });

  test("unreachable, and a wrapped key that was changed", async () => {
    entra();
    vault()
      .post("/keys/orch/wrapkey?api-version=7.4")
      .replyWithError(Object.assign(new Error("x"), { code: "ENOTFOUND" }));
    expect(await failureOf(makeDataKey({ env: env() }, url))).toMatchObject({ reason: "connection-failed" });
    entra();
    vault()
      .post("/keys/orch/unwrapkey?api-version=7.4")
      .reply(400, { error: { code: "BadParameter" } });
    const block = { kind: "azurekeyvault", url, wrappedKey: "AAAA" } as const;
    expect(await failureOf(unwrapDataKey(block, { env: env() }))).toMatchObject({
      reason: "secret-unreadable",
    });
  });
});

describe("HashiCorp Vault transit, as documented", () => {
  const url = "hashivault://orch";
  const env = () => ({
    HOME: home,
    PATH: "",
    VAULT_ADDR: "https://vault.test:8200/",
    VAULT_TOKEN: "hvs.token",
  });
  const vault = () => nock("https://vault.test:8200");

  test("wraps with encrypt and unwraps with decrypt, in a namespace", async () => {
    vault()
      .post("/v1/transit/encrypt/orch")
      .matchHeader("x-vault-token", "hvs.token")
      .matchHeader("x-vault-namespace", "team/shop")
      .reply(200, async (request: Request) => ({
        data: { ciphertext: `vault:v1:${(await jsonOf(request)).plaintext}`, key_version: 1 },
      }))
      .post("/v1/transit/decrypt/orch")
      .matchHeader("x-vault-token", "hvs.token")
      .reply(200, async (request: Request) => ({
        data: { plaintext: String((await jsonOf(request)).ciphertext).replace("vault:v1:", "") },
      }));
    const sources = { env: { ...env(), VAULT_NAMESPACE: "team/shop" } };
    const { dataKey, block } = await makeDataKey(sources, url);
    expect(encryptionBlock.parse(JSON.parse(JSON.stringify(block)))).toEqual(block);
    expect(block).toMatchObject({ kind: "hashivault", url });
    expect((await unwrapDataKey(block, sources)).equals(dataKey)).toBe(true);
  });

  test("the token that `vault login` left, and another mount", async () => {
    await writeFile(join(home, ".vault-token"), "hvs.kept\n");
    vault()
      .post("/v1/team/transit/encrypt/orch")
      .matchHeader("x-vault-token", "hvs.kept")
      .reply(200, { data: { ciphertext: "vault:v1:AAAA" } });
    const { VAULT_TOKEN: _, ...rest } = env();
    await makeDataKey({ env: rest }, "hashivault://orch?mount=team/transit");
    await rm(join(home, ".vault-token"));
    expect(await failureOf(makeDataKey({ env: rest }, url))).toMatchObject({ reason: "key-missing" });
    const { VAULT_ADDR: __, ...nowhere } = env();
    expect(await failureOf(makeDataKey({ env: nowhere }, url))).toMatchObject({ path: "VAULT_ADDR" });
  });

  test.each([
    [
      403,
      ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"],
      "authentication-failed",
      "does not accept the token",
    ],
    [
      403,
      ["1 error occurred:\n\t* permission denied\n\n"],
      "authentication-failed",
      "update on transit/decrypt/orch is missing",
    ],
    [404, [], "key-missing", "no transit engine"],
    [400, ["encryption key not found"], "key-missing", "There is no key orch"],
    [
      400,
      ["ciphertext version is disallowed by policy (too old)"],
      "key-missing",
      "may not be used any more",
    ],
    [400, ["invalid ciphertext: no prefix"], "secret-unreadable", "was not wrapped by Vault's key"],
    [503, ["Vault is sealed"], "connection-failed", "sealed"],
    [307, [], "key-missing", "refused to decrypt"],
  ])("HTTP %i %j", async (status, errors, reason, message) => {
    vault().post("/v1/transit/decrypt/orch").reply(status, { errors });
    const block = { kind: "hashivault", url, wrappedKey: "vault:v1:AAAA" } as const;
    const failure = await failureOf(unwrapDataKey(block, { env: env() }));
    expect(failure).toMatchObject({ reason });
    expect(failure.message).toContain(message);
    expect(JSON.stringify(failure)).not.toContain("hvs.token");
  });

  test("unreachable", async () => {
    vault()
      .post("/v1/transit/encrypt/orch")
      .replyWithError(Object.assign(new Error("x"), { code: "ECONNREFUSED" }));
    const failure = await failureOf(makeDataKey({ env: env() }, url));
    expect(failure).toMatchObject({
      reason: "connection-failed",
      expected: "an answer from https://vault.test:8200",
    });
  });
});

test.each([
  ["awskms://?region=eu-central-1", "config-invalid", "awskms://KEY-ID"],
  ["awskms://alias/orch?region=eu%2Fcentral", "config-invalid", "awskms://KEY-ID"],
  ["azurekeyvault://my-vault", "config-invalid", "azurekeyvault://VAULT/KEY"],
  ["azurekeyvault://evil.example.com/key", "config-invalid", "azurekeyvault://VAULT/KEY"],
  ["hashivault://../../sys/seal", "config-invalid", "hashivault://KEY"],
  ["gcpkms://projects/x", "invalid-flag", "one of: key-file, passphrase"],
  ["pasphrase", "invalid-flag", "one of: key-file, passphrase"],
])("%s is no key", async (wish, reason, expected) => {
  const env = { HOME: home, VAULT_ADDR: "https://vault.test", VAULT_TOKEN: "t" };
  const failure = await failureOf(wrapDataKey(randomBytes(32), { env }, wish));
  expect(failure.reason).toBe(reason);
  expect(failure.expected).toContain(expected);
});
