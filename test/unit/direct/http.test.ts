/** The HTTP client of direct providers, against real servers on loopback. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import type { Failure } from "@orch/core/model/failure";
import { OrchError } from "@orch/core/model/failure";
import { type HttpClientOptions, type HttpRequest, httpClient } from "@orch/providers/direct/http/client";
import { unexpected } from "@orch/providers/direct/http/failures";
import { Throttle } from "@orch/providers/direct/http/throttle";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
type Answer = (response: ServerResponse, seen: Seen, nth: number) => unknown;

/** A server that remembers what it was asked and answers as a test says. */
async function start(answer: Answer, tls?: ServerOptions) {
  const seen: Seen[] = [];
  const listener: RequestListener = async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const one = { method: String(request.method), url: String(request.url), headers: request.headers, body };
    seen.push(one);
    await answer(response, one, seen.length);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  closers.push(stop);
  const { port } = server.address() as AddressInfo;
  return { seen, port, stop, url: `${tls ? "https" : "http"}://127.0.0.1:${port}` };
}

const never = new AbortController().signal;
function client(baseUrl: string, options: Partial<HttpClientOptions> = {}) {
  const made = httpClient({ service: "the service", baseUrl, ...options });
  closers.push(() => made.close());
  const send = (request: Partial<HttpRequest>) =>
    made.send({ method: "GET", path: "/things", signal: never, ...request });
  const failure = async (request: Partial<HttpRequest>): Promise<Failure> => {
    const error = await send(request).then(
      (answer) => new Error(`answered ${answer.status}`),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof OrchError)) throw error;
    return error.failure;
  };
  return { ...made, send, failure };
}
const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
/** Cuts the connection after the request has been read. */
const cut = (response: ServerResponse) => response.socket?.destroy();

