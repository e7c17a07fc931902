/** Traces, received by an OTLP/HTTP receiver of this test's own. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { stack } from "./kit.js";
import { dynamicProgram, filesProgram } from "./programs.js";

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Receiver {
  readonly env: Readonly<Record<string, string>>;
  readonly requests: Received[];
}

async function receiver(status = 200): Promise<Receiver> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ url: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    requests,
  };
}

/** Of OTLP's JSON. Source: opentelemetry-proto trace/v1/trace.proto. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status?: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of OTLP, looked at in a few places
const documents = ({ requests }: Receiver): any[] =>
  requests.map(({ body }) => JSON.parse(body.toString("utf8")));
const spansOf = (to: Receiver): Span[] =>
  documents(to).flatMap(({ resourceSpans }) =>
    (resourceSpans as { scopeSpans: { spans: Span[] }[] }[]).flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
const attribute = (span: Span, key: string): unknown =>
  Object.values(span.attributes.find((one) => one.key === key)?.value ?? {})[0];

function tree(spans: readonly Span[]) {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const ancestors = (span: Span): string[] => {
    const parent = byId.get(span.parentSpanId ?? "");
    return parent === undefined ? [] : [parent.name, ...ancestors(parent)];
  };
  return { ancestors, named: (name: string) => spans.filter((span) => span.name === name) };
}

const parent = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const traceparent = `00-${parent.traceId}-${parent.spanId}-01`;

test("an apply: one trace below TRACEPARENT, with the program, steps and every provider call, and no value", async () => {
  const to = await receiver();
  const made = await stack(filesProgram("Hello from a value"));
  await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
  const env = { ...to.env, TRACEPARENT: traceparent, OTEL_RESOURCE_ATTRIBUTES: "team=shop" };
  const plain = await made.orch(["apply", "--yes"], { env });
  expect(plain).toMatchObject({ code: 0, stderr: "" });

  const spans = spansOf(to);
  const { ancestors, named } = tree(spans);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([parent.traceId]));
  const [root] = named("orch apply");
  expect(root).toMatchObject({ parentSpanId: parent.spanId });
  expect(attribute(root as Span, "process.exit.code")).toBe(0);
  // Nothing hangs in the air.
  expect(spans.filter((span) => span !== root && ancestors(span).at(-1) !== "orch apply")).toEqual([]);

  expect(ancestors(named("program")[0] as Span)).toEqual(["plan", "orch apply"]);
  const creates = named("provider create").filter((span) => attribute(span, "orch.preview") === false);
  expect(creates.map((span) => ancestors(span))).toEqual(
    creates.map(() => ["step create", "apply", "orch apply"]),
  );
  expect(creates.map((span) => attribute(span, "orch.resource.type")).sort()).toEqual([
    ...["host:index:Directory", "host:index:File", "host:index:File"],
  ]);
  for (const span of creates)
    expect([attribute(span, "orch.provider.package"), attribute(span, "orch.provider.source")]).toEqual([
      ...["host", "direct"],
    ]);
  expect(named("provider check").length).toBeGreaterThanOrEqual(3);
  for (const span of named("provider check")) expect(ancestors(span)).toContain("program");
  expect(attribute(named("apply")[0] as Span, "orch.run.outcome")).toBe("succeeded");

  const text = JSON.stringify(documents(to));
  for (const value of ["s3cret-value", "Hello from a value", "hidden output"])
    expect(text).not.toContain(value);
  const resource = documents(to)[0].resourceSpans[0].resource;
  expect(attribute(resource, "service.name")).toBe("orch");
  expect(attribute(resource, "team")).toBe("shop");
});

test("what fails is marked with its reason, and not with what it says", async () => {
  const to = await receiver();
  const made = await stack(dynamicProgram(`async create() { throw new Error("no more room for 17"); }`));
  expect((await made.orch(["apply", "--yes"], { env: to.env })).code).toBe(1);
  const { named } = tree(spansOf(to));
  for (const name of ["step create", "apply"]) {
    expect(named(name).map(({ status }) => status?.code)).toContain(2);
  }
  expect(named("step create").map((span) => attribute(span, "error.type"))).toContain("provider-error");
  expect(attribute(named("orch apply")[0] as Span, "process.exit.code")).toBe(1);
  expect(JSON.stringify(documents(to))).not.toContain("no more room");
});

test("without OpenTelemetry's variables, or with them switched off, nothing is sent", async () => {
  const to = await receiver();
  const made = await stack(filesProgram());
  await made.ok(["plan"]);
  await made.ok(["plan"], { env: { ...to.env, OTEL_SDK_DISABLED: "true" } });
  await made.ok(["plan"], { env: { ...to.env, OTEL_TRACES_EXPORTER: "none" } });
  expect(to.requests).toEqual([]);
  await made.ok(["state", "ls"], { env: to.env });
  expect(spansOf(to).map(({ name }) => name)).toEqual(["orch state ls"]);
});

test("protobuf is what is sent unless JSON is asked for", async () => {
  const to = await receiver();
  const made = await stack(filesProgram());
  await made.ok(["state", "ls"], { env: { ...to.env, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" } });
  const [request] = to.requests;
  expect(request?.url).toBe("/v1/traces");
  expect(request?.headers["content-type"]).toBe("application/x-protobuf");
  expect(request?.body.includes("orch state ls")).toBe(true);
});

test("a collector that is not there, or refuses, is told once and changes nothing", async () => {
  const made = await stack(filesProgram());
  const nobody = await made.orch(["apply", "--yes"], {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:passw0rd@127.0.0.1:1",
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
    },
  });
  expect(nobody.code).toBe(0);
  expect(nobody.stderr.match(/traces were not delivered/g)).toHaveLength(1);
  expect(nobody.stderr).not.toContain("passw0rd");
  const refusing = await receiver(401);
  const refused = await made.orch(["state", "ls"], { env: refusing.env });
  expect(refused.code).toBe(0);
  expect(refused.stderr.match(/traces were not delivered/g)).toHaveLength(1);
  const grpc = await made.orch(["state", "ls"], {
    env: { ...refusing.env, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
  });
  expect(grpc.code).toBe(0);
  expect(grpc.stderr).toContain("there are http/protobuf and http/json");
});
