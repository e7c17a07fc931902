/** What a real API server can't be brought to do at will: throttling, and lists that grow too old. The in-test server is as strict as the real one about what it is sent. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PropertyMap } from "@orch/core/model/value";
import { kubernetesLoader } from "@orch/providers/kubernetes/index";
import { expect, onTestFinished, test } from "vitest";
import { failureOf, startLive } from "../../lab/live.js";

type Handler = (
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
) => { status: number; body: unknown; headers?: Record<string, string> } | undefined;

const ConfigMap = "kubernetes:core/v1:ConfigMap";
const resources = {
  kind: "APIResourceList",
  resources: [{ name: "configmaps", kind: "ConfigMap", namespaced: true, verbs: ["get", "list"] }],
};
const item = (name: string) => ({ metadata: { name, namespace: "default", uid: `uid-${name}` }, data: {} });

async function start(handler: Handler) {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url as string, "http://x");
    asked.push(`${request.method} ${request.url}`);
    const answer =
      url.pathname === "/api/v1"
        ? { status: 200, body: resources }
        : handler(url.pathname, url.searchParams, request);
    const { status, body, headers } = answer ?? {
      status: 404,
      body: { kind: "Status", reason: "NotFound" },
      headers: {},
    };
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const kubeconfig = JSON.stringify({
    "current-context": "it",
    clusters: [
      { name: "it", cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } },
    ],
    contexts: [{ name: "it", context: { cluster: "it" } }],
  });
  return { asked, ...(await startLive(kubernetesLoader(), "kubernetes", { kubeconfig })) };
}

const tooMany = {
  status: 429,
  headers: { "retry-after": "0" },
  body: { kind: "Status", code: 429, reason: "TooManyRequests", message: "too many requests" },
};

test("a throttled request is sent again when the server says so", async () => {
  let refusals = 2;
  const { import: take, asked } = await start((path) =>
    path.endsWith("/configmaps/a")
      ? refusals-- > 0
        ? tooMany
        : { status: 200, body: { apiVersion: "v1", kind: "ConfigMap", ...item("a") } }
      : undefined,
  );
  expect((await take(ConfigMap, "default/a"))?.id).toBe("default/a");
  expect(asked.filter((line) => line.includes("/configmaps/a"))).toHaveLength(3);
});

test("throttled in a plan: told, and not taken for an object that is not there", async () => {
  const { provider, check } = await start(() => tooMany);
  const { inputs } = await check(ConfigMap, { metadata: { name: "a" }, data: {} });
  expect(
    await failureOf(provider.create({ urn: "urn:x", type: ConfigMap, name: "it", inputs, preview: true })),
  ).toMatchObject({ reason: "throttled" });
});

test("a list whose version is gone by the second page goes on with the newest", async () => {
  const names = ["a", "b", "c"];
  const { readMany, asked } = await start((_path, query) => {
    const token = query.get("continue");
    if (token === null)
      return { status: 200, body: { metadata: { continue: "old" }, items: [item("a"), item("b")] } };
    if (token === "old")
      return {
        status: 410,
        body: {
          kind: "Status",
          code: 410,
          reason: "Expired",
          message: "too old",
          metadata: { continue: "fresh" },
        },
      };
    return { status: 200, body: { metadata: {}, items: [item("c")] } };
  });
  const inputs = (name: string): PropertyMap => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "default" },
  });
  const answers = await readMany(
    names.map((name) => ({ type: ConfigMap, id: `default/${name}`, inputs: inputs(name), outputs: {} })),
  );
  expect(answers.map((answer) => ("failure" in answer ? answer.failure : answer.object?.id))).toEqual(
    names.map((name) => `default/${name}`),
  );
  expect(
    asked
      .slice(1)
      .map((line) => new URL(line.split(" ")[1] as string, "http://x").searchParams.get("continue")),
  ).toEqual([null, "old", "fresh"]);
});
