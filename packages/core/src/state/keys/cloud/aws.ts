/**
 * AWS KMS. `Encrypt` and `Decrypt` of its JSON protocol (docs.aws.amazon.com/kms/latest/APIReference), signed by aws4fetch.
 * `AWS_ENDPOINT_URL_KMS` and `AWS_ENDPOINT_URL` go before the region's own endpoint, as in the SDKs.
 */
import { awsCredentials } from "./aws-credentials.js";
import { base64Of, type Refusal, refuse, requestJson } from "./request.js";
import type { CloudKey, CloudService } from "./service.js";
import { failKeyUrl, splitKeyUrl } from "./url.js";

interface Key {
  readonly id: string;
  readonly region: string;
  readonly endpoint: string;
  readonly profile: string | undefined;
  /** Bound to the ciphertext: `context_NAME=VALUE` in the URL. */
  readonly context: Readonly<Record<string, string>>;
}

export const awsKms: CloudService = {
  async wrap(url, dataKey, env) {
    const key = parse(url, env);
    const answer = await call(key, "Encrypt", { KeyId: key.id, Plaintext: dataKey.toString("base64") }, env);
    return { wrappedKey: base64Of(answer.CiphertextBlob, serviceOf(key)).toString("base64") };
  },
  async unwrap({ url, wrappedKey }: CloudKey, env) {
    const key = parse(url, env);
    const answer = await call(key, "Decrypt", { KeyId: key.id, CiphertextBlob: wrappedKey }, env);
    return base64Of(answer.Plaintext, serviceOf(key));
  },
};

type Env = Readonly<Record<string, string | undefined>>;

const serviceOf = (key: Key): string => `AWS KMS in ${key.region}`;

function parse(url: string, env: Env): Key {
  const { name: id, query } = splitKeyUrl(url);
  if (id === "") return failKeyUrl("awskms", url, "it has no key id, ARN or alias");
  const region =
    query.get("region") ||
    /^arn:aws[a-z-]*:kms:([a-z0-9-]+):/.exec(id)?.[1] ||
    env.AWS_REGION ||
    env.AWS_DEFAULT_REGION;
  if (!region) return failKeyUrl("awskms", url, "it has no region, and AWS_REGION is not set");
  if (!/^[a-z0-9-]+$/.test(region)) return failKeyUrl("awskms", url, "its region is none");
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return {
    id,
    region,
    profile: query.get("awssdk_profile") || query.get("profile") || undefined,
    endpoint:
      query.get("endpoint") ||
      env.AWS_ENDPOINT_URL_KMS ||
      env.AWS_ENDPOINT_URL ||
      `https://kms.${region}.${domain}`,
    context: Object.fromEntries(
      [...query]
        .filter(([name]) => name.startsWith("context_"))
        .map(([name, value]) => [name.slice(8), value]),
    ),
  };
}

async function call(
  key: Key,
  action: "Encrypt" | "Decrypt",
  input: Readonly<Record<string, unknown>>,
  env: Env,
): Promise<Readonly<Record<string, unknown>>> {
  const { AwsClient } = await import("aws4fetch");
  const client = new AwsClient({
    ...(await awsCredentials(env, key.profile)),
    service: "kms",
    region: key.region,
    retries: 0,
  });
  const context = Object.keys(key.context).length > 0 ? { EncryptionContext: key.context } : {};
  const request = await client.sign(`${key.endpoint.replace(/\/$/, "")}/`, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${action}` },
    body: JSON.stringify({ ...input, ...context }),
  });
  const { status, json } = await requestJson(request, {
    service: serviceOf(key),
    unreachableNext: [
      `Check the region ${JSON.stringify(key.region)} of the key's URL, the network, and AWS_ENDPOINT_URL_KMS where it is set.`,
    ],
  });
  if (status === 200) return json;
  // `__type` may carry a namespace: `com.amazonaws.kms#NotFoundException`.
  const type = String(json.__type ?? "").replace(/^.*#/, "");
  const said = [type, json.message ?? json.Message].filter(Boolean).join(": ");
  return refuse(meaning(key, action, type, status), status, said);
}

