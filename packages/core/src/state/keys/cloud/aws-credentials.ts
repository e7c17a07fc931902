/**
 * Credentials for AWS, in the order of its SDKs: the environment, a web identity, a profile's own keys, whatever else the `aws`
 * command line knows of (SSO, roles, processes), a container's, the machine's. Sources: docs.aws.amazon.com/sdkref "Standardized
 * credential providers"; docs.aws.amazon.com/AWSEC2 "Instance metadata service" (version 2).
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fail, OrchError } from "../../../model/failure.js";
import { requestJson } from "./request.js";
import { runTool } from "./tool.js";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}
type Env = Readonly<Record<string, string | undefined>>;

/** Rejects with `key-missing` when there are none, naming where they were looked for. */
export async function awsCredentials(env: Env, profileOfUrl: string | undefined): Promise<AwsCredentials> {
  const profile = profileOfUrl ?? env.AWS_PROFILE;
  const looked: string[] = [];
  if (profile === undefined) {
    const given = credentialsOf(env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN);
    if (given !== undefined) return given;
    looked.push("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (not set)");
    const assumed = await webIdentity(env);
    if (assumed !== undefined) return assumed;
  }
  const ownKeys = await profileKeys(env, profile ?? "default");
  if (ownKeys !== undefined) return ownKeys;
  looked.push(`the profile ${profile ?? "default"} (no keys of its own)`);
  const tool = await runTool(
    "aws",
    [
      "configure",
      "export-credentials",
      "--format",
      "process",
      ...(profile === undefined ? [] : ["--profile", profile]),
    ],
    env,
  );
  if (tool !== undefined && "json" in tool) {
    const { AccessKeyId, SecretAccessKey, SessionToken } = tool.json;
    const exported = credentialsOf(AccessKeyId, SecretAccessKey, SessionToken);
    if (exported !== undefined) return exported;
  }
  looked.push(
    `\`aws configure export-credentials\` (${tool === undefined ? "the AWS command line is not installed" : "failed" in tool ? tool.failed : "gave none"})`,
  );
  if (profile === undefined) {
    const provided = (await containerKeys(env)) ?? (await machineKeys(env));
    if (provided !== undefined) return provided;
    looked.push("a role of this container or machine (none)");
  }
  return fail({
    reason: "key-missing",
    message: "There are no AWS credentials to ask AWS KMS for the stack's key with.",
    expected: "credentials in the environment, a profile, or a role of this machine",
    found: looked.join("; "),
    next: [
      "Log in (`aws sso login`, `aws configure`) and name the profile with AWS_PROFILE,",
      "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones).",
    ],
  });
}

function credentialsOf(id: unknown, secret: unknown, token: unknown): AwsCredentials | undefined {
  if (typeof id !== "string" || typeof secret !== "string" || id === "" || secret === "") return undefined;
  return {
    accessKeyId: id,
    secretAccessKey: secret,
    ...(typeof token === "string" && token !== "" ? { sessionToken: token } : {}),
  };
}

