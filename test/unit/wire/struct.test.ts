import {
  Archive,
  Asset,
  equal,
  map,
  OutputValue,
  type PropertyMap,
  ResourceRef,
  Secret,
  Unknown,
  unknown,
  type Value,
} from "@orch/core/model/value";
import type { Json } from "@orch/core/wire/json";
import { decode, decodeMap, encode, encodeMap, signatureKey, signatures } from "@orch/core/wire/json";
import { StructMessage } from "@orch/core/wire/protobuf";
import { fromProtoValue, fromStruct, toProtoValue, toStruct } from "@orch/core/wire/struct";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const sentinels = [
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];

/** jspb keeps maps in objects with a prototype, so `__proto__` cannot travel in a Struct; in JSON it can. */
const key = fc.oneof(
  fc.constantFrom("kind", "value", "secret", "constructor", "toString", "hasOwnProperty", "", "a.b"),
  fc.string().filter((text) => text !== "__proto__" && text !== signatureKey),
);
const text = fc.string().filter((s) => !sentinels.includes(s));
const hash = fc.option(fc.constant("ab".repeat(32)), { nil: undefined });
const asset = fc
  .tuple(
    fc.oneof(
      fc.record({ kind: fc.constant("text" as const), text }),
      fc.record({ kind: fc.constant("file" as const), path: fc.string({ minLength: 1 }) }),
      fc.record({ kind: fc.constant("uri" as const), uri: fc.webUrl() }),
    ),
    hash,
  )
  .map(([source, sum]) => new Asset(source, sum));
const archive = fc.letrec<{ archive: Archive }>((tie) => ({
  archive: fc
    .tuple(
      fc.oneof(
        { depthSize: "small" },
        fc.record({ kind: fc.constant("file" as const), path: fc.string({ minLength: 1 }) }),
        fc.record({
          kind: fc.constant("assets" as const),
          assets: fc.dictionary(key, fc.oneof(asset, tie("archive")), { maxKeys: 3 }),
        }),
      ),
      hash,
    )
    .map(([source, sum]) => new Archive(source, sum)),
})).archive;
const resource = fc
  .record({
    urn: fc.string({ minLength: 1 }).map((name) => `urn:pulumi:s::p::t::${name}`),
    id: fc.oneof(fc.constant(undefined), fc.constant(unknown), fc.string({ minLength: 1 })),
  })
  .map(({ urn, id }) => new ResourceRef(urn, id, undefined));
const tree = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    text,
    fc.constant<Value>(unknown),
    asset,
    archive,
    resource,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    tie("value").map((v) => new Secret(v)),
    fc
      .tuple(
        fc.option(tie("value"), { nil: undefined }),
        fc.boolean(),
        fc.array(fc.string(), { maxLength: 2 }),
      )
      .map(([v, secret, deps]) => new OutputValue(v, secret, deps)),
  ),
})).value;
const properties = fc.dictionary(key, tree, { maxKeys: 5, noNullPrototype: true });

/** Unknowns equal nothing, so they are compared as a marker. */
const comparable = (value: Value): Value =>
  map(value, (v) => {
    if (v instanceof Unknown) return "<unknown>";
    if (v instanceof OutputValue)
      return {
        output: v.value === undefined ? "<none>" : comparable(v.value),
        secret: v.secret,
        deps: v.dependencies,
      };
    if (v instanceof ResourceRef)
      return { ref: v.urn, id: v.id instanceof Unknown ? "<unknown>" : (v.id ?? "<none>") };
    return v;
  });
const same = (a: Value, b: Value) => equal(comparable(a), comparable(b));