describe("what is sent and what comes back", () => {
  test("JSON both ways, the query, headers of the client and the request", async () => {
    const { url, seen } = await start((response) => json(response, 201, { id: 7 }, { etag: '"1"' }));
    const { send } = client(`${url}/api/`, {
      headers: () => ({ Authorization: "Bearer t", Accept: "text/plain" }),
    });
    const answer = await send({
      method: "POST",
      path: "/things",
      query: { q: "a b", none: undefined, n: 1 },
      headers: { accept: "application/scim+json" },
      body: { name: "ä" },
    });
    expect(answer).toMatchObject({ status: 201, ok: true });
    expect(answer.json()).toEqual({ id: 7 });
    expect(answer.headers.get("ETag")).toBe('"1"');
    expect(seen).toMatchObject([
      {
        method: "POST",
        url: "/api/things?q=a+b&n=1",
        body: '{"name":"ä"}',
        headers: {
          "content-type": "application/json",
          accept: "application/scim+json",
          authorization: "Bearer t",
        },
      },
    ]);
  });

  test("what the caller has to judge is answered, not thrown", async () => {
    const { url, seen } = await start((response, { url: path }) => json(response, Number(path.slice(1)), {}));
    const { send } = client(url);
    for (const status of [200, 301, 400, 404, 409, 412, 422])
      expect((await send({ path: `/${status}` })).status).toBe(status);
    expect(seen.length).toBe(7);
  });

  test("a failure of the service within itself is answered too, after two more tries where these can do no harm", async () => {
    const { url, seen } = await start((response, { method }, nth) =>
      json(response, method === "DELETE" && nth > 1 ? 204 : 500, {}),
    );
    const { send } = client(url);
    expect((await send({ method: "DELETE" })).status).toBe(204);
    expect(seen.length).toBe(2);
    expect((await send({ method: "PUT", body: {} })).status).toBe(500);
    expect(seen.length).toBe(5);
    expect((await send({ method: "POST", body: {} })).status).toBe(500);
    expect(seen.length).toBe(6);
  });

  test("what is not JSON says what it is", async () => {
    const { url } = await start((response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Log in</h1>"),
    );
    const answer = await client(url).send({});
    expect(() => answer.json()).toThrow(OrchError);
    try {
      answer.json();
    } catch (error) {
      expect((error as OrchError).failure).toMatchObject({
        reason: "provider-error",
        found: "HTTP 200, text/html: <h1>Log in</h1>",
      });
    }
  });

  test("a next page of the same origin is followed, another origin is refused at once", async () => {
    const { url, seen } = await start((response) => json(response, 200, []));
    const { send, failure } = client(url);
    await send({ path: `${url}/things?page=2` });
    expect(seen[0]?.url).toBe("/things?page=2");
    const other = await start((response) => json(response, 200, []));
    expect(await failure({ path: `${other.url}/things` })).toMatchObject({
      reason: "provider-error",
      expected: url,
      found: other.url,
    });
    expect(other.seen).toEqual([]);
  });

  test("redirects are not followed, and said", async () => {
    const { url, seen } = await start((response) =>
      response.writeHead(302, { location: "https://login.example.com/?token=x" }).end(),
    );
    const answer = await client(url).send({});
    expect(seen.length).toBe(1);
    expect(unexpected(answer, "the service", "list things").failure).toMatchObject({
      found: "HTTP 302 to https://login.example.com/",
    });
  });
});

describe("when no answer comes", () => {
  test("a read is sent again until it is answered", async () => {
    const { url, seen } = await start((response, _, nth) =>
      nth < 3 ? cut(response) : json(response, 200, { nth }),
    );
    expect((await client(url).send({})).json()).toEqual({ nth: 3 });
    expect(seen.length).toBe(3);
  });

  test.each(["POST", "PATCH"] as const)(
    "a %s that may have been taken is never sent again",
    async (method) => {
      const { url, seen } = await start(cut);
      expect(await client(url).failure({ method, body: {} })).toMatchObject({ reason: "connection-lost" });
      expect(seen.length).toBe(1);
    },
  );

  test("a POST that the caller calls idempotent is", async () => {
    const { url, seen } = await start((response, _, nth) =>
      nth < 2 ? cut(response) : json(response, 200, {}),
    );
    await client(url).send({ method: "POST", idempotent: true, body: {} });
    expect(seen.length).toBe(2);
  });

  test.each(["if-match", "If-None-Match"])(
    "a PUT with %s is not: its second try would meet what the first has done",
    async (header) => {
      const { url, seen } = await start(cut);
      const request = { method: "PUT", body: {}, headers: { [header]: '"1"' } } as const;
      expect(await client(url).failure(request)).toMatchObject({ reason: "connection-lost" });
      expect(seen.length).toBe(1);
    },
  );

  test("an answer that breaks off is no answer", async () => {
    const { url } = await start((response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{");
      setImmediate(() => cut(response));
    });
    expect(await client(url, { retries: 0 }).failure({})).toMatchObject({ reason: "connection-lost" });
  });

  test("within its time: a timeout, of which a POST is sent once", async () => {
    const { url, seen } = await start(() => {});
    expect(await client(url, { timeoutMs: 50 }).failure({ method: "POST" })).toMatchObject({
      reason: "timeout",
      message: "the service did not answer POST /things within 0.05 s.",
    });
    expect(seen.length).toBe(1);
    expect(await client(url, { retries: 1 }).failure({ timeoutMs: 50 })).toMatchObject({ reason: "timeout" });
    expect(seen.length).toBe(3);
  });

  test("because nothing listens: nothing was done, and even a POST is tried again", async () => {
    const { url, stop, port } = await start(() => {});
    await stop();
    expect(
      await client(url, { retries: 1, unreachableNext: ["Start it."] }).failure({ method: "POST" }),
    ).toMatchObject({
      reason: "connection-failed",
      found: "ECONNREFUSED",
      next: ["Start it."],
    });
    // The server is restarted in the middle.
    const sending = client(url).send({ method: "POST" });
    const server = createServer((_, response) => response.writeHead(201).end());
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    closers.push(() => server.close());
    expect((await sending).status).toBe(201);
  });

  test("because there is no such name: said at once", async () => {
    expect(await client("http://nowhere.invalid").failure({})).toMatchObject({
      reason: "connection-failed",
      message: expect.stringContaining("can't be reached"),
    });
  });

  test.each(["http://127.0.0.1:9", "ftp://127.0.0.1"])("because %s is no address of HTTP", async (url) => {
    expect(await client(url).failure({ method: "POST" })).toMatchObject({ reason: "provider-config" });
  });

  test.each([502, 503, 504])(
    "%i of a gateway: a read is sent again, a POST may have been done",
    async (status) => {
      const { url, seen } = await start((response, { method }, nth) =>
        response.writeHead(method === "POST" || nth < 2 ? status : 200).end(),
      );
      expect((await client(url).send({})).status).toBe(200);
      expect(seen.length).toBe(2);
      expect(await client(url).failure({ method: "POST" })).toMatchObject({
        reason: "connection-lost",
        found: `HTTP ${status}`,
      });
      expect(seen.length).toBe(3);
    },
  );
});

describe("cancelled", () => {
  const reason = new OrchError({ reason: "timeout", message: "the verb's time" });

  test("before: nothing is sent", async () => {
    const { url, seen } = await start((response) => json(response, 200, {}));
    expect(await client(url).failure({ signal: AbortSignal.abort(reason) })).toBe(reason.failure);
    expect(seen).toEqual([]);
  });

  test("while it waits for the answer, for its next try, and for its turn", async () => {
    const stop = new AbortController();
    const { url, seen } = await start((response, { url: path }) => {
      if (path === "/later") response.writeHead(429, { "retry-after": "60" }).end();
    });
    const { failure } = client(url, { concurrency: 2 });
    const failures = [
      failure({ signal: stop.signal, path: "/hangs" }),
      failure({ signal: stop.signal, path: "/later" }),
      failure({ signal: stop.signal, path: "/queued" }),
    ];
    await expect.poll(() => seen.length).toBeGreaterThanOrEqual(2);
    stop.abort(reason);
    for (const one of failures) expect(await one).toBe(reason.failure);
  });

  test("without a reason of ours: interrupted", async () => {
    const { url } = await start(() => {});
    expect(await client(url).failure({ signal: AbortSignal.abort() })).toMatchObject({
      reason: "interrupted",
    });
  });
});

describe("throttled", () => {
  test.each([
    ["429", 429, "0"],
    ["503 with Retry-After", 503, "0"],
    ["403 with Retry-After, as GitHub does", 403, "0"],
    ["a date", 429, new Date(0).toUTCString()],
  ])("%s: even a POST is sent again, as nothing was done", async (_name, status, after) => {
    const { url, seen } = await start((response, _, nth) =>
      nth < 3 ? response.writeHead(status, { "retry-after": after }).end() : json(response, 201, {}),
    );
    expect((await client(url).send({ method: "POST" })).status).toBe(201);
    expect(seen.length).toBe(3);
  });

  test("for good: says so", async () => {
    const { url, seen } = await start((response) =>
      json(response, 429, { message: "quota" }, { "retry-after": "0" }),
    );
    expect(await client(url, { retries: 2 }).failure({ method: "POST" })).toMatchObject({
      reason: "throttled",
      found: "HTTP 429: quota",
    });
    expect(seen.length).toBe(3);
  });

  test("for as long as it asks: nothing is sent meanwhile, by anybody", async () => {
    let refusedAt = 0;
    const waited: number[] = [];
    const { url } = await start((response, _, nth) => {
      if (nth === 1) {
        refusedAt = performance.now();
        return response.writeHead(429, { "retry-after": "0.5" }).end();
      }
      waited.push(performance.now() - refusedAt);
      return json(response, 200, {});
    });
    const { send } = client(url, { concurrency: 1 });
    await Promise.all(["/1", "/2", "/3"].map((path) => send({ path })));
    expect(waited.length).toBe(3);
    for (const ms of waited) expect(ms).toBeGreaterThanOrEqual(500);
  });

  test("halves what is sent at once, and takes it back by and by", async () => {
    const throttle = new Throttle(8);
    throttle.slower(0);
    expect(throttle.allowed).toBe(4);
    throttle.slower(0);
    expect(throttle.allowed).toBe(4);
    for (let i = 0; i < 4; i++) throttle.faster();
    expect(throttle.allowed).toBe(5);
    for (let i = 0; i < 200; i++) throttle.faster();
    expect(throttle.allowed).toBe(8);
    const one = new Throttle(1);
    one.slower(0);
    expect(one.allowed).toBe(1);
  });

  test("never sends more at once than allowed, in order", async () => {
    let running = 0;
    let most = 0;
    const { url, seen } = await start(async (response) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      json(response, 200, {});
    });
    const { send } = client(url, { concurrency: 3 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => send({ path: `/${i}` })));
    expect(most).toBe(3);
    expect(seen.length).toBe(20);
  });

  test("one that leaves the queue takes nobody's turn", async () => {
    const throttle = new Throttle(1);
    let finish = (): void => {};
    const first = throttle.run(never, () => new Promise<void>((resolve) => (finish = resolve)));
    const stop = new AbortController();
    const gone = throttle.run(stop.signal, async () => "gone");
    const stays = throttle.run(never, async () => "stays");
    stop.abort(new Error("left"));
    await expect(gone).rejects.toThrow("left");
    finish();
    await first;
    expect(await stays).toBe("stays");
  });
});

describe("credentials", () => {
  test("refused: says what was wanted, without the query", async () => {
    const { url } = await start((response) => json(response, 401, { detail: "bad token" }));
    expect(await client(url).failure({ path: "/things?key=secret" })).toMatchObject({
      reason: "authentication-failed",
      expected: "credentials that may GET /things",
      found: "HTTP 401: bad token",
    });
  });

  test("without the right: says which", async () => {
    const { url } = await start((response) => json(response, 403, { error: { code: 5 } }));
    expect(await client(url).failure({ method: "DELETE" })).toMatchObject({
      reason: "permission-denied",
      expected: "the right to DELETE /things",
      found: 'HTTP 403: {"code":5}',
    });
  });

  test("renewed once for all that were refused, and what was refused is sent again, a POST too", async () => {
    let token = 1;
    let renewals = 0;
    const { url, seen } = await start((response, { headers }) =>
      json(response, headers.authorization === "Bearer 2" ? 200 : 401, {}),
    );
    const { send } = client(url, {
      retries: 0,
      headers: () => ({ authorization: `Bearer ${token}` }),
      renew: async () => {
        renewals++;
        await new Promise((resolve) => setTimeout(resolve, 20));
        token = 2;
        return true;
      },
    });
    const answers = await Promise.all(Array.from({ length: 5 }, () => send({ method: "POST" })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(renewals).toBe(1);
    expect(seen.length).toBe(10);
  });

  test("renewed and still refused: no circle", async () => {
    const { url, seen } = await start((response) => json(response, 401, {}));
    const { failure } = client(url, { renew: async () => true });
    expect(await failure({})).toMatchObject({ reason: "authentication-failed" });
    expect(seen.length).toBe(2);
  });

  test("that can't be had: that failure, at once", async () => {
    const { url, seen } = await start((response) => json(response, 200, {}));
    const denied = new OrchError({ reason: "authentication-failed", message: "no token" });
    const { failure } = client(url, { headers: () => Promise.reject(denied) });
    expect(await failure({})).toBe(denied.failure);
    expect(seen).toEqual([]);
  });
});

describe("TLS", () => {
  const file = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");
  const ca = file("ca.pem");
  const ok: Answer = (response) => json(response, 200, {});
  const server = (name: string, more: ServerOptions = {}) =>
    start(ok, { cert: file(`${name}.pem`), key: file(`${name}.key`), ...more });

  test("with a certificate of an own authority", async () => {
    const { url } = await server("server");
    expect((await client(url, { tls: { ca } }).send({})).status).toBe(200);
  });

  test.each([
    ["of an authority that nobody knows", "server", {}, "comes from an authority that is not known here"],
    ["that has expired", "expired", { ca }, "has expired"],
    ["for another name", "elsewhere", { ca }, "is for another name"],
  ])("with one %s: refused, nothing is sent, no further try", async (_name, name, tls, says) => {
    const { url, seen } = await server(name);
    expect(await client(url, { tls }).failure({ method: "POST" })).toMatchObject({
      reason: "connection-failed",
      message: `the service can't be reached: its certificate ${says}.`,
    });
    expect(seen).toEqual([]);
  });

  test("without any TLS configuration: the same words", async () => {
    const { url } = await server("server");
    expect(await client(url).failure({})).toMatchObject({ reason: "connection-failed" });
  });

  test("for the name that the configuration says, or any", async () => {
    const { url } = await server("elsewhere");
    const tls = { ca, serverName: "elsewhere.example.com" };
    expect((await client(url, { tls }).send({})).status).toBe(200);
    expect((await client(url, { tls: { insecure: true } }).send({})).status).toBe(200);
  });

  test("with a client certificate, and without the one that is wanted", async () => {
    const { url, seen } = await server("server", { ca, requestCert: true, rejectUnauthorized: true });
    const own = { cert: file("client.pem"), key: file("client.key") };
    expect((await client(url, { tls: { ca, ...own } }).send({})).status).toBe(200);
    // Whether the server's word or the end of the connection comes first is chance; nothing is done either way.
    expect((await client(url, { tls: { ca } }).failure({ method: "POST" })).reason).toMatch(
      /^connection-(failed|lost)$/,
    );
    expect(seen.length).toBe(1);
  });

  test("with a key that is not the certificate's, or no PEM: the configuration", async () => {
    const { url } = await server("server");
    for (const tls of [
      { ca, cert: file("client.pem"), key: file("server.key") },
      { ca, cert: "nonsense", key: "nonsense" },
    ])
      expect(await client(url, { tls }).failure({ method: "POST" })).toMatchObject({
        reason: "provider-config",
      });
  });

  test("where none is spoken", async () => {
    const { port } = await start(ok);
    expect(await client(`https://127.0.0.1:${port}`).failure({})).toMatchObject({
      reason: "connection-failed",
      message: "the service can't be reached: it does not speak TLS there.",
    });
  });
});

test("a server that takes connections and says nothing HTTP is a lost connection", async () => {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.end("hello\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  expect(await client(`http://127.0.0.1:${port}`, { retries: 0 }).failure({})).toMatchObject({
    reason: "connection-lost",
  });
});
