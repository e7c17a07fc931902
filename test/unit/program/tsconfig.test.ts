import { stripComments } from "@orch/core/program/child/tsconfig";
import fc from "fast-check";
import { expect, test } from "vitest";

test("comments and trailing commas go, strings and line numbers stay", () => {
  const text = `{
    // "a": 1,
    "url": "https://e.x/*not*/ // a comment", /* over
    two lines */ "list": [1, 2, /* last */],
    "comma": ",]", "quote": "\\",}",
  }`;
  const json = stripComments(text);
  expect(JSON.parse(json)).toEqual({
    url: "https://e.x/*not*/ // a comment",
    list: [1, 2],
    comma: ",]",
    quote: '",}',
  });
  expect(json.split("\n")).toHaveLength(text.split("\n").length);
});

test("JSON without comments means the same afterwards", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat({ max: 3 }), (text, indent) => {
      const pretty = JSON.stringify(JSON.parse(text), null, indent);
      expect(JSON.parse(stripComments(pretty))).toEqual(JSON.parse(text));
    }),
  );
});
