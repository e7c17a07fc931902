/** Every example of every command does what it says: test/docs/examples.ts has what each one needs, and what it must do. */
import { expect, test } from "vitest";
import { examples } from "./examples.js";
import { shownExamples, testExamples } from "./run-examples.js";

test("each example is known here, and no other", () => {
  const known = Object.entries(examples).flatMap(([id, of]) =>
    Object.keys(of).map((text) => `${id}: ${text}`),
  );
  const shown = shownExamples.flatMap(([id, texts]) => texts.map((text) => `${id}: ${text}`));
  expect(
    shown.filter((text) => !known.includes(text)),
    "add them to test/docs/examples.ts",
  ).toEqual([]);
  expect(known.filter((text) => !shown.includes(text))).toEqual([]);
});

// The others are in test/lab/pages.test.ts.
testExamples(({ needs }) => needs === undefined);
