/** What only a service that misbehaves shows, with answers as RFC 7644 prints them (no real server does these on demand). */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import type { Provider } from "@orch/core/provider/contract";
import { scimLoader } from "@orch/providers/scim/index";
import { afterEach, expect, test } from "vitest";
import { failureOf } from "../../lab/live.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Handler = (request: {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}) => {
  status: number;
  body?: object;
  headers?: Record<string, string>;
};

async function start(handle: Handler, config: PropertyMap = {}) {
  const seen: string[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const one = { method: String(request.method), url: String(request.url), headers: request.headers, body };
    seen.push(`${one.method} ${one.url}`);
    const { status, body: answer, headers } = handle(one);
    response.writeHead(status, { "content-type": "application/scim+json", ...headers });
    response.end(answer === undefined ? "" : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const context = { projectDir: "/", project: "p", stack: "s", log: () => {} };
  const provider = (await scimLoader().load({ name: "scim" }, context)) as Provider;
  closers.push(
    () => provider.close(),
    () => server.close(),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
  await provider.configure({
    urn: "urn:pulumi:s::p::pulumi:providers:scim::x",
    id: "1",
    name: "x",
    inputs: { url, ...config },
  });
  return { provider, seen };
}

const of = { urn: "urn:pulumi:s::p::scim:index:User::u", type: "scim:index:User", name: "u" };
const error = (status: number, detail: string, scimType?: string) => ({
  status,
  body: {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: String(status),
    detail,
    ...(scimType ? { scimType } : {}),
  },
});
const supports = (etag: boolean, patch = true) => ({
  status: 200,
  body: { patch: { supported: patch }, filter: { supported: true }, etag: { supported: etag } },
});
const ann = { id: "1", userName: "ann", title: "a", active: true, meta: { version: 'W/"7"' } };
const update = (provider: Provider) =>
  provider.update({
    ...of,
    id: "1",
    oldInputs: { userName: "ann", title: "a", active: true, onDelete: "delete" },
    oldOutputs: {},
    newInputs: { userName: "ann", title: "b", active: true, onDelete: "delete" },
    ignoreChanges: [],
    preview: false,
  });

test.each([
  ["PATCH", true],
  ["PUT", false],
])(
  "somebody was quicker between reading and %s: a conflict, by the version that was read",
  async (method, patch) => {
    let sent: string | undefined;
    const { provider } = await start(({ method: asked, url, headers }) => {
      if (url.endsWith("ServiceProviderConfig")) return supports(true, patch);
      if (asked === "GET") return { status: 200, body: ann };
      expect(asked).toBe(method);
      sent = headers["if-match"];
      return error(412, "Failed to update. Resource changed on the server.");
    });
    expect(await failureOf(update(provider))).toMatchObject({
      reason: "conflict",
      urn: of.urn,
      found: "HTTP 412: Failed to update. Resource changed on the server.",
      next: expect.arrayContaining([expect.stringContaining("orch plan --refresh")]),
    });
    expect(sent).toBe('W/"7"');
  },
);

test("a PATCH that is answered with nothing is read back; a service without versions gets no If-Match", async () => {
  let title = "a";
  const { provider } = await start(({ method, url, headers, body }) => {
    if (url.endsWith("ServiceProviderConfig")) return error(404, "no");
    if (method === "GET") return { status: 200, body: { ...ann, title } };
    expect(headers["if-match"]).toBeUndefined();
    expect(JSON.parse(body)).toEqual({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: [{ op: "replace", path: "title", value: "b" }],
    });
    title = "b";
    return { status: 204 };
  });
  expect((await update(provider)).outputs).toMatchObject({ title: "b" });
});

test("pages that are shorter than asked for, lists without Resources, cursors", async () => {
  const users = Array.from({ length: 5 }, (_, i) => ({ id: String(i), userName: `u${i}` }));
  const list = async (provider: Provider) => {
    const ids: string[] = [];
    for await (const { id } of provider.list?.({ type: of.type }) ?? []) ids.push(id);
    return ids;
  };
  const short = await start(({ url }) => {
    const from = Number(new URL(url, "http://x").searchParams.get("startIndex")) - 1;
    return { status: 200, body: { totalResults: 5, Resources: users.slice(from, from + 2) } };
  });
  expect(await list(short.provider)).toEqual(["0", "1", "2", "3", "4"]);
  expect(short.seen.length).toBe(3);
  const none = await start(() => ({ status: 200, body: { totalResults: 0 } }));
  expect(await list(none.provider)).toEqual([]);
  const cursors = await start(({ url }) => {
    const at = Number(new URL(url, "http://x").searchParams.get("cursor") ?? 0);
    const more = at + 2 < 5 ? { nextCursor: String(at + 2) } : {};
    return { status: 200, body: { totalResults: 5, Resources: users.slice(at, at + 2), ...more } };
  });
  expect(await list(cursors.provider)).toEqual(["0", "1", "2", "3", "4"]);
});

test("of many, one that can't be read fails by itself", async () => {
  const { provider } = await start(({ url }) => {
    if (url.startsWith("/scim/v2/Users?"))
      return { status: 200, body: { totalResults: 1, Resources: [ann] } };
    return url.endsWith("/2") ? error(403, "not yours") : error(404, "none");
  });
  const reads = ["1", "2", "3"].map((id) => ({ ...of, id, inputs: { userName: "ann" }, outputs: {} }));
  expect(await provider.readMany?.({ reads })).toMatchObject([
    { object: { id: "1" } },
    { failure: { reason: "permission-denied", found: "HTTP 403: not yours" } },
    {},
  ]);
});

test("throttling is waited for; a POST that was refused so is sent again", async () => {
  let posts = 0;
  const { provider } = await start(({ method }) => {
    if (method !== "POST") return supports(false);
    return ++posts < 3
      ? { ...error(429, "slow down"), headers: { "retry-after": "0" } }
      : { status: 201, body: ann };
  });
  const inputs = { userName: "ann", active: true, onDelete: "delete" };
  expect((await provider.create({ ...of, inputs, preview: false })).id).toBe("1");
  expect(posts).toBe(3);
});

test("a missing right, a value that the service does not take: its own words", async () => {
  const inputs = { userName: "ann", active: true, onDelete: "delete" };
  const denied = await start(() => error(403, "scope users:write is missing"));
  expect(await failureOf(denied.provider.create({ ...of, inputs, preview: false }))).toMatchObject({
    reason: "permission-denied",
    expected: "the right to POST Users",
    found: "HTTP 403: scope users:write is missing",
  });
  const invalid = await start(() => error(400, "userName must be a mail address", "invalidValue"));
  expect(await failureOf(invalid.provider.create({ ...of, inputs, preview: false }))).toMatchObject({
    reason: "provider-error",
    found: "HTTP 400: userName must be a mail address",
  });
});

test("an address that is not SCIM's says so", async () => {
  const { provider } = await start(() => ({ status: 200, body: { hello: "world" } }));
  expect(await failureOf(provider.read({ ...of, id: "1", inputs: {}, outputs: {} }))).toMatchObject({
    expected: "an object with an `id`",
    found: "hello",
  });
});

test("the package's schema documents every property; a login from the stack's configuration is text and a secret", async () => {
  const { provider } = await start(() => supports(true));
  const schema = JSON.parse((await provider.getSchema?.()) ?? "");
  expect(Object.keys(schema.resources)).toEqual([
    "scim:index:User",
    "scim:index:Group",
    "scim:index:GroupMember",
  ]);
  type Documented = Record<string, { description?: string }>;
  const resources = schema.resources as Record<string, { inputProperties: Documented }>;
  const undocumented = Object.entries(resources).flatMap(([type, { inputProperties }]) =>
    Object.entries(inputProperties)
      .filter(([, { description }]) => !description)
      .map(([name]) => `${type} ${name}`),
  );
  expect(undocumented).toEqual([]);
  const text = new Secret(
    '{"type":"oauth2","tokenUrl":"https://x.example","clientId":"c","clientSecret":"s"}',
  );
  const { inputs, failures } = await provider.checkConfig({
    urn: "u",
    type: "pulumi:providers:scim",
    name: "default",
    newInputs: { url: "https://chat.example.com", auth: text },
  });
  expect(failures).toEqual([]);
  expect(inputs.auth).toEqual(
    new Secret(
      expect.objectContaining({
        type: "oauth2",
        credentialsIn: "header",
        clientSecret: new Secret("s"),
      }) as never,
    ),
  );
});
