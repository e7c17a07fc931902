/** Logging in to services over HTTP, against a real server on loopback. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Auth, authentication, authSchema } from "@orch/providers/direct/http/auth";
import { httpClient } from "@orch/providers/direct/http/client";
import { afterEach, describe, expect, test } from "vitest";
import { failureOf } from "../../lab/live.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Asked {
  readonly authorization: string | undefined;
  readonly key: string | undefined;
  readonly body: string;
}
/** A token endpoint at /token, and a service behind everything else that takes what `accepts` says. */
async function start(
  token: (asked: Asked, nth: number) => { status: number; body: object | string },
  accepts: (asked: Asked) => boolean,
) {
  const tokens: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const asked = {
      authorization: request.headers.authorization,
      key: request.headers["x-api-key"] as string | undefined,
      body,
    };
    if (request.url !== "/token") return response.writeHead(accepts(asked) ? 200 : 401).end("{}");
    tokens.push(asked);
    const { status, body: answer } = token(asked, tokens.length);
    return response.writeHead(status).end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = (auth: object | undefined) => {
    const parsed: Auth | undefined =
      auth && authSchema.parse("type" in auth ? auth : { type: "oauth2", tokenUrl: `${url}/token`, ...auth });
    const login = authentication(parsed, { service: "the service" });
    const { headers, renew } = login;
    const made = httpClient({
      service: "the service",
      baseUrl: url,
      retries: 0,
      ...(headers ? { headers } : {}),
      ...(renew ? { renew } : {}),
    });
    closers.push(
      () => made.close(),
      () => login.close(),
    );
    return () => made.send({ method: "POST", path: "/things", signal: new AbortController().signal });
  };
  return { client, tokens };
}
const given = (value: string, more = {}) => ({
  status: 200,
  body: { access_token: value, token_type: "bearer", expires_in: 3600, ...more },
});
const credentials = { clientId: "orch", clientSecret: "s:cret 1" };

test.each([
  ["nothing", undefined, {}],
  ["a bearer token", { type: "bearer", token: "t" }, { authorization: "Bearer t" }],
  [
    "a name and a password",
    { type: "basic", username: "ä", password: "p:w" },
    { authorization: `Basic ${Buffer.from("ä:p:w").toString("base64")}` },
  ],
  ["a header of its own", { type: "header", name: "X-API-Key", value: "k" }, { key: "k" }],
])("%s", async (_name, auth, expected) => {
  const seen: Asked[] = [];
  const { client } = await start(
    () => given("x"),
    (asked) => seen.push(asked) > 0,
  );
  await client(auth)();
  expect(seen).toEqual([{ authorization: undefined, key: undefined, body: "", ...expected }]);
});

describe("OAuth 2.0 client credentials", () => {
  test("one token for all that are sent together", async () => {
    const { client, tokens } = await start(
      () => given("t1"),
      ({ authorization }) => authorization === "Bearer t1",
    );
    const send = client({ ...credentials, scope: "a b", parameters: { audience: "x" } });
    const answers = await Promise.all(Array.from({ length: 5 }, send));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    // RFC 6749, 2.3.1: encoded as in a form, then as base64.
    const authorization = `Basic ${Buffer.from("orch:s%3Acret+1").toString("base64")}`;
    const body = "grant_type=client_credentials&audience=x&scope=a+b";
    expect(tokens).toEqual([{ authorization, key: undefined, body }]);
  });

  test("in the body, where the service wants it there", async () => {
    const { client, tokens } = await start(
      () => given("t"),
      () => true,
    );
    await client({ ...credentials, credentialsIn: "body" })();
    expect(tokens).toEqual([
      {
        authorization: undefined,
        key: undefined,
        body: "grant_type=client_credentials&client_id=orch&client_secret=s%3Acret+1",
      },
    ]);
  });

  test("that has ended is asked for anew, before it is sent", async () => {
    const { client, tokens } = await start(
      (_, nth) => given(`t${nth}`, { expires_in: 0 }),
      () => true,
    );
    const send = client(credentials);
    await send();
    await send();
    expect(tokens.length).toBe(2);
  });

  test("that the service does not take any more is asked for anew, once for all", async () => {
    const { client, tokens } = await start(
      (_, nth) => given(`t${nth}`),
      ({ authorization }) => authorization === "Bearer t2",
    );
    const send = client(credentials);
    const answers = await Promise.all(Array.from({ length: 5 }, send));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(tokens.length).toBe(2);
  });

  test.each([
    [400, { error: "invalid_client", error_description: "unknown" }, "HTTP 400: invalid_client, unknown"],
    [401, { error: "invalid_client" }, "HTTP 401: invalid_client"],
  ])("refused with %i: no circle, no secret", async (status, body, found) => {
    const { client, tokens } = await start(
      () => ({ status, body }),
      () => true,
    );
    const failure = await failureOf(client(credentials)());
    expect(failure).toMatchObject({ reason: "authentication-failed", found });
    expect(JSON.stringify(failure)).not.toContain("s:cret");
    expect(tokens.length).toBe(1);
  });

  test("an answer without a token, or of a login page", async () => {
    const { client } = await start(
      (_, nth) => (nth === 1 ? { status: 200, body: { hello: 1 } } : { status: 200, body: "<html>" }),
      () => true,
    );
    const send = client(credentials);
    expect(await failureOf(send())).toMatchObject({ reason: "authentication-failed", found: "hello" });
    // Asked again by the next request: a refusal is not kept.
    expect(await failureOf(send())).toMatchObject({ reason: "provider-error", expected: "JSON" });
  });
});
