/** Runs a program: starts or takes its process, serves its requests, and tells how it ended. */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import type { SourcePosition } from "../model/resource.js";
import {
  childFailure,
  framesText,
  hangingFailure,
  type ProgramPlace,
  relativeTo,
  sourceOf,
} from "./child-errors.js";
import type { ProgramHost, ProgramOptions, ProgramResult, ProgramSink } from "./contract.js";
import { controlFrame, FrameKind, FrameReader, frame, nameHead, splitName } from "./frames.js";
import { type ChildHost, startProgramHost } from "./host.js";
import { createMonitor, type Monitor, RpcError, unimplemented } from "./monitor/monitor.js";
import { MonitorServer } from "./monitor/server.js";
import type { ChildError, FromChild, StartOptions, ToChild } from "./protocol.js";
import { redactFailure, redactor } from "./redact.js";
import { status } from "./services.js";

export { startProgramHost } from "./host.js";

/** Between the request to end and the kill. */
const graceMs = 2000;
/** How long output is awaited once the process has ended. */
const outputGraceMs = 500;

/**
 * Runs the program to its end. Rejects with an OrchError: the refusal of the sink or of the engine that the program did not
 * survive, else what went wrong in the program (`program-error`, `module-missing`, `config-missing`, `program-missing`,
 * `program-exited`, `program-hanging`, `interrupted`); further errors are its causes.
 */
export async function runProgram(
  given: ProgramOptions,
  sink: ProgramSink,
  host: ProgramHost = startProgramHost({ programDir: given.programDir }),
): Promise<ProgramResult> {
  const started = Date.now();
  const redact = redactor(given.config, given.secretKeys);
  const options: ProgramOptions = {
    ...given,
    events: (event) => {
      if (event.type === "program-output") given.events({ ...event, line: redact(event.line) });
      else if (event.type === "log") given.events({ ...event, message: redact(event.message) });
      else given.events(event);
    },
  };
  const server = new MonitorServer(
    () => monitor,
    (failure) => run.refused(failure),
  );
  let run: Run;
  let monitor: Monitor;
  try {
    monitor = createMonitor(
      options,
      sink,
      (token, request) => server.callBack(token, request) ?? run.callBack(token, request),
      () => server.address(),
    );
    run = new Run(options, monitor, host as ChildHost);
    const files = await run.finish();
    return {
      resources: monitor.resources,
      outputs: monitor.outputs,
      ...(monitor.outputOrigins === undefined ? {} : { outputOrigins: monitor.outputOrigins }),
      needsProgram: monitor.needsProgram,
      files,
    };
  } catch (error) {
    throw new OrchError(redactFailure(toFailure(error), redact), { cause: error });
  } finally {
    host.close();
    await server.close();
    options.events({ type: "program-ended", elapsedMs: Date.now() - started });
  }
}

/** One running child. */
class Run {
  /** In the order they came. */
  readonly #errors: ChildError[] = [];
  readonly #refusals: Failure[] = [];
  readonly #toPlugins: Failure[] = [];
  #exiting: Extract<FromChild, { type: "exiting" }> | undefined;
  #finished: Extract<FromChild, { type: "finished" }> | undefined;
  #out: Buffer[] = [];
  #interrupted = false;
  #stderr: string[] = [];
  readonly #callbacks = new Map<
    number,
    { readonly resolve: (response: Uint8Array) => void; readonly reject: (error: Error) => void }
  >();
  #nextCallback = 1;

  constructor(
    readonly options: ProgramOptions,
    readonly monitor: Monitor,
    readonly host: ChildHost,
  ) {}

