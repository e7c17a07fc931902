/**
 * Frames on the pipe between the engine and a program: a length (u32, little endian, of all that follows), a request id
 * (u32), a kind (u8) and the payload.
 */

export const FrameKind = {
  /** JSON of a {@link ToChild} or {@link FromChild} message; the id is 0. */
  control: 0,
  /** Child → engine: one byte with the length of the method's name, the name (`registerResource`), the request message. */
  request: 1,
  /** Engine → child: the response message. */
  response: 2,
  /** Engine → child: JSON `{code, message}` with a gRPC status code. */
  failure: 3,
  /** Engine → child: one byte with the length of a callback's token, the token, the callback's request. */
  callback: 4,
  /** Child → engine: what the callback returned. */
  callbackResponse: 5,
  /** Child → engine: JSON of the {@link ChildError} that the callback threw. */
  callbackFailure: 6,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const headerSize = 9;

/** A whole frame; `head` and `body` are copied into it. */
export function frame(kind: FrameKind, id: number, head: Uint8Array | undefined, body: Uint8Array): Buffer {
  const headSize = head?.length ?? 0;
  const out = Buffer.allocUnsafe(headerSize + headSize + body.length);
  out.writeUInt32LE(out.length - 4, 0);
  out.writeUInt32LE(id, 4);
  out[8] = kind;
  if (head !== undefined) out.set(head, headerSize);
  out.set(body, headerSize + headSize);
  return out;
}

export const controlFrame = (message: unknown): Buffer =>
  frame(FrameKind.control, 0, undefined, Buffer.from(JSON.stringify(message)));

/** A name in front of a payload: its length in one byte, then its characters (ASCII). */
export const nameHead = (name: string): Buffer =>
  Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1")]);

export function splitName(payload: Buffer): { readonly name: string; readonly rest: Buffer } {
  const end = 1 + (payload[0] as number);
  return { name: payload.toString("latin1", 1, end), rest: payload.subarray(end) };
}

export type OnFrame = (kind: FrameKind, id: number, payload: Buffer) => void;

/** Cuts a stream of chunks into frames. Payloads are views into the chunks. */
export class FrameReader {
  #rest: Buffer[] = [];
  #size = 0;

  constructor(readonly onFrame: OnFrame) {}

  push(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#size += chunk.length;
    // A large frame comes in many chunks: join them only once it is complete.
    if (this.#size < 4 || this.#size < this.#needed()) return;
    let data = this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest, this.#size);
    while (data.length >= 4) {
      const end = 4 + data.readUInt32LE(0);
      if (data.length < end) break;
      this.onFrame(data[8] as FrameKind, data.readUInt32LE(4), data.subarray(headerSize, end));
      data = data.subarray(end);
    }
    this.#rest = data.length > 0 ? [data] : [];
    this.#size = data.length;
  }

  /** Bytes from the start of what is kept to the end of its first frame; what is kept has at least four bytes. */
  #needed(): number {
    let first = this.#rest[0] as Buffer;
    if (first.length < 4) {
      first = Buffer.concat(this.#rest, this.#size);
      this.#rest = [first];
    }
    return 4 + first.readUInt32LE(0);
  }
}
