/**
 * Traces of a command, sent where OpenTelemetry's variables say, and nowhere without them. The SDK is loaded only then. A collector that can't be
 * reached is told once and harms nothing.
 */
import { context, DiagLogLevel, diag, propagation } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace-node";
import { inSpan } from "@orch/core/trace/span";

/** How long the end of a command waits for the collector, in ms, unless OTEL_EXPORTER_OTLP_TIMEOUT says so. */
const patience = 5_000;

/** Runs a command in its root span, below the one that TRACEPARENT names, and sends what came of it. The exit code. */
export async function traceCommand(
  command: string,
  orchVersion: string,
  tell: (text: string) => void,
  run: () => Promise<number>,
): Promise<number> {
  const { env } = process;
  let problem: string | undefined;
  const failed = (message: string): void => {
    problem ??= message.split("\n", 1)[0]?.replaceAll(/\/\/[^@/\s]*@/g, "//");
  };
  diag.setLogger(
    { error: failed, warn: () => {}, info: () => {}, debug: () => {}, verbose: () => {} },
    DiagLogLevel.ERROR,
  );
  const [sdk, { defaultResource, detectResources, envDetector, resourceFromAttributes }, exporter] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-node"),
      import("@opentelemetry/resources"),
      makeExporter(env, failed),
    ]);
  const own = resourceFromAttributes({ "service.name": "orch", "service.version": orchVersion });
  const provider = new sdk.NodeTracerProvider({
    resource: defaultResource()
      .merge(own)
      // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors:
      exporter === undefined
        ? []
        : [
            new sdk.BatchSpanProcessor(
              exporter,
              // A plan of 10,000 resources is done before the first batch has left.
              env.OTEL_BSP_MAX_QUEUE_SIZE === undefined ? { maxQueueSize: 200_000 } : {},
            ),
          ],
  });
  provider.register();
  const carrier = {
    ...(env.TRACEPARENT === undefined ? {} : { traceparent: env.TRACEPARENT }),
    ...(env.TRACESTATE === undefined ? {} : { tracestate: env.TRACESTATE }),
  };
  const parent = propagation.extract(context.active(), carrier);
  try {
    return await inSpan(
      `orch ${command}`,
      { "orch.command": command, "process.pid": process.pid },
      async (span) => {
        const code = await run();
        span.setAttribute("process.exit.code", code);
        if (code !== 0 && code !== 2) span.setAttribute("error.type", `exit-code-${code}`);
        return code;
      },
      { parent },
    );
  } finally {
    const wait = Number(env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? env.OTEL_EXPORTER_OTLP_TIMEOUT) || patience;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      provider.shutdown().catch((error: unknown) => failed(String(error))),
      new Promise((resolve) => {
        timer = setTimeout(() => {
          failed(`no answer within ${wait / 1000} s`);
          resolve(undefined);
        }, wait);
      }),
    ]);
    clearTimeout(timer);
    if (problem !== undefined) tell(`The traces were not delivered: ${problem}`);
  }
}

/** Undefined, and told, for what is not supported. */
async function makeExporter(
  env: NodeJS.ProcessEnv,
  failed: (message: string) => void,
): Promise<SpanExporter | undefined> {
  const protocol =
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? "http/protobuf";
  switch (protocol) {
    case "http/protobuf":
      return new (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter();
    case "http/json":
      return new (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter();
    default:
      failed(
        `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}; there are http/protobuf and http/json, on port 4318 of most collectors`,
      );
      return undefined;
  }
}