  /** The program's own files, once it has ended well. */
  async finish(): Promise<readonly string[]> {
    const { child, socket } = this.host;
    const { signal } = this.options;
    const stop = () => this.#stop();
    for (const handle of this.host.handles) handle.ref();
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; error?: Error }>(
      (resolve) => {
        if (child.exitCode !== null || child.signalCode !== null)
          resolve({ code: child.exitCode, signal: child.signalCode });
        child.once("error", (error) => resolve({ code: null, signal: null, error }));
        child.once("exit", (code, signal) => resolve({ code, signal }));
      },
    );
    const output = Promise.all([
      this.#lines(child.stdout as Readable, "stdout"),
      this.#lines(child.stderr as Readable, "stderr"),
    ]);
    const reader = new FrameReader((kind, id, payload) => this.#receive(kind, id, payload));
    const drained = new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => reader.push(chunk));
      // The child is gone, or went while it was written to: how it ended says more.
      socket.on("error", () => resolve());
      socket.on("close", () => resolve());
      // The child was gone before its time came.
      if (socket.destroyed) resolve();
    });
    this.#control({ type: "start", options: this.#startOptions() });
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    try {
      const end = await ended;
      socket.end();
      // Something that the program left running may still hold its output open.
      const late = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, outputGraceMs);
      await Promise.all([drained, output]);
      clearTimeout(late);
      for (const { reject } of this.#callbacks.values()) reject(new Error("the program has ended"));
      const failure = this.#failure(end);
      if (failure !== undefined) throw new OrchError(failure);
      return this.#finished?.files ?? [];
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  #place(): ProgramPlace {
    return { ...this.options, outputsOf: (reference) => this.monitor.outputsOf(reference) };
  }

  #startOptions(): StartOptions {
    const {
      projectDir,
      programDir,
      entry,
      project,
      stack,
      organization,
      config,
      secretKeys,
      dryRun,
      parallel,
      env,
    } = this.options;
    return {
      projectDir,
      programDir,
      ...(entry === undefined ? {} : { entry }),
      project,
      stack,
      organization,
      config,
      secretKeys,
      dryRun,
      parallel,
      env: env ?? {},
    };
  }

  #receive(kind: FrameKind, id: number, payload: Buffer): void {
    if (kind === FrameKind.control) {
      this.#heard(JSON.parse(payload.toString()) as FromChild);
      return;
    }
    if (kind === FrameKind.callbackResponse || kind === FrameKind.callbackFailure) {
      const waiting = this.#callbacks.get(id);
      this.#callbacks.delete(id);
      if (kind === FrameKind.callbackResponse) waiting?.resolve(payload);
      else waiting?.reject(callbackError(JSON.parse(payload.toString()) as ChildError, this.#place()));
      return;
    }
    const { name, rest } = splitName(payload);
    try {
      const method = this.monitor.methods[name];
      if (method === undefined) throw unimplemented(name);
      const answer = method.handle(method.decode(rest) as never);
      if (answer instanceof Promise) {
        answer.then(
          (message) => this.#send(frame(FrameKind.response, id, undefined, message.serializeBinary())),
          (error) => this.#refuse(id, error),
        );
      } else this.#send(frame(FrameKind.response, id, undefined, answer.serializeBinary()));
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  /** What was refused to a plugin that makes a component. */
  refused(failure: Failure): void {
    this.#toPlugins.push(failure);
    this.#refusals.push(failure);
  }

  #refuse(id: number, error: unknown): void {
    let code: number = status.unknown;
    let message: string;
    if (error instanceof RpcError) {
      code = error.code;
      message = error.message;
    } else {
      const failure = toFailure(error);
      // A plugin that made a component tells on what it was refused: once is enough, and the first words are the better ones.
      if (!this.#toPlugins.some((refusal) => failure.message.includes(refusal.message)))
        this.#refusals.push(failure);
      message = failure.message;
      // Makes the SDK end quietly instead of reporting every resource that was under way.
      if (failure.reason === "interrupted") code = status.cancelled;
    }
    this.#send(frame(FrameKind.failure, id, undefined, Buffer.from(JSON.stringify({ code, message }))));
  }

  #heard(message: FromChild): void {
    switch (message.type) {
      case "ready":
        return;
      case "error":
        this.#errors.push(message.error);
        return;
      case "exiting":
        this.#exiting ??= message;
        return;
      case "lingering":
        this.options.events({
          type: "log",
          level: "warning",
          message: `The program has made everything but does not end: ${message.handles.join(", ") || "something"} keeps it alive. Close servers and clear timers at its end.`,
        });
        return;
      case "finished":
        this.#finished = message;
        this.#control({ type: "bye" });
    }
  }

  /** Runs a function that the program gave the engine a token for. Rejects with what it threw. */
  callBack(token: string, request: Uint8Array): Promise<Uint8Array> {
    const id = this.#nextCallback++;
    return new Promise((resolve, reject) => {
      this.#callbacks.set(id, { resolve, reject });
      this.#send(frame(FrameKind.callback, id, nameHead(token), request));
    });
  }

  #control(message: ToChild): void {
    this.#send(controlFrame(message));
  }

  /** One write for all answers of a turn. */
  #send(data: Buffer): void {
    if (this.#out.push(data) > 1) return;
    setImmediate(() => {
      const out = this.#out;
      this.#out = [];
      if (this.host.socket.writable)
        this.host.socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
    });
  }

  async #lines(stream: Readable, name: "stdout" | "stderr"): Promise<void> {
    const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on("line", (line) => {
      if (name === "stderr") {
        this.#stderr.push(line);
        if (this.#stderr.length > 100) this.#stderr.shift();
      }
      this.options.events({ type: "program-output", stream: name, line });
    });
    await new Promise<void>((resolve) => {
      lines.on("close", resolve);
      stream.on("close", resolve);
      if (stream.destroyed) resolve();
    });
  }

  #stop(): void {
    this.#interrupted = true;
    // Ends even an endless loop: the child does not handle it. A program that does gets time to clean up.
    this.host.child.kill("SIGTERM");
    const timer = setTimeout(() => this.host.close(), graceMs);
    this.host.child.once("exit", () => clearTimeout(timer));
  }

  #failure(end: { code: number | null; signal: NodeJS.Signals | null; error?: Error }): Failure | undefined {
    const place = this.#place();
    if (this.#interrupted && this.#finished === undefined) {
      return { reason: "interrupted", message: "The program was stopped before it had ended." };
    }
    if (end.error !== undefined) {
      return {
        reason: "internal",
        message: `The program's process could not be started: ${end.error.message}`,
      };
    }
    const failures = this.#errors
      .filter((error) => !this.#refusals.some((refusal) => error.message.includes(refusal.message)))
      .map((error) =>
        error.early && error.kind === "error" ? earlyFailure(error, place) : childFailure(error, place),
      );
    const hanging = this.#finished?.hanging;
    // The SDK never settles what was refused because the run is being stopped, so the program seems to hang.
    const stopped = this.#refusals.some((refusal) => refusal.reason === "interrupted");
    const survived = this.#finished !== undefined && this.#errors.length === 0;
    if (!survived || stopped) failures.unshift(...this.#refusals);
    const count = this.monitor.resources.length;
    if (this.#exiting !== undefined && (this.#finished === undefined || failures.length === 0))
      failures.push(exited(this.#exiting, place, count));
    if (hanging !== undefined && !stopped) failures.push(hangingFailure(hanging));
    if (this.#finished === undefined && failures.length === 0) failures.push(this.#died(end, count));
    const [first, ...others] = failures;
    if (first === undefined || others.length === 0) return first;
    return { ...first, causes: [...(first.causes ?? []), ...others] };
  }

  #died(end: { code: number | null; signal: NodeJS.Signals | null }, count: number): Failure {
    const after = `after ${registrations(count)}`;
    const words = this.#stderr.filter((line) => line.trim() !== "").slice(-20);
    if (this.#stderr.some((line) => /JavaScript heap out of memory|Allocation failed/.test(line))) {
      return {
        reason: "program-exited",
        message: `The program ran out of memory ${after}.`,
        next: [
          "Give it more: NODE_OPTIONS=--max-old-space-size=4096 (MB).",
          "Look for data that the program reads or builds as a whole.",
        ],
      };
    }
    const how =
      end.signal === null ? `exited with code ${end.code}` : `was ended from outside by ${end.signal}`;
    const killed =
      end.signal === "SIGKILL"
        ? ["The system kills processes when memory is short: see its log (dmesg)."]
        : [];
    return {
      reason: "program-exited",
      message: `The program's process ${how} ${after}.`,
      ...(words.length === 0 ? {} : { detail: words.join("\n") }),
      ...(killed.length === 0 ? {} : { next: killed }),
    };
  }
}

const registrations = (count: number): string => `${count} registration${count === 1 ? "" : "s"}`;

function exited(
  exiting: Extract<FromChild, { type: "exiting" }>,
  place: ProgramPlace,
  count: number,
): Failure {
  const [first] = exiting.frames;
  return {
    reason: "program-exited",
    message: `The program exited with code ${exiting.code} after ${registrations(count)}, before it had ended.`,
    ...(first === undefined
      ? {}
      : { source: sourceOf(first, place), detail: framesText(exiting.frames, place) }),
    next: ["Do not call process.exit in a program: throw an error to fail, or return to end."],
  };
}

/** What a transform threw, with the user's frames. */
function callbackError(error: ChildError, place: ProgramPlace): OrchError {
  const failure = childFailure(error, place);
  return new OrchError({ ...failure, message: `A transform of the program failed: ${failure.message}` });
}

/** Of `FILE: Expected … in JSON at position 35 (line 2 column 1)`. */
function jsonPlace(message: string, place: ProgramPlace): { readonly source?: SourcePosition } {
  const match = /^(\/.*?\.json|[A-Za-z]:\\.*?\.json): .*\(line (\d+) column (\d+)\)/.exec(message);
  if (match === null) return {};
  const [, file = "", line, column] = match;
  return { source: { file: relativeTo(place.programDir, file), line: Number(line), column: Number(column) } };
}

/** Something failed before the program began: the SDK, its dependencies, tsconfig.json. */
function earlyFailure(error: ChildError, place: ProgramPlace): Failure {
  return {
    reason: "program-error",
    message: `The program could not be started: ${error.message}`,
    ...jsonPlace(error.message, place),
    next: [`Check tsconfig.json and the packages in ${place.programDir} (npm install).`],
  };
}