function meaning(key: Key, action: string, type: string, status: number): Refusal {
  const where = `in ${key.region}`;
  switch (type) {
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
    case "InvalidSignatureException":
    case "SignatureDoesNotMatch":
    case "IncompleteSignature":
    case "MissingAuthenticationToken":
    case "MissingAuthenticationTokenException":
    case "ExpiredToken":
    case "ExpiredTokenException":
      return {
        reason: "authentication-failed",
        message: `AWS does not accept the credentials with which the key ${key.id} was asked for.`,
        expected: "valid credentials of an AWS identity",
        next: [
          "See which identity it is: `aws sts get-caller-identity`.",
          "Renew it (`aws sso login`), or correct AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or choose another with AWS_PROFILE. Check the clock, too.",
        ],
      };
    case "AccessDeniedException":
    case "AccessDenied":
      return {
        reason: "authentication-failed",
        message: `The AWS identity may not use the key ${key.id} ${where}: the right kms:${action} is missing.`,
        path: `kms:${action}`,
        expected: `kms:Encrypt and kms:Decrypt on ${key.id}`,
        next: [
          `Allow kms:Encrypt and kms:Decrypt on the key, in its key policy or in the identity's policy (\`aws kms get-key-policy --key-id ${key.id} --region ${key.region}\`).`,
          "Or choose another identity with AWS_PROFILE.",
        ],
      };
    case "NotFoundException":
      return {
        reason: "key-missing",
        message: `There is no key ${key.id} ${where}.`,
        expected: "the id, ARN or alias (alias/NAME) of a key",
        next: [`See what there is: \`aws kms list-aliases --region ${key.region}\`. Then correct the URL.`],
      };
    case "DisabledException":
      return {
        reason: "key-missing",
        message: `The key ${key.id} ${where} is disabled.`,
        expected: "an enabled key",
        next: [`Enable it: \`aws kms enable-key --key-id ${key.id} --region ${key.region}\`.`],
      };
    case "KMSInvalidStateException":
      return {
        reason: "key-missing",
        message: `The key ${key.id} ${where} can't be used in the state that it is in; it may be waiting for its deletion.`,
        expected: "an enabled key",
        next: [
          `See its state: \`aws kms describe-key --key-id ${key.id} --region ${key.region}\`.`,
          `If it is pending deletion: \`aws kms cancel-key-deletion --key-id ${key.id} --region ${key.region}\`, then enable it.`,
        ],
      };
    case "InvalidKeyUsageException":
      return {
        reason: "config-invalid",
        message: `The key ${key.id} ${where} is not made for encryption.`,
        path: "encryption.url",
        expected: "a symmetric key with the usage ENCRYPT_DECRYPT",
        next: ["Choose or make another key."],
      };
    case "InvalidCiphertextException":
    case "IncorrectKeyException":
      return {
        reason: "secret-unreadable",
        message: `The stack's data key was not wrapped by the key ${key.id} ${where}, or the encryption block of the settings file was changed.`,
        path: "encryption.wrappedKey",
        expected: "a data key that this key wrapped, with the same context",
        next: ["Restore the stack's settings file from version control or a copy."],
      };
    default:
      return {
        reason: status >= 500 || type === "ThrottlingException" ? "connection-failed" : "key-missing",
        message: `AWS KMS refused to ${action.toLowerCase()} with the key ${key.id} ${where}.`,
        expected: "HTTP 200",
        next: [
          status >= 500 || type === "ThrottlingException"
            ? "Wait a little, then run the same command again."
            : `See the key: \`aws kms describe-key --key-id ${key.id} --region ${key.region}\`.`,
        ],
      };
  }
}
