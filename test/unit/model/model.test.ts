import { compare } from "@orch/core/model/compare";
import { formatPath, getPath, parsePath, setPath } from "@orch/core/model/path";
import { showValue } from "@orch/core/model/show";
import { makeUrn, parseUrn } from "@orch/core/model/urn";
import { equal, isMap, type PropertyMap, Secret, unknown, type Value } from "@orch/core/model/value";
import fc from "fast-check";
import { expect, test } from "vitest";

const key = fc.oneof(
  fc.constantFrom("a", "b", "a.b", 'q"uote', "[x]", "ключ", "*x"),
  fc.string({ minLength: 1, maxLength: 6 }),
);
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.string()),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    tie("value").map((inner) => new Secret(inner)),
  ),
})).value;
const map = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<PropertyMap>;

test("a path survives its text", () => {
  const segment = fc.oneof(
    key.filter((k) => k !== "*"),
    fc.nat({ max: 20 }),
  );
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (path) => {
      expect(parsePath(formatPath(path))).toEqual(path);
    }),
  );
});

test("what was set is what is got", () => {
  fc.assert(
    fc.property(map, fc.array(key, { minLength: 1, maxLength: 3 }), fc.string(), (root, path, text) => {
      expect(getPath(setPath(root, path, text), path)).toBe(text);
      expect(getPath(setPath(root, path, undefined), path)).toBeUndefined();
    }),
  );
});

test("a value equals itself and a copy of it; nothing differs between equal ones", () => {
  fc.assert(
    fc.property(map, (properties) => {
      const copy = structuredCloneWithSecrets(properties) as PropertyMap;
      expect(equal(properties, copy)).toBe(true);
      expect(compare(properties, copy)).toEqual([]);
    }),
  );
});

test("applying the differences to one side gives the other", () => {
  // Lists are compared by index, and a path into a list that was shortened can't be set back: only maps here.
  const flat = fc.dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.dictionary(fc.constantFrom("x", "y"), fc.oneof(fc.integer(), fc.constant(null), fc.string()), {
      noNullPrototype: true,
    }),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(flat, flat, (before, after) => {
      let patched: PropertyMap = before;
      for (const change of compare(before, after)) patched = setPath(patched, change.path, change.after);
      expect(compare(patched, after)).toEqual([]);
    }),
  );
});

test("an unknown equals nothing, and a secret shows nothing", () => {
  expect(equal(unknown, unknown)).toBe(false);
  fc.assert(
    fc.property(fc.string({ minLength: 8 }), (text) => {
      const secret = { deep: [new Secret({ inner: `S3CR-${text}` })] };
      for (const shown of [showValue(secret), JSON.stringify(secret), String(secret)])
        expect(shown).not.toContain("S3CR-");
    }),
  );
});

test("a URN survives being made and read, whatever the name", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      const parent = makeUrn("dev", "proj", undefined, "my:mod:Parent", "p");
      const urn = makeUrn("dev", "proj", parent, "my:mod:Child", name);
      expect(parseUrn(urn)).toEqual({
        stack: "dev",
        project: "proj",
        qualifiedType: "my:mod:Parent$my:mod:Child",
        type: "my:mod:Child",
        name,
      });
    }),
  );
  expect(() => parseUrn("nonsense")).toThrow(TypeError);
});

function structuredCloneWithSecrets(v: Value): Value {
  if (v instanceof Secret) return new Secret(structuredCloneWithSecrets(v.value));
  if (Array.isArray(v)) return v.map(structuredCloneWithSecrets);
  if (isMap(v))
    return Object.fromEntries(Object.entries(v).map(([k, item]) => [k, structuredCloneWithSecrets(item)]));
  return v;
}
