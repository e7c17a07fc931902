import { FrameKind, FrameReader, frame } from "@orch/core/program/frames";
import fc from "fast-check";
import { expect, test } from "vitest";

const anyFrame = fc.record({
  kind: fc.constantFrom(...Object.values(FrameKind)),
  id: fc.nat({ max: 0xffffffff }),
  head: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }),
  body: fc.uint8Array({ maxLength: 50 }),
});

test("frames come out as they went in, however the stream is cut", () => {
  fc.assert(
    fc.property(fc.array(anyFrame), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (frames, sizes) => {
      const stream = Buffer.concat(frames.map(({ kind, id, head, body }) => frame(kind, id, head, body)));
      const seen: { kind: number; id: number; payload: number[] }[] = [];
      const reader = new FrameReader((kind, id, payload) => seen.push({ kind, id, payload: [...payload] }));
      for (let at = 0; at < stream.length; ) {
        const size = sizes.next().value as number;
        reader.push(stream.subarray(at, at + size));
        at += size;
      }
      expect(seen).toEqual(
        frames.map(({ kind, id, head, body }) => ({ kind, id, payload: [...(head ?? []), ...body] })),
      );
    }),
  );
});

test("a large frame comes in many chunks", () => {
  const body = Buffer.alloc(8_000_000, 7);
  const whole = frame(FrameKind.request, 1, undefined, body);
  let got = 0;
  const reader = new FrameReader((_, __, payload) => {
    got = payload.length;
  });
  for (let at = 0; at < whole.length; at += 1000) reader.push(whole.subarray(at, at + 1000));
  expect(got).toBe(body.length);
});