describe("values survive the round trip", () => {
  test("through JSON text", () => {
    fc.assert(
      fc.property(properties, (value) => {
        const json = JSON.parse(JSON.stringify(encodeMap(value, { secrets: "wrap" })));
        expect(same(decodeMap(json), value)).toBe(true);
      }),
    );
  });
  test("through a Struct object", () => {
    fc.assert(
      fc.property(properties, (value) => {
        expect(same(fromStruct(toStruct(value, { secrets: "wrap" })), value)).toBe(true);
      }),
    );
  });
  test("through the bytes of a Struct", () => {
    fc.assert(
      fc.property(properties, (value) => {
        const bytes = toStruct(value, { secrets: "wrap" }).serializeBinary();
        expect(same(fromStruct(StructMessage.deserializeBinary(bytes)), value)).toBe(true);
      }),
    );
  });
  test("as a single protobuf value", () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(same(fromProtoValue(toProtoValue(value, { secrets: "wrap" })), value)).toBe(true);
      }),
    );
  });
  test("with encrypted secrets", () => {
    const seal = (plain: string) => Buffer.from(plain).toString("base64");
    const open = (sealed: string) => Buffer.from(sealed, "base64").toString();
    fc.assert(
      fc.property(properties, (value) => {
        const struct = toStruct(value, { secrets: seal });
        // Secrets inside a secret lose their own wrapper: they are sealed once, as a whole.
        const flat = (v: Value): Value =>
          v instanceof Secret ? new Secret(decode(encode(v.value, { secrets: "reveal" }))) : v;
        const expected = map(value, (v) =>
          v instanceof OutputValue && v.value !== undefined
            ? new OutputValue(map(v.value, flat), v.secret, v.dependencies)
            : flat(v),
        );
        expect(same(fromStruct(struct, { decrypt: open }), expected)).toBe(true);
      }),
    );
  });
});

test("a Struct reads the same as the SDK reads it", () => {
  fc.assert(
    fc.property(properties, (value) => {
      const struct = toStruct(value, { secrets: "wrap" });
      expect(StructMessage.deserializeBinary(struct.serializeBinary()).toJavaScript()).toEqual(
        encodeMap(value, { secrets: "wrap" }),
      );
    }),
  );
});

test.each(sentinels)("the sentinel %s is an unknown", (sentinel) => {
  expect(decode(sentinel)).toBe(unknown);
  const struct = toStruct({ a: sentinel, b: [sentinel], c: { d: sentinel } }, { secrets: "wrap" });
  expect(fromStruct(struct)).toEqual({ a: unknown, b: [unknown], c: { d: unknown } });
  expect(fromStruct(toStruct({ a: unknown }, { secrets: "wrap" })).a).toBe(unknown);
});

test("data that looks like something special stays data", () => {
  const manifest: PropertyMap = {
    kind: "Secret",
    value: "x",
    secret: true,
    urn: "urn:pulumi:a::b::c::d",
    nested: { kind: "Unknown", [Symbol.for("orch.value").toString()]: "secret" },
  };
  for (const back of [
    fromStruct(toStruct(manifest, { secrets: "wrap" })),
    decodeMap(encodeMap(manifest, { secrets: "wrap" })),
  ]) {
    expect(back).toEqual(manifest);
    expect(back).not.toBeInstanceOf(Secret);
  }
});

test("a property named __proto__ is data in JSON", () => {
  const value = JSON.parse('{"__proto__":{"polluted":true},"a":1}') as PropertyMap;
  const back = decodeMap(JSON.parse(JSON.stringify(encodeMap(value, { secrets: "wrap" }))));
  expect(Object.keys(back)).toEqual(["__proto__", "a"]);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("an unknown signature is refused", () => {
  const json: { [key: string]: Json } = { a: { [signatureKey]: "nobody-knows" } };
  expect(() => decodeMap(json)).toThrow(/unknown signature/);
  expect(() => fromStruct(toStruct(json as PropertyMap, { secrets: "wrap" }))).toThrow(/unknown signature/);
});

test("receivers that know less get less", () => {
  const value: PropertyMap = {
    secret: new Secret("s"),
    output: new OutputValue("o", true, ["urn:pulumi:a::b::c::d"]),
    pending: new OutputValue(undefined, false, []),
    custom: new ResourceRef("urn:pulumi:a::b::c::d", "id-1"),
    component: new ResourceRef("urn:pulumi:a::b::c::e"),
  };
  expect(
    fromStruct(toStruct(value, { secrets: "reveal", outputValues: false, resourceRefs: false })),
  ).toEqual({
    secret: "s",
    output: "o",
    pending: unknown,
    custom: "id-1",
    component: "urn:pulumi:a::b::c::e",
  });
  expect(encodeMap({ s: new Secret("x") }, { secrets: "wrap" })).toEqual({
    s: { [signatureKey]: signatures.secret, value: "x" },
  });
});

test("an absent struct has no properties", () => {
  expect(fromStruct(undefined)).toEqual({});
  expect(fromStruct(new StructMessage())).toEqual({});
  expect(fromProtoValue(undefined)).toBe(null);
});
