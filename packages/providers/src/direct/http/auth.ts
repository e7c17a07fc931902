/** How a service of a direct provider is logged in to, and trusted: configuration, and what follows from it for requests. */
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import { type HttpClient, type HttpClientOptions, httpClient, type TlsOptions } from "./client.js";

const secret = () => z.string().min(1).meta({ secret: true });

export const authSchema = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("bearer").describe("A token in the header `Authorization`."),
      token: secret().describe("The token."),
    }),
    z.strictObject({
      type: z.literal("basic").describe("A name and a password (RFC 7617)."),
      username: z.string().describe("The name."),
      password: secret().describe("The password."),
    }),
    z.strictObject({
      type: z.literal("header").describe("A header of the service's own, such as `X-API-Key`."),
      name: z
        .string()
        .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "the name of a header")
        .describe("Its name."),
      value: secret().describe("Its value."),
    }),
    z.strictObject({
      type: z.literal("oauth2").describe("OAuth 2.0 client credentials (RFC 6749, 4.4), renewed in time."),
      tokenUrl: z
        .url("an address such as https://login.example.com/token")
        .describe("Where tokens are given."),
      clientId: z.string().describe("The client's name."),
      clientSecret: secret().describe("The client's secret."),
      scope: z.string().optional().describe("Scopes, separated by spaces."),
      parameters: z
        .record(z.string(), z.string())
        .optional()
        .describe("Further parameters of the token request, such as `audience`."),
      credentialsIn: z
        .enum(["header", "body"])
        .default("header")
        .describe("Where the client's name and secret go. Default header."),
    }),
  ])
  .describe("How to log in.");
export type Auth = z.output<typeof authSchema>;

export const tlsSchema = z
  .strictObject({
    ca: z.string().optional().describe("Authorities to trust instead of this machine's, as PEM text."),
    cert: z.string().optional().describe("A client certificate, as PEM text."),
    key: secret().optional().describe("Its key, as PEM text."),
    serverName: z
      .string()
      .optional()
      .describe("The name that the certificate must be for, where it is not the address's."),
    insecure: z.boolean().optional().describe("Believe any certificate. For a laboratory only."),
  })
  .describe("Certificates.");

type Authentication = Pick<HttpClientOptions, "headers" | "renew"> & { close(): Promise<void> };

/** What requests need: headers, and their renewal. */
export function authentication(
  auth: Auth | undefined,
  { service, tls }: Pick<HttpClientOptions, "service" | "tls">,
): Authentication {
  const fixed = (headers: Readonly<Record<string, string>>): Authentication => ({
    headers: () => headers,
    close: async () => undefined,
  });
  switch (auth?.type) {
    case undefined:
      return fixed({});
    case "bearer":
      return fixed({ authorization: `Bearer ${auth.token}` });
    case "basic":
      return fixed({ authorization: basic(auth.username, auth.password) });
    case "header":
      return fixed({ [auth.name]: auth.value });
    case "oauth2":
      return clientCredentials(auth, {
        service: `the token endpoint of ${service}`,
        baseUrl: auth.tokenUrl,
        ...(tls ? { tls } : {}),
      });
  }
}

interface ServiceOptions {
  /** For people. */
  readonly service: string;
  readonly url: string;
  readonly auth?: Auth | undefined;
  readonly tls?: z.output<typeof tlsSchema> | undefined;
  /** Headers of every request, besides those of the login. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly concurrency?: number | undefined;
  /** Per request. */
  readonly timeoutSeconds?: number | undefined;
  readonly unreachableNext: readonly string[];
}

/** A client of one service that logs in as its configuration says. Closing it ends the login's connections, too. */
export function serviceClient(options: ServiceOptions): HttpClient {
  const { service, url, headers, concurrency, timeoutSeconds, unreachableNext } = options;
  const tls = options.tls ? { tls: options.tls as TlsOptions } : {};
  const login = authentication(options.auth, { service, ...tls });
  const client = httpClient({
    service,
    baseUrl: url,
    ...tls,
    headers: async () => ({ ...headers, ...(await login.headers?.()) }),
    ...(login.renew ? { renew: login.renew } : {}),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
    unreachableNext,
  });
  return {
    send: client.send,
    close: async () => {
      await Promise.all([client.close(), login.close()]);
    },
  };
}

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

interface Token {
  readonly value: string;
  /** By `performance.now()`. */
  readonly until: number;
}

/** One token for all requests, asked for when it is first needed and a little before it ends. */
function clientCredentials(
  auth: Extract<Auth, { type: "oauth2" }>,
  options: HttpClientOptions,
): Authentication {
  const client = httpClient(options);
  let asked: Promise<Token> | undefined;

  async function token(): Promise<Token> {
    const current = await asked;
    if (current && performance.now() < current.until) return current;
    asked = ask(client, auth, options.service);
    // A refusal is not kept: the next request may ask again.
    asked.catch(() => {
      asked = undefined;
    });
    return asked;
  }
  let getting: Promise<Token> | undefined;
  const one = (): Promise<Token> => {
    getting ??= token().finally(() => {
      getting = undefined;
    });
    return getting;
  };
  return {
    headers: async () => ({ authorization: `Bearer ${(await one()).value}` }),
    renew: async () => {
      asked = undefined;
      await one();
      return true;
    },
    close: () => client.close(),
  };
}

/** Rejects with `authentication-failed` when the client is refused. */
async function ask(
  client: HttpClient,
  auth: Extract<Auth, { type: "oauth2" }>,
  service: string,
): Promise<Token> {
  const form = new URLSearchParams({ grant_type: "client_credentials", ...auth.parameters });
  if (auth.scope !== undefined) form.set("scope", auth.scope);
  const inHeader = auth.credentialsIn === "header";
  if (!inHeader) {
    form.set("client_id", auth.clientId);
    form.set("client_secret", auth.clientSecret);
  }
  const answer = await client.send({
    method: "POST",
    path: auth.tokenUrl,
    // A second token does no harm.
    idempotent: true,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      // RFC 6749, 2.3.1: each part is encoded as in a form.
      ...(inHeader
        ? { authorization: basic(formEncoded(auth.clientId), formEncoded(auth.clientSecret)) }
        : {}),
    },
    body: form.toString(),
    signal: AbortSignal.timeout(60_000),
  });
  if (!answer.ok) {
    // RFC 6749, 5.2: the reason is in `error`; a refusal of credentials may be a 400.
    const { error, error_description: why } = answer.json<{ error?: string; error_description?: string }>();
    return fail({
      reason: "authentication-failed",
      message: `${service} gives no token.`,
      expected: "credentials of a client that may have one",
      found: `HTTP ${answer.status}: ${[error, why].filter(Boolean).join(", ")}`,
      next: ["Correct `clientId`, `clientSecret` and `scope` in the provider's configuration."],
    });
  }
  const given = answer.json<{ access_token?: unknown; expires_in?: unknown }>();
  if (typeof given.access_token !== "string" || given.access_token === "")
    return fail({
      reason: "authentication-failed",
      message: `${service} answered without a token.`,
      expected: "`access_token`, as RFC 6749 5.1 says",
      found: Object.keys(given).join(", ") || "nothing",
    });
  const seconds = Number(given.expires_in ?? 300);
  // Early, so that it does not end on the way.
  const early = Math.min(30, seconds / 10);
  return { value: given.access_token, until: performance.now() + (seconds - early) * 1000 };
}

const formEncoded = (text: string): string => new URLSearchParams({ t: text }).toString().slice(2);