/** `AssumeRoleWithWebIdentity`, which needs no signature (GitHub Actions, EKS). */
async function webIdentity(env: Env): Promise<AwsCredentials | undefined> {
  if (!env.AWS_WEB_IDENTITY_TOKEN_FILE || !env.AWS_ROLE_ARN) return undefined;
  const path = env.AWS_WEB_IDENTITY_TOKEN_FILE;
  const token = await readFile(path, "utf8").catch((error: Error) =>
    fail(
      {
        reason: "key-missing",
        message: `The token file ${path} that AWS_WEB_IDENTITY_TOKEN_FILE names can't be read.`,
        found: error.message,
        next: ["Correct AWS_WEB_IDENTITY_TOKEN_FILE."],
      },
      error,
    ),
  );
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION;
  const endpoint =
    env.AWS_ENDPOINT_URL_STS ||
    env.AWS_ENDPOINT_URL ||
    (region ? `https://sts.${region}.amazonaws.com` : "https://sts.amazonaws.com");
  const { status, json } = await requestJson(
    new Request(`${endpoint.replace(/\/$/, "")}/`, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams({
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: env.AWS_ROLE_ARN,
        RoleSessionName: env.AWS_ROLE_SESSION_NAME || "orch",
        WebIdentityToken: token.trim(),
      }),
    }),
    { service: "AWS STS", unreachableNext: ["Check the network and AWS_REGION."] },
  );
  const answer = json.AssumeRoleWithWebIdentityResponse as
    | { AssumeRoleWithWebIdentityResult?: { Credentials?: Record<string, unknown> } }
    | undefined;
  const keys = answer?.AssumeRoleWithWebIdentityResult?.Credentials;
  const found = credentialsOf(keys?.AccessKeyId, keys?.SecretAccessKey, keys?.SessionToken);
  if (found !== undefined) return found;
  const error = json.Error as { Code?: string; Message?: string } | undefined;
  return fail({
    reason: "authentication-failed",
    message: `AWS does not give out the role ${env.AWS_ROLE_ARN} for the token of this machine.`,
    path: "sts:AssumeRoleWithWebIdentity",
    expected: "a role whose trust policy names the token's issuer and subject",
    found: `HTTP ${status}${error?.Code ? `: ${error.Code}: ${error.Message ?? ""}` : ""}`,
    next: ["Check AWS_ROLE_ARN and the role's trust policy."],
  });
}

/** Keys that stand in `~/.aws/credentials` or `~/.aws/config` themselves. */
async function profileKeys(env: Env, profile: string): Promise<AwsCredentials | undefined> {
  const folder = join(env.HOME || env.USERPROFILE || homedir(), ".aws");
  const files = [
    [env.AWS_SHARED_CREDENTIALS_FILE || join(folder, "credentials"), profile],
    [env.AWS_CONFIG_FILE || join(folder, "config"), profile === "default" ? profile : `profile ${profile}`],
  ] as const;
  for (const [path, section] of files) {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return "";
      throw error;
    });
    const keys = iniSection(text, section);
    const found = credentialsOf(
      keys.get("aws_access_key_id"),
      keys.get("aws_secret_access_key"),
      keys.get("aws_session_token"),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function iniSection(text: string, wanted: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(.+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) inside = section === wanted;
    else if (inside) {
      const pair = /^([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line);
      if (pair !== null) values.set((pair[1] as string).toLowerCase(), pair[2] as string);
    }
  }
  return values;
}

async function containerKeys(env: Env): Promise<AwsCredentials | undefined> {
  const url = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
    ? `http://169.254.170.2${env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI}`
    : env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!url) return undefined;
  const token = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    ? (await readFile(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, "utf8")).trim()
    : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const { json } = await requestJson(new Request(url, { headers: token ? { authorization: token } : {} }), {
    service: "The container's credential service",
    unreachableNext: ["Check AWS_CONTAINER_CREDENTIALS_FULL_URI."],
  });
  return credentialsOf(json.AccessKeyId, json.SecretAccessKey, json.Token);
}

/** The role of an EC2 instance. Undefined where there is no metadata service or no role. */
async function machineKeys(env: Env): Promise<AwsCredentials | undefined> {
  if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === "true") return undefined;
  const base = (env.AWS_EC2_METADATA_SERVICE_ENDPOINT || "http://169.254.169.254").replace(/\/$/, "");
  const ask = async (path: string, init: RequestInit): Promise<string | undefined> => {
    const response = await fetch(`${base}${path}`, { ...init, signal: AbortSignal.timeout(1000) });
    return response.ok ? response.text() : undefined;
  };
  try {
    const token = await ask("/latest/api/token", {
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" },
    });
    if (token === undefined) return undefined;
    const headers = { "x-aws-ec2-metadata-token": token };
    const roles = "/latest/meta-data/iam/security-credentials/";
    const role = (await ask(roles, { headers }))?.split("\n")[0]?.trim();
    if (!role) return undefined;
    const keys = JSON.parse((await ask(`${roles}${role}`, { headers })) ?? "{}") as Record<string, unknown>;
    return credentialsOf(keys.AccessKeyId, keys.SecretAccessKey, keys.Token);
  } catch (error) {
    if (error instanceof OrchError) throw error;
    // Not on EC2: nothing answers there. The caller tells all places that were looked at.
    return undefined;
  }
}
