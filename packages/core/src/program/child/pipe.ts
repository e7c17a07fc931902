/** The child's end of the pipe to the engine: sends the SDK's requests, hands back the answers. */
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { controlFrame, FrameKind, FrameReader, frame, nameHead, splitName } from "../frames.js";
import type { FromChild, ToChild } from "../protocol.js";

/** A generated protobuf message, as much of it as is needed here. */
export interface Message {
  serializeBinary(): Uint8Array;
}
export type Callback = (error: unknown, response?: unknown) => void;

interface Waiting {
  readonly deserialize: (bytes: Uint8Array) => unknown;
  readonly callback: Callback;
}

/** gRPC status codes that are used here. */
export const status = { cancelled: 1, unknown: 2, unimplemented: 12 } as const;

export class Pipe {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #names = new Map<string, Buffer>();
  #nextId = 1;
  #out: Buffer[] = [];
  #held = 0;
  /** Registrations that were sent; told when the program exits early. */
  registrations = 0;
  /** Requests since the start, to see whether the program is still at work. */
  get requests(): number {
    return this.#nextId - 1;
  }
  get pending(): number {
    return this.#waiting.size;
  }

  constructor(
    readonly fd: number,
    onControl: (message: ToChild) => void,
    onClose: () => void,
  ) {
    this.#socket = new Socket({ fd, readable: true, writable: true });
    const reader = new FrameReader((kind, id, payload) => {
      if (kind === FrameKind.control) onControl(JSON.parse(payload.toString()) as ToChild);
      else if (kind === FrameKind.callback) void this.#callBack(id, payload);
      else this.#answer(kind, id, payload);
    });
    this.#socket.on("data", (chunk: Buffer) => reader.push(chunk));
    this.#socket.on("error", onClose);
    this.#socket.on("close", onClose);
    this.#socket.unref();
  }

  /** Keeps the process alive until the returned function is called: something is expected from the engine. */
  hold(): () => void {
    if (this.#held++ === 0) this.#socket.ref();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#held === 0) this.#socket.unref();
    };
  }

  request(
    method: string,
    message: Message,
    deserialize: (bytes: Uint8Array) => unknown,
    callback: Callback,
  ): void {
    const id = this.#nextId++;
    if (method === "registerResource") this.registrations++;
    let head = this.#names.get(method);
    if (head === undefined) {
      head = nameHead(method);
      this.#names.set(method, head);
    }
    this.#waiting.set(id, { deserialize, callback });
    if (this.#waiting.size === 1 && this.#held++ === 0) this.#socket.ref();
    this.#send(frame(FrameKind.request, id, head, message.serializeBinary()));
  }

  control(message: FromChild): void {
    this.#send(controlFrame(message));
  }

  /** Writes at once, for the last words of a process that is about to exit. */
  controlNow(message: FromChild): void {
    const data = Buffer.concat([...this.#out, controlFrame(message)]);
    this.#out = [];
    let written = 0;
    const deadline = Date.now() + 1000;
    while (written < data.length && Date.now() < deadline) {
      try {
        written += writeSync(this.fd, data, written);
      } catch (error) {
        // The pipe does not block; the engine empties it soon. Anything else means that nobody listens any more.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      }
    }
  }

  /** Runs a function of the program that the engine was given a token for. */
  onCallback: (token: string, request: Uint8Array) => Promise<Uint8Array> = () =>
    Promise.reject(new Error("no callbacks"));
  describe: (error: unknown) => Promise<unknown> = (error) => Promise.resolve({ message: String(error) });

  async #callBack(id: number, payload: Buffer): Promise<void> {
    const { name, rest } = splitName(payload);
    try {
      this.#send(frame(FrameKind.callbackResponse, id, undefined, await this.onCallback(name, rest)));
    } catch (error) {
      const described = Buffer.from(JSON.stringify(await this.describe(error)));
      this.#send(frame(FrameKind.callbackFailure, id, undefined, described));
    }
  }

  /** One write for all that is said in a turn: ten thousand small writes cost more than the requests. */
  #send(data: Buffer): void {
    if (this.#out.push(data) > 1) return;
    process.nextTick(() => {
      if (this.#out.length === 0) return;
      const out = this.#out;
      this.#out = [];
      this.#socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
    });
  }

  #answer(kind: FrameKind, id: number, payload: Buffer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (this.#waiting.size === 0 && --this.#held === 0) this.#socket.unref();
    if (kind === FrameKind.failure) {
      const { code, message } = JSON.parse(payload.toString()) as { code: number; message: string };
      waiting.callback(Object.assign(new Error(message), { code, details: message }));
      return;
    }
    let response: unknown;
    try {
      response = waiting.deserialize(payload);
    } catch (error) {
      waiting.callback(error);
      return;
    }
    waiting.callback(null, response);
  }
}

/** A generated gRPC service table: method → how its messages are read. */
export type ServiceTable = Readonly<
  Record<string, { readonly responseType: { deserializeBinary(bytes: Uint8Array): unknown } }>
>;

/** An object with a method per call of the service, as the SDK expects of a gRPC client. */
export function pipeClient(pipe: Pipe, service: ServiceTable): Record<string, unknown> {
  const client: Record<string, unknown> = { close: () => {} };
  const cancellable = { cancel: () => {} };
  for (const [name, method] of Object.entries(service)) {
    const deserialize = (bytes: Uint8Array) => method.responseType.deserializeBinary(bytes);
    client[name] = (message: Message, ...rest: unknown[]) => {
      pipe.request(name, message, deserialize, rest.at(-1) as Callback);
      return cancellable;
    };
  }
  return client;
}
