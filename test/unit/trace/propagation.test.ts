/** A trace goes on in what orch starts and asks: in the environment of plugins and in the headers of requests. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context, propagation, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { OrchError } from "@orch/core/model/failure";
import type { ListedObject, Provider } from "@orch/core/provider/contract";
import { traced } from "@orch/core/provider/traced";
import { inSpan } from "@orch/core/trace/span";
import { httpClient } from "@orch/providers/direct/http/client";
import { pluginEnvironment } from "@orch/providers/pulumi/environment";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";

function recording(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  return exporter;
}
afterEach(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

const parents = /^00-[0-9a-f]{32}-([0-9a-f]{16})-01$/;

describe("with an SDK", () => {
  test("plugins get TRACEPARENT of the span that starts them", async () => {
    recording();
    const started = { TRACEPARENT: "from outside", HOME: "/root" };
    const { id, env } = await inSpan("start", {}, async (span) => ({
      id: span.spanContext().spanId,
      env: pluginEnvironment({ project: "shop" }, started),
    }));
    expect(parents.exec(String(env.TRACEPARENT))?.[1]).toBe(id);
  });

  test("requests carry traceparent", async () => {
    recording();
    let header: string | undefined;
    const server = createServer((request, response) => {
      header = request.headers.traceparent as string | undefined;
      response.end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const client = httpClient({ service: "test", baseUrl: `http://127.0.0.1:${port}` } as never);
    const id = await inSpan("ask", {}, async (span) => {
      await client.send({ method: "GET", path: "/", signal: new AbortController().signal });
      return span.spanContext().spanId;
    });
    expect(parents.exec(String(header))?.[1]).toBe(id);
  });

  test("calls of providers: what they are about, how they end, nothing of what is sent", async () => {
    const exporter = recording();
    const refused = new OrchError({ reason: "permission-denied", message: "not with hunter2" });
    const provider = traced({
      package: { name: "scripted", version: "1.2.3" },
      origin: { source: "plugin" },
      create: () => Promise.reject(refused),
      async *list(): AsyncIterable<ListedObject> {
        yield { id: "a" };
        yield { id: "b" };
      },
    } as unknown as Provider);
    const urn = "urn:pulumi:dev::shop::scripted:index:Thing::thing" as never;
    const request = { urn, type: "scripted:index:Thing", name: "thing", inputs: { password: "hunter2" } };
    await expect(provider.create({ ...request, preview: false, token: "t0ken" })).rejects.toBe(refused);
    const found = [];
    for await (const one of provider.list?.({ type: "scripted:index:Thing" }) ?? []) found.push(one.id);
    expect(found).toEqual(["a", "b"]);
    const [create, list] = exporter.getFinishedSpans();
    expect(create).toMatchObject({
      name: "provider create",
      status: { code: 2 },
      attributes: {
        "error.type": "permission-denied",
        "rpc.method": "pulumirpc.ResourceProvider/Create",
        "orch.resource.urn": urn,
        "orch.provider.package": "scripted",
        "orch.provider.version": "1.2.3",
      },
    });
    expect(list).toMatchObject({ name: "provider list", attributes: { "orch.resource.count": 2 } });
    const all = JSON.stringify(
      exporter
        .getFinishedSpans()
        .map(({ name, attributes, events, status }) => [name, attributes, events, status]),
    );
    expect(all).not.toContain("hunter2");
    expect(all).not.toContain("t0ken");
    // What a provider does not have, it does not have here either.
    expect(provider.find).toBeUndefined();
  });
});

test("without one, nothing is added", () => {
  expect(pluginEnvironment({ project: "shop" }, { TRACEPARENT: "from outside" })).toEqual({
    TRACEPARENT: "from outside",
    PULUMI_PROJECT: "shop",
  });
});
