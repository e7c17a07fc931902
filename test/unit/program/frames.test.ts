import { FrameKind, FrameReader, frame } from "@orch/core/program/frames";
import fc from "fast-check";
import { expect, test } from "vitest";

test("frames come out as they went in, however the stream is cut", () => {
  const sent = fc.array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 30 })), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(sent, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (frames, cuts) => {
      const stream = Buffer.concat(
        frames.map(([id, body]) => frame(FrameKind.response, id, undefined, body)),
      );
      const got: [number, Uint8Array][] = [];
      const reader = new FrameReader((kind, id, payload) => {
        expect(kind).toBe(FrameKind.response);
        got.push([id, Uint8Array.from(payload)]);
      });
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length] as number;
        reader.push(stream.subarray(at, at + size));
        at += size;
      }
      expect(got).toEqual(frames.map(([id, body]) => [id, Uint8Array.from(body)]));
    }),
  );
});
